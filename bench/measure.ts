/** @file Times training steps of an engine: loss and gradient of one prompt, as the trainer asks for them. */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, PackedBatch } from '../app/engine/engine';
import { uniform } from '../app/engine/sampling';
import type { ModelSpec } from '../app/engine/spec';

export interface Workload {
  batch: number;
  /** Tokens a text. */
  length: number;
  /** Virtual tokens. */
  prompt: number;
  /** Label tokens at the end of each text. */
  labels: number;
}

export interface StepTimes {
  median: number;
  min: number;
  max: number;
  steps: number;
  loss: number;
  /** Milliseconds until the step is submitted, median. */
  cpu: number;
}

/** The same texts for every engine. */
export function makeBatch(spec: ModelSpec, { batch, length, labels }: Workload): PackedBatch {
  const random = uniform(1);
  return {
    tokenIds: Int32Array.from({ length: batch * length }, () => Math.floor(random() * spec.vocabSize)),
    isLabel: Uint8Array.from({ length: batch * length }, (_, i) => (i % length >= length - labels ? 1 : 0)),
    texts: Array.from({ length: batch }, (_, i) => ({ start: i * length, length, prompt: 0 })),
  };
}

/** Runs `warmup` steps, then `steps` timed ones, each awaited: the time of a step is from its call to its loss on the host. */
export async function timeSteps(
  engine: Engine,
  workload: Workload,
  { warmup, steps }: { warmup: number; steps: number },
): Promise<StepTimes> {
  const batch = makeBatch(engine.spec, workload);
  const random = uniform(2);
  const ids = Int32Array.from({ length: workload.prompt }, () =>
    Math.floor(random() * engine.spec.vocabSize),
  );
  const variable = tf.tidy(() => tf.variable(engine.embed(ids))) as tf.Variable<tf.Rank.R2>;
  const times: number[] = [];
  const cpuTimes: number[] = [];
  let loss = Number.NaN;
  try {
    for (let step = 0; step < warmup + steps; step++) {
      const start = performance.now();
      const { value, grads } = tf.variableGrads(
        () => tf.sum(engine.loss([{ kind: 'prompt', vectors: variable }], batch)) as tf.Scalar,
        [variable],
      );
      const submitted = performance.now();
      loss = (await value.data())[0];
      // The gradient may be behind the loss: its last element is the last to come.
      await grads[variable.name].data();
      if (step >= warmup) {
        times.push(performance.now() - start);
        cpuTimes.push(submitted - start);
      }
      tf.dispose([value, grads]);
    }
  } finally {
    variable.dispose();
  }
  return {
    median: median(times),
    min: Math.min(...times),
    max: Math.max(...times),
    steps,
    loss,
    cpu: median(cpuTimes),
  };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
