/** @file 8-bit weights on the GPU compute what the numbers that they stand for compute, and take half of 16-bit ones. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../app/engine/engine';
import { roundedToInt8 } from '../../app/engine/webgpu/quantising';
import {
  expectSame,
  promptValues,
  randomBatch,
  results,
  softPrompt,
  withEngine,
  withReference,
} from './webgpuEngineHarness';
import { openTestGpu, Random, type TinyModel, tinyModel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

beforeAll(async () => {
  if (!missing) await tf.setBackend('webgpu');
});

/** The model whose weights are exactly what 8-bit weights stand for. */
function rounded(model: TinyModel): TinyModel {
  return { ...model, weights: new Map(roundedToInt8(model.weights)) };
}

describe.skipIf(missing)(`8-bit weights${missing}`, () => {
  it.each([
    { name: 'rows of whole groups and of part of one', change: { dtype: 'BF16', hidden: 48, vocabSize: 70 } },
    {
      name: 'rows of no whole four, a head of its own',
      change: { dtype: 'F16', hidden: 42, vocabSize: 51, tiedHead: false },
    },
  ] as { name: string; change: Parameters<typeof tinyModel>[1] }[])(
    'give loss, gradient and logits of the numbers they stand for: $name',
    async ({ change }) => {
      const random = new Random(5);
      const model = tinyModel(5, change);
      const prompts = [promptValues(random, model.spec, 'prompt', 5)];
      const batch = randomBatch(random, model.spec, [
        { length: 7, labels: 2 },
        { length: 1, labels: 1 },
        { length: 12, labels: 5 },
      ]);
      const want = await withReference(rounded(model), (engine) => results(engine, prompts, batch));
      const found = await withEngine(gpu, model, (engine) => results(engine, prompts, batch), {
        format: 'int8',
      });
      expectSame(found, want);
    },
  );

  it('generate and find neighbours as these numbers do, with a table in several bindings', async () => {
    const random = new Random(6);
    const model = tinyModel(6, { dtype: 'BF16', vocabSize: 600 });
    const prompt = promptValues(random, model.spec, 'prompt', 4);
    const text = Int32Array.from({ length: 6 }, () => random.below(model.spec.vocabSize));
    const ask = async (engine: Engine) => {
      const tensor = tf.tensor2d(prompt.values.slice(), prompt.shape);
      const tokens: number[] = [];
      const options = { maxTokens: 8, temperature: 0, stopIds: [] };
      for await (const token of engine.generate(softPrompt('prompt', tensor), text, options))
        tokens.push(token);
      const near = (await engine.nearest(tensor, 3, 'cosine')).map((row) =>
        row.map(({ tokenId }) => tokenId),
      );
      tensor.dispose();
      return { tokens, near };
    };
    const want = await withReference(rounded(model), ask);
    const found = await withEngine(gpu, model, ask, { format: 'int8', limits: { binding: 16384 } });
    expect(found).toEqual(want);
  });

  it('take 36 bytes where 16-bit weights take 64', async () => {
    const model = tinyModel(7, { dtype: 'BF16', hidden: 64, vocabSize: 640, mlpWidth: 128 });
    const bytes = (format: 'stored' | 'int8') =>
      withEngine(gpu, model, async (engine) => engine.usage().weightBytes, { format });
    expect((await bytes('int8')) / (await bytes('stored'))).toBeLessThan(0.6);
  });
});
