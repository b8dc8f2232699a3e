/** @file Steps larger than a device's grids and bindings: folded and parted, they are the same steps. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DeviceTrouble, watchDevice } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { EngineFaultError, EngineMemoryError } from '../../app/engine/errors';
import type { WebGpuEngine, WebGpuEngineOptions } from '../../app/engine/webgpu/webgpuEngine';
import {
  promptValues,
  randomBatch,
  results,
  softPrompt,
  withEngine,
  withReference,
} from './webgpuEngineHarness';
import { openTestGpu, Random, relativeError, tinyModel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

beforeAll(async () => {
  if (!missing) await tf.setBackend('webgpu');
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** One layer of one head: what a step costs is its rows. */
const narrow = {
  hidden: 8,
  heads: 1,
  kvHeads: 1,
  headDim: 8,
  mlpWidth: 8,
  vocabSize: 16,
  contextLength: 160,
  layers: [{ window: null, rope: 0 }],
};

describe.skipIf(missing)(`a step larger than the device’s grids${missing}`, () => {
  it('of 600 texts of 130 tokens is the reference’s', async () => {
    const model = tinyModel(12, narrow);
    const random = new Random(31);
    const prompt = promptValues(random, model.spec, 'prompt', 2);
    // Twenty texts, each thirty times in a mixed order: the mean over all is the mean over the twenty.
    const few = randomBatch(
      random,
      model.spec,
      Array.from({ length: 20 }, () => ({ length: 130, labels: 2 })),
    );
    const order = Array.from({ length: 600 }, (_, i) => (i * 7 + Math.floor(i / 20)) % 20);
    const joined = <T extends Int32Array | Uint8Array>(values: T, into: T): T => {
      order.forEach((text, i) => {
        into.set(values.subarray(text * 130, (text + 1) * 130), i * 130);
      });
      return into;
    };
    const batch = {
      tokenIds: joined(few.tokenIds, new Int32Array(78_000)),
      isLabel: joined(few.isLabel, new Uint8Array(78_000)),
      texts: order.map((_, i) => ({ start: i * 130, length: 130, prompt: 0 })),
    };
    const want = await withReference(model, (reference) => results(reference, [prompt], few));
    await withEngine(gpu, model, async (engine) => {
      const found = await results(engine, [prompt], batch);
      expect(found.losses[0]).toBeCloseTo(want.losses[0], 4);
      expect(relativeError(found.gradients[0], want.gradients[0])).toBeLessThan(1e-4);
    });
  });

  const settings: [string, WebGpuEngineOptions][] = [
    ['attention in blocks', { attention: 'blocks', saving: 'half' }],
    ['attention in threads', { attention: 'threads', saving: 'layers' }],
  ];
  it.each(settings)('answers everything as it does unfolded, with %s', async (_, options) => {
    const model = tinyModel(14, {
      queryKeyNorm: { kind: 'rms', epsilon: 1e-6, weightOffset: 0 },
      postNorms: true,
      vocabSize: 90,
    });
    const random = new Random(33);
    const prompts = [
      promptValues(random, model.spec, 'prompt', 3),
      promptValues(random, model.spec, 'prefix', 2),
    ];
    const batch = randomBatch(
      random,
      model.spec,
      Array.from({ length: 14 }, (_, i) => ({ length: 3 + i, labels: 2, prompt: i % 2 })),
    );
    const vectors = random.floats(11 * model.spec.hidden);
    const ask = async (engine: WebGpuEngine) => {
      const tensor = tf.tensor2d(vectors.slice(), [11, model.spec.hidden]);
      const embedded = engine.embed(Int32Array.from({ length: 40 }, (_, i) => i));
      const answers = {
        step: await results(engine, prompts, batch),
        scores: await engine.evaluate([null], batch),
        tokens: await generated(engine, batch.tokenIds.slice(0, 9)),
        near: await engine.nearest(tensor, 3, 'cosine'),
        embedded: [...(await embedded.data())],
      };
      tf.dispose([tensor, embedded]);
      return answers;
    };
    const want = await withEngine(gpu, model, ask, options);
    // 122 rows: eleven folds of a workgroup a row.
    const found = await withEngine(gpu, model, ask, { ...options, limits: { groups: 12 } });
    expect(found).toEqual(want);
  });

  it('that no folding fits is refused in words, before it is submitted', async () => {
    const model = tinyModel(14, narrow);
    const random = new Random(3);
    const { values, shape } = promptValues(random, model.spec, 'prompt', 2);
    const batch = randomBatch(random, model.spec, [{ length: 150, labels: 1 }]);
    const prompt = softPrompt('prompt', tf.tensor2d(values, shape));
    await withEngine(
      gpu,
      model,
      async (engine) => {
        await expect(engine.prepare([prompt], [batch])).rejects.toThrow(EngineMemoryError);
        expect(() => engine.loss([prompt], batch)).toThrow(/allows 2 along a dimension.*shorter texts/);
      },
      { attention: 'blocks', limits: { groups: 2 } },
    );
  });
});

describe.skipIf(missing)(`an engine on a device with small bindings${missing}`, () => {
  it('evaluates in smaller parts what does not fit at once', async () => {
    const model = tinyModel(14, narrow);
    const random = new Random(5);
    const texts = Array.from({ length: 40 }, (_, i) => ({ length: 20 + (i % 7), labels: 3 }));
    const batch = randomBatch(random, model.spec, texts);
    const ask = (engine: Engine) => engine.evaluate([null], batch);
    const want = await withEngine(gpu, model, ask);
    const found = await withEngine(gpu, model, ask, { limits: { binding: 12_288 } });
    found.forEach((score, i) => {
      expect(score.nats).toBeCloseTo(want[i].nats, 4);
      expect([score.hits, score.labels]).toEqual([want[i].hits, want[i].labels]);
    });
  });

  it('says which weight is too large, and takes none from the stream', async () => {
    const model = tinyModel(14);
    await expect(withEngine(gpu, model, async () => {}, { limits: { binding: 4096 } })).rejects.toThrow(
      /no room for the model's weights.*layers\.0\.\S+.*4,096.*8-bit weights/,
    );
  });
});

describe.skipIf(missing)(`what the device refuses${missing}`, () => {
  const start = async (engine: Engine) => {
    const random = new Random(8);
    const { values, shape } = promptValues(random, engine.spec, 'prompt', 2);
    const variable = tf.tidy(() => tf.variable(tf.tensor2d(values, shape)));
    const batch = randomBatch(random, engine.spec, [{ length: 9, labels: 4 }]);
    return { prompt: softPrompt('prompt', variable as tf.Tensor2D), variable, batch };
  };

  /** From now on every submit copies past a buffer's end, which the device refuses. */
  function spoil(): void {
    const { device } = gpu;
    const create = device.createCommandEncoder.bind(device);
    const small = device.createBuffer({ size: 16, usage: 0x04 | 0x08 });
    vi.spyOn(device, 'createCommandEncoder').mockImplementation((descriptor) => {
      const encoder = create(descriptor);
      if (descriptor?.label) encoder.copyBufferToBuffer(small, 0, small, 4096, 16);
      return encoder;
    });
  }

  it('of a training step is told with its text, once, and not with the step’s loss', async () => {
    const model = tinyModel(14, narrow);
    await withEngine(gpu, model, async (engine) => {
      const { prompt, batch, variable } = await start(engine);
      await engine.prepare([prompt], [batch]);
      tf.dispose(engine.loss([prompt], batch));
      await engine.settled();
      spoil();
      tf.dispose(engine.loss([prompt], batch));
      await expect(engine.settled()).rejects.toThrow(/graphics device refused an evaluation: .*copy/is);
      vi.restoreAllMocks();
      await engine.settled();
      variable.dispose();
    });
  });

  it('of an evaluation, an answer or a search fails it', async () => {
    const model = tinyModel(14, narrow);
    await withEngine(gpu, model, async (engine) => {
      const { batch, variable } = await start(engine);
      spoil();
      await expect(engine.evaluate([null], batch)).rejects.toThrow(EngineFaultError);
      await expect(generated(engine, batch.tokenIds.slice(0, 4))).rejects.toThrow(EngineFaultError);
      await expect(engine.nearest(variable as tf.Tensor2D, 2, 'cosine')).rejects.toThrow(EngineFaultError);
      vi.restoreAllMocks();
      expect(await engine.nearest(variable as tf.Tensor2D, 2, 'cosine')).toHaveLength(2);
      variable.dispose();
    });
  });

  it('for want of memory is told to whoever watches the device, too', async () => {
    const model = tinyModel(14, narrow);
    await withEngine(gpu, model, async (engine) => {
      const { prompt, batch, variable } = await start(engine);
      const told: DeviceTrouble[] = [];
      watchDevice(gpu.device, (trouble) => told.push(trouble));
      await engine.prepare([prompt], [batch]);
      const pop = vi.spyOn(gpu.device, 'popErrorScope');
      // The innermost scope is that of memory.
      pop.mockImplementationOnce(async () => new GPUOutOfMemoryError('no room'));
      tf.dispose(engine.loss([prompt], batch));
      await expect(engine.settled()).rejects.toThrow(EngineMemoryError);
      expect(told).toEqual([{ kind: 'outOfMemory', message: 'no room' }]);
      variable.dispose();
      // The mocked scope is still open.
      vi.restoreAllMocks();
      await gpu.device.popErrorScope();
    });
  });

  it('outside the engine’s own work is told with the next step', async () => {
    const model = tinyModel(14, narrow);
    await withEngine(gpu, model, async (engine) => {
      const { device } = gpu;
      const heard = new Promise((resolve) =>
        device.addEventListener('uncapturederror', resolve, { once: true }),
      );
      device.createBuffer({ size: 16, usage: 0x01 | 0x02 | 0x80 });
      await heard;
      await expect(engine.settled()).rejects.toThrow(/graphics device reports an error: .*usage/i);
      await engine.settled();
    });
  });
});

async function generated(engine: Engine, text: Int32Array): Promise<number[]> {
  const tokens: number[] = [];
  for await (const token of engine.generate(null, text, { maxTokens: 5, temperature: 0, stopIds: [] }))
    tokens.push(token);
  return tokens;
}
