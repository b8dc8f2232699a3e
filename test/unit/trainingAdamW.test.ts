import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import { createRandom } from '../../app/formats/random';
import { AdamW, type AdamWOptions } from '../../app/training/adamW';

beforeAll(startCpu);

const options: Omit<AdamWOptions, 'update'> = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
};
const size = 12;

function gradients(steps: number): number[][] {
  const random = createRandom(1);
  // Of norms around 0.3 and around 7, so that some are clipped and some are not.
  return Array.from({ length: steps }, (_, step) =>
    Array.from({ length: size }, () => (step % 2 ? 2 : 0.1) * random.normal()),
  );
}

/** The algorithm as PyTorch's documentation of `AdamW` and `clip_grad_norm_` has it, in float64. */
function documented(start: number[], steps: number[][], rate: (step: number) => number): number[] {
  const p = [...start];
  const m = p.map(() => 0);
  const v = p.map(() => 0);
  steps.forEach((gradient, t) => {
    const norm = Math.hypot(...gradient);
    const clip = Math.min(1, options.clipNorm / (norm + 1e-6));
    gradient.forEach((each, i) => {
      const g = each * clip;
      p[i] -= rate(t) * options.weightDecay * p[i];
      m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
      v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
      const mHat = m[i] / (1 - options.beta1 ** (t + 1));
      const vHat = v[i] / (1 - options.beta2 ** (t + 1));
      p[i] -= (rate(t) * mHat) / (Math.sqrt(vHat) + options.epsilon);
    });
  });
  return p;
}

const rate = (step: number) => 0.05 * (step + 1);
const start = Array.from({ length: size }, (_, i) => i / 4 - 1);

/** Applies the gradients from `from` on; returns the norms. */
function descend(optimizer: AdamW, parameter: tf.Variable, steps: number[][], from = 0): number[] {
  return steps.map((gradient, t) => {
    const tensor = tf.tensor2d(gradient, [3, 4]);
    const norm = optimizer.apply(parameter, tensor, rate(from + t));
    const value = norm.dataSync()[0];
    tf.dispose([tensor, norm]);
    return value;
  });
}

const newParameter = (values: ArrayLike<number>) =>
  tf.tidy(() => tf.variable(tf.tensor2d(Float32Array.from(values), [3, 4])));

describe('AdamW', () => {
  it('makes the documented update: decay first, clipping, bias correction, epsilon outside the root', () => {
    const parameter = newParameter(start);
    const optimizer = new AdamW([3, 4], options);
    const norms = descend(optimizer, parameter, gradients(10));
    const expected = documented(start, gradients(10), rate);
    parameter.dataSync().forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i], 5);
    });
    norms.forEach((norm, t) => {
      expect(norm).toBeCloseTo(Math.hypot(...gradients(10)[t]), 4);
    });
    optimizer.dispose();
    parameter.dispose();
  });

  it('goes on from moments that were read to the bit, and holds two tensors', () => {
    const before = tf.memory().numTensors;
    const steps = gradients(8);
    const parameter = newParameter(start);
    const first = new AdamW([3, 4], options);
    expect(tf.memory().numTensors).toBe(before + 3);
    descend(first, parameter, steps.slice(0, 5));
    const read = ({ firstMoment, secondMoment }: AdamW) => ({
      firstMoment: Float32Array.from(firstMoment.dataSync()),
      secondMoment: Float32Array.from(secondMoment.dataSync()),
      updates: 5,
    });
    const state = read(first);
    const cut = parameter.dataSync().slice();
    descend(first, parameter, steps.slice(5), 5);
    const resumed = newParameter(cut);
    const second = new AdamW([3, 4], options, state);
    descend(second, resumed, steps.slice(5), 5);
    expect(resumed.dataSync()).toEqual(parameter.dataSync());
    first.dispose();
    second.dispose();
    tf.dispose([parameter, resumed]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves a parameter without a gradient where it is', () => {
    const parameter = newParameter(start);
    const optimizer = new AdamW([3, 4]);
    descend(optimizer, parameter, [Array(size).fill(0)]);
    expect([...parameter.dataSync()]).toEqual(start);
    optimizer.dispose();
    parameter.dispose();
  });
});
