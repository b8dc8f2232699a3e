/** @file The WebGPU engine against the reference engine, on random tiny models of every shape of family. */
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { checkAgainstReference } from '../../app/engine/webgpu/selfCheck';
import { AdamW } from '../../app/training/adamW';
import { families } from './tinyFamilies';
import {
  expectSame,
  promptValues,
  randomBatch,
  results,
  softPrompt,
  withEngine,
  withReference,
} from './webgpuEngineHarness';
import { openTestGpu, Random, relativeError, type TinyModel, tinyModel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

beforeAll(async () => {
  if (!missing) await tf.setBackend('webgpu');
});

describe.skipIf(missing)(`the WebGPU engine${missing}`, () => {
  it.each(families)('agrees with the reference: $name', async ({ name, change }) => {
    const model = tinyModel(name.length, change);
    const random = new Random(7);
    const { spec } = model;
    // Two prompts and a prefix in one batch; a text of length 1; one without labels; a first token that is a label.
    const prompts = [
      promptValues(random, spec, 'prompt', 3),
      promptValues(random, spec, 'prefix', 5),
      promptValues(random, spec, 'prompt', 1),
    ];
    const batch = randomBatch(random, spec, [
      { length: 7, labels: 3, prompt: 0 },
      { length: 1, labels: 1, prompt: 0 },
      { length: 11, labels: 11, prompt: 1 },
      { length: 4, labels: 4, prompt: 0 },
      { length: 6, labels: 0, prompt: 2 },
      { length: 17, labels: 2, prompt: 2 },
    ]);
    const vectors = random.floats(5 * spec.hidden);
    const text = batch.tokenIds.slice(0, 6);
    const greedy = { maxTokens: 6, temperature: 0, stopIds: [] };
    const questions = async (engine: Engine) => {
      const first = prompts[0];
      const prefix = prompts[1];
      const tensors = [
        tf.tensor2d(first.values.slice(), first.shape),
        tf.tensor2d(prefix.values.slice(), prefix.shape),
        tf.tensor2d(vectors.slice(), [5, spec.hidden]),
      ];
      const soft = [softPrompt('prompt', tensors[0]), softPrompt('prefix', tensors[1])];
      const embedded = engine.embed(text);
      const answers = {
        scores: await engine.evaluate([...soft, null], batch),
        tokens: await Promise.all([
          all(engine.generate(soft[0], text, greedy)),
          all(engine.generate(soft[0], new Int32Array(0), greedy)),
          all(engine.generate(soft[1], text, greedy)),
          all(engine.generate(null, text, greedy)),
        ]),
        cosine: await engine.nearest(tensors[2], 4, 'cosine'),
        euclidean: await engine.nearest(tensors[2], 4, 'euclidean'),
        embedded: Float32Array.from(await embedded.data()),
      };
      tf.dispose([...tensors, embedded]);
      return answers;
    };

    const [want, wanted] = await withReference(
      model,
      async (reference) => [await results(reference, prompts, batch), await questions(reference)] as const,
    );
    await withEngine(gpu, model, async (engine) => {
      expectSame(await results(engine, prompts, batch), want);
      const found = await questions(engine);
      expect(found.tokens).toEqual(wanted.tokens);
      expect(relativeError(found.embedded, wanted.embedded)).toBeLessThan(1e-6);
      wanted.scores.flat().forEach((score, i) => {
        const other = found.scores.flat()[i];
        expect([other.labels, other.hits]).toEqual([score.labels, score.hits]);
        expect(Math.abs(other.nats - score.nats)).toBeLessThan(1e-4);
      });
      for (const metric of ['cosine', 'euclidean'] as const) {
        expect(found[metric].flat().map((one) => one.tokenId)).toEqual(
          wanted[metric].flat().map((one) => one.tokenId),
        );
        expect(
          relativeError(
            found[metric].flat().map((one) => one.value),
            wanted[metric].flat().map((one) => one.value),
          ),
        ).toBeLessThan(1e-4);
      }
    });
  });

  it('follows the reference for 30 replayed steps of changing batches', async () => {
    const model = tinyModel(3);
    const random = new Random(11);
    const start = promptValues(random, model.spec, 'prompt', 6);
    const batches = Array.from({ length: 30 }, (_, step) =>
      randomBatch(
        random,
        model.spec,
        Array.from({ length: 1 + (step % 3) }, () => {
          const length = 1 + random.below(12);
          return { length, labels: 1 + random.below(length) };
        }),
      ),
    );
    const trajectory = async (engine: Engine): Promise<number[]> => {
      const variable = tf.variable(tf.tensor2d(start.values.slice(), start.shape)) as tf.Variable<tf.Rank.R2>;
      const optimizer = new AdamW(start.shape);
      const losses: number[] = [];
      for (const batch of batches) {
        const { value, grads } = tf.variableGrads(
          () => tf.sum(engine.loss([softPrompt('prompt', variable)], batch)) as tf.Scalar,
          [variable],
        );
        losses.push((await value.data())[0]);
        tf.dispose([value, optimizer.apply(variable, grads[variable.name], 0.02), grads]);
      }
      tf.dispose(variable);
      optimizer.dispose();
      return losses;
    };
    const want = await withReference(model, trajectory);
    const found = await withEngine(gpu, model, trajectory);
    expect(Math.max(...found.map((loss, step) => Math.abs(loss - want[step])))).toBeLessThan(1e-3);
    expect(want[29]).not.toBeCloseTo(want[0], 2);
  });

  it('gives several prompts of one batch what each gets alone', async () => {
    const model = tinyModel(5);
    const random = new Random(13);
    const prompts = [4, 2, 7].map((length) => promptValues(random, model.spec, 'prompt', length));
    const batch = randomBatch(random, model.spec, [
      { length: 9, labels: 4, prompt: 2 },
      { length: 5, labels: 5, prompt: 0 },
      { length: 3, labels: 1, prompt: 1 },
      { length: 12, labels: 6, prompt: 0 },
    ]);
    await withEngine(gpu, model, async (engine) => {
      const together = await results(engine, prompts, batch);
      for (const [i, prompt] of prompts.entries()) {
        const texts = batch.texts.filter((text) => text.prompt === i).map((text) => ({ ...text, prompt: 0 }));
        const alone = await results(engine, [prompt], { ...batch, texts });
        expect(Math.abs(together.losses[i] - alone.losses[0])).toBeLessThan(1e-6);
        expect(relativeError(together.gradients[i], alone.gradients[0])).toBeLessThan(1e-5);
      }
    });
  });

  it('has no loss and no gradient where nothing is predicted', async () => {
    const model = tinyModel(6);
    const random = new Random(23);
    const prompts = [promptValues(random, model.spec, 'prompt', 2)];
    const batch = randomBatch(random, model.spec, [{ length: 4, labels: 0 }]);
    await withEngine(gpu, model, async (engine) => {
      const found = await results(engine, prompts, batch);
      expect(found.losses).toEqual([0]);
      expect([...found.gradients[0]]).toEqual(new Array(2 * model.spec.hidden).fill(0));
      expect(found.logits).toHaveLength(0);
      expect(await engine.evaluate([null], batch)).toEqual([{ nats: 0, labels: 0, hits: 0 }]);
    });
  });

  it('refuses texts that do not fit the context, and tensors of another backend’s device', async () => {
    const model = tinyModel(6);
    const random = new Random(29);
    await withEngine(gpu, model, async (engine) => {
      const long = randomBatch(random, model.spec, [{ length: 70, labels: 1 }]);
      await expect(engine.evaluate([null], long)).rejects.toThrow('the model has 64');
      await startCpu();
      expect(() => engine.embed(Int32Array.of(1))).toThrow('start tfjs on the engine');
      await tf.setBackend('webgpu');
      expect(() => engine.embed(Int32Array.of(61))).toThrow('outside the vocabulary');
    });
  });

  it('checks itself against the reference and finds a wrong weight', async () => {
    const model = tinyModel(9, { dtype: 'BF16' });
    const wrong = tinyModel(10, { dtype: 'BF16' });
    await withReference(model, async (reference) => {
      const check = async (other: TinyModel) => {
        await tf.setBackend('webgpu');
        return withEngine(gpu, other, (engine) => checkAgainstReference(engine, reference, 'cpu'));
      };
      expect((await check(model)).ok).toBe(true);
      const found = await check(wrong);
      expect(found.ok).toBe(false);
      expect(found.report).toContain('gradient');
    });
  });
});

async function all(tokens: AsyncIterable<number>): Promise<number[]> {
  const found: number[] = [];
  for await (const token of tokens) found.push(token);
  return found;
}

afterAll(() => {
  if (!missing) gpu.device.destroy();
});
