/** @file Nothing grows while a run goes on, and nothing stays behind when a model goes. Skipped where there is no WebGPU. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startWebGpu } from '../../app/engine/backend';
import { type Meter, meterDevice } from '../../bench/meter';
import { type Living, soakSteps, soakSwitches } from '../../bench/soak';
import { hasNodeGpu, openNodeDevice } from '../../tools/node/backend';

const available = await hasNodeGpu();

describe.skipIf(!available)('memory on the GPU', () => {
  let device: GPUDevice;
  let meter: Meter;

  beforeAll(async () => {
    const opened = await openNodeDevice();
    device = opened.device;
    meter = meterDevice(device);
    await startWebGpu(device, opened.adapter.info);
  });

  afterAll(() => device?.destroy());

  test('does not grow over 500 steps of varying lengths', async () => {
    const { warm, after, planBytes } = await soakSteps(device, meter, 500);
    expect(after).toHaveLength(500);
    expect(worst(after)).toEqual(warm);
    expect(planBytes.warm).toBeGreaterThan(0);
    expect(planBytes.end).toBe(planBytes.warm);
  });

  test('is given back when models are switched ten times', async () => {
    const after = await soakSwitches(device, meter, 10);
    // Two models by turns: tfjs's pool knows the sizes of both after the second.
    expect(worst(after.slice(2))).toEqual(after[1]);
    // What stays is tfjs's pool: a model's weights and plans would be far more.
    expect(after[1].bufferBytes).toBeLessThan(100_000);
  });
});

/** The most of each that lived at any of the moments. */
function worst(moments: Living[]): Living {
  const most = (field: keyof Living) => Math.max(...moments.map((moment) => moment[field]));
  return {
    tensors: most('tensors'),
    tensorBytes: most('tensorBytes'),
    buffers: most('buffers'),
    bufferBytes: most('bufferBytes'),
  };
}
