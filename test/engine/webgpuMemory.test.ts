/** @file What the WebGPU engine takes of the device's memory: foreseen, bounded, and survived where it is not there. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { SoftPrompt } from '../../app/engine/engine';
import { EngineMemoryError } from '../../app/engine/errors';
import type { ModelSpec } from '../../app/engine/spec';
import { estimateTraining, SAVINGS, type TrainingShape } from '../../app/engine/webgpu/plan/estimate';
import type { WebGpuEngineOptions } from '../../app/engine/webgpu/webgpuEngine';
import {
  expectSame,
  promptValues,
  randomBatch,
  results,
  softPrompt,
  withEngine,
} from './webgpuEngineHarness';
import { openTestGpu, Random, relativeError, tinyModel } from './webgpuHarness';

/** Relative error of a gradient from activations of 11 bits. */
const HALF_TOLERANCE = 2e-3;

const { gpu, missing } = await openTestGpu();

beforeAll(async () => {
  if (!missing) await tf.setBackend('webgpu');
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** Enough layers for what is kept of each to matter, and an MLP as wide as models have. */
const deep = {
  mlpWidth: 96,
  layers: Array.from({ length: 5 }, () => ({ window: null, rope: 0 })),
};

/** A step of the given shape. */
function step(
  { virtualTokens, batch, length, labels }: TrainingShape,
  spec: ModelSpec,
  kind: SoftPrompt['kind'],
) {
  const random = new Random(37);
  const { shape } = promptValues(random, spec, kind, virtualTokens);
  const texts = Array.from({ length: batch }, () => ({ length, labels }));
  return { prompts: [softPrompt(kind, tf.zeros(shape))], batch: randomBatch(random, spec, texts) };
}

/** As a device that has only so much memory for buffers would do; what was there before does not count. */
function limitMemory(limit: number): void {
  const { device } = gpu;
  let used = 0;
  const scopes: (GPUError | null)[] = [];
  const create = device.createBuffer.bind(device);
  vi.spyOn(device, 'createBuffer').mockImplementation((descriptor) => {
    used += descriptor.size;
    if (used > limit && scopes.length > 0)
      scopes[scopes.length - 1] ??= new GPUOutOfMemoryError('no memory left');
    const buffer = create(descriptor);
    const destroy = buffer.destroy.bind(buffer);
    buffer.destroy = () => {
      used -= descriptor.size;
      destroy();
    };
    return buffer;
  });
  vi.spyOn(device, 'pushErrorScope').mockImplementation(() => {
    scopes.push(null);
  });
  vi.spyOn(device, 'popErrorScope').mockImplementation(async () => scopes.pop() ?? null);
}

describe.skipIf(missing)(`the WebGPU engine’s memory${missing}`, () => {
  it.each([
    ['which keep less of the forward pass', [{ saving: 'mlp' }, { saving: 'layers' }, { saving: 'half' }]],
    ['which compute attention either way', [{ attention: 'blocks' }, { attention: 'threads' }]],
    // 61 rows of 24 floats are 5,856 bytes: no binding of 4,096 holds the table, nor any two rows of logits 300.
    [
      'which take the head in chunks and parts',
      [{ logitBytes: 300 }, { limits: { binding: 24 * 4 * 256 }, logitBytes: 600 }],
    ],
  ] as [string, WebGpuEngineOptions[]][])('is the same with settings %s', async (_, settings) => {
    const model = tinyModel(8, { vocabSize: 300, biases: true, tiedHead: false });
    const random = new Random(17);
    const prompts = [
      promptValues(random, model.spec, 'prompt', 3),
      promptValues(random, model.spec, 'prefix', 2),
    ];
    const batch = randomBatch(random, model.spec, [
      { length: 5, labels: 3, prompt: 0 },
      { length: 8, labels: 8, prompt: 1 },
      { length: 6, labels: 6, prompt: 0 },
    ]);
    const want = await withEngine(gpu, model, (engine) => results(engine, prompts, batch));
    for (const options of settings) {
      await withEngine(
        gpu,
        model,
        async (engine) => {
          const found = await results(engine, prompts, batch);
          // Half precision is for the backward pass only: the loss is the same to the last bit.
          if (options.saving === 'half') expect(found.losses).toEqual(want.losses);
          expectSame(found, want, options.saving === 'half' ? HALF_TOLERANCE : undefined);
          if (options.saving) expect(engine.usage().saving).toBe(options.saving);
        },
        options,
      );
    }
  });

  it('keeps a gradient in half precision that differs, and little', async () => {
    const model = tinyModel(8, deep);
    const random = new Random(41);
    const prompts = [promptValues(random, model.spec, 'prompt', 5)];
    const batch = randomBatch(random, model.spec, [
      { length: 20, labels: 7 },
      { length: 13, labels: 13 },
    ]);
    const gradient = (saving: 'all' | 'half') =>
      withEngine(gpu, model, async (engine) => (await results(engine, prompts, batch)).gradients[0], {
        saving,
      });
    const error = relativeError(await gradient('half'), await gradient('all'));
    expect(error).toBeGreaterThan(1e-6);
    expect(error).toBeLessThan(HALF_TOLERANCE);
  });

  it.each([
    { virtualTokens: 4, batch: 1, length: 30, labels: 9, kind: 'prompt' },
    { virtualTokens: 20, batch: 3, length: 12, labels: 12, kind: 'prompt' },
    { virtualTokens: 5, batch: 4, length: 1, labels: 1, kind: 'prompt' },
    { virtualTokens: 7, batch: 3, length: 9, labels: 9, kind: 'prefix' },
  ] as (TrainingShape & { kind: SoftPrompt['kind'] })[])(
    'foresees without a device what a step takes: %o',
    async ({ kind, ...shape }) => {
      const model = tinyModel(3, { ...deep, postNorms: true });
      const estimate = estimateTraining(model.spec, shape, { kind });
      for (const saving of SAVINGS) {
        await withEngine(
          gpu,
          model,
          async (engine) => {
            const { prompts, batch } = step(shape, engine.spec, kind);
            expect(engine.estimate(prompts, batch)).toEqual(estimate);
            expect(await engine.prepare(prompts, [batch])).toEqual({
              weights: engine.usage().weightBytes,
              training: estimate[saving],
              saving,
            });
            expect(engine.usage().planBytes).toBe(estimate[saving]);
            tf.dispose(
              prompts.map((prompt) => (prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues)),
            );
          },
          { saving },
        );
      }
      expect(estimate.all).toBeGreaterThan(estimate.half);
      expect(estimate.half).toBeGreaterThan(estimate.mlp);
      expect(estimate.mlp).toBeGreaterThan(estimate.layers);
    },
  );

  const shape = { virtualTokens: 6, batch: 3, length: 20, labels: 5 };

  it('takes the least work that fits the budget, and the thriftiest where nothing does', async () => {
    const model = tinyModel(3, deep);
    const estimate = estimateTraining(model.spec, shape);
    await withEngine(gpu, model, async (engine) => {
      const { prompts, batch } = step(shape, engine.spec, 'prompt');
      for (const saving of SAVINGS) {
        engine.setMemoryBudget(estimate[saving]);
        expect((await engine.prepare(prompts, [batch])).saving).toBe(saving);
      }
      engine.setMemoryBudget(1);
      expect((await engine.prepare(prompts, [batch])).saving).toBe('layers');
    });
  });

  it('goes on with a thriftier saving where the device has not the memory', async () => {
    const model = tinyModel(3, deep);
    const estimate = estimateTraining(model.spec, shape);
    for (const saving of SAVINGS) {
      await withEngine(gpu, model, async (engine) => {
        const { prompts, batch } = step(shape, engine.spec, 'prompt');
        limitMemory(estimate[saving]);
        expect(await engine.prepare(prompts, [batch])).toMatchObject({ saving, training: estimate[saving] });
        // What did not fit is not tried again by a step that needs a little more.
        const larger = step({ ...shape, batch: 4 }, engine.spec, 'prompt');
        vi.restoreAllMocks();
        const values = [promptValues(new Random(1), engine.spec, 'prompt', 6)];
        await results(engine, values, larger.batch);
        expect(engine.usage().saving).not.toBe(
          saving === 'layers' ? 'mlp' : SAVINGS[SAVINGS.indexOf(saving) - 1],
        );
      });
    }
  });

  it('says what is needed where no saving fits, and holds nothing afterwards', async () => {
    const model = tinyModel(3, deep);
    const { layers } = estimateTraining(model.spec, shape);
    await withEngine(gpu, model, async (engine) => {
      const { prompts, batch } = step(shape, engine.spec, 'prompt');
      limitMemory(layers - 1);
      await expect(engine.prepare(prompts, [batch])).rejects.toThrow(EngineMemoryError);
      await expect(engine.prepare(prompts, [batch])).rejects.toThrow('beside the model');
      expect(engine.usage().planBytes).toBe(0);
      vi.restoreAllMocks();
      expect((await engine.prepare(prompts, [batch])).training).toBe(layers);
    });
  });

  it('finds a step too large for the device’s largest buffer, or for its largest binding, as it finds memory missing', async () => {
    const model = tinyModel(3, deep);
    for (const limits of [{ buffer: 18_432 }, { binding: 18_432 }]) {
      await withEngine(
        gpu,
        model,
        async (engine) => {
          const { prompts, batch } = step(shape, engine.spec, 'prompt');
          await expect(engine.prepare(prompts, [batch])).rejects.toThrow(EngineMemoryError);
          expect(() => engine.loss(prompts, batch)).toThrow(/18,432.*fewer examples/);
        },
        { limits },
      );
    }
  });

  it('holds 16-bit weights in 2 bytes a parameter', async () => {
    const model = tinyModel(2, { dtype: 'BF16' });
    await withEngine(gpu, model, async (engine) => {
      expect(engine.usage().weightBytes).toBe(2 * model.parameters);
    });
  });

  it('neither allocates nor leaks once it has seen the largest batch', async () => {
    const model = tinyModel(4);
    const random = new Random(19);
    const start = promptValues(random, model.spec, 'prompt', 4);
    const lengths = [20, 3, 11, 1, 17, 8, 20, 5];
    await withEngine(gpu, model, async (engine) => {
      const sizes: number[][] = [];
      for (const length of lengths) {
        await results(engine, [start], randomBatch(random, model.spec, [{ length, labels: length }]));
        sizes.push([engine.usage().planBytes, tf.memory().numTensors]);
      }
      for (const size of sizes) expect(size).toEqual(sizes[0]);
    });
  });
});
