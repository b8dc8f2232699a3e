/** @file What is noticed in the rows, said with counts and rows, and what can be done about it. */
import { describe, expect, it } from 'vitest';
import { buildExamples } from '../../app/data/examples';
import { findClasses, findLabelVariants } from '../../app/data/labels';
import { completeOptions } from '../../app/data/options';
import { readRows } from '../../app/data/rows';
import type { DataCheck, DataOptions, Table } from '../../app/data/types';

function table(rows: string[][]): Table {
  const rowNumbers = rows.map((_, i) => i + 2);
  return {
    name: 'a.csv',
    format: 'csv',
    columns: ['text', 'label'],
    rows,
    rowNumbers,
    nested: [],
    notes: [],
  };
}
const read = (rows: string[][], changes: Partial<DataOptions> = {}) =>
  buildExamples(
    table(rows),
    completeOptions({ inputTemplate: '{text}\n', targetTemplate: '{label}', ...changes }),
  );
const check = (rows: string[][], kind: DataCheck['kind'], changes: Partial<DataOptions> = {}) =>
  read(rows, changes).checks.find((each) => each.kind === kind);
const labelled = (labels: string[]) => labels.map((label, i) => [`tea ${i}`, label]);
const times = (count: number, label: string) => Array.from({ length: count }, () => label);

describe('labels', () => {
  const labels = [
    'billing',
    'BILLING',
    'billing ',
    'billing.',
    'technik',
    'technik',
    'versand',
    'versand',
    'billing',
    'technik',
  ];

  it('that are one class in several spellings are told of, with a way to join them', () => {
    expect(check(labelled(labels), 'labelVariants')).toMatchObject({
      action: 'joinLabels',
      text: 'An answer is written in several ways, in 5 rows: “billing” (2), “BILLING” (1), “billing ” (1), “billing.” (1).',
    });
  });

  it('joined are one class, written as most rows have it, and can be taken apart again', () => {
    const joined = read(labelled(labels), { joinLabels: true });
    const all = [...joined.training, ...joined.validation].map(({ target }) => target);
    expect(new Set(all)).toEqual(new Set(['billing', 'technik', 'versand']));
    expect(joined.checks.find(({ kind }) => kind === 'labelVariants')?.action).toBe('separateLabels');
    const rows = readRows({
      table: table(labelled(labels)),
      validationTable: null,
      options: completeOptions({ inputTemplate: '{text}\n', targetTemplate: '{label}', joinLabels: true }),
    });
    expect(rows.classes).toEqual(['billing', 'technik', 'versand']);
  });

  it('are left alone where targets are texts', () => {
    expect(
      findLabelVariants(
        labelled(['Lima', 'lima', 'Oslo', 'Rome', 'Cairo']).map(([, target]) => ({ target })),
      ),
    ).toEqual([]);
    expect(findLabelVariants([...times(9, 'a'), ...times(9, 'b')].map((target) => ({ target })))).toEqual([]);
  });

  it('may be a hundred classes', () => {
    const names = Array.from({ length: 101 }, (_, i) => ({ target: `class ${i}` }));
    expect(findClasses([...names.slice(1), ...names.slice(1)])).toHaveLength(100);
    expect(findClasses([...names, ...names])).toBeNull();
  });
});

describe('rows', () => {
  it('with the same input and different targets', () => {
    const rows = [
      ...labelled(times(20, 'a')),
      ['same', 'x'],
      ['Same ', 'y'],
      ['other', 'x'],
      ['other', 'y'],
      ['other', 'z'],
    ];
    expect(check(rows, 'disagreement')).toMatchObject({
      text: '2 inputs have different targets, in 5 rows.',
      action: null,
    });
    expect(check(labelled(times(20, 'a')), 'disagreement')).toBeUndefined();
  });

  it('whose input holds the target', () => {
    const leaking = Array.from({ length: 12 }, (_, i) => [
      `tea ${i}, mood: ${i % 2 ? 'good' : 'bad'}`,
      i % 2 ? 'good' : 'bad',
    ]);
    expect(check(leaking, 'targetInInput')).toMatchObject({
      action: 'chooseColumns',
      text: expect.stringMatching(/^In 12 rows of 12 the target stands in the input/),
    });
    const chance = Array.from({ length: 12 }, (_, i) => [
      i === 0 ? 'a good tea' : `tea ${i} goodness`,
      i % 2 ? 'bad' : 'good',
    ]);
    expect(check(chance, 'targetInInput')).toBeUndefined();
  });

  it('nearly all of one class', () => {
    expect(check(labelled([...times(19, 'a'), 'b']), 'oneClass')?.text).toBe(
      '19 of 20 targets are “a”: always answering that would be right in 95 % of the rows.',
    );
    expect(check(labelled(times(12, 'a')), 'oneClass')?.text).toContain('nothing to tell apart');
    expect(check(labelled([...times(6, 'a'), ...times(6, 'b')]), 'oneClass')).toBeUndefined();
  });

  it('without target, and without input', () => {
    const rows = [
      ['a', 'x'],
      ['b', ''],
      ['c', ' '],
      ['', 'y'],
      ['d', 'x'],
    ];
    expect(check(rows, 'emptyTargets')).toMatchObject({
      rows: [3, 4],
      text: '2 rows have no text to learn and are left out.',
    });
    expect(check(rows, 'emptyInputs')).toMatchObject({
      rows: [5],
      text: '1 row has no input, only a target.',
    });
  });

  it('that are all well have nothing said of them', () => {
    expect(read(labelled([...times(6, 'a'), ...times(6, 'b')])).checks).toEqual([]);
  });
});
