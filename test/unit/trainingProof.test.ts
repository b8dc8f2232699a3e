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
    { name: 'bare', instruction: '', shots: 0, validation: data.validation, test: data.test },
    {
      name: 'instruction 1',
      instruction: 'Sort.',
      shots: 0,
      validation: told(data.validation),
      test: told(data.test),
    },
  ];
}

describe('a proof', () => {
  it('scores words on the validation rows as an evaluation of each alone does', async () => {
    const proof = new Proof({
      engine,
      data,
      words: words(),
      mostRows: { validation: 100, look: 100, whole: 100 },
    });
    const records = await proof.words();
    expect(records.map(({ name }) => name)).toEqual(['bare', 'instruction 1']);
    const bare = await evaluatePrompt(engine, null, data);
    expect(records[0].loss).toBeCloseTo(bare.loss, 5);
    expect(records[0].accuracy).toBe(bare.accuracy);
    expect(await proof.words()).toBe(records);
  });

  it('judges by test rows alone, the soft prompt last', async () => {
    const proof = new Proof({
      engine,
      data,
      words: words(),
      mostRows: { validation: 100, look: 100, whole: 100 },
    });
    const open = await proof.verdict(null, 0, 'whole');
    expect(open.contenders.map(({ name }) => name)).toEqual(['bare', 'instruction 1']);
    expect(open.difference).toBeNull();
    const vectors = tf.tensor2d(tinyStart(3), [3, HIDDEN]);
    const judged = await proof.verdict({ kind: 'prompt', vectors }, 10, 'whole');
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
      new Proof({
        engine,
        data: none,
        words: words(),
        mostRows: { validation: 100, look: 100, whole: 100 },
      }).possible,
    ).toBe(false);
  });

  it('knows the instruction that is right most often, once words are scored', async () => {
    const proof = new Proof({
      engine,
      data,
      words: words(),
      mostRows: { validation: 100, look: 9, whole: 9 },
    });
    expect(proof.bestInstruction).toBeNull();
    await proof.words();
    expect(proof.bestInstruction?.name).toBe('instruction 1');
  });
});

describe('a look and a whole verdict', () => {
  const mostRows = { validation: 100, look: 6, whole: 100 };
  const prompt = () => ({ kind: 'prompt' as const, vectors: tf.tensor2d(tinyStart(3), [3, HIDDEN]) });

  /** Counts the texts that the engine is asked about, by the prompt that they follow. */
  function counting(): { counted: Engine; texts: { words: number; prompt: number } } {
    const texts = { words: 0, prompt: 0 };
    const evaluate: Engine['evaluate'] = (prompts, batch) => {
      // What is made of the inputs themselves is asked with every token as a label, and does not count here.
      const answers = batch.isLabel.includes(0);
      if (answers) for (const { prompt } of batch.texts) texts[prompts[prompt] ? 'prompt' : 'words']++;
      return engine.evaluate(prompts, batch);
    };
    return { counted: Object.create(engine, { evaluate: { value: evaluate } }), texts };
  }

  it('a look rests on a few of the rows that the whole verdict rests on, and says so', async () => {
    const proof = new Proof({ engine, data, words: words(), mostRows });
    const own = prompt();
    const look = await proof.verdict(own, 5, 'look');
    expect([look.rows, look.of, look.whole]).toEqual([6, 20, false]);
    expect(look.contenders.map(({ rows }) => rows)).toEqual([6, 6, 6]);
    const whole = await proof.verdict(own, 5, 'whole');
    expect([whole.rows, whole.of, whole.whole]).toEqual([20, 20, true]);
    const wrongRows = whole.wrong.map(({ row }) => row);
    for (const { row } of look.wrong) expect(wrongRows).toContain(row);
    own.vectors.dispose();
  });

  it('says the same as a verdict that nothing came before', async () => {
    const own = prompt();
    const after = new Proof({ engine, data, words: words(), mostRows });
    await after.verdict(null, 0, 'look');
    await after.verdict(own, 5, 'look');
    const alone = new Proof({ engine, data, words: words(), mostRows });
    expect(await after.verdict(own, 5, 'whole')).toEqual(await alone.verdict(own, 5, 'whole'));
    own.vectors.dispose();
  });

  it('no row is asked of words twice, nor of a prompt that stayed the same', async () => {
    const { counted, texts } = counting();
    const all = { ...data, classes: null, classTokens: [] };
    const proof = new Proof({ engine: counted, data: all, words: words(), mostRows });
    const own = prompt();
    await proof.verdict(null, 0, 'look');
    expect(texts).toEqual({ words: 12, prompt: 0 });
    await proof.verdict(own, 5, 'look');
    expect(texts).toEqual({ words: 12, prompt: 6 });
    await proof.verdict(own, 5, 'whole');
    expect(texts).toEqual({ words: 40, prompt: 20 });
    await proof.verdict(own, 9, 'look');
    expect(texts).toEqual({ words: 40, prompt: 26 });
    own.vectors.dispose();
  });

  it('takes no more rows once its time is up, the same for all prompts, and counts those that it took', async () => {
    let clock = 0;
    const many = tinyData(4, 4, 70);
    const told = words().map((each) => ({ ...each, validation: many.validation, test: many.test }));
    const proof = new Proof({
      engine,
      data: many,
      words: told,
      mostRows: { validation: 4, look: 70, whole: 70 },
      time: { look: 15, whole: 25 },
      now: () => (clock += 10),
    });
    const own = prompt();
    const look = await proof.verdict(null, 0, 'look');
    expect([look.rows, look.of, look.whole]).toEqual([32, 70, false]);
    const whole = await proof.verdict(own, 5, 'whole');
    expect([whole.rows, whole.whole]).toEqual([48, true]);
    expect(whole.contenders.map(({ rows }) => rows)).toEqual([48, 48, 48]);
    clock = -1e6;
    expect((await proof.verdict(own, 9, 'whole')).rows).toBe(48);
    own.vectors.dispose();
  });

  it('that is given up goes on where it was', async () => {
    const { counted, texts } = counting();
    const all = { ...data, classes: null, classTokens: [] };
    const proof = new Proof({ engine: counted, data: all, words: words(), mostRows });
    const abort = new AbortController();
    const onProgress = (done: number) => done >= 16 && abort.abort();
    await expect(proof.verdict(null, 0, 'whole', { onProgress, signal: abort.signal })).rejects.toMatchObject(
      { name: 'AbortError' },
    );
    expect(texts.words).toBe(32);
    const whole = await proof.verdict(null, 0, 'whole');
    expect(whole.rows).toBe(20);
    expect(texts.words).toBe(40);
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

  it('takes a look at a few test rows on the way, and asks all of them once it rests', async () => {
    const many = tinyData(40, 12, 60);
    const compared = words().map((each) => ({ ...each, validation: many.validation, test: many.test }));
    const { told, events } = listen();
    const trainer = new Trainer(
      { ...(await tinyInputs(engine, settings)), data: many, words: compared },
      events,
    );
    await trainer.resume();
    expect(told.verdicts.map(({ rows, of, whole }) => [rows, of, whole])).toEqual(
      told.verdicts.map(() => [48, 60, false]),
    );
    await trainer.judged();
    const last = told.verdicts.at(-1);
    expect([last?.rows, last?.of, last?.whole]).toEqual([60, 60, true]);
    expect(last?.step).toBe(trainer.state.bestStep);
    await trainer.dispose();
  });

  it('that is paused is judged while it rests, and goes on when it is told to', async () => {
    const many = tinyData(40, 12, 60);
    const compared = words().map((each) => ({ ...each, validation: many.validation, test: many.test }));
    const { told, events } = listen({
      validation: () => {
        if (told.validations.length === 1) void trainer.pause();
      },
    });
    const trainer = new Trainer(
      { ...(await tinyInputs(engine, settings)), data: many, words: compared },
      events,
    );
    await trainer.resume();
    expect(trainer.state.phase).toBe('paused');
    const going = trainer.resume();
    await going;
    await trainer.judged();
    expect(trainer.state.phase).toBe('finished');
    expect(told.verdicts.at(-1)?.whole).toBe(true);
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
