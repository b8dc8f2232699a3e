/** @file Rows in three parts: sizes, classes in proportion, what belongs together on one side, and rows of their own. */
import { describe, expect, it, test } from 'vitest';
import { buildExamples } from '../../app/data/examples';
import { completeOptions } from '../../app/data/options';
import { guessGroupColumn, usualShares } from '../../app/data/splitRule';
import type { DataOptions, Example, Table } from '../../app/data/types';

function table(columns: string[], rows: string[][], name = 'a.csv'): Table {
  const rowNumbers = rows.map((_, i) => i + 2);
  return { name, format: 'csv', columns, rows, rowNumbers, nested: [], notes: [] };
}

const options = (changes: Partial<DataOptions> = {}) =>
  completeOptions({
    inputTemplate: '{text}\n',
    targetTemplate: '{label}',
    validationShare: 0.15,
    testShare: 0.15,
    ...changes,
  });
const count = (examples: readonly Example[], target: string) =>
  examples.filter((each) => each.target === target).length;

test.each([
  [10, 0.2, 0],
  [19, 0.2, 0],
  [20, 0.15, 0.15],
  [1000, 0.15, 0.15],
  [10_000, 0.1, 0.1],
  [100_000, 0.01, 0.01],
])('%i rows keep a share of %f for validation and %f for the test', (rows, validationShare, testShare) => {
  expect(usualShares(rows, false, false)).toEqual({ validationShare, testShare });
});

test('a test of their own leaves validation to be split off, and beside validation rows no test is taken', () => {
  expect(usualShares(1000, false, true)).toEqual({ validationShare: 0.15, testShare: 0 });
  expect(usualShares(1000, true, false).testShare).toBe(0);
});

describe('the parts', () => {
  const rows = Array.from({ length: 200 }, (_, i) => [`text ${i}`, i % 10 === 0 ? 'rare' : 'common']);

  it('have every class in proportion', () => {
    const { training, validation, test } = buildExamples(table(['text', 'label'], rows), options());
    expect([training.length, validation.length, test.length]).toEqual([140, 30, 30]);
    for (const [part, rare] of [
      [training, 14],
      [validation, 3],
      [test, 3],
    ] as const)
      expect(count(part, 'rare')).toBe(rare);
  });

  it('leave a training row of every class, however rare', () => {
    const few = [...Array.from({ length: 40 }, (_, i) => [`a ${i}`, 'a']), ['b 0', 'b'], ['b 1', 'b']];
    for (let splitSeed = 1; splitSeed <= 20; splitSeed++) {
      const { training } = buildExamples(
        table(['text', 'label'], few),
        options({ validationShare: 0.4, testShare: 0.4, splitSeed }),
      );
      expect(count(training, 'b')).toBeGreaterThan(0);
    }
  });

  it('follow from the seed and share nothing', () => {
    const data = table(['text', 'label'], rows);
    const first = buildExamples(data, options());
    expect(buildExamples(data, options())).toEqual(first);
    expect(buildExamples(data, options({ splitSeed: 2 })).test).not.toEqual(first.test);
    const all = [...first.training, ...first.validation, ...first.test].map(({ row }) => row);
    expect(new Set(all).size).toBe(200);
    expect(first.training.map(({ row }) => row)).toEqual(
      first.training.map(({ row }) => row).toSorted((a, b) => a - b),
    );
  });

  it('never divide rows with the same input, however it is written', () => {
    const repeated = Array.from({ length: 120 }, (_, i) => [
      [`Text ${i % 40}`, `text  ${i % 40}`, `TEXT ${i % 40} `][Math.floor(i / 40)],
      ['x', 'y', 'z'][Math.floor(i / 40)],
    ]);
    const split = buildExamples(table(['text', 'label'], repeated), options());
    const side = new Map<string, string>();
    for (const part of ['training', 'validation', 'test'] as const) {
      for (const { input } of split[part]) {
        const key = input.trim().toLowerCase().replace(/\s+/g, ' ');
        expect(side.get(key) ?? part).toBe(part);
        side.set(key, part);
      }
    }
    expect(split.validation.length).toBeGreaterThan(10);
    expect(split.test.length).toBeGreaterThan(10);
  });

  it('keep the rows of one conversation or document together', () => {
    const grouped = Array.from({ length: 100 }, (_, i) => [
      `text ${i}`,
      i % 2 ? 'a' : 'b',
      `doc ${Math.floor(i / 4)}`,
    ]);
    const data = table(['text', 'label', 'document_id'], grouped);
    const split = buildExamples(data, options({ groupColumn: 'document_id' }));
    const docs = (part: readonly Example[]) => new Set(part.map(({ row }) => Math.floor((row - 2) / 4)));
    for (const [one, other] of [
      ['training', 'validation'],
      ['training', 'test'],
      ['validation', 'test'],
    ] as const) {
      expect([...docs(split[one])].filter((doc) => docs(split[other]).has(doc))).toEqual([]);
    }
    expect(split.validation.length).toBeGreaterThanOrEqual(12);
    expect(split.test.length).toBeGreaterThanOrEqual(12);
  });

  it('divide rows under one instruction, which is no input that repeats', () => {
    const jokes = Array.from({ length: 60 }, (_, i) => ['Tell a joke', `joke ${i}`]);
    const { validation, test } = buildExamples(table(['text', 'label'], jokes), options());
    expect([validation.length, test.length]).toEqual([9, 9]);
  });
});

describe('rows of their own', () => {
  const train = table(
    ['text', 'label'],
    Array.from({ length: 30 }, (_, i) => [`text ${i}`, i % 2 ? 'a' : 'b']),
  );
  const held = table(
    ['text', 'label'],
    [
      ['text 3', 'a'],
      ['TEXT 4', 'other'],
      ['new', 'a'],
    ],
    'test.csv',
  );

  it('for the test are the test; training loses what they hold, and it is said', () => {
    const split = buildExamples(train, options({ testShare: 0 }), { test: held });
    expect(split.test.map(({ input }) => input.trim()).sort()).toEqual(['TEXT 4', 'new', 'text 3']);
    expect(split.training.length + split.validation.length).toBe(28);
    // The same row is a duplicate, the same input with another target is told of.
    expect(split.duplicateRows).toBe(1);
    const check = split.checks.find(({ kind }) => kind === 'acrossSplit');
    expect(check).toMatchObject({
      rows: [6],
      text: '1 row for training has the input of a row in the test file, and is left out.',
    });
  });

  it('for both leave the training rows whole', () => {
    const validation = table(['text', 'label'], [['other', 'a']], 'validation.csv');
    const split = buildExamples(train, options(), { validation, test: held });
    expect([split.training.length, split.validation.length, split.test.length]).toEqual([28, 1, 3]);
  });

  it('must have the columns', () => {
    const other = table(['words'], [['a']], 'test.csv');
    expect(() => buildExamples(train, options(), { test: other })).toThrow(
      /test file “test.csv” does not fit/,
    );
  });
});

describe('the column that keeps rows together', () => {
  const withColumn = (name: string, value: (i: number) => string) =>
    table(
      ['question', name, 'answer'],
      Array.from({ length: 60 }, (_, i) => [`q ${i}`, value(i), `a ${i}`]),
    );
  const guess = (name: string, value: (i: number) => string, inputTemplate = '{question}\n') =>
    guessGroupColumn(withColumn(name, value), { inputTemplate, targetTemplate: '{answer}' });

  it('names a conversation, document or case, and repeats', () => {
    expect(guess('conversation_id', (i) => `c${i >> 2}`)).toBe('conversation_id');
    expect(guess('Ticket', (i) => String(1000 + (i >> 1)))).toBe('Ticket');
    expect(guess('context', (i) => `text ${i >> 2}`, '{context}\n{question}\n')).toBe('context');
  });

  it('is none that is different in every row, the same in all, or says something else', () => {
    expect(guess('conversation_id', (i) => `c${i}`)).toBeNull();
    expect(guess('group', () => 'sums')).toBeNull();
    expect(guess('mood', (i) => `m${i >> 2}`)).toBeNull();
    expect(guess('context', (i) => `text ${i >> 2}`)).toBeNull();
  });
});
