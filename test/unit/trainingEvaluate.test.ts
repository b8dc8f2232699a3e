import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { classCandidates, packExamples, predictClasses } from '../../app/data/pack';
import { startCpu } from '../../app/engine/backend';
import type { Engine, SoftPrompt } from '../../app/engine/engine';
import { affordableRows, pickRows } from '../../app/evaluation/pickRows';
import { AnswerBook } from '../../app/training/answers';
import { evaluatePrompt } from '../../app/training/evaluate';
import { type InitialiserSource, startTokens, startVectors } from '../../app/training/initialise';
import type { Initialiser } from '../../app/training/types';
import {
  END_OF_TEXT,
  HIDDEN,
  tinyData,
  tinyEngine,
  tinyStart,
  tinyTokenizer,
  VOCAB,
} from './trainingFixture';

let engine: Engine;
let prompt: SoftPrompt;
beforeAll(async () => {
  await startCpu();
  engine = await tinyEngine();
  prompt = { kind: 'prompt', vectors: tf.tensor2d(tinyStart(3), [3, HIDDEN]) };
});

describe('evaluation', () => {
  const data = tinyData(1, 30);

  it('has the loss, token accuracy and class accuracy of scoring everything', async () => {
    for (const asked of [prompt, null]) {
      const found = await evaluatePrompt(engine, asked, data);
      const scores = await engine.evaluate([asked], packExamples(data.validation));
      const sum = (key: 'nats' | 'labels' | 'hits') => scores.reduce((s, score) => s + score[key], 0);
      const candidates = classCandidates(data.validation, data.classTokens);
      const likeliest = predictClasses(candidates, await engine.evaluate([asked], candidates.batch));
      const right = likeliest.filter((c, i) => data.classes?.[c] === data.validationExamples[i].target);
      expect(found.loss).toBeCloseTo(sum('nats') / sum('labels'), 5);
      expect(found.tokenAccuracy).toBeCloseTo(sum('hits') / sum('labels'), 12);
      expect(found.accuracy).toBeCloseTo(right.length / 30, 12);
      expect(found.rows).toBe(30);
    }
  });

  it('passes over the classes only where the target outweighs all else', async () => {
    // An engine that finds targets of the first class likely and all other texts unlikely.
    const asked: number[] = [];
    const sure: Engine = Object.create(engine, {
      evaluate: {
        value: async (_: unknown, batch: Parameters<Engine['evaluate']>[1]) => {
          asked.push(batch.texts.length);
          return batch.texts.map(({ start, length }) => {
            const labels = batch.isLabel.subarray(start, start + length).reduce((a, b) => a + b, 0);
            return { nats: labels === 2 ? 0.6 : 5, labels, hits: 0 };
          });
        },
      },
    });
    const first = data.validationExamples.filter(({ target }) => target === data.classes?.[0]).length;
    const { accuracy } = await evaluatePrompt(sure, prompt, data);
    expect(asked).toEqual([30, (30 - first) * 2]);
    expect(accuracy).toBeCloseTo(first / 30, 12);
    // Where one class begins with another, their likelihoods overlap: every row is compared.
    asked.length = 0;
    const nested = { ...data, classTokens: [data.classTokens[0], Int32Array.of(...data.classTokens[0], 9)] };
    await evaluatePrompt(sure, prompt, nested);
    expect(asked).toEqual([30, 60]);
  });

  it('has no class accuracy where the task has no classes', async () => {
    const found = await evaluatePrompt(engine, prompt, { ...data, classes: null, classTokens: [] });
    expect(found.accuracy).toBeNull();
    expect(found.loss).toBeGreaterThan(0);
  });

  it('tells how far it is to its end, and stops when asked', async () => {
    const progress: [number, number][] = [];
    await evaluatePrompt(engine, prompt, data, { onProgress: (done, total) => progress.push([done, total]) });
    const [done, total] = progress.at(-1) ?? [];
    expect(done).toBe(total);
    const abort = new AbortController();
    const aborted = evaluatePrompt(engine, prompt, data, {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    });
    await expect(aborted).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await evaluatePrompt(engine, prompt, data);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('looks at the same random rows each time', () => {
    const rows = pickRows(1000, 50);
    expect(rows).toEqual(pickRows(1000, 50));
    expect(new Set(rows).size).toBe(50);
    expect(rows).toEqual(rows.toSorted((a, b) => a - b));
    expect(rows.at(-1)).toBeGreaterThan(500);
    expect(pickRows(3, 50)).toEqual([0, 1, 2]);
  });

  it('looks at fewer rows only where asking for their classes takes long', () => {
    const texts = tinyData(1, 10).validation;
    const classes = (count: number, tokens: number) =>
      Array.from({ length: count }, () => new Int32Array(tokens));
    const affordable = (name: Engine['name'], most: number, ...labels: [number, number]) =>
      affordableRows(most, { name }, texts, classes(...labels));
    // A text that is run once for all classes leaves room for all rows, even of 77 classes.
    expect(affordable('wasm', 100, 77, 3)).toBe(100);
    expect(affordable('webgpu', 100, 2, 3)).toBe(100);
    expect(affordable('reference', 100, 10, 3)).toBe(100);
    // The reference runs it for every one; labels in many pieces are long wherever they are.
    expect(affordable('reference', 100, 77, 3)).toBeLessThan(60);
    expect(affordable('wasm', 100, 77, 14)).toBe(30);
    expect(affordable('wasm', 12, 77, 14)).toBe(12);
    expect(affordableRows(100, { name: 'wasm' }, texts, [])).toBe(100);
  });
});

describe('answers', () => {
  it('are greedy, without and with the prompt, and the bare ones are asked for once', async () => {
    const data = tinyData(1, 6);
    const asked: (SoftPrompt | null)[] = [];
    const counting: Engine = Object.create(engine, {
      generate: {
        value: (...args: Parameters<Engine['generate']>) => {
          asked.push(args[0]);
          return engine.generate(...args);
        },
      },
    });
    const book = new AnswerBook(counting, { data, rows: [1, 2, 3, 4, 5], tokenizer: tinyTokenizer });
    const { signal } = new AbortController();
    const rows = await book.answers(prompt, signal);
    expect(rows).toHaveLength(4);
    expect(rows[0]).toMatchObject({
      input: data.validationExamples[1].input,
      target: data.validationExamples[1].target,
    });
    expect(rows.some((row) => row.with !== row.without)).toBe(true);
    expect(await book.answers(prompt, signal)).toEqual(rows);
    expect(asked.filter((each) => each === null)).toHaveLength(4);
    expect(asked.filter((each) => each === prompt)).toHaveLength(8);
  });

  it('have those after the best instruction beside them, asked for once for each instruction', async () => {
    const data = tinyData(1, 6);
    const words = (name: string, token: number) => ({
      name,
      instruction: name,
      shots: 0,
      test: [],
      validation: data.validation.map((example) => ({
        ...example,
        tokenIds: Int32Array.from([token, ...example.tokenIds]),
        isLabel: Uint8Array.from([0, ...example.isLabel]),
      })),
    });
    const [first, second] = [words('Sort.', 7), words('Choose.', 8)];
    let best: typeof first | null = null;
    const asked: number[] = [];
    const counting: Engine = Object.create(engine, {
      generate: {
        value: (...args: Parameters<Engine['generate']>) => {
          if (args[0] === null) asked.push(args[1][0]);
          return engine.generate(...args);
        },
      },
    });
    const book = new AnswerBook(counting, {
      data,
      rows: [1, 2],
      tokenizer: tinyTokenizer,
      instruction: () => best,
    });
    const { signal } = new AbortController();
    expect((await book.answers(prompt, signal)).map(({ told }) => told)).toEqual([null, null]);
    best = first;
    const rows = await book.answers(prompt, signal);
    expect(rows.every(({ told }) => typeof told === 'string')).toBe(true);
    await book.answers(prompt, signal);
    best = second;
    await book.answers(prompt, signal);
    best = first;
    expect(await book.answers(prompt, signal)).toEqual(rows);
    expect(asked.filter((id) => id === 7)).toHaveLength(2);
    expect(asked.filter((id) => id === 8)).toHaveLength(2);
  });

  it('stop when asked', async () => {
    const book = new AnswerBook(engine, { data: tinyData(1, 6), rows: [0], tokenizer: tinyTokenizer });
    await expect(book.answers(prompt, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
  });
});

describe('initialisers', () => {
  const source: InitialiserSource = {
    tokenizer: tinyTokenizer,
    training: tinyData(20, 0).training,
    file: null,
    elementRms: 0.3,
  };
  const init = (
    initialiser: Initialiser,
    more: { initText?: string; virtualTokens?: number; seed?: number } = {},
  ) => startVectors(engine, { initialiser, initText: '', virtualTokens: 5, seed: 1, ...more }, source);
  const embedded = (ids: number[]) =>
    tf.tidy(() => engine.embed(Int32Array.from(ids)).dataSync() as Float32Array);
  const row = (values: Float32Array, i: number) => values.slice(i * HIDDEN, (i + 1) * HIDDEN);

  it('text: the words’ embeddings, repeated or cut to length, special tokens left out', async () => {
    expect(await init('text', { initText: 't7 t0 t8' })).toEqual(embedded([7, 8, 7, 8, 7]));
    expect(await init('text', { initText: 't7 t8 t9', virtualTokens: 2 })).toEqual(embedded([7, 8]));
    await expect(init('text', { initText: '' })).rejects.toThrow(/no tokens/);
  });

  it('labels: the target words, commonest first', async () => {
    expect(await init('labels')).toEqual(embedded([5, 6, 7, 5, 6]));
  });

  it('examples: whole training rows with their answers up to the end, those of both answers, no special token', async () => {
    const written = source.training.map(({ tokenIds }) =>
      [...tokenIds].filter((id) => id !== END_OF_TEXT).join(),
    );
    for (const seed of [1, 2, 3, 4]) {
      const ids = await startTokens(
        engine,
        { initialiser: 'examples', initText: '', virtualTokens: 40, seed },
        source,
      );
      expect(ids).toHaveLength(40);
      expect(ids).not.toContain(END_OF_TEXT);
      expect(ids).toContain(5);
      expect(ids).toContain(6);
      // From the end, row by row, each one of the training rows, and none twice; only the first is cut.
      const found: string[] = [];
      let end = ids.length;
      for (let start = end - 1; start >= 0; start--) {
        const piece = ids.slice(start, end).join();
        if (!written.includes(piece)) continue;
        found.push(piece);
        end = start;
      }
      expect(end).toBeLessThan(11);
      expect(new Set(found).size).toBe(found.length);
    }
    const init = (virtualTokens: number) =>
      startTokens(engine, { initialiser: 'examples', initText: '', virtualTokens, seed: 1 }, source);
    // Too few rows are told again in front.
    const all = source.training.reduce((sum, { tokenIds }) => sum + tokenIds.length - 1, 0);
    const long = await init(all + 7);
    expect(long.slice(0, 7)).toEqual(long.slice(-7));
    expect(long.slice(7)).toEqual(await init(all));
  });

  it('vocabulary: different ordinary tokens, the same for the same seed', async () => {
    const values = await init('vocabulary', { virtualTokens: VOCAB - 1 });
    const table = embedded(Array.from({ length: VOCAB }, (_, id) => id));
    const ids = Array.from({ length: VOCAB - 1 }, (_, i) =>
      Array.from({ length: VOCAB }, (_, id) => id).findIndex((id) =>
        row(table, id).every((v, d) => v === row(values, i)[d]),
      ),
    );
    expect(new Set(ids)).toEqual(new Set(Array.from({ length: VOCAB - 1 }, (_, i) => i + 1)));
    expect(ids).not.toContain(END_OF_TEXT);
    expect(await init('vocabulary')).toEqual(await init('vocabulary'));
    expect(await init('vocabulary', { seed: 2 })).not.toEqual(await init('vocabulary'));
  });

  it('random: the mean and deviation of the vocabulary in each dimension', async () => {
    const rows = 4000;
    const values = await init('random', { virtualTokens: rows });
    const table = embedded(Array.from({ length: VOCAB }, (_, id) => id));
    const moments = (all: Float32Array, n: number, d: number) => {
      const column = Array.from({ length: n }, (_, i) => all[i * HIDDEN + d]);
      const mean = column.reduce((a, b) => a + b) / n;
      return [mean, Math.sqrt(column.reduce((s, x) => s + (x - mean) ** 2, 0) / n)];
    };
    for (let d = 0; d < HIDDEN; d++) {
      const [mean, deviation] = moments(values, rows, d);
      const [tableMean, tableDeviation] = moments(table, VOCAB, d);
      expect(Math.abs(mean - tableMean)).toBeLessThan(4 * (tableDeviation / Math.sqrt(rows)));
      expect(deviation / tableDeviation).toBeCloseTo(1, 1);
    }
    expect(await init('random')).toEqual(await init('random'));
  });

  it('file: the given vectors, and only of the right shape', async () => {
    const settings = { initialiser: 'file', initText: '', virtualTokens: 2, seed: 1 } as const;
    const file = { kind: 'prompt' as const, values: tinyStart(2), virtualTokens: 2, width: HIDDEN };
    expect(await startVectors(engine, settings, { ...source, file })).toEqual(tinyStart(2));
    const wide = { kind: 'prompt' as const, values: new Float32Array(48), virtualTokens: 2, width: 24 };
    await expect(startVectors(engine, settings, { ...source, file: wide })).rejects.toThrow(/24 numbers.*16/);
    const long = { kind: 'prompt' as const, values: tinyStart(3), virtualTokens: 3, width: HIDDEN };
    await expect(startVectors(engine, settings, { ...source, file: long })).rejects.toThrow(
      /has 3 virtual tokens/,
    );
    await expect(init('file')).rejects.toThrow(/no prompt file/);
  });

  it('leave no tensor behind', async () => {
    const before = tf.memory().numTensors;
    for (const initialiser of ['labels', 'vocabulary', 'random'] as const) await init(initialiser);
    expect(tf.memory().numTensors).toBe(before);
  });
});
