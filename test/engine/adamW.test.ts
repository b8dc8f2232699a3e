/** @file AdamW's kernel against the same update in tfjs operations and in float64. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import type { AdamWUpdate } from '../../app/engine/engine';
import { Faults } from '../../app/engine/faults';
import { AdamWUpdater } from '../../app/engine/webgpu/adamW';
import { adamWGroups, adamWKernel } from '../../app/engine/webgpu/adamWKernel';
import { limitsOf } from '../../app/engine/webgpu/limits';
import { GpuMemory } from '../../app/engine/webgpu/memory';
import { AdamW, composedUpdate } from '../../app/training/adamW';
import { openTestGpu, Random, relativeError, runKernel } from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

const OPTIONS = { weightDecay: 0.1, clipNorm: 1 };

interface Trace {
  parameter: number[];
  firstMoment: number[];
  secondMoment: number[];
  norms: number[];
}

/** Three updates with gradients whose norms lie on both sides of the largest allowed. */
async function descend(
  shape: number[],
  options: Partial<typeof OPTIONS>,
  update: AdamWUpdate,
  seed: number,
): Promise<Trace> {
  const random = new Random(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const parameter = tf.tidy(() => tf.variable(tf.tensor(random.floats(size), shape)));
  const optimizer = new AdamW(shape, { ...OPTIONS, ...options, update });
  const norms: number[] = [];
  for (const [step, norm] of [0.2, 5, 1].entries()) {
    const gradient = tf.tensor(random.floats(size, norm / Math.sqrt(size)), shape);
    const length = optimizer.apply(parameter, gradient, 0.05 / (step + 1));
    norms.push((await length.data())[0]);
    tf.dispose([gradient, length]);
  }
  const read = async (tensor: tf.Tensor) => [...(await tensor.data())];
  const { firstMoment, secondMoment } = optimizer;
  const trace = {
    parameter: await read(parameter),
    firstMoment: await read(firstMoment),
    secondMoment: await read(secondMoment),
    norms,
  };
  optimizer.dispose();
  parameter.dispose();
  return trace;
}

describe.skipIf(missing)(`the kernel of AdamW${missing}`, () => {
  // Skipped tests are collected all the same.
  if (missing) return;
  const { device } = gpu;
  const limits = limitsOf(device);
  const faults = new Faults(device);
  const updater = new AdamWUpdater({ ...gpu, limits }, new GpuMemory(device, limits), faults);
  const fused: AdamWUpdate = (before, gradient, scalars) =>
    updater.update(tf.backend() as unknown as WebGPUBackend, before, gradient, scalars);

  const shapes: [string, number[]][] = [
    ['a single number', [1, 1]],
    ['primes', [7, 13]],
    ['one workgroup less a number', [1, 1023]],
    ['one workgroup and a number', [1, 1025]],
    ['a prompt of 20 × 768', [20, 768]],
    ['more than the workgroups hold at least', [101, 701]],
    ['a prompt of 100 × 4096', [100, 4096]],
  ];
  for (const [name, shape] of shapes) {
    for (const clipNorm of [0, 1]) {
      for (const weightDecay of [0, 0.1]) {
        it(`updates ${name} as tfjs does, clip ${clipNorm}, decay ${weightDecay}`, async () => {
          const options = { clipNorm, weightDecay };
          const found = await descend(shape, options, fused, shape[1]);
          const want = await descend(shape, options, composedUpdate, shape[1]);
          for (const key of ['parameter', 'firstMoment', 'secondMoment', 'norms'] as const) {
            expect(relativeError(found[key], want[key]), key).toBeLessThan(1e-6);
          }
        });
      }
    }
  }

  it('writes every element of its outputs and nothing else', async () => {
    const count = 2500;
    const { each, groups } = adamWGroups(count);
    const random = new Random(4);
    const uniform = new Uint32Array(12);
    uniform.set([count, each]);
    // clipNorm, stepSize, rootCorrection, decay, epsilon, restOfBeta1, beta2, restOfBeta2
    uniform.set(new Uint32Array(Float32Array.of(0, 0.1, 1, 1, 1e-8, 1, 0, 1).buffer), 2);
    const gradient = random.floats(count);
    const outputs = await runKernel(
      gpu,
      adamWKernel,
      [
        { uniform },
        ...[gradient, random.floats(count), random.floats(count), random.floats(count)].map((input) => ({
          input,
        })),
        { output: count + 4 },
        { output: count + 4 },
        { output: count + 4 },
        { output: 1 },
      ],
      groups,
    );
    const [, first, second, [norm]] = outputs;
    // With betas of 0 the moments are the gradient and its square.
    expect(relativeError(first.subarray(0, count), gradient)).toBeLessThan(1e-6);
    expect(
      relativeError(
        second.subarray(0, count),
        gradient.map((g) => g * g),
      ),
    ).toBeLessThan(1e-6);
    for (const output of outputs.slice(0, 3))
      expect([...output.subarray(count)]).toEqual(Array(4).fill(-12345.5));
    expect(norm).toBeCloseTo(Math.hypot(...gradient), 3);
  });

  it('holds no tensor but its results', async () => {
    const before = tf.memory().numTensors;
    await descend([3, 5], {}, fused, 1);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('refuses tensors that do not go together', () => {
    const tensors = [tf.zeros([2, 3]), tf.zeros([2, 2])];
    const [a, b] = tensors;
    const scalars = { beta1: 0, beta2: 0, epsilon: 0, clipNorm: 0, stepSize: 0, rootCorrection: 1, decay: 1 };
    expect(() => fused({ parameter: a, firstMoment: a, secondMoment: a }, b, scalars)).toThrow(
      /\[2,2\], \[2,3\]/,
    );
    tf.dispose(tensors);
  });
});
