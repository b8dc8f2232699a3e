/** @file The processor's engine against the reference engine, on random tiny models of every shape of family. */
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { SoftPrompt } from '../../app/engine/engine';
import type { WeightStream } from '../../app/engine/spec';
import { createWasmEngine } from '../../app/engine/wasm/wasmEngine';
import { checkAgainstReference } from '../../app/engine/webgpu/selfCheck';
import { nodeProcessor } from '../../tools/node/processor';
import { families } from './tinyFamilies';
import { onReference, onWasm, questions } from './wasmHarness';
import { expectSame, promptValues, randomBatch, results, softPrompt } from './webgpuEngineHarness';
import { Random, relativeError, tinyModel } from './webgpuHarness';

describe('the processor’s engine', () => {
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
    const [want, wanted] = await onReference(
      model,
      async (engine) =>
        [await results(engine, prompts, batch), await questions(engine, prompts, batch, vectors)] as const,
    );
    await onWasm(model, async (engine) => {
      expectSame(await results(engine, prompts, batch), want, 2e-5);
      const found = await questions(engine, prompts, batch, vectors);
      expect(found.tokens).toEqual(wanted.tokens);
      expect(relativeError(found.embedded, wanted.embedded)).toBeLessThan(1e-6);
      wanted.scores.flat().forEach((score, i) => {
        const other = found.scores.flat()[i];
        expect([other.labels, other.hits]).toEqual([score.labels, score.hits]);
        expect(Math.abs(other.nats - score.nats)).toBeLessThan(1e-4);
      });
      for (const metric of ['cosine', 'euclidean'] as const) {
        const [a, b] = [found[metric].flat(), wanted[metric].flat()];
        expect(a.map((one) => one.tokenId)).toEqual(b.map((one) => one.tokenId));
        const values = (list: typeof a) => list.map((one) => one.value);
        expect(relativeError(values(a), values(b))).toBeLessThan(1e-4);
      }
    });
    for (const saving of ['mlp', 'layers'] as const) {
      const found = await onWasm(model, (engine) => results(engine, prompts, batch), { saving });
      expectSame(found, want, 2e-5);
    }
  });

  it('agrees with the reference on texts of many blocks, with a window and without', async () => {
    const model = tinyModel(31, {
      contextLength: 512,
      headDim: 10,
      ropes: [{ dims: 6, inverseFrequencies: [1, 0.1, 0.01] }],
      layers: [
        { window: 37, rope: 0 },
        { window: null, rope: 0 },
        { window: 8, rope: null },
      ],
    });
    const random = new Random(3);
    const prompts = [
      promptValues(random, model.spec, 'prompt', 53),
      promptValues(random, model.spec, 'prefix', 19),
    ];
    const batch = randomBatch(random, model.spec, [
      { length: 131, labels: 9, prompt: 0 },
      { length: 203, labels: 120, prompt: 1 },
      { length: 2, labels: 2, prompt: 0 },
    ]);
    const want = await onReference(model, (engine) => results(engine, prompts, batch));
    expectSame(await onWasm(model, (engine) => results(engine, prompts, batch)), want, 2e-5);
  });

  it('gives several prompts of one batch what each gets alone, and any number of threads the same bits', async () => {
    const model = tinyModel(5, { dtype: 'BF16' });
    const random = new Random(13);
    const prompts = [4, 2, 7].map((length) => promptValues(random, model.spec, 'prompt', length));
    const batch = randomBatch(
      random,
      model.spec,
      [0, 1, 2, 0, 2].map((prompt, i) => ({ length: 5 + 3 * i, labels: 2 + i, prompt })),
    );
    const together = await onWasm(model, (engine) => results(engine, prompts, batch));
    for (const threads of [1, 3]) {
      expect(await onWasm(model, (engine) => results(engine, prompts, batch), { threads })).toEqual(together);
    }
    await onWasm(model, async (engine) => {
      for (const [i, prompt] of prompts.entries()) {
        const texts = batch.texts.filter((text) => text.prompt === i).map((text) => ({ ...text, prompt: 0 }));
        const alone = await results(engine, [prompt], { ...batch, texts });
        expect(Math.abs(alone.losses[0] - together.losses[i])).toBeLessThan(1e-6);
        expect(relativeError(alone.gradients[0], together.gradients[i])).toBeLessThan(1e-5);
      }
    });
  });

  it('is the same when the head comes in chunks', async () => {
    const model = tinyModel(8, { vocabSize: 300, biases: true, tiedHead: false, logitSoftcap: 5 });
    const random = new Random(17);
    const prompts = [promptValues(random, model.spec, 'prompt', 3)];
    const batch = randomBatch(random, model.spec, [
      { length: 5, labels: 3 },
      { length: 9, labels: 9 },
    ]);
    const whole = await onWasm(model, (engine) => results(engine, prompts, batch));
    const chunked = await onWasm(model, (engine) => results(engine, prompts, batch), { logitBytes: 3000 });
    // Not to the last bit: chunks of few rows have a kernel of their own.
    expectSame(chunked, whole, 1e-6);
  });

  it('answers 0 where nothing is predicted', async () => {
    const model = tinyModel(6);
    const random = new Random(23);
    const prompts = [promptValues(random, model.spec, 'prompt', 2)];
    const batch = randomBatch(random, model.spec, [{ length: 4, labels: 0 }]);
    await onWasm(model, async (engine) => {
      const found = await results(engine, prompts, batch);
      expect(found.losses).toEqual([0]);
      expect([...found.gradients[0]]).toEqual(new Array(2 * model.spec.hidden).fill(0));
      expect(found.logits).toHaveLength(0);
      expect(await engine.evaluate([null], batch)).toEqual([{ nats: 0, labels: 0, hits: 0 }]);
    });
  });

  it('refuses texts that do not fit the context, tokens that there are not, and weights that lack one', async () => {
    const model = tinyModel(6);
    await onWasm(model, async (engine) => {
      const long = randomBatch(new Random(29), model.spec, [{ length: 70, labels: 1 }]);
      await expect(engine.evaluate([null], long)).rejects.toThrow('the model has 64');
      expect(() => engine.embed(Int32Array.of(61))).toThrow('outside the vocabulary');
    });
    const huge: WeightStream = {
      shapes: new Map([['embed.tokens', { dtype: 'F32', shape: [2 ** 20, 2 ** 13] }]]),
      deliver: async () => {},
    };
    const large = createWasmEngine(model.spec, huge, await nodeProcessor({ threads: 2 }));
    await expect(large).rejects.toThrow('take 34,360 MB of memory');
    const lacking = new Map([...model.weights].filter(([name]) => name !== 'layers.1.mlp.out.weight'));
    const made = onWasm({ ...model, weights: lacking }, async () => {});
    await expect(made).rejects.toThrow('lack “layers.1.mlp.out.weight”');
  });

  it('passes the self-check, which finds a wrong weight', async () => {
    const model = tinyModel(9, { dtype: 'BF16' });
    const wrong = tinyModel(10, { dtype: 'BF16' });
    await onReference(model, async (reference) => {
      const check = (other: typeof model) =>
        onWasm(other, (engine) => checkAgainstReference(engine, reference));
      expect(await check(model)).toMatchObject({ ok: true });
      expect((await check(wrong)).ok).toBe(false);
    });
  });

  it('goes on alone when its other threads have ended', async () => {
    const model = tinyModel(5);
    const random = new Random(13);
    const prompts = [promptValues(random, model.spec, 'prompt', 4)];
    const batch = randomBatch(random, model.spec, [{ length: 9, labels: 3 }]);
    const want = await onWasm(model, (engine) => results(engine, prompts, batch));
    await onWasm(
      model,
      async (engine) => {
        expect(engine.usage().threads).toBe(3);
        // As if one were killed amid an item: it is counted as at work, and never leaves.
        engine.pretendThreadDied();
        expect(await results(engine, prompts, batch)).toEqual(want);
        expect(engine.usage().threads).toBe(1);
        expect(await results(engine, prompts, batch)).toEqual(want);
      },
      { threads: 3, patience: 50 },
    );
  });

  it('does not grow over 500 steps of varying lengths, and keeps less where the budget says so', async () => {
    const model = tinyModel(3, { layers: Array.from({ length: 4 }, () => ({ window: null, rope: 0 })) });
    const random = new Random(11);
    await onWasm(model, async (engine) => {
      const vectors = tf.tensor2d(random.floats(5 * model.spec.hidden), [5, model.spec.hidden]);
      const prompt: SoftPrompt = softPrompt('prompt', vectors);
      const some = () =>
        randomBatch(
          random,
          model.spec,
          Array.from({ length: 1 + random.below(4) }, () => {
            const length = 1 + random.below(30);
            return { length, labels: 1 + random.below(length) };
          }),
        );
      const largest = randomBatch(random, model.spec, Array(4).fill({ length: 30, labels: 30 }));
      const prepared = await engine.prepare([prompt], [largest]);
      expect(prepared.saving).toBe('all');
      const step = (batch: ReturnType<typeof some>) =>
        tf.tidy(() => {
          tf.grad((x) => tf.sum(engine.loss([softPrompt('prompt', x as tf.Tensor2D)], batch)))(vectors);
        });
      step(largest);
      await engine.evaluate([prompt], largest);
      const before = { ...engine.usage(), tensors: tf.memory().numTensors };
      for (let i = 0; i < 500; i++) {
        step(some());
        if (i % 50 === 0) await engine.evaluate([prompt], some());
      }
      expect({ ...engine.usage(), tensors: tf.memory().numTensors }).toEqual(before);

      const bytes = engine.estimate([prompt], largest);
      expect(bytes.all).toBe(prepared.training);
      expect(bytes.layers).toBeLessThan(bytes.mlp);
      expect(bytes.mlp).toBeLessThan(bytes.all);
      for (const saving of ['mlp', 'layers'] as const) {
        engine.setMemoryBudget(bytes[saving]);
        expect(await engine.prepare([prompt], [largest])).toMatchObject({ saving, training: bytes[saving] });
      }
      vectors.dispose();
    });
  });
});
