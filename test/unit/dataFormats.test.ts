/** @file From bytes to tables where it is not plain: separators, quotes, JSON's shapes, several files, encodings, hostile files. */

import { readFileSync } from 'node:fs';
import { strToU8, zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';
import { parseTable } from '../../app/data/parse';
import { partOfName } from '../../app/data/parts';
import { readPythonLiteral } from '../../app/data/pythonLiteral';
import type { OpenedData } from '../../app/data/types';

const utf8 = (text: string) => new TextEncoder().encode(text);
const open = (files: Record<string, string | Uint8Array>, options = {}) =>
  openData(
    Object.entries(files).map(([name, content]) => ({
      name,
      bytes: typeof content === 'string' ? utf8(content) : content,
    })),
    options,
  );
const rowsOf = async (name: string, text: string) => (await open({ [name]: text })).train.rows;

async function failure(files: Record<string, string | Uint8Array>): Promise<DataError> {
  const error = await open(files).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  expect((error as DataError).hint).toBeTruthy();
  return error as DataError;
}

describe('separators', () => {
  test.each([
    [
      'commas of a text against semicolons',
      'Nice, really;pos\nCold, rude;neg\nFine, ok;pos\nBad, sorry;neg\n',
      2,
    ],
    ['decimal commas', 'warm;4,5\nkalt;1,5\nlaut;2,0\nnett;5,0\n', 2],
    ['decimal commas in tabs', 'warm\t4,5\nkalt\t1,5\nlaut\t2,0\n', 2],
    ['commas with semicolons in a text', 'text,label\nfine; really,pos\nbad; very,neg\n', 2],
    ['vertical bars', 'text|label|n\na, b|x|1,5\nc, d|y|2,5\n', 3],
    ['a header with one comma', 'text, in words;label\ngood;pos\nbad;neg\n', 2],
    ['quotes only around cells of one separator', 'a;b;"c,d,e,f"\n1;2;"x,y,z,w"\n', 3],
    ['commas with a space after each, and no rival', 'name, age, town\nAda, 5, Rome\nBob, 6, Oslo\n', 3],
    ['numbers by commas', 'a,b,c\n1,2,3\n4,5,6\n', 3],
  ])('%s', async (_name, text, width) => {
    const rows = await rowsOf('a.csv', text);
    expect(rows.every((row) => row.length === width)).toBe(true);
    expect(rows.every((row) => row.every((cell) => cell !== ''))).toBe(true);
  });

  test.each(['sep=;\n', 'SEP=;\r\n', '"sep=;"\n', '\ufeffsep=;\n'])(
    'a first line %j says it',
    async (line) => {
      expect(await rowsOf('a.csv', `${line}text;label\na,b;c\n`)).toEqual([['a,b', 'c']]);
    },
  );
});

describe('quotation marks', () => {
  test('in TSV a pair of stray ones does not swallow the rows between them', async () => {
    const texts = ['row 0', '"row 1', 'row 2', 'row 3', '"', 'row 5'];
    const { train } = await open({ 'a.tsv': `text\tlabel\n${texts.map((text) => `${text}\tx\n`).join('')}` });
    expect(train.rows.map(([text]) => text)).toEqual(texts);
    expect(train.notes.join()).toMatch(/whole rows/);
  });

  test('in CSV neither, where the lines between have values of their columns', async () => {
    const { train } = await open({
      'a.csv': 'text,label\none,pos\n"two,neg\nthree,pos\nfour,neg\n",pos\nsix,neg\n',
    });
    expect(train.rows.map(([, label]) => label)).toEqual(['pos', 'neg', 'pos', 'neg', 'pos', 'neg']);
  });

  test('a text of several lines with commas stays one cell', async () => {
    const rows = await rowsOf(
      'a.csv',
      'text,label\n"Dear all,\nthanks, really\nyours, Ada",pos\n"x, y\nz",neg\n',
    );
    expect(rows).toEqual([
      ['Dear all,\nthanks, really\nyours, Ada', 'pos'],
      ['x, y\nz', 'neg'],
    ]);
  });

  test('escaped by a backslash', async () => {
    expect(await rowsOf('a.csv', 'text,label\n"a \\"b\\" c",x\n"d",y\n')).toEqual([
      ['a "b" c', 'x'],
      ['d', 'y'],
    ]);
  });

  test('a header that joined files repeat is left out', async () => {
    const { train } = await open({ 'a.csv': 'text,label\na,x\ntext,label\nb,y\n' });
    expect(train.rows).toEqual([
      ['a', 'x'],
      ['b', 'y'],
    ]);
    expect(train.notes.join()).toMatch(/once more/);
  });
});

describe('JSON', () => {
  test.each([
    ['a list of lists of turns', '[[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]]'],
    ['one list of turns', '[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]'],
    ['a list of turns a line', '[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]\n'],
  ])('%s is one column of conversations', async (_name, text) => {
    const { train } = await open({ 'a.json': text });
    expect(train).toMatchObject({ columns: ['conversation'], nested: [0] });
    expect(train.rows).toEqual([['[{"role":"user","content":"a"},{"role":"assistant","content":"b"}]']]);
  });

  test('an object with one conversation is a row, not a table of turns', async () => {
    const text =
      '{"id": 7, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}';
    for (const name of ['a.json', 'a.jsonl']) {
      const { train } = await open({ [name]: text });
      expect(train.columns).toEqual(['id', 'messages']);
      expect(train.nested).toEqual([1]);
      expect(train.rows).toHaveLength(1);
    }
  });

  test.each([
    ['one after another over several lines', '{\n "a": "x"\n}\n{\n "a": "y"\n}'],
    ['on one line', '{"a": "x"}{"a": "y"}'],
    ['two lists', '[{"a": "x"}]\n[{"a": "y"}]'],
    ['with byte-order marks between', '\ufeff{"a": "x"}\n\ufeff{"a": "y"}'],
    ['with record separators', '\x1e{"a": "x"}\n\x1e{"a": "y"}\n'],
  ])('values %s are rows', async (_name, text) => {
    expect(await rowsOf('a.json', text)).toEqual([['x'], ['y']]);
  });

  test('{train, validation, test} in any shape, other keys left out with a word', async () => {
    const opened = await open({
      'a.json': JSON.stringify({
        train: [{ text: 'a' }, { text: 'b' }],
        dev: { text: ['c'] },
        test: { columns: ['text'], data: [['d']] },
        unsupervised: [{ text: 'e' }],
      }),
    });
    expect(opened.train.rows).toEqual([['a'], ['b']]);
    expect(opened.validation?.rows).toEqual([['c']]);
    expect(opened.test?.rows).toEqual([['d']]);
    expect(opened.train.notes.join()).toMatch(/unsupervised/);
  });

  test('SQuAD as it is published becomes a row a question', async () => {
    const qas = [{ id: '1', question: 'Who?', answers: [{ text: 'Ada', answer_start: 0 }] }];
    const { train } = await open({
      'a.json': JSON.stringify({
        version: '1.1',
        data: [{ title: 'T', paragraphs: [{ context: 'Ada.', qas }] }],
      }),
    });
    expect(train.columns).toEqual(['title', 'context', 'id', 'question', 'answers']);
    expect(train.rows[0].slice(0, 4)).toEqual(['T', 'Ada.', '1', 'Who?']);
  });

  test('deep nesting is refused with the place', async () => {
    const { message, row } = await failure({ 'a.json': `[\n${'['.repeat(1e6)}` });
    expect(message).toMatch(/nested more than 500 levels/);
    expect(row).toBe(2);
  });

  test.each([
    ['a comment', '[\n// x\n{"a": 1}]', /no comments/],
    ['a trailing comma', '[{"a": 1},\n]', /comma that has nothing after it/],
    ['single quotes', "[{'a': 1}]", /json\.dumps/],
  ])('%s is refused with what to do', async (_name, text, hint) => {
    expect((await failure({ 'a.json': text })).hint).toMatch(hint);
  });
});

describe('a name that does not say what is inside', () => {
  test.each([
    ['a.txt', '{"text": "a", "label": "x"}\n{"text": "b", "label": "y"}\n', 'jsonl'],
    ['a.csv', '[{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]', 'json'],
    ['a.txt', 'text\tlabel\na\tx\nb\ty\n', 'tsv'],
    ['a.txt', 'text;label\na;x\nb;y\n', 'csv'],
  ])('%s with %j is %s', async (name, text, format) => {
    const { train } = await open({ [name]: text });
    expect(train).toMatchObject({ format, columns: ['text', 'label'] });
    expect(train.rows).toEqual([
      ['a', 'x'],
      ['b', 'y'],
    ]);
  });

  test.each(['{not json}\n{at all}\n', '[1] a footnote\n[2] another\n', 'Yes, text.\nNo, text.\n'])(
    'plain text %j stays text',
    async (text) => {
      const { train } = await open({ 'a.txt': text });
      expect(train).toMatchObject({ format: 'txt', columns: ['text'] });
      expect(train.rows).toHaveLength(2);
    },
  );

  test('a key around train and test', async () => {
    const opened = await open({ 'a.json': '{"data": {"train": [{"a": "x"}], "test": [{"a": "y"}]}}' });
    expect([opened.train.rows, opened.test?.rows]).toEqual([[['x']], [['y']]]);
  });
});

describe('two columns without names', () => {
  test.each([
    [
      '1,"a long text of one kind, and more"\n0,"another text, which is as long"\n1,"and a third one, with a comma"\n0,"the fourth, and last"\n',
      ['target', 'input'],
    ],
    [
      '"a long text of one kind, and more",pos\n"another text, which is as long",neg\n"a third one, with a comma",pos\n"the fourth, and last",neg\n',
      ['input', 'target'],
    ],
    [
      '"How far is it to Lima, please?","A day by bus."\n"And to Cusco, then?","Half a day, no more."\n',
      ['input', 'target'],
    ],
  ])('are called by what stands in them: %j', async (content, columns) => {
    expect((await open({ 'a.csv': content })).train.columns).toEqual(columns);
  });
});

describe('structure in the cells of a table', () => {
  test('JSON and what Python prints become nested columns, a list of plain values stays text', async () => {
    const cell = (text: string) => `"${text.replaceAll('"', '""')}"`;
    const { train } = await open({
      'a.csv': `j,p,list\n${cell('[{"role": "user", "n": 1.10}]')},${cell("[{'role': 'user', 'ok': True, 'x': None}]")},"[1, 2]"\n,,x\n`,
    });
    expect(train.nested).toEqual([0, 1]);
    expect(train.rows[0]).toEqual([
      '[{"role":"user","n":1.10}]',
      '[{"role":"user","ok":true,"x":null}]',
      '[1, 2]',
    ]);
  });

  test('records that a model is to write stay text, from a table and from strings of JSON', async () => {
    const record = '{"city": "Oslo", "count": 3}';
    const cell = `"${record.replaceAll('"', '""')}"`;
    const list = '[{""item"": ""cup"", ""count"": 1}]';
    const files = {
      'a.csv': `input,target,list\nan order,${cell},"${list}"\n`,
      'a.jsonl': `${JSON.stringify({ input: 'an order', target: record, list: list.replaceAll('""', '"') })}\n`,
    };
    for (const [name, content] of Object.entries(files)) {
      const { train } = await open({ [name]: content });
      expect(train.nested).toEqual([]);
      expect(train.rows[0]).toEqual(['an order', record, list.replaceAll('""', '"')]);
      expect(train.notes.join(' ')).toContain('“target” holds JSON in its cells, which stays text');
    }
  });

  test('answers, choices and translations are read from text, too', async () => {
    for (const text of [
      "{'text': ['Lima'], 'answer_start': [3]}",
      "{'text': ['home', 'sea'], 'label': ['A', 'B']}",
      '{"de": "Haus", "en": "house"}',
    ]) {
      const { train } = await open({ 'a.csv': `x,y\n"${text.replaceAll('"', '""')}",1\n` });
      expect(train.nested).toEqual([0]);
    }
  });

  test.each([
    ["{'a': (1, 2.5), \"b\": 'it\\'s'}", true],
    ["array([{'a': 1}\n {'a': 2}], dtype=object)", true],
    ["'a' 'b'", true],
    ["{'a': name}", false],
    ["{'a' 1}", false],
    ["[1, 'x", false],
  ])('Python: %j is read: %s', (text, is) => {
    expect(readPythonLiteral(text) !== undefined).toBe(is);
  });
});

describe('several files', () => {
  const csv = (...texts: string[]) => `text,label\n${texts.map((text) => `${text},x\n`).join('')}`;
  const sizes = ({ train, validation, test }: OpenedData) =>
    [train, validation, test].map((table) => table?.rows.length ?? 0);

  test.each([
    ['train.csv', 'train'],
    ['my_training-set.CSV', 'train'],
    ['data/test-00000-of-00001.parquet', 'test'],
    ['reviewsTest.jsonl', 'test'],
    ['dev.tsv', 'validation'],
    ['eval.json', 'validation'],
    ['held-out.csv', 'test'],
    ['training_set_dev.csv', 'validation'],
    ['latest.csv', null],
    ['contest.csv', null],
    ['devices.csv', null],
    ['data.csv', null],
  ])('the name %s says %s', (name, part) => {
    expect(partOfName(name)).toBe(part);
  });

  test('train, validation and test by their names, in any order', async () => {
    const opened = await open({
      'test.csv': csv('a'),
      'train.csv': csv('b', 'c', 'd'),
      'dev.csv': csv('e', 'f'),
    });
    expect(sizes(opened)).toEqual([3, 2, 1]);
    expect(opened.notes.join()).toMatch(
      /training from “train.csv”; validation from “dev.csv”; test from “test.csv”/,
    );
  });

  test('one without a telling name beside a test file is for training', async () => {
    const opened = await open({ 'reviews.csv': csv('a', 'b'), 'test.csv': csv('c') });
    expect(sizes(opened)).toEqual([2, 0, 1]);
    expect(opened.notes.join()).toMatch(/“reviews.csv” was taken for training/);
  });

  test('two that tell nothing are asked about', async () => {
    const { message, hint } = await failure({ 'a.csv': csv('a'), 'b.csv': csv('b') });
    expect(message).toMatch(/“a.csv”, “b.csv”/);
    expect(hint).toMatch(/train, validation or test/);
  });

  test('shards are joined', async () => {
    expect(sizes(await open({ 'part-1.csv': csv('a'), 'part-2.csv': csv('b', 'c') }))).toEqual([3, 0, 0]);
  });

  test('a test file alone with nothing to train on', async () => {
    expect((await failure({ 'test.csv': csv('a'), 'dev.csv': csv('b') })).message).toMatch(
      /No file is for training/,
    );
  });

  test('what is no data is left out with a word', async () => {
    const opened = await open({ 'README.md': '# x', 'train.csv': csv('a'), 'test.csv': csv('b') });
    expect(sizes(opened)).toEqual([1, 0, 1]);
    expect(opened.notes.join()).toMatch(/README.md/);
  });
});

describe('an encoding that a person chooses', () => {
  // “text,label”, then да,нет and нет,да in Windows-1251.
  const yes = [0xe4, 0xe0];
  const no = [0xed, 0xe5, 0xf2];
  const cyrillic = Uint8Array.from([...utf8('text,label\n'), ...yes, 0x2c, ...no, 0x0a, ...no, 0x2c, ...yes]);

  test('is used, and the others are offered', async () => {
    const { train, encoding } = await open({ 'a.csv': cyrillic }, { encoding: 'windows-1253' });
    expect(train.rows[0]).toEqual(['δΰ', 'νες']);
    expect(encoding?.chosen).toBe('windows-1253');
    expect(encoding?.candidates).toContain('windows-1251');
  });

  test('without it the likeliest is chosen and said', async () => {
    const { train, encoding } = await open({ 'a.csv': cyrillic });
    expect(train.rows[0]).toEqual(['да', 'нет']);
    expect(encoding).toMatchObject({ chosen: 'windows-1251' });
    expect(train.notes.join()).toMatch(/Windows-1251 \(Cyrillic\)/);
  });

  test('an unknown one is refused', async () => {
    await expect(open({ 'a.csv': 'a,b\nc,d\n' }, { encoding: 'klingon' })).rejects.toThrow(/no encoding/);
  });

  test('plain UTF-8 offers nothing else', async () => {
    expect((await open({ 'a.csv': 'text,label\né,x\n' })).encoding).toEqual({
      chosen: 'utf-8',
      candidates: ['utf-8'],
    });
  });
});

describe('zips', () => {
  const zip = zipSync({
    'train.csv': strToU8('text,label\na,x\n'),
    'test.csv': strToU8('text,label\nb,y\n'),
  });

  test('a changed byte is noticed', async () => {
    for (let at = 40; at < 60; at += 5) {
      const changed = zip.slice();
      changed[at] ^= 1;
      expect((await failure({ 'a.zip': changed })).message).toMatch(/damaged|zip/);
    }
  });

  test('one that unpacks to more than it says, or to too much, is refused at once', async () => {
    const bomb = zipSync({ 'train.csv': new Uint8Array(30e6).fill(97) });
    const view = new DataView(bomb.buffer, bomb.byteOffset, bomb.byteLength);
    const directory = view.getUint32(bomb.length - 6, true);
    view.setUint32(directory + 24, 10, true);
    expect((await failure({ 'a.zip': bomb })).message).toMatch(/damaged/);
    view.setUint32(directory + 24, 0x7fffffff, true);
    expect((await failure({ 'a.zip': bomb })).message).toMatch(/unpacks to more than 400 MB/);
  });

  test('without data it is said what was there', async () => {
    const other = zipSync({ 'a.md': strToU8('x'), 'b.py': strToU8('y') });
    expect((await failure({ 'a.zip': other })).message).toMatch(/None of the 2 files.*a\.md/);
  });
});

describe('damaged files are said to be', () => {
  const read = (path: string) => new Uint8Array(readFileSync(`test/fixtures/data/sweep/${path}`));

  test.each([
    'parquet/text-2.6.parquet',
    'arrow/file-zstd.arrow',
    'arrow/stream-None.arrow',
    'xlsx/typed.xlsx',
  ])('%s with a byte changed, or cut short: a table or words, never anything else', async (path) => {
    const bytes = read(path);
    let random = 7;
    const next = (below: number) => {
      random = (random * 1664525 + 1013904223) % 2 ** 32;
      return Math.floor((random / 2 ** 32) * below);
    };
    for (let i = 0; i < 60; i++) {
      const changed = i % 6 === 5 ? bytes.slice(0, next(bytes.length)) : bytes.slice();
      if (i % 6 !== 5) changed[next(changed.length)] ^= 1 << next(8);
      const error = await parseTable(path, changed).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) expect(error).toBeInstanceOf(DataError);
    }
  });

  test('a page of Parquet that does not have its checksum', async () => {
    const bytes = read('parquet/checksums.parquet');
    expect((await parseTable('a.parquet', bytes)).rows).toHaveLength(50);
    bytes[60] ^= 1;
    await expect(parseTable('a.parquet', bytes)).rejects.toThrow(/cannot be read: the data is damaged/);
  });
});

describe('a workbook is read at one go', () => {
  const book = new Uint8Array(readFileSync('test/fixtures/data/sweep/xlsx/typed.xlsx'));

  test('and how far that is cannot be told: no share is made up', async () => {
    const told: [number, number][] = [];
    await open({ 'a.xlsx': book }, { onProgress: (done: number, total: number) => told.push([done, total]) });
    expect(told).toContainEqual([0, 0]);
  });

  test('beside other files what is done of them goes on being told', async () => {
    const told: [number, number][] = [];
    const files = { 'train.csv': 'text,label\na,b\nc,d\n', 'validation.xlsx': book };
    const onProgress = (done: number, total: number) => told.push([done, total]);
    await open(files, { onProgress });
    const total = Object.values(files).reduce((sum, { length }) => sum + length, 0);
    expect(told).toContainEqual([files['train.csv'].length, total]);
    expect(told.every(([, of]) => of === total)).toBe(true);
  });
});

test('nothing at all to read is refused in words', async () => {
  await expect(openData([])).rejects.toMatchObject({ message: 'There is no file to read.' });
});
