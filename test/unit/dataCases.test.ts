/** @file Small files of every kind that has been read wrongly somewhere (test/fixtures/data/cases): what each is to be. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openData } from '../../app/data/open';
import { readRows } from '../../app/data/rows';

const folder = `${import.meta.dirname}/../fixtures/data/cases/`;

async function read(...names: string[]) {
  const files = names.map((name) => ({ name, bytes: new Uint8Array(readFileSync(folder + name)) }));
  const { train, validation, test } = await openData(files);
  return readRows({ table: train, validationTable: validation, testTable: test, options: null });
}

const pairs = (rows: Awaited<ReturnType<typeof read>>) =>
  rows.first.map(({ input, target }) => [input.trimEnd(), target]);
const tea = [
  ['good tea', 'pos'],
  ['bad tea', 'neg'],
];

test.each<[string, string[][]]>([
  ['scores.json', tea],
  ['scores.jsonl', [...tea, ['fine tea', 'pos']]],
  ['one-line.jsonl', tea],
  ['rows-on-lines.jsonl', tea],
  ['joined.jsonl', tea],
  ['joined.csv', tea],
  ['bom.csv', tea],
  ['square.json', tea],
  ['noindex.json', tea],
  ['index.json', tea],
  ['index-numbered.json', tea],
  ['columns-numbered-names.json', tea],
  ['viewer-rows.json', tea],
  ['doccano.jsonl', [...tea, ['fine tea', 'pos'], ['cold tea', 'neg']]],
  ['fasttext.txt', [...tea, ['fine tea', 'pos'], ['cold tea', 'neg']]],
  ['odd-names.jsonl', tea],
  [
    'sums.jsonl',
    [
      ['9007199254740992 + 1', '9007199254740993'],
      ['123456789 * 987654321987', '121932631355968607347'],
      ['1.10 + 0.00', '1.10'],
    ],
  ],
])('%s', async (name, expected) => {
  expect(pairs(await read(name))).toEqual(expected);
});

test('one JSON file with train and test is both', async () => {
  const rows = await read('splits.json');
  expect(pairs(rows)).toEqual([['good tea', 'pos']]);
  expect(rows.test.map(({ input, target }) => [input.trimEnd(), target])).toEqual([['bad tea', 'neg']]);
});

test.each([
  ['openai.jsonl', ['system: Answer in one word.', 'user: Capital of Peru?', '*assistant: Lima']],
  ['sharegpt.json', ['user: Capital of Peru?', '*assistant: Lima']],
  ['conversations-from-value.jsonl', ['user: 1 plus one?', '*assistant: 2']],
  [
    'messages-extra-columns.jsonl',
    [
      'system: You are brief.',
      'user: Name a word that rhymes with day.',
      'assistant: say',
      'user: Another one.',
      '*assistant: play',
    ],
  ],
  ['tools.jsonl', ['user: Weather in Oslo?', '*assistant: Cold.']],
])('%s', async (name, expected) => {
  const { options, first } = await read(name);
  expect(options.kind).toBe('conversation');
  expect(first[0].turns?.map(({ role, text, learned }) => `${learned ? '*' : ''}${role}: ${text}`)).toEqual(
    expected,
  );
});

test('labels.csv: the spellings of two answers are noticed', async () => {
  const { checks } = await read('labels.csv');
  expect(checks[0]).toMatchObject({ kind: 'labelVariants', action: 'joinLabels' });
  expect(checks[0].text).toMatch(/^2 answers are written in several ways, in 12 rows/);
});

test('messy.csv: words, not the numbers of tickets and priorities', async () => {
  const { options, checks } = await read('messy.csv');
  expect(options).toMatchObject({
    inputTemplate: '{Betreff}\n{Text des Kunden}\n',
    targetTemplate: '{Kategorie}',
  });
  expect(checks.map(({ kind }) => kind)).toContain('labelVariants');
});

test('no-header.csv: class, title and text without names', async () => {
  const { first } = await read('no-header.csv');
  expect(first[0]).toMatchObject({
    input: 'Wall street falls again\nShares fell on Monday, a trader said.\n',
    target: '3',
  });
});

test('already-tokenised.jsonl is refused in words', async () => {
  await expect(read('already-tokenised.jsonl')).rejects.toThrow(/holds tokens, not text/);
});
