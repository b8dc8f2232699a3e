/** @file Every method: starts as the words it starts from, follows its gradient, learns, and leaves no tensor behind. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { packExamples } from '../../app/data/pack';
import type { Engine } from '../../app/engine/engine';
import { TrainingError } from '../../app/training/errors';
import { Learner, learnerSizes, ownSettings, startLearner, tensorOf } from '../../app/training/learner';
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
const ids = Object.keys(METHODS) as MethodId[];

function settingsOf(method: MethodId, change: Partial<LearnerSettings> = {}): LearnerSettings {
  const words = { initialiser: 'text', initText: 't7 t8 t9', virtualTokens: 4 } as const;
  return { ...ownSettings(tinySettings), ...words, method, ...change };
}

describe.each(ids)('%s', (method) => {
  const { kind } = METHODS[method];

  it('starts as the words it starts from, repeated to its length', async () => {
    const { prompt } = await startLearner(engine, settingsOf(method), source);
    const words = Int32Array.of(7, 8, 9, 7);
    const wanted =
      kind === 'prompt'
        ? tf.tidy(() => Float32Array.from(engine.embed(words).dataSync()))
        : await engine.keysValues(words);
    expect(prompt).toHaveLength(wanted.length);
    prompt.forEach((value, i) => {
      expect(value).toBeCloseTo(wanted[i], 5);
    });
  });

  it('has a gradient that is the slope of the loss', async () => {
    const settings = settingsOf(method);
    const start = await startLearner(engine, settings, source);
    // Away from the start, where some gradients are nothing.
    const away = start.parameters.map((value, i) => value + 0.05 * Math.sin(i));
    const batch = packExamples(training.slice(0, 4));
    const lossAt = (parameters: Float32Array) => {
      const learner = new Learner(engine, settings, { ...start, parameters });
      const loss = tf.tidy(() => engine.loss([learner.prompt()], batch).dataSync()[0]);
      learner.dispose();
      return loss;
    };
    const learner = new Learner(engine, settings, { ...start, parameters: away });
    const { grads, value } = tf.variableGrads(
      () => tf.sum(engine.loss([learner.prompt()], batch)) as tf.Scalar,
      [learner.parameters],
    );
    const gradient = Float32Array.from(grads[learner.parameters.name].dataSync());
    tf.dispose([grads, value]);
    learner.dispose();
    // Along the gradient itself the slope is its length.
    const norm = Math.hypot(...gradient);
    const h = 0.02;
    const moved = (sign: number) => away.map((at, i) => at + (sign * h * gradient[i]) / norm);
    const slope = (lossAt(moved(1)) - lossAt(moved(-1))) / (2 * h);
    expect(norm).toBeGreaterThan(1e-3);
    expect(Math.abs(slope - norm)).toBeLessThan(0.03 * norm);
  });

  it('learns, within sight of the others', async () => {
    const settings = { ...tinySettings, ...settingsOf(method), steps: 60, batchSize: 8 };
    const learner = new Learner(engine, settings, await startLearner(engine, settings, source), settings);
    const maker = new StepMaker({ engine, training, settings, learners: [learner] });
    await maker.prepare();
    const losses: number[] = [];
    for (let step = 0; step < 60; step++) {
      const { measured } = maker.make(step);
      losses.push((await measured.data())[0]);
      measured.dispose();
    }
    learner.dispose();
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(losses.slice(-8))).toBeLessThan(mean(losses.slice(0, 8)) - 0.5);
  });

  it('has the sizes that are said of it, whatever the length, and leaves no tensor', async () => {
    const before = tf.memory().numTensors;
    for (const virtualTokens of [1, 2, 5]) {
      const settings = settingsOf(method, { virtualTokens });
      const start = await startLearner(engine, settings, source);
      const sizes = learnerSizes(engine, settings, start.frame);
      expect(start.parameters).toHaveLength(sizes.parameters);
      expect(start.constants).toHaveLength(sizes.constants);
      expect(start.prompt).toHaveLength(sizes.prompt);
      const learner = new Learner(engine, settings, start);
      tensorOf(learner.snapshot()).dispose();
      await learner.read();
      learner.dispose();
    }
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(['labels', 'vocabulary', 'random'] as const)(
    'starts from %s, the same every time',
    async (initialiser) => {
      const settings = settingsOf(method, { initialiser });
      const first = await startLearner(engine, settings, source);
      expect(await startLearner(engine, settings, source)).toEqual(first);
      expect(first.prompt.every(Number.isFinite)).toBe(true);
    },
  );
});

describe('a frame', () => {
  const framed = { before: 't20 t21', after: 't22' };

  it('stays the words it is while the rows within are learned', async () => {
    const settings = { ...tinySettings, ...settingsOf('residual', framed) };
    const start = await startLearner(engine, settings, source);
    expect(start.frame).toEqual([2, 1]);
    expect(start.prompt).toHaveLength((2 + 4 + 1) * HIDDEN);
    const learner = new Learner(engine, settings, start, settings);
    const maker = new StepMaker({ engine, training, settings, learners: [learner] });
    for (let step = 0; step < 3; step++) maker.make(step).measured.dispose();
    const { prompt } = await learner.read();
    learner.dispose();
    const part = (values: Float32Array, from: number, to: number) => values.slice(from * HIDDEN, to * HIDDEN);
    const words = tf.tidy(() => Float32Array.from(engine.embed(Int32Array.of(20, 21, 22)).dataSync()));
    expect(part(prompt, 0, 2)).toEqual(part(words, 0, 2));
    expect(part(prompt, 6, 7)).toEqual(part(words, 2, 3));
    expect(part(prompt, 2, 6)).not.toEqual(part(start.prompt, 2, 6));
  });

  it('cannot stand around a prefix', async () => {
    await expect(startLearner(engine, settingsOf('prefix', framed), source)).rejects.toThrow(TrainingError);
  });
});

describe('an imported prompt as a start', () => {
  const file = {
    kind: 'prompt' as const,
    values: new Float32Array(4 * HIDDEN).fill(0.1),
    virtualTokens: 4,
    width: HIDDEN,
  };

  it('is refused by a method that makes the other kind, and by one that mixes words', async () => {
    const start = (method: MethodId) =>
      startLearner(engine, settingsOf(method, { initialiser: 'file' }), { ...source, file });
    expect((await start('residual')).prompt).toHaveLength(4 * HIDDEN);
    await expect(start('prefix')).rejects.toThrow(/holds a soft prompt/);
    await expect(start('mixture')).rejects.toThrow(/starts from words/);
  });
});
