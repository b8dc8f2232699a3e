/** @file Whole runs on the fused engine: everything is made before the first step, and what the device refuses ends them in its words. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { TokenExample } from '../../app/data/types';
import type { Engine } from '../../app/engine/engine';
import { createWebGpuEngine, type WebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { streamOf } from '../../app/engine/weightStream';
import { createRandom } from '../../app/formats/random';
import { Trainer } from '../../app/training/trainer';
import type { RunSettings } from '../../app/training/types';
import { listen, tinyEngine, tinyInputs, tinyWeights } from '../unit/trainingFixture';
import { openTestGpu, SMALL_TILE } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

let engine: WebGpuEngine;
beforeAll(async () => {
  if (missing) return;
  await tf.setBackend('webgpu');
  const { spec, weights } = tinyWeights();
  engine = await createWebGpuEngine(spec, streamOf(weights), gpu.device, { tile: SMALL_TILE });
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** Texts of 2 to 40 tokens with labels anywhere: the longest step has neither the most labels nor the most predicting rows. */
function ragged(count: number): TokenExample[] {
  const random = createRandom(6).next;
  const below = (n: number) => Math.floor(random() * n);
  return Array.from({ length: count }, (_, row) => {
    const length = below(4) === 0 ? 2 + below(39) : 2 + below(6);
    const isLabel = Uint8Array.from({ length }, () => (length < 8 || below(12) === 0 ? 1 : 0));
    isLabel[length - 1] = 1;
    return { tokenIds: Int32Array.from({ length }, () => below(48)), isLabel, cut: 0, row };
  });
}

async function train(on: Engine, settings: Partial<RunSettings>, also: Parameters<typeof listen>[0] = {}) {
  const { told, events } = listen(also);
  const inputs = await tinyInputs(on, settings);
  const run = new Trainer({ ...inputs, data: { ...inputs.data, training: ragged(40) } }, events);
  await run.resume();
  const { state } = run;
  await run.dispose();
  return { state, losses: told.steps.map(({ loss }) => loss) };
}

describe.skipIf(missing)(`a run on the WebGPU engine${missing}`, () => {
  it('makes one training plan for all of its ragged steps, and compiles nothing once the model is loaded', async () => {
    const { device } = gpu;
    const buffers = vi.spyOn(device, 'createBuffer');
    const modules = vi.spyOn(device, 'createShaderModule');
    const { state, losses } = await train(engine, { steps: 24, batchSize: 3, validateEvery: 12 });
    expect(state.phase).toBe('finished');
    expect(losses).toHaveLength(24);
    const named = (label: string) => buffers.mock.calls.filter(([made]) => made.label === label);
    expect(named('gradient of rows')).toHaveLength(1);
    // Answers, neighbours and validations were among it. The kernels of tfjs bear the names of its programs.
    const compiled = modules.mock.calls.map(([{ label = '' }]) => label);
    expect(compiled.filter((label) => !label.endsWith('Program'))).toEqual([]);
  });

  it('learns what the reference learns', async () => {
    const settings = { steps: 6, batchSize: 4, validateEvery: 6 };
    const { losses } = await train(engine, settings);
    await tf.setBackend('cpu');
    const want = await train(await tinyEngine(), settings);
    await tf.setBackend('webgpu');
    expect(losses).toHaveLength(6);
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(want.losses[i], 4);
    });
  });

  it('divides steps that no binding of the device holds before the first one, and learns the same', async () => {
    const settings = { steps: 6, batchSize: 8, validateEvery: 6 };
    const want = await train(engine, settings);
    const { spec, weights } = tinyWeights();
    // Of the widest activation, 48 numbers a row, 64 rows.
    const limits = { binding: 64 * 48 * 4 };
    const small = await createWebGpuEngine(spec, streamOf(weights), gpu.device, { tile: SMALL_TILE, limits });
    const prepare = vi.spyOn(small, 'prepare');
    const { state, losses } = await train(small, settings);
    small.dispose();
    expect(state.phase).toBe('finished');
    expect(state.notes).toEqual([expect.stringMatching(/8 texts.*do not fit.*in [248] parts/)]);
    expect(prepare.mock.calls.length).toBeGreaterThan(1);
    losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(want.losses[i], 4);
    });
  });

  /** From the `count`th command encoder for training on, the device gets something that it must refuse. */
  function spoilStep(count: number, how: (device: GPUDevice, encoder: GPUCommandEncoder) => void): void {
    const { device } = gpu;
    const create = device.createCommandEncoder.bind(device);
    let left = count;
    vi.spyOn(device, 'createCommandEncoder').mockImplementation((descriptor) => {
      const encoder = create(descriptor);
      if (descriptor?.label === 'a training step' && --left <= 0) how(device, encoder);
      return encoder;
    });
  }

  it('fails with the device’s words where it refuses a step, and shows no loss of that step', async () => {
    spoilStep(5, (device, encoder) => {
      const small = device.createBuffer({ size: 16, usage: 0x04 | 0x08 });
      encoder.copyBufferToBuffer(small, 0, small, 4096, 16);
    });
    const { state, losses } = await train(engine, { steps: 12, validateEvery: 12 });
    expect(state.phase).toBe('failed');
    expect(state.message).toMatch(/Training broke off: The graphics device refused a training step: \S+/);
    expect(losses.length).toBeLessThanOrEqual(4);
    // The next run has nothing to do with it.
    vi.restoreAllMocks();
    expect((await train(engine, { steps: 3, validateEvery: 3 })).state.phase).toBe('finished');
  });

  it('fails with the words of an error that nobody caught', async () => {
    spoilStep(5, (device) => {
      // In tfjs's own work, beside the engine's scopes.
      queueMicrotask(() => device.createBuffer({ size: 16, usage: 0x01 | 0x02 | 0x80 }));
    });
    const { state } = await train(engine, { steps: 12, validateEvery: 12 });
    expect(state.phase).toBe('failed');
    expect(state.message).toMatch(/The graphics device reports an error: .*usage/is);
  });
});
