/** @file What several prompts in one step cost against a step for each: the price of a search, as a ratio in one run. */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, PackedBatch } from '../app/engine/engine';
import { promptVariable, type Spread, spread, timeStep } from './measure';
import { makeBatch, type Workload } from './workload';

export interface LaneTimes {
  lanes: number;
  /** Milliseconds of a step that trains all of them, to losses and gradients on the host. */
  together: Spread;
  /** Milliseconds of as many steps of one, one after the other. */
  apart: Spread;
  /** Together by apart, by medians. */
  ratio: number;
  /** The largest difference between a loss in one and in the other. */
  lossDifference: number;
}

/** Each kind of step once before those that count. */
const WARMUP = 2;

/** Times both in turn, so that whatever else the machine does meets both. */
export async function timeLanes(
  engine: Engine,
  workload: Workload,
  lanes: number,
  steps: number,
  onStep?: (done: number, of: number, milliseconds: number) => void,
): Promise<LaneTimes> {
  const one = makeBatch(engine.spec.vocabSize, workload);
  const all = manyOf(one, lanes);
  const variables = Array.from({ length: lanes }, () => promptVariable(engine, workload));
  // Each lane another prompt, as in a search.
  for (const [i, variable] of variables.entries()) {
    tf.tidy(() => variable.assign(tf.mul(variable, 1 + 0.01 * i)));
  }
  const together: number[] = [];
  const apart: number[] = [];
  let lossDifference = 0;
  try {
    for (let step = 0; step < WARMUP + steps; step++) {
      const losses: number[] = [];
      let begun = performance.now();
      for (const variable of variables) losses.push((await timeStep(engine, variable, one)).loss);
      const single = performance.now() - begun;
      begun = performance.now();
      const found = await stepOfAll(engine, variables, all);
      const whole = performance.now() - begun;
      found.forEach((loss, i) => {
        lossDifference = Math.max(lossDifference, Math.abs(loss - losses[i]));
      });
      if (step >= WARMUP) {
        apart.push(single);
        together.push(whole);
      }
      onStep?.(step + 1, WARMUP + steps, whole);
    }
  } finally {
    for (const variable of variables) variable.dispose();
  }
  const times = { together: spread(together), apart: spread(apart) };
  return { lanes, ...times, ratio: times.together.median / times.apart.median, lossDifference };
}

/** The same texts once for each prompt. */
function manyOf({ tokenIds, isLabel, texts }: PackedBatch, lanes: number): PackedBatch {
  const ids = new Int32Array(lanes * tokenIds.length);
  const labels = new Uint8Array(lanes * isLabel.length);
  for (let lane = 0; lane < lanes; lane++) {
    ids.set(tokenIds, lane * tokenIds.length);
    labels.set(isLabel, lane * isLabel.length);
  }
  const own = Array.from({ length: lanes }, (_, prompt) =>
    texts.map((text) => ({ ...text, start: text.start + prompt * tokenIds.length, prompt })),
  );
  return { tokenIds: ids, isLabel: labels, texts: own.flat() };
}

async function stepOfAll(
  engine: Engine,
  variables: readonly tf.Variable<tf.Rank.R2>[],
  batch: PackedBatch,
): Promise<Float32Array> {
  let losses: tf.Tensor1D | null = null;
  const { value, grads } = tf.variableGrads(() => {
    const prompts = variables.map((vectors) => ({ kind: 'prompt', vectors }) as const);
    losses = tf.keep(engine.loss(prompts, batch)) as tf.Tensor1D;
    return tf.sum(losses) as tf.Scalar;
  }, [...variables]);
  const kept = losses as unknown as tf.Tensor1D;
  const gradients = variables.map(({ name }) => grads[name]);
  const [found] = await Promise.all([
    kept.data<'float32'>(),
    ...gradients.map((gradient) => gradient.data()),
  ]);
  tf.dispose([value, kept, ...gradients]);
  return found;
}
