/** @file Matrices of codes: both engines compute with them what the reference computes with the numbers that the codes stand for. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../app/engine/engine';
import { quantisedTypes } from '../../app/engine/quantised';
import type { StoredType } from '../../app/engine/spec';
import { onReference, onWasm, questions } from './wasmHarness';
import {
  expectSame,
  promptValues,
  randomBatch,
  results,
  withEngine,
  withReference,
} from './webgpuEngineHarness';
import { openTestGpu, Random, relativeError, tinyModel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

type Change = Parameters<typeof tinyModel>[1];

/** Rows of many groups, of part of one, and of no whole four. */
const shapes: { name: string; change: Change }[] = [
  { name: 'a small Llama', change: { mlpWidth: 150 } },
  {
    name: 'biases, a head of its own, a scaled table, learned positions, rows of no whole four',
    change: {
      biases: true,
      hidden: 42,
      vocabSize: 83,
      mlpWidth: 70,
      tiedHead: false,
      embedScale: 6.5,
      gatedMlp: false,
      activation: 'geluTanh',
      learnedPositionOffset: 2,
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
    },
  },
];

/** A prompt and a prefix, texts of ragged lengths, and vectors to look up. */
function given(change: Change, dtype: StoredType) {
  const model = tinyModel(dtype.length, { ...change, dtype });
  const random = new Random(9);
  const prompts = [
    promptValues(random, model.spec, 'prompt', 3),
    promptValues(random, model.spec, 'prefix', 5),
  ];
  const batch = randomBatch(random, model.spec, [
    { length: 7, labels: 3, prompt: 0 },
    { length: 1, labels: 1, prompt: 0 },
    { length: 17, labels: 4, prompt: 1 },
  ]);
  return { model, prompts, batch, vectors: random.floats(5 * model.spec.hidden) };
}

const types: StoredType[] = [
  'q8/32/f16',
  'q8/16/f32+offset',
  'q4/32/f16',
  'q4/32/f32+offset',
  'q4/64/f16+offset',
];
const cases = shapes.flatMap(({ name, change }) => types.map((type) => ({ type, name, change })));

describe('codes on the processor', () => {
  it.each(cases)('$type: $name', async ({ type, change }) => {
    const { model, prompts, batch, vectors } = given(change, type);
    const ask = async (engine: Engine) => ({
      results: await results(engine, prompts, batch),
      answers: await questions(engine, prompts, batch, vectors),
    });
    const want = await onReference(model, ask);
    const found = await onWasm(model, ask);
    expectSame(found.results, want.results, 2e-5);
    expect(found.answers.tokens).toEqual(want.answers.tokens);
    expect(found.answers.embedded).toEqual(want.answers.embedded);
    for (const metric of ['cosine', 'euclidean'] as const) {
      const ids = (answers: typeof found.answers) => answers[metric].flat().map(({ tokenId }) => tokenId);
      expect(ids(found.answers)).toEqual(ids(want.answers));
    }
  });

  it('take the bytes that their names promise', async () => {
    const bytes = (dtype: StoredType) =>
      onWasm(
        tinyModel(1, { dtype, hidden: 128, mlpWidth: 512, vocabSize: 900 }),
        async (engine) => engine.usage().weightBytes,
      );
    const single = await bytes('F32');
    expect((await bytes('q4/32/f16')) / single).toBeCloseTo(0.5625 / 4, 2);
    expect((await bytes('q8/32/f16')) / single).toBeCloseTo(1.0625 / 4, 2);
  });
});

describe.skipIf(missing)(`codes on the GPU${missing}`, () => {
  beforeAll(async () => {
    await tf.setBackend('webgpu');
  });

  // A kernel of its own for every type and width takes a software adapter seconds: each type once, on either model.
  it.each(cases.filter((_, i) => i % 2 === 0))('$type: $name', async ({ type, change }) => {
    const { model, prompts, batch } = given(change, type);
    const want = await withReference(model, (engine) => results(engine, prompts, batch));
    const found = await withEngine(gpu, model, (engine) => results(engine, prompts, batch));
    expectSame(found, want);
  });

  it('answer questions with a table in several bindings', async () => {
    const { model, prompts, batch, vectors } = given({ vocabSize: 700 }, 'q4/16/f16+offset');
    const ask = (engine: Engine) => questions(engine, prompts, batch, vectors);
    const want = await withReference(model, ask);
    const found = await withEngine(gpu, model, ask, { limits: { binding: 8192 } });
    expect(found.tokens).toEqual(want.tokens);
    expect(relativeError(found.embedded, want.embedded)).toBeLessThan(1e-6);
    const ids = (answers: typeof found) => answers.cosine.flat().map(({ tokenId }) => tokenId);
    expect(ids(found)).toEqual(ids(want));
  });
});

describe('every type of codes', () => {
  it('is tried by its own kernel on the processor', async () => {
    for (const dtype of quantisedTypes) {
      const { model, prompts, batch } = given(shapes[0].change, dtype);
      const want = await onReference(model, (engine) => results(engine, prompts, batch));
      expectSame(await onWasm(model, (engine) => results(engine, prompts, batch)), want, 2e-5);
    }
  });
});
