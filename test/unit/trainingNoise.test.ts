/** @file Noise: each step learns at the prompt and at one nudged up its gradient, alone, beside others and in parts alike. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createOrder } from '../../app/data/order';
import { packExamples } from '../../app/data/pack';
import type { Engine } from '../../app/engine/engine';
import { Learner, ownSettings, startLearner } from '../../app/training/learner';
import { METHODS, type MethodId } from '../../app/training/methods/names';
import { StepMaker } from '../../app/training/stepMaker';
import type { LearnerSettings } from '../../app/training/types';
import { startNodeProcessor } from '../../tools/node/processor';
import { HIDDEN, tinyData, tinyEngine, tinySettings, tinyTokenizer } from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeProcessor();
  engine = await tinyEngine();
});

const { training } = tinyData(40, 0);
const source = { tokenizer: tinyTokenizer, training, file: null, elementRms: 0.3 };
const base = { ...tinySettings, batchSize: 6, initialiser: 'text' as const, initText: 't7 t8 t9' };

async function learnerOf(change: Partial<LearnerSettings>): Promise<Learner> {
  const settings = { ...ownSettings(base), ...change };
  return new Learner(engine, settings, await startLearner(engine, settings, source), base);
}

/** Losses and gradient norms of learners' first steps. */
async function steps(changes: Partial<LearnerSettings>[], count: number, parts = 1): Promise<number[][]> {
  const learners = await Promise.all(changes.map(learnerOf));
  const maker = new StepMaker({ engine, training, settings: base, learners, parts });
  await maker.prepare();
  const made: number[][] = [];
  for (let step = 0; step < count; step++) {
    const { measured } = maker.make(step);
    made.push([...measured.dataSync()]);
    measured.dispose();
  }
  for (const learner of learners) learner.dispose();
  return made;
}

describe('noise', () => {
  it('moves by the mean of the gradients at the prompt and at the nudged one, and tells the loss at the prompt', async () => {
    const noise = 0.3;
    const settings = { ...ownSettings(base), noise };
    const { prompt } = await startLearner(engine, settings, source);
    const order = createOrder(training.length, base.batchSize, base.seed);
    const batch = packExamples(order.batch(0).map((i) => training[i]));
    const at = (values: Float32Array) => {
      const vectors = tf.variable(tf.tensor2d(values, [values.length / HIDDEN, HIDDEN]));
      const { value, grads } = tf.variableGrads(
        () => tf.sum(engine.loss([{ kind: 'prompt', vectors }], batch)) as tf.Scalar,
        [vectors],
      );
      const found = {
        loss: value.dataSync()[0],
        gradient: Float32Array.from(grads[vectors.name].dataSync()),
      };
      tf.dispose([value, grads[vectors.name], vectors]);
      return found;
    };
    const here = at(prompt.slice());
    const scale = (noise * Math.hypot(...prompt)) / Math.hypot(...here.gradient);
    const there = at(prompt.map((value, i) => value + scale * here.gradient[i]));
    expect(there.loss).toBeGreaterThan(here.loss);
    const mean = here.gradient.map((value, i) => (value + there.gradient[i]) / 2);
    const [[loss, norm]] = await steps([{ noise }], 1);
    expect(loss).toBeCloseTo(here.loss, 5);
    expect(norm / Math.hypot(...mean)).toBeCloseTo(1, 4);
    const [[, plain]] = await steps([{}], 1);
    expect(plain / Math.hypot(...here.gradient)).toBeCloseTo(1, 4);
    expect(Math.abs(norm - plain)).toBeGreaterThan(1e-3);
  });

  it.each(Object.keys(METHODS) as MethodId[])(
    '%s: makes the same numbers alone, beside learners with other noise, and in parts',
    async (method) => {
      const together = await steps([{ method, noise: 0.2 }, { method }, { method, noise: 0.05 }], 3);
      const [first, second, third] = await Promise.all(
        [0.2, 0, 0.05].map((noise) => steps([{ method, noise }], 3)),
      );
      const divided = await steps([{ method, noise: 0.2 }], 3, 6);
      together.forEach((numbers, step) => {
        const alone = [...first[step], ...second[step], ...third[step]];
        for (const [i, number] of numbers.entries()) expect(number).toBeCloseTo(alone[i], 4);
        for (const [i, number] of divided[step].entries()) expect(number).toBeCloseTo(first[step][i], 4);
      });
    },
  );

  it('leaves no tensor behind', async () => {
    await steps([{ noise: 0.1 }], 1);
    const before = tf.memory().numTensors;
    await steps([{ noise: 0.1 }, { method: 'residual', noise: 0.1 }], 2);
    expect(tf.memory().numTensors).toBe(before);
  });
});
