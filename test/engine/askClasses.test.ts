/** @file Classes asked for after a text that was run once have the likelihoods of a text run for each of them. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { classCandidates } from '../../app/data/pack';
import type { Engine } from '../../app/engine/engine';
import { type AskedText, askClasses, hostVectors, rowsToAsk } from '../../app/evaluation/askClasses';
import { families } from './tinyFamilies';
import { onWasm } from './wasmHarness';
import { softPrompt, withEngine } from './webgpuEngineHarness';
import { openTestGpu, Random, type TinyModel, tinyModel } from './webgpuHarness';

const CLASSES = 77;

/** Labels of one to three tokens, and texts of several lengths under no prompt, a prompt, and a prefix. */
async function expectEqual(engine: Engine, { spec }: TinyModel): Promise<void> {
  const random = new Random(5);
  const ids = (count: number) => Int32Array.from({ length: count }, () => random.below(spec.vocabSize));
  const classTokens = Array.from({ length: CLASSES }, (_, c) => ids(1 + (c % 3)));
  const prefixWidth = spec.layers.length * 2 * spec.kvHeads * spec.headDim;
  const prompts = [
    null,
    softPrompt('prompt', tf.tensor2d(random.floats(3 * spec.hidden), [3, spec.hidden])),
    softPrompt('prefix', tf.tensor2d(random.floats(2 * prefixWidth), [2, prefixWidth])),
  ];
  const asked: AskedText[] = [1, 9, 4, 12, 0, 6, 7].map((length, i) => {
    const tokenIds = ids(length + 2);
    const isLabel = new Uint8Array(length + 2).fill(1, length);
    return { prompt: prompts[i % 3], text: { tokenIds, isLabel, cut: 0, row: i } };
  });
  const before = tf.memory().numTensors;
  const found = await askClasses(engine, asked, classTokens, hostVectors());
  expect(tf.memory().numTensors).toBe(before);
  expect(found.map(({ length }) => length)).toEqual(asked.map(() => CLASSES));
  for (const [i, { prompt, text }] of asked.entries()) {
    const { batch } = classCandidates([text], classTokens);
    const want = await engine.evaluate([prompt], batch);
    want.forEach(({ nats, labels, hits }, c) => {
      expect([found[i][c].labels, found[i][c].hits]).toEqual([labels, hits]);
      expect(Math.abs(found[i][c].nats - nats)).toBeLessThan(1e-4 * Math.max(1, nats));
    });
  }
  const [, long] = asked;
  const candidates = classCandidates([long.text], classTokens).batch.tokenIds.length;
  expect(rowsToAsk(engine, long, classTokens)).toBeLessThan(candidates / 4);
  tf.dispose(prompts.map((prompt) => prompt && Object.values(prompt)[1]));
}

describe('on the processor', () => {
  it.each(families)('classes after a shared text: $name', async ({ name, change }) => {
    const model = tinyModel(name.length, change);
    await onWasm(model, (engine) => expectEqual(engine, model));
  });
});

const { gpu, missing } = await openTestGpu();

describe.skipIf(missing)(`on the GPU${missing}`, () => {
  beforeAll(async () => {
    await tf.setBackend('webgpu');
  });

  it.each(families)('classes after a shared text: $name', async ({ name, change }) => {
    const model = tinyModel(name.length, change);
    await withEngine(gpu, model, (engine) => expectEqual(engine, model));
  });
});
