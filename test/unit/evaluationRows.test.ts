/** @file How unsure a model is of a row, and how well it knows the text of the inputs. */
import { beforeAll, describe, expect, it } from 'vitest';
import { packExamples } from '../../app/data/pack';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { inputsLoss } from '../../app/evaluation/inputsLoss';
import { classGuess } from '../../app/evaluation/uncertainty';
import { tinyData, tinyEngine, VOCAB } from './trainingFixture';

describe('the guess of a class', () => {
  it.each([
    // scipy.stats.entropy(softmax(-nats)) / log(n), SciPy
    { nats: [0.5, 1.5, 3], guess: 0, probability: 0.689672, uncertainty: 0.697957 },
    { nats: [4, 2, 2.1, 9], guess: 1, probability: 0.489936, uncertainty: 0.644561 },
    { nats: [0.1, 12], guess: 0, probability: 0.999993, uncertainty: 0.000126 },
  ])('is the likeliest, with its probability and the entropy of all: $nats', ({ nats, ...want }) => {
    const found = classGuess(nats);
    expect(found.guess).toBe(want.guess);
    expect(found.probability).toBeCloseTo(want.probability, 5);
    expect(found.uncertainty).toBeCloseTo(want.uncertainty, 5);
  });

  it('has no idea where all are as likely, and no doubt where there is but one', () => {
    expect(classGuess([7, 7, 7])).toEqual({ guess: 0, probability: 1 / 3, uncertainty: 1 });
    expect(classGuess([3]).uncertainty).toBe(0);
  });

  it('bears likelihoods that no number could hold', () => {
    const { probability, uncertainty } = classGuess([5000, 5001, 9000]);
    expect(probability).toBeCloseTo(1 / (1 + Math.exp(-1)), 10);
    expect(uncertainty).toBeGreaterThan(0.5);
  });
});

describe('what the bare model makes of the inputs', () => {
  let engine: Engine;
  beforeAll(async () => {
    await startCpu();
    engine = await tinyEngine();
  });

  it('is the loss of all their tokens but the first, and of nothing else', async () => {
    const { training } = tinyData(6);
    const found = await inputsLoss(engine, training);
    const inputs = training.map(({ tokenIds, isLabel }) => tokenIds.slice(0, isLabel.indexOf(1)));
    const batch = packExamples(
      inputs.map((tokenIds) => ({ tokenIds, isLabel: new Uint8Array(tokenIds.length).fill(1) })),
    );
    const scores = await engine.evaluate([null], batch);
    const nats = scores.reduce((sum, score) => sum + score.nats, 0);
    const tokens = inputs.reduce((sum, { length }) => sum + length - 1, 0);
    expect(found?.loss).toBeCloseTo(nats / tokens, 6);
    expect(found?.guessing).toBeCloseTo(Math.log(VOCAB), 12);
    expect(found?.rows).toBe(6);
  });

  it('is nothing where no input has two tokens', async () => {
    const [example] = tinyData(1).training;
    const short = { ...example, tokenIds: Int32Array.of(11, 5, 0), isLabel: Uint8Array.of(0, 1, 1) };
    expect(await inputsLoss(engine, [short])).toBeNull();
  });
});
