/** @file Files of every format become the same table, or an error that names the row and says what to do. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../app/data/errors';
import { JsonFault, JsonReader } from '../../app/data/jsonReader';
import { parseTable } from '../../app/data/parse';

const utf8 = (text: string) => new TextEncoder().encode(text);
const parse = (name: string, text: string) => parseTable(name, utf8(text));

async function failure(name: string, content: string | Uint8Array): Promise<DataError> {
  const bytes = typeof content === 'string' ? utf8(content) : content;
  const error = await parseTable(name, bytes).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

/** What the JSON reader has against a text that should be one value. */
function faultOf(text: string): string | null {
  const reader = new JsonReader(text);
  try {
    reader.value();
    if (!reader.atEnd()) throw reader.fault('the end of the file');
    return null;
  } catch (error) {
    expect(error).toBeInstanceOf(JsonFault);
    return (error as JsonFault).message;
  }
}

const rows = [
  ['The food was dull.', 'negative'],
  ['Lovely, "really" lovely', 'positive'],
];

describe('every format gives the same rows', () => {
  const quoted = 'text,label\nThe food was dull.,negative\n"Lovely, ""really"" lovely",positive\n';
  const objects = rows.map(([text, label]) => ({ text, label }));
  test.each([
    ['a.csv', quoted],
    ['a.csv', quoted.replaceAll('\n', '\r\n')],
    ['a.csv', quoted.replaceAll('\n', '\r')],
    ['a.CSV', `sep=;\n${'text;label\nThe food was dull.;negative\n"Lovely, ""really"" lovely";positive'}`],
    ['a.csv', 'text;label\nThe food was dull.;negative\n"Lovely, ""really"" lovely";positive'],
    ['a.tsv', 'text\tlabel\nThe food was dull.\tnegative\nLovely, "really" lovely\tpositive'],
    ['a.json', JSON.stringify(objects)],
    ['a.json', JSON.stringify({ version: 1, data: objects })],
    ['a.json', JSON.stringify({ text: rows.map(([t]) => t), label: rows.map(([, l]) => l) })],
    [
      'a.json',
      JSON.stringify({ text: { 0: rows[0][0], 1: rows[1][0] }, label: { 0: 'negative', 1: 'positive' } }),
    ],
    ['a.json', JSON.stringify({ x: objects[0], y: objects[1] })],
    ['a.json', JSON.stringify([['text', 'label'], ...rows])],
    ['a.json', objects.map((o) => JSON.stringify(o)).join('\n')],
    ['a.jsonl', `${objects.map((o) => JSON.stringify(o)).join('\n\n')}\n`],
    ['a.jsonl', JSON.stringify(objects, null, 2)],
    ['unknown', quoted],
    ['unknown', JSON.stringify(objects)],
    ['unknown', objects.map((o) => JSON.stringify(o)).join('\n')],
  ])('%s: %j', async (name, content) => {
    const table = await parse(name, content);
    expect(table.columns).toEqual(['text', 'label']);
    expect(table.rows).toEqual(rows);
  });

  test('TXT with tabs has input and target', async () => {
    const table = await parse('a.txt', 'one\tx\r\ntwo\ty\r\n');
    expect(table).toMatchObject({ format: 'txt', columns: ['input', 'target'], rowNumbers: [1, 2] });
    expect(table.rows).toEqual([
      ['one', 'x'],
      ['two', 'y'],
    ]);
  });

  test('TXT without tabs has one example a line, blank lines kept to be counted', async () => {
    const table = await parse('a.txt', 'one\n\ntwo, three\n');
    expect(table.columns).toEqual(['text']);
    expect(table.rows).toEqual([['one'], [''], ['two, three']]);
  });

  test('TXT whose lines bars divide alike is a table, prose with a bar in it is not', async () => {
    const table = await parse('a.txt', 'too loud|neg\nquiet, and warm|pos\nnot; at all|neg\n');
    expect(table.rows).toEqual([
      ['too loud', 'neg'],
      ['quiet, and warm', 'pos'],
      ['not; at all', 'neg'],
    ]);
    const markdown = '| a | b |\n| - | - |\n| c | d |\n';
    for (const prose of ['one|two\nthree\nfour|five\n', markdown, 'a|b\nc|d\n']) {
      expect((await parse('a.txt', prose)).columns).toHaveLength(1);
    }
  });

  test('a list of strings has one column', async () => {
    expect(await parse('a.json', '["one", "two"]')).toMatchObject({
      columns: ['text'],
      rows: [['one'], ['two']],
    });
  });

  test('Parquet of several row groups: nulls empty, 64-bit integers whole, nested values as JSON', async () => {
    const bytes = await readFile('test/fixtures/data/rows.parquet');
    const table = await parseTable('rows.parquet', bytes);
    expect(table.format).toBe('parquet');
    expect(table.columns).toEqual(['text', 'label', 'big', 'nested', 'when']);
    expect(table.rows).toHaveLength(30);
    const last = ['review number 29, naïve', 'good', `${2n ** 60n + 29n}`, '{"tags":["a",29],"ok":true}'];
    expect(table.rows[29]).toEqual([...last, '2024-01-30 00:00:00']);
    expect(table.rows[0][1]).toBe('');
    expect(table.rowNumbers[29]).toBe(30);
    expect((await parseTable('no extension', bytes)).rows).toEqual(table.rows);
  });

  test('values of JSON become text', async () => {
    const table = await parse('a.json', '[{"a": 1.5, "b": true, "c": null, "d": {"e": [1]}}, {"a": "x"}]');
    expect(table.rows).toEqual([
      ['1.5', 'true', '', '{"e":[1]}'],
      ['x', '', '', ''],
    ]);
    expect(table.notes.join(' ')).toMatch(/1 row had no “b”/);
  });
});

describe('encodings', () => {
  const text = 'text,label\ncafé “ok” — 10 €,a\nß,b\n';
  const utf16 = (little: boolean, mark: boolean) => {
    const units = Array.from(mark ? `\ufeff${text}` : text, (c) => c.charCodeAt(0));
    return Uint8Array.from(units.flatMap((u) => (little ? [u & 255, u >> 8] : [u >> 8, u & 255])));
  };
  const latin = Uint8Array.from(text, (c) => {
    const special: Record<string, number> = { '“': 0x93, '”': 0x94, '—': 0x97, '€': 0x80 };
    return special[c] ?? c.charCodeAt(0);
  });

  test.each([
    ['UTF-8', utf8(text), 0],
    ['UTF-8 with a mark', utf8(`\ufeff${text}`), 0],
    ['UTF-16LE with a mark', utf16(true, true), 0],
    ['UTF-16BE with a mark', utf16(false, true), 0],
    ['UTF-16LE without', utf16(true, false), 1],
    ['UTF-16BE without', utf16(false, false), 1],
    ['Windows-1252', latin, 1],
  ])('%s', async (_name, bytes, notes) => {
    // UTF-16 without a mark is recognised in mostly Latin text; the sample has enough of it.
    const table = await parseTable('a.csv', bytes);
    expect(table.columns).toEqual(['text', 'label']);
    expect(table.rows[0]).toEqual(['café “ok” — 10 €', 'a']);
    expect(table.notes).toHaveLength(notes);
  });

  test.each([
    ['a.csv', [0x50, 0x4b, 3, 4, 0, 0], /zip/],
    ['a.csv', [0x1f, 0x8b, 8], /gzip/],
    ['a.txt', [0x25, 0x50, 0x44, 0x46, 0x2d], /PDF/],
    ['a.csv', [0x61, 0x00, 0x62], /byte 2 is zero/],
    ['a.txt', [0x81, 1, 2, 3, 4, 5], /control characters/],
    ['a.csv', [0xff, 0xfe, 0x00, 0xd8], /not valid UTF-16/],
  ])('binary %s is refused with a reason', async (name, bytes, reason) => {
    const error = await failure(name, Uint8Array.from(bytes));
    expect(error.message).toMatch(reason);
    expect(error.hint).toBeTruthy();
  });
});

test('UTF-8 with a broken byte among many accents stays UTF-8, with a note', async () => {
  const bytes = utf8(`text,label\n${'été,a\n'.repeat(20)}x#,b\n`).map((byte) =>
    byte === 0x23 ? 0xe9 : byte,
  );
  const table = await parseTable('a.csv', bytes);
  expect(table.rows[0][0]).toBe('été');
  expect(table.rows[20][0]).toBe('x\ufffd');
  expect(table.notes.join()).toMatch(/1 character is .*line 22/);
});

describe('CSV as it comes', () => {
  test('quoted newlines stay in the cell and rows keep the line where they start', async () => {
    const table = await parse('a.csv', 'text,label\r\n"one\r\ntwo",a\r\nthree,b\r\n"x\n\ny",c\nlast,d');
    expect(table.rows).toEqual([
      ['one\ntwo', 'a'],
      ['three', 'b'],
      ['x\n\ny', 'c'],
      ['last', 'd'],
    ]);
    expect(table.rowNumbers).toEqual([2, 4, 5, 8]);
  });

  test('short rows are filled and counted with the first of them', async () => {
    const table = await parse('a.csv', 'text,label\na,x\nb\nc\n');
    expect(table.rows).toEqual([
      ['a', 'x'],
      ['b', ''],
      ['c', ''],
    ]);
    expect(table.notes).toEqual([expect.stringMatching(/2 rows had fewer than 2 cells \(first: row 3\)/)]);
  });

  test('a row with too many cells is an error with its line, unless the extra ones are empty', async () => {
    const error = await failure('a.csv', 'text,label\n"a\nb",x\nwell, then,y\n');
    expect(error.row).toBe(4);
    expect(error.message).toBe('Row 4: 3 cells, but the header has 2 (text, label).');
    expect(error.hint).toMatch(/quotes/);
    const table = await parse('a.csv', 'text,label\na,x,,\nb,y\n');
    expect(table.rows).toEqual([
      ['a', 'x'],
      ['b', 'y'],
    ]);
    expect(table.notes).toHaveLength(1);
  });

  test('an unclosed quote is an error with the line where its row starts', async () => {
    const error = await failure('a.csv', `text,label\na,x\n"b,y\n${'c,z\n'.repeat(50)}`);
    expect(error.row).toBe(3);
    expect(error.message).toMatch(/never closed/);
  });

  test('text after a closing quote is an error with its line', async () => {
    const error = await failure('a.csv', 'text,label\na,x\n"b" or not,y\n');
    expect(error).toMatchObject({ row: 3 });
  });

  test('in TSV unpaired quotation marks are text', async () => {
    const table = await parse('a.tsv', 'text\tlabel\n"Hello" he said\tx\n"open\ty\n');
    expect(table.rows).toEqual([
      ['"Hello" he said', 'x'],
      ['"open', 'y'],
    ]);
    expect(table.notes.join()).toMatch(/row 2/);
  });

  test('one column needs no delimiter, and commas in it are text', async () => {
    const table = await parse('a.csv', 'text\nHello, world\n"quoted, too"\n');
    expect(table.columns).toEqual(['text']);
    expect(table.rows).toEqual([['Hello, world'], ['quoted, too']]);
  });

  test('blank lines inside count as empty rows, those at the ends do not', async () => {
    const table = await parse('a.csv', '\n\ntext,label\na,x\n\nb,y\n\n\n');
    expect(table.rows).toEqual([
      ['a', 'x'],
      ['', ''],
      ['b', 'y'],
    ]);
    expect(table.rowNumbers).toEqual([4, 5, 6]);
    expect(table.notes).toEqual([]);
  });

  test('column names are made usable: trimmed, none empty, each once, no braces', async () => {
    const table = await parse('a.csv', ' text ,text,,{label}\na,b,c,d\n');
    expect(table.columns).toEqual(['text', 'text (2)', 'column 3', '(label)']);
  });

  test.each([
    [
      'a sentence',
      'I liked this film very much indeed.,positive\nI did not.,negative\n',
      ['input', 'target'],
    ],
    ['a value that comes again', 'nice film,good\nbad film,poor\nfine film,good\n', ['input', 'target']],
    ['a number over numbers', 'one,1,x\ntwo,2,y\nthree,3,z\n', ['column 1', 'column 2', 'column 3']],
  ])(
    'a first row that is data (%s) becomes the first example, and a note says so',
    async (_why, text, columns) => {
      const table = await parse('a.csv', text);
      expect(table.columns).toEqual(columns);
      expect(table.rows).toHaveLength(text.trim().split('\n').length);
      expect(table.rowNumbers[0]).toBe(1);
      expect(table.notes.join()).toMatch(/first row looks like data/);
    },
  );

  test.each([
    'Satz,Sprache\nGuten Tag,de\n',
    ',text,label\n0,a,x\n1,b,y\n',
    'label,text\nlabel,x\npos,y\n',
    '0,1\na,x\nb,y\n',
  ])('a header is recognised: %j', async (text) => {
    const table = await parse('a.csv', text);
    expect(table.rows).toHaveLength(text.trim().split('\n').length - 1);
    expect(table.notes).toEqual([]);
  });
});

describe('files without rows', () => {
  test.each([
    ['a.csv', '', /is empty/],
    ['a.csv', ' \n\n', /is empty/],
    ['a.txt', '\n \n', /is empty/],
    ['a.json', '[]', /is empty/],
    ['a.json', '{"data": []}', /is empty/],
    ['a.jsonl', '\n', /is empty/],
    ['a.csv', 'text,label\n', /header \(text, label\) and no rows/],
    ['a.csv', 'text,label\n,\n ,\n', /All 2 rows .* are empty/],
    ['a.json', '[{"text": ""}]', /All 1 rows .* are empty/],
    ['a.json', '[{}]', /empty/],
  ])('%s %j', async (name, content, reason) => {
    const error = await failure(name, content);
    expect(error.message).toMatch(reason);
    expect(error.hint).toBeTruthy();
  });
});

describe('JSON that does not fit', () => {
  test.each([
    ['a.json', '[\n{"a": "x"},\n{"a": }\n]', 3, /not valid JSON/],
    ['a.jsonl', '{"a": "x"}\n\n{"a": "y"\n', 3, /not valid JSON/],
    ['a.json', '[{"a": "x"}, 5]', 2, /expected an object like the first record, found a number, “5”/],
    ['a.json', '["x", {"a": 1}]', 2, /expected a text like the first record/],
    ['a.json', '[["a","b"], "x"]', 2, /expected a list/],
    ['a.json', '[1, 2]', 1, /expected an object/],
    ['a.json', '"text"', null, /single string/],
    ['a.json', '{"a": "x", "b": 1}', null, /no list of rows/],
    ['a.json', '{"a": ["x", "y"], "b": ["z"]}', null, /a has 2, b has 1/],
    ['a.json', '{"v": 1, "cats": [{"a": 1}], "dogs": [{"a": 1}]}', null, /several lists.*cats, dogs/],
  ])('%s %j', async (name, content, row, reason) => {
    const error = await failure(name, content);
    expect(error.message).toMatch(reason);
    expect(error.row).toBe(row);
    expect(error.hint).toBeTruthy();
  });

  test.each([
    ['[1, 2', 'expected “,” or the closing bracket, found the end of the text'],
    ['{"a": 1,}', 'expected a key in double quotes, found “}”'],
    ["{'a': 1}", "expected a key in double quotes or “}”, found “'a'”"],
    ['{"a" 1}', 'expected “:”, found “1”'],
    ['[NotANumber]', 'expected a value or “]”, found “NotANumber”'],
    ['[01]', 'expected a value or “]”, found “01”'],
    ['[1] [2]', 'expected the end of the file, found “[”'],
    ['["a\\x"]', 'expected a complete text, found an unfinished or invalid text, “"a\\x"]”'],
    ['["a\nb"]', 'expected a complete text, found an unfinished or invalid text, “"a b"]”'],
  ])('the fault of %j is named', (text, message) => {
    expect(faultOf(text)).toBe(message);
  });

  test.each(['{"a": [1, -2.5e3, true, null, "\\u00e9\\n"], "b": {}, "c": []}', ' [] ', '"x"'])(
    'no fault is found in %j',
    (text) => {
      expect(() => JSON.parse(text)).not.toThrow();
      expect(faultOf(text)).toBeNull();
    },
  );

  test('TXT with a line that has no pair, or two tabs', async () => {
    expect(await failure('a.txt', 'a\tb\nc\n')).toMatchObject({ row: 2 });
    expect(await failure('a.txt', 'a\tb\nc\td\te\n')).toMatchObject({ row: 2 });
  });

  test('Parquet cut short, and something else called Parquet', async () => {
    const bytes = await readFile('test/fixtures/data/rows.parquet');
    expect((await failure('a.parquet', bytes.subarray(0, 500))).message).toMatch(
      /not a readable Parquet file/,
    );
    expect((await failure('a.parquet', 'text,label\na,b\n')).message).toMatch(/does not begin with PAR1/);
    const damaged = new Uint8Array(bytes);
    damaged.fill(0xff, 4, 200);
    expect(await failure('a.parquet', damaged)).toMatchObject({ row: 1 });
  });
});

describe('large files', () => {
  test('a 50 MB CSV is parsed in slices, with progress', async () => {
    const words = 'some words that were written by many people ';
    const lines = ['text,label\n'];
    for (let i = 0; i < 300_000; i++) {
      lines.push(`"row ${i}, ""quoted""\n${words.repeat(3)}",${i % 2 ? 'a' : 'b'}\n`);
    }
    const bytes = utf8(lines.join(''));
    expect(bytes.length).toBeGreaterThan(45e6);
    const progress: number[] = [];
    const table = await parseTable('big.csv', bytes, {
      onProgress: (done, total) => progress.push(done / total),
    });
    expect(table.rows).toHaveLength(300_000);
    expect(table.rows[299_999]).toEqual([`row 299999, "quoted"\n${words.repeat(3)}`, 'a']);
    expect(table.rowNumbers[299_999]).toBe(600_000);
    expect(progress.length).toBeGreaterThan(5);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.at(-1)).toBe(1);
  }, 30_000);

  test('a row longer than a slice is read whole', async () => {
    const long = 'x'.repeat(5e6);
    const table = await parse('a.csv', `text,label\n"${long}\n",a\nshort,b\n`);
    expect(table.rows[0][0]).toHaveLength(5e6 + 1);
    expect(table.rows[1]).toEqual(['short', 'b']);
  });

  test('more than a million rows, or 200 MB, are refused with the limit', async () => {
    expect((await failure('a.csv', `text\n${'a\n'.repeat(1_000_001)}`)).message).toMatch(
      /more than 1,000,000 rows/,
    );
    expect((await failure('a.csv', new Uint8Array(200 * 2 ** 20 + 1))).message).toMatch(/at most 200 MB/);
  });

  test('parsing stops when it is cancelled', async () => {
    const controller = new AbortController();
    const bytes = utf8(`text,label\n${'one,two\n'.repeat(500_000)}`);
    const work = { signal: controller.signal, onProgress: () => controller.abort() };
    await expect(parseTable('a.csv', bytes, work)).rejects.toThrow(/abort/i);
  });
});
