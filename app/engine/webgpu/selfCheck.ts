/**
 * @file The engine against the reference on one tiny batch, when a device is first used: drivers exist that return wrong numbers
 * without an error (all-zero gradients among them).
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import type { AdamWUpdate, Engine, PackedBatch } from '../engine';

export interface SelfCheck {
  ok: boolean;
  /** What was compared and how far apart it was; for the person to copy. */
  report: string;
}

/** Largest differences that rounding explains: losses in nats, the others relative to the reference's length. */
const TOLERANCE = { loss: 1e-3, logits: 1e-3, gradient: 5e-3, update: 1e-5 };

const VIRTUAL_TOKENS = 3;
const TEXT_LENGTHS = [5, 1, 9];

interface Answers {
  loss: number;
  logits: Float32Array;
  gradient: Float32Array;
}

/**
 * Compares loss, logits and gradient of a seeded prompt on three short texts. The reference runs on tfjs's present backend, or on
 * `referenceBackend`, where it was created then; afterwards the present one is in place again.
 * @throws what either engine throws, and what the device refuses
 */
export async function checkAgainstReference(
  engine: Engine,
  reference: Engine,
  referenceBackend: string = tf.getBackend(),
): Promise<SelfCheck> {
  const backend = tf.getBackend();
  const { spec } = engine;
  const random = createRandom(1).next;
  const lengths = TEXT_LENGTHS.map((length) =>
    Math.max(1, Math.min(length, spec.contextLength - VIRTUAL_TOKENS)),
  );
  const batch = seededBatch(lengths, spec.vocabSize, random);
  const ids = Int32Array.from({ length: VIRTUAL_TOKENS }, () => Math.floor(random() * spec.vocabSize));
  try {
    await tf.setBackend(referenceBackend);
    const vectors = reference.embed(ids);
    // Apart from any token's embedding, as a prompt is.
    const start = Float32Array.from(await vectors.data(), (value) => value + 0.02 * (random() - 0.5));
    vectors.dispose();
    const shape: [number, number] = [VIRTUAL_TOKENS, spec.hidden];
    const want = await answer(reference, start, shape, batch);
    await tf.setBackend(backend);
    const found = await answer(engine, start, shape, batch);
    const lines = [
      compare('loss', Math.abs(found.loss - want.loss), TOLERANCE.loss),
      compare('logits', distance(found.logits, want.logits), TOLERANCE.logits),
      compare('gradient', distance(found.gradient, want.gradient), TOLERANCE.gradient),
    ];
    if (engine.adamW) {
      const [updated, expected] = await updates(engine.adamW.bind(engine), start, found.gradient);
      lines.push(compare('update', distance(updated, expected), TOLERANCE.update));
    }
    await engine.settled?.();
    return { ok: lines.every((line) => line.ok), report: lines.map((line) => line.text).join('\n') };
  } finally {
    await tf.setBackend(backend);
  }
}

function compare(name: string, error: number, most: number): { ok: boolean; text: string } {
  // Not `error > most`: NaN must fail.
  const ok = error <= most;
  return {
    ok,
    text: `${name}: differs by ${error.toExponential(2)}, allowed ${most} — ${ok ? 'ok' : 'WRONG'}`,
  };
}

function seededBatch(lengths: readonly number[], vocabSize: number, random: () => number): PackedBatch {
  const texts: PackedBatch['texts'] = [];
  let start = 0;
  for (const length of lengths) {
    texts.push({ start, length, prompt: 0 });
    start += length;
  }
  const tokenIds = Int32Array.from({ length: start }, () => Math.floor(random() * vocabSize));
  return { tokenIds, isLabel: new Uint8Array(start).fill(1), texts };
}

async function answer(
  engine: Engine,
  start: Float32Array,
  shape: [number, number],
  batch: PackedBatch,
): Promise<Answers> {
  const variable = tf.tidy(() => tf.variable(tf.tensor2d(start.slice(), shape)) as tf.Variable<tf.Rank.R2>);
  const tensors: tf.Tensor[] = [variable];
  try {
    const prompt = { kind: 'prompt', vectors: variable } as const;
    const { value, grads } = tf.variableGrads(
      () => tf.sum(engine.loss([prompt], batch)) as tf.Scalar,
      [variable],
    );
    const logits = engine.labelLogits([prompt], batch);
    tensors.push(value, grads[variable.name], logits);
    return {
      loss: (await value.data())[0],
      logits: Float32Array.from(await logits.data()),
      gradient: Float32Array.from(await grads[variable.name].data()),
    };
  } finally {
    tf.dispose(tensors);
  }
}

/** What one update of AdamW makes of a parameter, its moments and the norm: by the engine, and in float64. */
async function updates(
  update: AdamWUpdate,
  start: Float32Array,
  gradient: Float32Array,
): Promise<[Float32Array, Float32Array]> {
  const scalars = {
    beta1: 0.9,
    beta2: 0.99,
    epsilon: 1e-8,
    clipNorm: 0.5,
    stepSize: 0.1,
    rootCorrection: 0.1,
    decay: 0.9,
  };
  const norm = Math.hypot(...gradient);
  const clip = Math.min(1, scalars.clipNorm / (norm + 1e-6));
  const clipped = Float64Array.from(gradient, (g) => g * clip);
  const first = clipped.map((g) => g * (1 - scalars.beta1));
  const second = clipped.map((g) => g * g * (1 - scalars.beta2));
  const moved = first.map((m, i) => {
    const denominator = Math.sqrt(second[i]) / scalars.rootCorrection + scalars.epsilon;
    return start[i] * scalars.decay - (scalars.stepSize * m) / denominator;
  });
  const tensors = tf.tidy(() => {
    const zeros = tf.zeros([start.length]);
    const before = { parameter: tf.tensor1d(start.slice()), firstMoment: zeros, secondMoment: zeros };
    const after = update(before, tf.tensor1d(gradient.slice()), scalars);
    return [after.parameter, after.firstMoment, after.secondMoment, after.norm];
  });
  try {
    const found: number[] = [];
    for (const tensor of tensors) found.push(...(await tensor.data()));
    return [Float32Array.from(found), Float32Array.of(...moved, ...first, ...second, norm)];
  } finally {
    tf.dispose(tensors);
  }
}

/** ‖a − b‖ / ‖b‖; infinite where the lengths differ. */
function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < b.length; i++) {
    difference += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return Math.sqrt(difference / Math.max(size, 1e-30));
}
