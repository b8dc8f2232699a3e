/** @file Which division of a product among threads is fastest on an adapter: a few are timed once, the caller remembers the best. */

import { type AdapterNames, adapterNames, isSoftware } from './adapter';
import { Recorder } from './dispatches';
import { matmul } from './kernels/matmul';
import { workgroupBytes } from './kernels/matmulWorkgroup';
import { DEFAULT_TILE, type MatmulTile } from './kernels/tile';
import { COUNT_BYTES, countValues, NO_COUNTS } from './kernels/wgsl';
import { limitsOf } from './limits';
import { GpuMemory } from './memory';
import { Pipelines } from './pipelines';

/** From small tiles to large ones, first without workgroup memory. */
const candidates: readonly MatmulTile[] = [
  { rows: 4, fours: 1, threads: [8, 8] },
  { rows: 4, fours: 2, threads: [8, 8] },
  { rows: 8, fours: 2, threads: [8, 4] },
  { rows: 8, fours: 2, threads: [16, 8] },
  { rows: 4, fours: 1, threads: [8, 8], depth: 16 },
  { rows: 4, fours: 1, threads: [16, 8], depth: 32 },
  { rows: 8, fours: 1, threads: [16, 8], depth: 16 },
  { rows: 8, fours: 2, threads: [8, 8], depth: 16 },
  { rows: 4, fours: 2, threads: [16, 16], depth: 16 },
  { rows: 8, fours: 2, threads: [16, 16], depth: 16 },
];

export interface TunedTile {
  tile: MatmulTile;
  /** Of each candidate, best of its runs; infinite where the device refused it. */
  timings: { tile: MatmulTile; milliseconds: number }[];
}

/** Where the best division on an adapter is kept between sessions. */
export interface TileStore {
  get(key: string): Promise<MatmulTile | undefined>;
  set(key: string, tile: MatmulTile): Promise<void>;
}

/** Shape of the products that are timed: the rows of a usual step, the widths of a small model. */
const SHAPE = { rows: 512, inner: 384, outer: 1152 };

/** Milliseconds that a timing should last: those of queues and clocks are counted in. */
const LASTING = 4;
/** No candidate that is this many times slower than the best in its first run is run again. */
const HOPELESS = 3;

/** Names the adapter and the candidates: other candidates are timed anew. */
export function tileKey({ vendor, architecture, device, description }: AdapterNames): string {
  return JSON.stringify([vendor, architecture, device, description, candidates]);
}

/**
 * The division for the device's adapter: the one that `store` remembers, else timed now and remembered. Software adapters
 * take the default untimed. Whatever goes wrong, there is a division: the default.
 */
export async function rememberedTile(
  device: GPUDevice,
  store: TileStore,
  info: AdapterNames | null = adapterNames(device),
): Promise<MatmulTile> {
  if (!info || isSoftware(info)) return DEFAULT_TILE;
  const key = tileKey(info);
  const known = await store.get(key).catch(() => undefined);
  // Not every device of an adapter need have the same limits.
  const usable = candidates.find((tile) => JSON.stringify(tile) === JSON.stringify(known));
  if (usable && fitsDevice(usable, device)) return usable;
  try {
    const { tile, timings } = await tuneTile(device);
    // Timed again next time where nothing could be timed, or the result cannot be kept.
    if (timings.some(({ milliseconds }) => Number.isFinite(milliseconds))) {
      await store.set(key, tile).catch(() => {});
    }
    return tile;
  } catch {
    return DEFAULT_TILE;
  }
}

function fitsDevice(tile: MatmulTile, { limits }: GPUDevice): boolean {
  const [across, down] = tile.threads;
  return (
    across * down <= limits.maxComputeInvocationsPerWorkgroup &&
    Math.max(across, down) <= Math.min(limits.maxComputeWorkgroupSizeX, limits.maxComputeWorkgroupSizeY) &&
    workgroupBytes(tile, tile.depth ?? 0) <= limits.maxComputeWorkgroupStorageSize
  );
}

/**
 * Times the candidates on a forward and a backward product of bfloat16 weights. Takes well under a second on a GPU.
 * The device must be idle; the result holds for every device of the same adapter.
 */
export async function tuneTile(device: GPUDevice, shape = SHAPE, runs = 3): Promise<TunedTile> {
  const memory = new GpuMemory(device, limitsOf(device));
  try {
    const timer = new TileTimer(device, memory, shape);
    const timings: TunedTile['timings'] = [];
    let best = Number.POSITIVE_INFINITY;
    for (const tile of candidates) {
      if (!fitsDevice(tile, device)) continue;
      const milliseconds = await timer.time(tile, runs, best).catch(() => Number.POSITIVE_INFINITY);
      timings.push({ tile, milliseconds });
      best = Math.min(best, milliseconds);
    }
    const fastest = timings.find(({ milliseconds }) => milliseconds === best && Number.isFinite(best));
    return { tile: fastest?.tile ?? DEFAULT_TILE, timings };
  } finally {
    memory.destroyAll();
  }
}

class TileTimer {
  private readonly counts: GPUBuffer;
  private readonly narrow: GPUBuffer;
  private readonly wide: GPUBuffer;
  private readonly weight: GPUBuffer;

  constructor(
    private readonly device: GPUDevice,
    memory: GpuMemory,
    private readonly shape: typeof SHAPE,
  ) {
    const { rows, inner, outer } = shape;
    this.counts = memory.uniform('counts', COUNT_BYTES);
    device.queue.writeBuffer(this.counts, 0, countValues({ activeEnd: rows }));
    this.narrow = memory.storage('narrow', rows * inner * 4);
    this.wide = memory.storage('wide', rows * outer * 4);
    this.weight = memory.storage('weight', inner * outer * 2);
  }

  /** Milliseconds of the two products, best of `runs`; `best` so far. @throws Error where the device refuses the kernels */
  async time(tile: MatmulTile, runs: number, best: number): Promise<number> {
    const pipelines = Pipelines.of(this.device);
    const products = this.products(tile);
    await pipelines.prepare(products.map(({ kernel }) => kernel));
    const recorder = new Recorder(pipelines, limitsOf(this.device).groups);
    for (const { kernel, groups, resources } of products) recorder.add(kernel, resources, () => groups);
    const list = recorder.take();
    const run = async (times: number): Promise<number> => {
      const encoder = this.device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      for (let i = 0; i < times; i++) list.encode(pass, NO_COUNTS);
      pass.end();
      const commands = encoder.finish();
      await this.device.queue.onSubmittedWorkDone();
      const start = performance.now();
      this.device.queue.submit([commands]);
      await this.device.queue.onSubmittedWorkDone();
      return (performance.now() - start) / times;
    };
    // The first run also pays for what the driver does late.
    await run(1);
    const first = await run(1);
    if (first > HOPELESS * best + LASTING) return first;
    const times = Math.max(1, Math.min(64, Math.ceil(LASTING / Math.max(first, 0.01))));
    let milliseconds = Number.POSITIVE_INFINITY;
    for (let i = 0; i < runs; i++) milliseconds = Math.min(milliseconds, await run(times));
    return milliseconds;
  }

  private products(tile: MatmulTile) {
    const { rows, inner, outer } = this.shape;
    return (['NT', 'NN'] as const).map((form) => {
      const [from, to] = form === 'NT' ? [inner, outer] : [outer, inner];
      const [x, y] = form === 'NT' ? [this.narrow, this.wide] : [this.wide, this.narrow];
      const { kernel, groups } = matmul(
        { form, inner: from, outer: to, weight: 'BF16', bias: null, add: null, domain: 'active' },
        tile,
      );
      const resources = [this.counts, x, this.weight, y];
      return { kernel, groups: groups(rows), resources };
    });
  }
}
