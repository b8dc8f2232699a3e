/** @file Whole engines on random tiny models: batches, prompts, what comes out, and its comparison. */
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine, PackedBatch, SoftPrompt } from '../../app/engine/engine';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import type { ModelSpec } from '../../app/engine/spec';
import {
  createWebGpuEngine,
  type WebGpuEngine,
  type WebGpuEngineOptions,
} from '../../app/engine/webgpu/webgpuEngine';
import { streamOf } from '../../app/engine/weightStream';
import { type Gpu, type Random, relativeError, SMALL_TILE, type TinyModel } from './webgpuHarness';

/** Prompts as numbers, so that both engines get them on their own backend. */
export interface PromptValues {
  kind: SoftPrompt['kind'];
  shape: [number, number];
  values: Float32Array;
}

export function promptValues(
  random: Random,
  spec: ModelSpec,
  kind: SoftPrompt['kind'],
  length: number,
): PromptValues {
  const width = kind === 'prompt' ? spec.hidden : spec.layers.length * 2 * spec.kvHeads * spec.headDim;
  return { kind, shape: [length, width], values: random.floats(length * width, 0.8) };
}

export function softPrompt(kind: SoftPrompt['kind'], tensor: tf.Tensor2D): SoftPrompt {
  return kind === 'prompt' ? { kind, vectors: tensor } : { kind, keysValues: tensor };
}

/** Texts of the given lengths; `labels` counts the labels at a text's end. */
export function randomBatch(
  random: Random,
  spec: ModelSpec,
  texts: { length: number; labels: number; prompt?: number }[],
): PackedBatch {
  const rows = texts.reduce((sum, text) => sum + text.length, 0);
  const batch: PackedBatch = {
    tokenIds: Int32Array.from({ length: rows }, () => random.below(spec.vocabSize)),
    isLabel: new Uint8Array(rows),
    texts: [],
  };
  let start = 0;
  for (const { length, labels, prompt = 0 } of texts) {
    batch.texts.push({ start, length, prompt });
    batch.isLabel.fill(1, start + length - labels, start + length);
    start += length;
  }
  return batch;
}

export interface Results {
  losses: number[];
  gradients: Float32Array[];
  logits: Float32Array;
}

export async function results(engine: Engine, prompts: PromptValues[], batch: PackedBatch): Promise<Results> {
  const variables = prompts.map(({ shape, values }) =>
    tf.tidy(() => tf.variable(tf.tensor2d(values.slice(), shape))),
  );
  const soft = variables.map((variable, i) => softPrompt(prompts[i].kind, variable as tf.Tensor2D));
  let losses: tf.Tensor | null = null;
  const { value, grads } = tf.variableGrads(() => {
    losses = tf.keep(engine.loss(soft, batch));
    return tf.sum(losses) as tf.Scalar;
  }, variables);
  const logits = engine.labelLogits(soft, batch);
  const found = {
    losses: Array.from(await (losses as unknown as tf.Tensor).data()),
    gradients: await Promise.all(
      variables.map(async (variable) => Float32Array.from(await grads[variable.name].data())),
    ),
    logits: Float32Array.from(await logits.data()),
  };
  tf.dispose([losses as unknown as tf.Tensor, value, grads, logits, variables]);
  return found;
}

/** What the reference makes of it, on the cpu backend; then back to webgpu. */
export async function withReference<T>(model: TinyModel, use: (engine: Engine) => Promise<T>): Promise<T> {
  await startCpu();
  const reference = await createReferenceEngine(model.spec, streamOf(model.weights));
  try {
    return await use(reference);
  } finally {
    reference.dispose();
    await tf.setBackend('webgpu');
  }
}

export async function withEngine<T>(
  gpu: Gpu,
  model: TinyModel,
  use: (engine: WebGpuEngine) => Promise<T>,
  options?: WebGpuEngineOptions,
): Promise<T> {
  const engine = await createWebGpuEngine(model.spec, streamOf(model.weights), gpu.device, {
    tile: SMALL_TILE,
    ...options,
  });
  try {
    return await use(engine);
  } finally {
    engine.dispose();
  }
}

export function expectSame(found: Results, want: Results, gradientTolerance = 1e-4): void {
  for (const [i, loss] of want.losses.entries()) {
    expect(Math.abs(found.losses[i] - loss)).toBeLessThan(2e-5);
    expect(relativeError(found.gradients[i], want.gradients[i])).toBeLessThan(gradientTolerance);
  }
  expect(found.logits.length).toBe(want.logits.length);
  expect(relativeError(found.logits, want.logits)).toBeLessThan(2e-5);
}
