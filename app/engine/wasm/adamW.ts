/** @file AdamW over the few numbers of a prompt, which are on this side anyway: one loop, no kernel. */
import * as tf from '@tensorflow/tfjs-core';
import type { AdamWScalars, AdamWTensors } from '../engine';

/** One update, as `AdamWUpdate` describes it. @throws RangeError where the tensors differ in size */
export function adamW(
  before: AdamWTensors,
  gradient: tf.Tensor,
  scalars: AdamWScalars,
): AdamWTensors & { norm: tf.Scalar } {
  const { size, shape } = before.parameter;
  const inputs = [gradient, before.parameter, before.firstMoment, before.secondMoment];
  if (size === 0 || inputs.some((tensor) => tensor.size !== size)) {
    const sizes = inputs.map((tensor) => `[${tensor.shape}]`).join(', ');
    throw new RangeError(`AdamW needs gradient, parameter and moments of one shape, not ${sizes}.`);
  }
  const [g, p, m, v] = inputs.map((tensor) => tensor.dataSync() as Float32Array);
  const { beta1, beta2, epsilon, clipNorm, stepSize, rootCorrection, decay } = scalars;
  let squares = 0;
  for (let i = 0; i < size; i++) squares += g[i] * g[i];
  const norm = Math.sqrt(squares);
  const clip = clipNorm > 0 ? Math.min(1, clipNorm / (norm + 1e-6)) : 1;
  const parameter = new Float32Array(size);
  const first = new Float32Array(size);
  const second = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const clipped = g[i] * clip;
    first[i] = beta1 * m[i] + (1 - beta1) * clipped;
    second[i] = beta2 * v[i] + (1 - beta2) * clipped * clipped;
    parameter[i] = p[i] * decay - (stepSize * first[i]) / (Math.sqrt(second[i]) / rootCorrection + epsilon);
  }
  return {
    parameter: tf.tensor(parameter, shape),
    firstMoment: tf.tensor(first, shape),
    secondMoment: tf.tensor(second, shape),
    norm: tf.scalar(norm),
  };
}
