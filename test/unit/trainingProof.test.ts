/** @file A run compares its prompt with words on rows that nothing is chosen by, and tells of it at the right moments. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { startCpu } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { evaluatePrompt } from '../../app/training/evaluate';
import { Proof, SOFT_PROMPT, type Words } from '../../app/training/proof';
import { Trainer } from '../../app/training/trainer';
import { HIDDEN, listen, tinyData, tinyEngine, tinyInputs, tinySettings, tinyStart } from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startCpu();
  engine = await tinyEngine();
});

const data = tinyData(40, 12, 20);

/** The bare model, and one that reads two more tokens before every text. */
function words(): Words[] {
  const told = (examples: typeof data.test) =>
    examples.map((example) => ({
      ...example,
      tokenIds: Int32Array.from([7, 8, ...example.tokenIds]),
      isLabel: Uint8Array.from([0, 0, ...example.isLabel]),
    }));
  return [
    { name: 'bare', instruction: '', validation: data.validation, test: data.test },
    {
      name: 'instruction 1',
      instruction: 'Sort.',
      validation: told(data.validation),
      test: told(data.test),
    },
  ];
}

describe('a proof', () => {
  it('scores words on the validation rows as an evaluation of each alone does', async () => {
    const proof = new Proof({ engine, data, words: words(), mostRows: { validation: 100, test: 100 } });
    const records = await proof.words();
    expect(records.map(({ name }) => name)).toEqual(['bare', 'instruction 1']);
    const bare = await evaluatePrompt(engine, null, data);
    expect(records[0].loss).toBeCloseTo(bare.loss, 5);
    expect(records[0].accuracy).toBe(bare.accuracy);
    expect(await proof.words()).toBe(records);
  });

  it('judges by test rows alone, the soft prompt last', async () => {
    const proof = new Proof({ engine, data, words: words(), mostRows: { validation: 100, test: 100 } });
    const open = await proof.verdict(null, 0);
    expect(open.contenders.map(({ name }) => name)).toEqual(['bare', 'instruction 1']);
    expect(open.difference).toBeNull();
    const vectors = tf.tensor2d(tinyStart(3), [3, HIDDEN]);
    const judged = await proof.verdict({ kind: 'prompt', vectors }, 10);
    const own = await evaluatePrompt(
      engine,
      { kind: 'prompt', vectors },
      { ...data, validation: data.test, validationExamples: data.testExamples },
    );
    vectors.dispose();
    expect(judged.rows).toBe(20);
    expect(judged.contenders.at(-1)?.name).toBe(SOFT_PROMPT);
    expect(judged.contenders.at(-1)?.accuracy?.value).toBeCloseTo(own.accuracy ?? -1, 12);
    expect(judged.difference?.measure).toBe('accuracy');
    const wrong = Math.round(20 * (1 - (own.accuracy ?? 0)));
    expect(judged.wrong).toHaveLength(wrong);
    expect(judged.wrong.map(({ nats }) => nats)).toEqual(
      judged.wrong.map(({ nats }) => nats).toSorted((a, b) => b - a),
    );
    for (const row of judged.wrong) expect(row.said).not.toBe(row.target);
  });

  it('is not possible without test rows', () => {
    const none = { ...data, test: [], testExamples: [] };
    expect(
      new Proof({ engine, data: none, words: words(), mostRows: { validation: 100, test: 100 } }).possible,
    ).toBe(false);
  });
});

describe('a run', () => {
  const settings = { ...tinySettings, steps: 20, validateEvery: 10 };

  it('has its verdict before the first step, and again with every better prompt', async () => {
    const { told, events } = listen();
    const trainer = new Trainer({ ...(await tinyInputs(engine, settings)), data, words: words() }, events);
    await trainer.resume();
    expect(told.words.map(({ name }) => name)).toEqual(['bare', 'instruction 1']);
    expect(told.verdicts[0].step).toBe(0);
    expect(told.verdicts[0].difference).toBeNull();
    const better = told.validations.filter(({ best }) => best).map(({ step }) => step);
    expect(told.verdicts.slice(1).map(({ step }) => step)).toEqual(better);
    expect(told.verdicts.at(-1)?.difference?.points).toBeTypeOf('number');
    await trainer.dispose();
  });

  it('that is paused while words are scored scores them on resuming', async () => {
    const { told, events } = listen({
      validationProgress: () => {
        if (told.states.some(({ phase }) => phase === 'paused')) return;
        void trainer.pause();
      },
    });
    const trainer = new Trainer({ ...(await tinyInputs(engine, settings)), data, words: words() }, events);
    await trainer.resume();
    expect(told.steps).toEqual([]);
    expect(told.verdicts).toEqual([]);
    await trainer.resume();
    expect(told.verdicts[0].step).toBe(0);
    expect(trainer.state.phase).toBe('finished');
    await trainer.dispose();
  });

  it('makes the same steps whether it is compared or not', async () => {
    const losses = async (compared: Words[]) => {
      const { told, events } = listen();
      const trainer = new Trainer({ ...(await tinyInputs(engine, settings)), data, words: compared }, events);
      await trainer.resume();
      await trainer.dispose();
      return told.steps.map(({ loss }) => loss);
    };
    expect(await losses(words())).toEqual(await losses([]));
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const trainer = new Trainer({ ...(await tinyInputs(engine, settings)), data, words: words() }, {});
    await trainer.resume();
    await trainer.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
