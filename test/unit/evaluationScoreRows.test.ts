/** @file Rows scored under several contenders in shared passes: the same numbers as each alone. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { predictedClasses } from '../../app/evaluation/classes';
import type { Contender, ScoredData } from '../../app/evaluation/scoreRows';
import { scoreRows } from '../../app/evaluation/scoreRows';
import { HIDDEN, tinyData, tinyEngine, tinyStart } from './trainingFixture';

let engine: Engine;
let contenders: Contender[];
const tiny = tinyData(1, 24);
const data: ScoredData = {
  examples: tiny.validationExamples,
  classes: tiny.classes,
  classTokens: tiny.classTokens,
};
beforeAll(async () => {
  await startCpu();
  engine = await tinyEngine();
  const texts = tiny.validation;
  const longer = texts.map((text) => ({
    ...text,
    tokenIds: Int32Array.from([1, 2, ...text.tokenIds]),
    isLabel: Uint8Array.from([0, 0, ...text.isLabel]),
  }));
  const vectors = (rows: number) => tf.tensor2d(tinyStart(rows), [rows, HIDDEN]);
  contenders = [
    { prompt: null, texts },
    { prompt: null, texts: longer },
    { prompt: { kind: 'prompt', vectors: vectors(3) }, texts },
    { prompt: { kind: 'prompt', vectors: vectors(5) }, texts },
  ];
});

describe('contenders scored together', () => {
  it.each(['likeliest', 'all'] as const)('have the scores of each alone (%s)', async (ask) => {
    const together = await scoreRows(engine, contenders, data, { ask });
    expect(together.map((scores) => scores.map(({ row }) => row))).toEqual(
      contenders.map(() => data.examples.map((_, i) => i)),
    );
    for (const [i, contender] of contenders.entries()) {
      const [alone] = await scoreRows(engine, [contender], data, { ask });
      for (const [j, score] of alone.entries()) {
        expect(together[i][j].nats).toBeCloseTo(score.nats, 4);
        expect({ ...together[i][j], nats: 0, classes: null }).toEqual({ ...score, nats: 0, classes: null });
        expect(together[i][j].classes === null).toBe(score.classes === null);
        score.classes?.nats.forEach((nats, c) => {
          expect(together[i][j].classes?.nats[c]).toBeCloseTo(nats, 4);
        });
      }
    }
  });

  it('know the likeliest class without asking for all, where the target leaves no doubt', async () => {
    const [few] = await scoreRows(engine, contenders.slice(2, 3), data, { ask: 'likeliest' });
    const [all] = await scoreRows(engine, contenders.slice(2, 3), data, { ask: 'all' });
    expect(all.every(({ classes }) => classes !== null)).toBe(true);
    expect(predictedClasses(few)).toEqual(predictedClasses(all));
    for (const { classes, targetClass, nats } of all) {
      expect(classes?.nats[targetClass ?? -1]).toBeCloseTo(nats, 4);
    }
  });

  it('are scored on the rows asked for, in their order', async () => {
    const rows = [7, 2, 11];
    const [scores] = await scoreRows(engine, contenders.slice(2, 3), data, { rows });
    const [all] = await scoreRows(engine, contenders.slice(2, 3), data);
    expect(scores.map(({ row }) => row)).toEqual(rows);
    for (const score of scores) expect(score.nats).toBeCloseTo(all[score.row].nats, 4);
  });

  it('never get a target right that is none of the classes', async () => {
    const examples = data.examples.map((example, i) => (i === 0 ? { ...example, target: 'other' } : example));
    const [[first]] = await scoreRows(engine, contenders.slice(2, 3), { ...data, examples }, { rows: [0] });
    expect(first.targetClass).toBe(-1);
    expect(first.likeliest).toBeGreaterThanOrEqual(0);
  });

  it('leave no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await scoreRows(engine, contenders, data, { ask: 'all' });
    expect(tf.memory().numTensors).toBe(before);
  });
});
