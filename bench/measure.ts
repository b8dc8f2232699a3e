/** @file Times training steps of an engine: loss and gradient of one prompt, as the trainer asks for them. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, PackedBatch } from '../app/engine/engine';
import { flush } from '../app/engine/webgpu/tensors';
import { makeBatch, promptTokens, type Workload } from './workload';

/** Milliseconds. */
export interface Spread {
  median: number;
  min: number;
  max: number;
}

export interface StepTimes {
  /** From the call to loss and gradient on the host. */
  milliseconds: Spread;
  /** From the call until all of it is submitted: the processor's part, in which the page's worker is busy. */
  cpuMilliseconds: Spread;
  /** Steps that count. */
  steps: number;
  /** Steps before them that do not: the first one compiles and allocates. */
  warmup: number;
  /** Nats per label token. */
  loss: number;
}

export interface TimeOptions {
  warmup: number;
  steps: number;
  /** Milliseconds that the steps before those that count take at least, however many that is; 0 where absent. */
  warmupMilliseconds?: number;
  /** Where the first step takes longer than this, in milliseconds, it alone counts and no other is run. */
  patience?: number;
  /** After every step, those that warm up included. */
  onStep?: (done: number, of: number, milliseconds: number) => void;
}

/** Runs steps one after the other on tfjs's present backend, each awaited. */
export async function timeSteps(
  engine: Engine,
  workload: Workload,
  options: TimeOptions,
): Promise<StepTimes> {
  const { patience = Number.POSITIVE_INFINITY, warmupMilliseconds = 0, onStep } = options;
  const batch = makeBatch(engine.spec.vocabSize, workload);
  const variable = promptVariable(engine, workload);
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let loss = Number.NaN;
  let { warmup } = options;
  let total = warmup + options.steps;
  const start = performance.now();
  try {
    for (let step = 0; step < total; step++) {
      const result = await timeStep(engine, variable, batch);
      loss = result.loss;
      if (step === 0 && warmup > 0 && result.milliseconds > patience) {
        warmup = 0;
        total = 1;
      }
      if (step === warmup - 1 && performance.now() - start < warmupMilliseconds) {
        warmup++;
        total++;
      }
      if (step >= warmup) {
        times.push(result.milliseconds);
        cpuTimes.push(result.cpu);
      }
      onStep?.(step + 1, total, result.milliseconds);
    }
  } finally {
    variable.dispose();
  }
  return {
    milliseconds: spread(times),
    cpuMilliseconds: spread(cpuTimes),
    steps: times.length,
    warmup,
    loss,
  };
}

/** The prompt's vectors, embeddings of random tokens, as a variable. */
export function promptVariable(engine: Engine, workload: Workload): tf.Variable<tf.Rank.R2> {
  const tokens = promptTokens(engine.spec.vocabSize, workload);
  return tf.tidy(() => tf.variable(engine.embed(tokens))) as tf.Variable<tf.Rank.R2>;
}

/** One step: loss and gradient on the host, and how long that and submitting it took, in milliseconds. */
export async function timeStep(
  engine: Engine,
  variable: tf.Variable<tf.Rank.R2>,
  batch: PackedBatch,
): Promise<{ loss: number; gradient: Float32Array; milliseconds: number; cpu: number }> {
  const start = performance.now();
  const { value, grads } = tf.variableGrads(
    () => tf.sum(engine.loss([{ kind: 'prompt', vectors: variable }], batch)) as tf.Scalar,
    [variable],
  );
  if (tf.getBackend() === 'webgpu') flush(tf.backend() as unknown as WebGPUBackend);
  const cpu = performance.now() - start;
  // Both are asked for at once, as one answer.
  const [[loss], gradient] = await Promise.all([value.data(), grads[variable.name].data()]);
  const milliseconds = performance.now() - start;
  tf.dispose([value, grads]);
  return { loss, gradient: gradient as Float32Array, milliseconds, cpu };
}

export function spread(values: readonly number[]): Spread {
  return { median: median(values), min: Math.min(...values), max: Math.max(...values) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
