/** @file What a page trains on where WebGPU does not come up, whatever the reason; and browsers that do not name their adapter. */
import * as tf from '@tensorflow/tfjs-core';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { requestDevice } from '../../app/engine/backend';
import { adapterNames, isSoftware } from '../../app/engine/webgpu/adapter';
import { startBrowserDevice } from '../../app/workers/device';

afterEach(() => void vi.unstubAllGlobals());

const limits = { maxBufferSize: 2 ** 28, maxComputeWorkgroupsPerDimension: 65535 };

/** An adapter of an old browser; `change` adds what it has, or breaks it. */
function adapter(change: object = {}) {
  const device = { limits, destroy: vi.fn(), lost: new Promise(() => {}) };
  return { features: new Set(), limits, requestDevice: async () => device, ...change };
}

function browser(gpu: object | undefined): void {
  vi.stubGlobal('navigator', { gpu, hardwareConcurrency: 2 });
  vi.stubGlobal('isSecureContext', true);
}

describe('a page whose WebGPU does not come up computes on the processor and says why:', () => {
  const refuse = (words: string) => async () => {
    throw new DOMException(words, 'OperationError');
  };
  const reasons: [string, object | undefined, RegExp][] = [
    ['there is no WebGPU', undefined, /does not offer WebGPU/],
    ['no adapter', { requestAdapter: async () => null }, /no graphics adapter/],
    [
      'no adapter, with an error',
      { requestAdapter: refuse('blocked') },
      /WebGPU did not start \(the browser says “blocked”\)\./,
    ],
    [
      'no device',
      { requestAdapter: async () => adapter({ requestDevice: refuse('Limit too high.') }) },
      /adapter gave this page no device \(the browser says “Limit too high”\)\./,
    ],
    [
      'a device that tfjs cannot use',
      { requestAdapter: async () => adapter() },
      /graphics device did not start\. The webgpu backend could not be started\./,
    ],
  ];
  it.each(reasons)('%s', async (_, gpu, reason) => {
    browser(gpu);
    // Plain JavaScript, which runs everywhere, is left where there are no kernels for the processor either.
    vi.spyOn(WebAssembly, 'validate').mockReturnValue(false);
    const report = await startBrowserDevice();
    vi.restoreAllMocks();
    expect(report.backend).toBe('cpu');
    expect(report.reason).toMatch(reason);
    expect(report.reason).toContain('no SIMD');
    expect(tf.getBackend()).toBe('cpu');
  });
});

describe('an adapter', () => {
  const named = { vendor: 'acme', architecture: 'swiftshader', device: '', description: '' };
  const ways: [string, object, object | null][] = [
    ['by itself', { info: named }, named],
    ['when asked, before Chrome 127', { requestAdapterInfo: async () => named }, named],
    ['not at all', {}, null],
    [
      'not when asked',
      {
        requestAdapterInfo: async () => {
          throw new Error('not allowed');
        },
      },
      null,
    ],
  ];
  it.each(ways)('that says what it is %s gives a device', async (_, change, names) => {
    const gpu = { requestAdapter: async () => adapter(change) } as unknown as GPU;
    const { device, info } = await requestDevice(gpu);
    expect(info).toMatchObject(names ?? { vendor: '', architecture: '' });
    expect(adapterNames(device)).toEqual(info);
    expect(isSoftware(info)).toBe(names !== null);
  });
});
