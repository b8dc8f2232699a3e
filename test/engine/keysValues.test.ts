/** @file A text's keys and values, given as a prefix, say to what follows exactly what the text would: on every engine and family. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { packExamples } from '../../app/data/pack';
import type { Engine } from '../../app/engine/engine';
import { families } from './tinyFamilies';
import { onReference, onWasm } from './wasmHarness';
import { withEngine } from './webgpuEngineHarness';
import { openTestGpu, Random, relativeError, tinyModel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

const WORDS = 5;

/** The keys and values of a text's first words, and what the rest costs after them: as words, and as a prefix. */
async function bothWays(engine: Engine, text: Int32Array) {
  const { layers, kvHeads, headDim } = engine.spec;
  const values = await engine.keysValues(text.slice(0, WORDS));
  const keysValues = tf.tensor2d(values.slice(), [WORDS, layers.length * 2 * kvHeads * headDim]);
  // After a prefix no row predicts the first token of the rest.
  const isLabel = Uint8Array.from(text, (_, i) => (i > WORDS ? 1 : 0));
  const words = packExamples([{ tokenIds: text, isLabel }]);
  const rest = packExamples([{ tokenIds: text.slice(WORDS), isLabel: isLabel.slice(WORDS) }]);
  try {
    const [asWords] = await engine.evaluate([null], words);
    const [asPrefix] = await engine.evaluate([{ kind: 'prefix', keysValues }], rest);
    return { values, asWords, asPrefix };
  } finally {
    keysValues.dispose();
  }
}

describe.each(families)('keys and values: $name', ({ name, change }) => {
  const model = tinyModel(name.length, change);
  const random = new Random(5);
  const text = Int32Array.from({ length: 12 }, () => random.below(model.spec.vocabSize));
  let wanted: Awaited<ReturnType<typeof bothWays>>;
  beforeAll(async () => {
    wanted = await onReference(model, (engine) => bothWays(engine, text));
  });

  const same = (found: typeof wanted) => {
    expect(found.asPrefix.labels).toBe(12 - WORDS - 1);
    expect(found.asPrefix.labels).toBe(found.asWords.labels);
    expect(Math.abs(found.asPrefix.nats - found.asWords.nats)).toBeLessThan(1e-4);
    expect(relativeError(found.values, wanted.values)).toBeLessThan(1e-5);
  };

  it('the reference', () => same(wanted));

  it('the processor', async () => same(await onWasm(model, (engine) => bothWays(engine, text))));

  it.skipIf(missing)(`WebGPU${missing}`, async () => {
    await tf.setBackend('webgpu');
    same(await withEngine(gpu, model, (engine) => bothWays(engine, text)));
  });
});

it('needs tokens, and no more than the model has positions', async () => {
  const model = tinyModel(3);
  const use = async (engine: Engine) => {
    await expect(engine.keysValues(new Int32Array(0))).rejects.toThrow(RangeError);
    await expect(engine.keysValues(new Int32Array(engine.spec.contextLength + 1))).rejects.toThrow(
      RangeError,
    );
  };
  await onReference(model, use);
  await onWasm(model, use);
});
