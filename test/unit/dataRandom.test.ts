/** @file Whatever rows hold, they become examples or an error in words, and no row is lost without being counted. */
import { expect, test } from 'vitest';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';
import { readRows } from '../../app/data/rows';
import { createRandom, type Random } from '../../app/formats/random';

const NAMES = [
  'text',
  'label',
  'messages',
  'conversations',
  'prompt',
  'completion',
  'chosen',
  'rejected',
  'answers',
  'choices',
  'answer',
  'input_ids',
  'id',
  'context',
  'question',
  'tools',
  'system',
  'history',
  'translation',
  'images',
  '__proto__',
  'a{b}',
  'Ünï',
  '',
];
const WORDS = [
  'Hi',
  'yes',
  'No',
  'no ',
  '',
  '4',
  '1.10',
  '<image>',
  'User: a\nAssistant: b',
  '{x}',
  '\ud83d',
  'ß',
  'null',
];

function scalar(random: Random): unknown {
  return [WORDS[random.int(WORDS.length)], random.int(9), null, true, random.next()][random.int(5)];
}

function turn(random: Random): unknown {
  const speaker = ['role', 'from', 'speaker', 'author'][random.int(4)];
  const who = ['user', 'human', 'assistant', 'gpt', 'system', 'tool', 'narrator', 7, null, { role: 'user' }][
    random.int(10)
  ];
  const words = ['content', 'value', 'text', 'parts'][random.int(4)];
  const said = [
    scalar(random),
    [{ type: 'text', text: 'a' }],
    [{ type: 'image_url' }],
    ['a', 'b'],
    { text: 'a' },
    [null],
  ][random.int(6)];
  const extra = random.int(5) === 0 ? { tool_calls: [{ function: { name: 'f' } }] } : {};
  return { [speaker]: who, [words]: said, ...extra };
}

function value(random: Random, depth = 0): unknown {
  const many = (make: () => unknown) => Array.from({ length: random.int(4) }, make);
  const kind = random.int(depth > 2 ? 2 : 8);
  if (kind < 2) return scalar(random);
  if (kind < 4) return many(() => turn(random));
  if (kind === 4) return many(() => [scalar(random), scalar(random)]);
  if (kind === 5) return many(() => value(random, depth + 1));
  if (kind === 6)
    return Object.fromEntries(
      many(() => [NAMES[random.int(NAMES.length)], value(random, depth + 1)]) as [string, unknown][],
    );
  return { text: many(() => scalar(random)), label: many(() => scalar(random)) };
}

test('five hundred files of odd rows', async () => {
  let read = 0;
  for (let seed = 1; seed <= 500; seed++) {
    const random = createRandom(seed);
    const names = Array.from({ length: 1 + random.int(4) }, () => NAMES[random.int(NAMES.length)]);
    // Mostly a column has one kind of cells; sometimes every row has another.
    const alike = random.int(3) > 0;
    const records = Array.from({ length: 1 + random.int(12) }, () => {
      const source = alike ? createRandom(seed, 1) : random;
      return Object.fromEntries(names.map((name) => [name, value(source)]));
    });
    const text = records.map((record, i) => JSON.stringify({ ...record, row: `row ${i}` })).join('\n');
    try {
      const { train } = await openData([{ name: 'odd.jsonl', bytes: new TextEncoder().encode(text) }]);
      const rows = readRows({ table: train, validationTable: null, options: null });
      const kept = rows.training.length + rows.validation.length + rows.test.length;
      const said =
        rows.checks.filter(({ kind }) => kind === 'conversations' || kind === 'acrossSplit').length > 0;
      const counted = kept + rows.duplicateRows + rows.emptyRows;
      expect(
        said ? counted <= train.rows.length : counted === train.rows.length,
        `seed ${seed}: ${text}`,
      ).toBe(true);
      read++;
    } catch (error) {
      if (!(error instanceof DataError)) throw new Error(`seed ${seed}: ${text}`, { cause: error });
      expect(error.message, `seed ${seed}`).not.toMatch(/undefined|\[object|NaN|TypeError/);
    }
  }
  expect(read).toBeGreaterThan(200);
});
