/** @file A table becomes examples and tokens: columns guessed, templates filled, rows counted, labels marked. */
import { describe, expect, test } from 'vitest';
import { guessOptions as guessReadable } from '../../app/data/columns';
import { prepareDataset } from '../../app/data/dataset';
import { buildExamples } from '../../app/data/examples';
import { parseTable } from '../../app/data/parse';
import { readStructures } from '../../app/data/structures';
import { compileTemplate } from '../../app/data/template';
import { type TextTokenizer, tokenizeExamples } from '../../app/data/tokenize';
import type { DataOptions, Table } from '../../app/data/types';
import { placeByPrefix } from '../../app/model/tokenizer/places';

const BOS = 1;
const END = 2;

/** A token a character; begins a text with BOS, and ends it when `ends`. */
function characters({ begins = true, ends = false, endOfTextId = END as number | null } = {}): TextTokenizer {
  return {
    encodeWithPlaces(text, places) {
      return placeByPrefix((part) => this.encode(part, { specialTokens: false }), text, places);
    },
    encode(text, { specialTokens }) {
      const ids = Array.from(text, (c) => c.charCodeAt(0));
      return specialTokens ? [...(begins ? [BOS] : []), ...ids, ...(ends ? [END] : [])] : ids;
    },
    tokenText: (id) => (id === BOS ? '<s>' : id === END ? '</s>' : String.fromCharCode(id)),
    endOfTextId,
    specialIds: new Set([BOS, END]),
  };
}

function table(columns: string[], rows: string[][]): Table {
  const rowNumbers = rows.map((_, i) => i + 2);
  return { name: 'a.csv', format: 'csv', columns, rows, rowNumbers, nested: [], notes: [] };
}

const pairs = (count: number) =>
  table(
    ['text', 'label'],
    Array.from({ length: count }, (_, i) => [`text ${i}`, i % 2 ? 'good' : 'bad']),
  );

const options: DataOptions = {
  kind: 'inputTarget',
  inputTemplate: '{text}\n',
  targetTemplate: '{label}',
  turnColumns: [],
  learnedTurns: 'last',
  systemTurn: 'keep',
  joinLabels: false,
  chat: false,
  systemText: '',
  endOfText: true,
  maxTokens: 64,
  validationShare: 0.2,
  testShare: 0,
  groupColumn: null,
  splitSeed: 1,
};

const text = (ids: Iterable<number>) => Array.from(ids, characters().tokenText).join('');

const guessOptions = (from: Table, longest?: number) => guessReadable(readStructures(from), { longest });

describe('guessing columns', () => {
  test.each([
    [['text', 'label'], '{text}\n', '{label}'],
    [['label', 'text'], '{text}\n', '{label}'],
    [['id', 'Review', 'Sentiment'], '{Review}\n', '{Sentiment}'],
    [['question', 'answer', 'source'], '{question}\n', '{answer}'],
    [['instruction', 'input', 'output'], '{instruction}\n{input}\n', '{output}'],
    [['question', 'context', 'answer'], '{context}\n{question}\n', '{answer}'],
    [['prompt', 'completion'], '{prompt}\n', '{completion}'],
    [['Satz', 'summary'], '{Satz}\n', '{summary}'],
  ])('by name: %j', (columns, input, target) => {
    const rows = [0, 1, 2].map((r) => columns.map((c) => `${c} ${'x'.repeat(r)}`));
    const guess = guessOptions(table(columns, rows));
    expect(guess.options).toMatchObject({
      kind: 'inputTarget',
      inputTemplate: input,
      targetTemplate: target,
    });
    expect(guess.options).toMatchObject({
      chat: true,
      systemText: '',
      endOfText: true,
      maxTokens: 256,
      validationShare: 0.2,
      splitSeed: 1,
    });
    expect(guess.guesses).toHaveLength(2);
  });

  test('by content: the shortest texts are the target, numbers that count are nothing, a constant is no target', () => {
    const rows = ['eins', 'zwei', 'drei'].map((w, i) => [`${i + 7}`, 'x', `ein langer Satz ${w}`, w]);
    const { options, guesses } = guessOptions(table(['a', 'b', 'c', 'd'], rows));
    expect(options).toMatchObject({ inputTemplate: '{c}\n', targetTemplate: '{d}' });
    expect(guesses).toEqual([
      'input from column “c” (its texts are the longest)',
      'target from column “d” (its texts are the shortest)',
    ]);
  });

  test('one column of text is plain text', () => {
    expect(guessOptions(table(['text'], [['a'], ['b']])).options).toMatchObject({
      kind: 'plainText',
      inputTemplate: '',
      targetTemplate: '{text}',
    });
    expect(
      guessOptions(
        table(
          ['id', 'story'],
          [
            ['1', 'a'],
            ['2', 'b'],
          ],
        ),
      ).options.targetTemplate,
    ).toBe('{story}');
  });

  test('examples are never longer than the model allows', () => {
    expect(guessOptions(pairs(3), 44).options.maxTokens).toBe(44);
  });
});

describe('templates', () => {
  const columns = ['question', 'a b', 'Context'];
  test('places take any column, braces are doubled', () => {
    const template = compileTemplate('Q: {question}\n{{"c": {context}}} {a b}', columns);
    expect(template.fill(['one {x}', 'two', 'three'])).toBe('Q: one {x}\n{"c": three} two');
  });

  test('an unknown column is an error that lists the columns', () => {
    expect(() => compileTemplate('{anser}', columns)).toThrow(/“anser” that does not exist/);
    expect(() => compileTemplate('{anser}', columns)).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('question, a b, Context') }),
    );
  });

  test.each(['{question', 'question}', 'a { b'])('a lone brace is an error: %s', (template) => {
    expect(() => compileTemplate(template, columns)).toThrow(/without its partner/);
  });
});

describe('rows become examples', () => {
  test('empty and repeated rows are dropped and counted; a target that differs is no repetition', () => {
    const rows = [
      ['a', 'x'],
      ['a', 'x'],
      ['a', 'y'],
      ['', 'x'],
      ['b', ' '],
      ['', ''],
    ];
    const split = buildExamples(table(['text', 'label'], rows), { ...options, validationShare: 0 });
    expect(split.training).toEqual([
      { input: 'a\n', target: 'x', row: 2 },
      { input: 'a\n', target: 'y', row: 4 },
      { input: '\n', target: 'x', row: 5 },
    ]);
    expect(split).toMatchObject({ emptyRows: 2, duplicateRows: 1, validation: [] });
  });

  test('the split follows from the seed, shares no pair, and keeps the share', () => {
    const doubled = pairs(50);
    doubled.rows.push(...doubled.rows.map((row) => [...row]));
    doubled.rowNumbers.push(...doubled.rowNumbers.map((n) => n + 50));
    const split = buildExamples(doubled, options);
    expect(split.duplicateRows).toBe(50);
    expect(split.validation).toHaveLength(10);
    expect(split.training).toHaveLength(40);
    const all = [...split.training, ...split.validation].map(({ input, target }) => input + target);
    expect(new Set(all).size).toBe(50);
    expect(buildExamples(doubled, options)).toEqual(split);
    expect(buildExamples(doubled, { ...options, splitSeed: 2 }).validation).not.toEqual(split.validation);
    // Not the file's order, so that the first rows of validation are a fair sample.
    const validationRows = split.validation.map(({ row }) => row);
    expect(validationRows).not.toEqual([...validationRows].sort((a, b) => a - b));
  });

  test('small tables keep at least one row on each side', () => {
    const sizes = (rows: number, share: number) => {
      const split = buildExamples(pairs(rows), { ...options, validationShare: share });
      return [split.training.length, split.validation.length];
    };
    expect(sizes(2, 0.01)).toEqual([1, 1]);
    expect(sizes(2, 0.9)).toEqual([1, 1]);
    expect(sizes(1, 0.5)).toEqual([1, 0]);
    expect(sizes(10, 0)).toEqual([10, 0]);
  });

  test('a validation file is the validation, and training loses the rows it repeats', () => {
    const held = table(
      ['text', 'label'],
      [
        ['text 3', 'good'],
        ['new', 'bad'],
        ['', ''],
      ],
    );
    const split = buildExamples(pairs(5), options, { validation: held });
    expect(split.validation.map(({ input }) => input).sort()).toEqual(['new\n', 'text 3\n']);
    expect(split.training.map(({ input }) => input)).toEqual([
      'text 0\n',
      'text 1\n',
      'text 2\n',
      'text 4\n',
    ]);
    expect(split).toMatchObject({ emptyRows: 1, duplicateRows: 1 });
  });

  test.each<[RegExp, () => unknown]>([
    [/target template uses no column/, () => buildExamples(pairs(3), { ...options, targetTemplate: 'x' })],
    [/between 0 and 0.9, not 1/, () => buildExamples(pairs(3), { ...options, validationShare: 1 })],
    [/tokens from 4, not 2.5/, () => buildExamples(pairs(3), { ...options, maxTokens: 2.5 })],
    [
      /must say whether texts go through/,
      () => buildExamples(pairs(3), { ...options, chat: undefined as never }),
    ],
    [/seed must be a whole number/, () => buildExamples(pairs(3), { ...options, splitSeed: Number.NaN })],
    [/no row of “a.csv” has a target/i, () => buildExamples(table(['text', 'label'], [['a', '']]), options)],
    [
      /validation file “a.csv” does not fit.*“text”/,
      () => buildExamples(pairs(3), options, { validation: table(['t'], [['a']]) }),
    ],
    [
      /every training row is in the validation file/i,
      () => buildExamples(pairs(3), options, { validation: pairs(3) }),
    ],
  ])('%s', (message, act) => {
    expect(act).toThrow(message);
  });
});

describe('examples become tokens', () => {
  const example = { input: 'abcdef\n', target: 'xyz', row: 2 };
  const tokenize = async (
    tokenizer: TextTokenizer,
    changes: Partial<DataOptions & { reserve: number }> = {},
  ) => {
    const [tokens] = await tokenizeExamples([example], tokenizer, { ...options, ...changes });
    return {
      text: text(tokens.tokenIds),
      labels: text(tokens.tokenIds.filter((_, i) => tokens.isLabel[i])),
      cut: tokens.cut,
    };
  };

  test.each<[string, TextTokenizer, Partial<DataOptions & { reserve: number }>, string, string, number]>([
    ['target and end-of-text are the labels', characters(), {}, '<s>abcdef\nxyz</s>', 'xyz</s>', 0],
    ['end-of-text only if asked', characters(), { endOfText: false }, '<s>abcdef\nxyz', 'xyz', 0],
    ['no end-of-text where there is none', characters({ endOfTextId: null }), {}, '<s>abcdef\nxyz', 'xyz', 0],
    ['no beginning where there is none', characters({ begins: false }), {}, 'abcdef\nxyz</s>', 'xyz</s>', 0],
    ['no end between input and target', characters({ ends: true }), {}, '<s>abcdef\nxyz</s>', 'xyz</s>', 0],
    ['the start of the input is cut', characters(), { maxTokens: 8 }, '<s>ef\nxyz</s>', 'xyz</s>', 4],
    [
      'room is kept for longer classes',
      characters(),
      { maxTokens: 8, reserve: 6 },
      '<s>\nxyz</s>',
      'xyz</s>',
      6,
    ],
    ['the end of a target too long', characters(), { maxTokens: 4 }, '<s>xyz', 'xyz', 8],
    ['plain text is all labels', characters(), { kind: 'plainText' }, '<s>xyz</s>', 'xyz</s>', 0],
    ['plain text loses its end', characters(), { kind: 'plainText', maxTokens: 3 }, '<s>xy', 'xy', 2],
  ])('%s', async (_name, tokenizer, changes, all, labels, cut) => {
    expect(await tokenize(tokenizer, changes)).toEqual({ text: all, labels, cut });
  });

  test('is cancelled by its signal', async () => {
    const controller = new AbortController();
    const work = { signal: controller.signal, onProgress: () => controller.abort() };
    await expect(tokenizeExamples([example], characters(), options, work)).rejects.toThrow(/abort/i);
  });
});

describe('a dataset', () => {
  test('from a CSV file, with nothing chosen', async () => {
    const lines = Array.from({ length: 20 }, (_, i) => `text ${i},${i % 2 ? 'good' : 'bad'}`);
    const csv = `text,label\n${lines.join('\n')}\ntext 3,good\n,\n${'long '.repeat(60)},bad\n`;
    const parsed = await parseTable('reviews.csv', new TextEncoder().encode(csv));
    const before = structuredClone(parsed);
    const dataset = await prepareDataset({
      table: parsed,
      validationTable: null,
      options: null,
      tokenizer: characters(),
    });
    expect(parsed).toEqual(before);
    expect(dataset.report).toMatchObject({
      name: 'reviews.csv',
      format: 'csv',
      columns: ['text', 'label'],
      guesses: ['input from column “text” (by its name)', 'target from column “label” (by its name)'],
      rows: 23,
      training: 15,
      validation: 3,
      test: 3,
      validationFile: false,
      emptyRows: 1,
      duplicateRows: 1,
      truncatedRows: 1,
      classes: ['bad', 'good'],
      // <s> text N ⏎ bad </s>: 1 + 6 + 1 + 3 + 1
      lengths: { min: 12, max: 255 },
      labelTokens: 11 * 4 + 10 * 5,
    });
    expect(dataset.classTokens.map(text)).toEqual(['bad</s>', 'good</s>']);
    expect(dataset.training).toHaveLength(15);
    expect(dataset.validation.map(({ row }) => row)).toEqual(
      dataset.validationExamples.map(({ row }) => row),
    );
    expect(dataset.report.preview).toHaveLength(5);
    const [first] = dataset.report.preview;
    expect(first.tokens.map((token) => token.text).join('')).toBe(`<s>${first.input}${first.target}</s>`);
    const labels = first.tokens.filter((token) => token.label).map((token) => token.text);
    expect(labels.join('')).toBe(`${first.target}</s>`);
    expect(dataset.report.notes.join()).toMatch(
      /1 row had more than 256 tokens and lost the start of their input/,
    );
  });

  const prepare = (changes: Partial<DataOptions> = {}, data = pairs(20)) =>
    prepareDataset({
      table: data,
      validationTable: null,
      options: { ...options, ...changes },
      tokenizer: characters(),
    });

  test('its hash changes with the examples, their split and what is learned of them, and with nothing else', async () => {
    const hash = async (...args: Parameters<typeof prepare>) => (await prepare(...args)).report.hash;
    const plain = await hash();
    expect(plain).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash({}, { ...pairs(20), name: 'other.csv' })).toBe(plain);
    const others = [
      await hash({ splitSeed: 2 }),
      await hash({ endOfText: false }),
      await hash({}, pairs(21)),
    ];
    expect(new Set([plain, ...others]).size).toBe(4);
  });

  test('few targets that come again are classes; many, or one used once, are not', async () => {
    const withTargets = (targets: string[]) =>
      table(
        ['text', 'label'],
        targets.map((t, i) => [`t ${i}`, t]),
      );
    const classes = async (targets: string[]) => (await prepare({}, withTargets(targets))).classes;
    const names = Array.from({ length: 101 }, (_, i) => `class ${i}`);
    expect(await classes(['b', 'a', 'b', 'a'])).toEqual(['a', 'b']);
    expect(await classes(['a', 'a', 'b'])).toBeNull();
    expect(await classes(['a', 'a', 'a'])).toBeNull();
    expect(await classes([...names, ...names])).toBeNull();
    expect(await classes([...names.slice(1), ...names.slice(1)])).toHaveLength(100);
    // One that is used once among many that come again and again.
    expect(await classes([...Array(30).fill('a'), ...Array(30).fill('b'), 'c'])).toEqual(['a', 'b', 'c']);
    expect((await prepare({ kind: 'plainText' })).classes).toBeNull();
  });

  test('options too long for the model are shortened with a note', async () => {
    const request = { table: pairs(4), validationTable: null, options, tokenizer: characters(), longest: 10 };
    const { report } = await prepareDataset(request);
    expect(report.options.maxTokens).toBe(10);
    expect(report.lengths.max).toBe(10);
    expect(report.notes.join()).toMatch(/at most 10 tokens/);
  });
});
