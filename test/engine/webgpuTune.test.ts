/** @file How the fastest division of products is found and remembered. */
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { DEFAULT_TILE, type MatmulTile } from '../../app/engine/webgpu/kernels/tile';
import { memoryTileStore } from '../../app/engine/webgpu/tileStore';
import { rememberedTile, type TileStore, tuneTile } from '../../app/engine/webgpu/tune';
import { openTestGpu } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

afterEach(() => vi.restoreAllMocks());
afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** As a graphics card would present itself. */
const card = {
  vendor: 'acme',
  architecture: 'roadrunner',
  device: '',
  description: '',
  isFallbackAdapter: false,
} as GPUAdapterInfo;

describe.skipIf(missing)(`tuning${missing}`, () => {
  it('times every division that the device allows and takes the fastest', async () => {
    const { limits } = gpu.device;
    vi.spyOn(gpu.device, 'limits', 'get').mockReturnValue(
      new Proxy(limits, {
        get: (_, name) => {
          if (name === 'maxComputeWorkgroupStorageSize') return 4096;
          return name === 'maxComputeInvocationsPerWorkgroup' ? 64 : Reflect.get(limits, name, limits);
        },
      }),
    );
    const { tile, timings } = await tuneTile(gpu.device, { rows: 32, inner: 32, outer: 64 }, 1);
    expect(timings.length).toBeGreaterThan(3);
    const threads = timings.map(({ tile: { threads } }) => threads[0] * threads[1]);
    expect(Math.max(...threads)).toBe(64);
    expect(timings.filter((timing) => timing.tile.depth)).toHaveLength(1);
    expect(timings.every(({ milliseconds }) => milliseconds > 0 && Number.isFinite(milliseconds))).toBe(true);
    const best = Math.min(...timings.map(({ milliseconds }) => milliseconds));
    expect(timings.find((timing) => timing.tile === tile)?.milliseconds).toBe(best);
  });

  it('remembers what was found on an adapter, and believes only what it could have found', async () => {
    const store = memoryTileStore();
    const set = vi.spyOn(store, 'set');
    const known: MatmulTile = { rows: 4, fours: 2, threads: [8, 8] };
    vi.spyOn(store, 'get').mockResolvedValueOnce(known);
    expect(await rememberedTile(gpu.device, store, card)).toEqual(known);
    expect(set).not.toHaveBeenCalled();

    const compile = vi
      .spyOn(gpu.device, 'createComputePipelineAsync')
      .mockRejectedValue(new Error('no more'));
    vi.mocked(store.get).mockResolvedValueOnce({ rows: 99, fours: 2, threads: [8, 8] });
    expect(await rememberedTile(gpu.device, store, card)).toEqual(DEFAULT_TILE);
    expect(compile).toHaveBeenCalled();
    expect(set).not.toHaveBeenCalled();
  });

  it('neither times a software adapter nor fails with its store', async () => {
    const broken: TileStore = {
      get: () => Promise.reject(new Error('refused')),
      set: () => Promise.reject(new Error('refused')),
    };
    const software = { ...card, description: 'SwiftShader driver 5.0.0' };
    const compile = vi
      .spyOn(gpu.device, 'createComputePipelineAsync')
      .mockRejectedValue(new Error('no more'));
    expect(await rememberedTile(gpu.device, broken, software)).toEqual(DEFAULT_TILE);
    expect(compile).not.toHaveBeenCalled();
    expect(await rememberedTile(gpu.device, broken, card)).toEqual(DEFAULT_TILE);
  });
});
