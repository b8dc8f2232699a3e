/** @file Rows as they are typed, and as files that a spreadsheet opens without harm. */
import Papa from 'papaparse';
import { describe, expect, it } from 'vitest';
import { askedText } from '../../app/session/askedText';
import { toCsv } from '../../app/session/csv';
import { hardestFile, rankedFile } from '../../app/session/rowFiles';
import type { PromptReport } from '../../app/workers/protocol';

describe('what to type to ask about a row', () => {
  it.each([
    ['{text}', 'The soup was cold.', 'The soup was cold.'],
    ['Review: {text}\nSentiment:', 'Review: cold soup\nSentiment:', 'cold soup'],
    ['{text} | {text}', 'a b | a b', 'a b'],
    ['{{json}} {text}', '{json} cold soup', 'cold soup'],
    // Of several columns nothing is put around what is typed: all of it has to be.
    ['{title}: {text}', 'Soup: cold', 'Soup: cold'],
    // The dataset has another template by now.
    ['Review: {text}', 'cold soup', 'cold soup'],
    ['', 'cold soup', 'cold soup'],
  ])('with the template %j, of %j is %j', (template, input, typed) => {
    expect(askedText({ input }, template)).toBe(typed);
  });

  it('of a conversation is what the user says last', () => {
    const turns = [
      { role: 'user' as const, text: 'Hello', learned: false },
      { role: 'assistant' as const, text: 'Hi', learned: false },
      { role: 'user' as const, text: 'Where is it?', learned: false },
    ];
    expect(askedText({ input: 'user: Hello …', turns }, '{text}')).toBe('Where is it?');
  });
});

describe('a CSV file', () => {
  const cells = (text: string) => Papa.parse<string[]>(text.slice(1), { skipEmptyLines: true }).data;

  it('comes back as it was, whatever its cells hold', () => {
    const rows = [
      ['plain', 'a, b', 'say "so"'],
      ['two\nlines', ' spaces ', "it's"],
      ['', 'ü 漢 😀', 'x\r\ny'],
    ];
    expect(cells(toCsv(['a', 'b', 'c'], rows))).toEqual([['a', 'b', 'c'], ...rows]);
  });

  it.each([
    '=1+1',
    '+1',
    '-x',
    '@SUM(A1)',
    '\t=1',
    '\r=1',
    '\n=1',
    '＝1+1',
    '－x',
    '=HYPERLINK("http://a";"b")',
  ])('has no cell that a spreadsheet would run: %j', (cell) => {
    const [[, found]] = cells(toCsv(['a', cell], []));
    expect(found).toBe(`'${cell}`);
    const [, [inRow]] = cells(toCsv(['a'], [[cell]]));
    expect(inRow).toBe(`'${cell}`);
  });

  it.each(['-5', '-0.25', '-1.5e-3', '12'])('leaves the number %s alone', (cell) => {
    expect(cells(toCsv(['a'], [[cell]]))[1]).toEqual([cell]);
  });

  it('has nothing for what is not there, and none but finite numbers', () => {
    expect(toCsv(['a', 'b', 'c'], [[null, 0.5, Number.NaN]])).toBe('\uFEFFa,b,c\r\n,0.5,\r\n');
  });
});

describe('files of rows', () => {
  const prompt = { id: 'p' } as PromptReport;

  it('hard ones have what was wanted and what was said', () => {
    const hardest = [{ row: 7, input: 'a', target: 'x', said: null, loss: 1.234567 }];
    expect(hardestFile({ prompt, rows: 1, of: 1, hardest })).toEqual([
      ['row', 'input', 'target', 'taken for', 'loss'],
      [[7, 'a', 'x', null, 1.2346]],
    ]);
  });

  it('those to label keep their columns and get an empty one for the answer', () => {
    const [columns, lines] = rankedFile({
      prompt,
      columns: ['text', 'guess'],
      target: 'label',
      of: 1,
      by: 'classes',
      rows: [{ row: 2, cells: ['cold soup', 'mine'], guess: 'bad', uncertainty: 0.5 }],
    });
    expect(columns).toEqual(['text', 'guess', 'label', 'prompt’s guess', 'uncertainty']);
    expect(lines).toEqual([['cold soup', 'mine', '', 'bad', 0.5]]);
  });
});
