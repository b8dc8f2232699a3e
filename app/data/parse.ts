/** @file A file of any supported format to tables: by what its bytes say, then by its extension, else by its text. */
import { type ContentKind, recognise } from '../formats/recognise';
import { isKnownColumnName } from './columnNames';
import { decodeText } from './decode';
import { parseDelimited } from './delimited';
import { DataError } from './errors';
import { parseJson } from './json';
import { JsonReader } from './jsonReader';
import { hasFastTextLabels, parseLines } from './lines';
import type { WorkOptions } from './pace';
import { parseParquet } from './parquet';
import type { ParsedPart } from './parts';
import { emptyFile, MAX_BYTES } from './table';
import type { Table, TableFormat, TextEncoding } from './types';

export interface ParseOptions extends WorkOptions {
  /** Read text in this encoding (a label that `TextDecoder` knows) instead of guessing. */
  encoding?: string;
}

/** A file's tables: one, or one for each part that the file itself names (JSON with train and test, sheets). */
export interface ParsedFile {
  parts: ParsedPart[];
  /** Null where the file is not text. */
  encoding: TextEncoding | null;
}

type TextFormat = Exclude<TableFormat, 'parquet' | 'arrow' | 'xlsx'>;

const TEXT_EXTENSIONS: Record<string, TextFormat> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  txt: 'txt',
};

/** What a file may be called and must then be, in words. */
const BINARY_EXTENSIONS: Record<string, { what: string; begins: string }> = {
  parquet: { what: 'a Parquet file', begins: 'PAR1' },
  pq: { what: 'a Parquet file', begins: 'PAR1' },
  arrow: { what: 'an Arrow file', begins: 'ARROW1, or a stream’s first message' },
  feather: { what: 'a Feather file', begins: 'ARROW1' },
  xlsx: { what: 'an Excel workbook', begins: 'a zip’s mark' },
};

/** Kinds of content that are text or have a parser of their own. */
const TAKEN: readonly ContentKind[] = ['json', 'parquet', 'arrow', 'xlsx', 'empty', 'xml'];

/**
 * Parses a dropped file. `onProgress` counts in characters, rows or bytes, whichever the format passes.
 * @throws DataError in words for the person, with the row where there is one; the signal's reason when aborted.
 */
export async function parseFile(
  name: string,
  bytes: Uint8Array,
  options: ParseOptions = {},
): Promise<ParsedFile> {
  if (bytes.byteLength === 0) throw emptyFile(name);
  if (bytes.byteLength > MAX_BYTES) {
    throw new DataError(
      `“${name}” has ${Math.ceil(bytes.byteLength / 2 ** 20).toLocaleString('en')} MB; at most ${MAX_BYTES / 2 ** 20} MB are read.`,
      { hint: 'Use a part of it: a soft prompt rarely needs more than a few thousand examples.' },
    );
  }
  options.signal?.throwIfAborted();
  try {
    return await parseContent(name, bytes, options);
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof DataError) throw error;
    // What a library throws of a damaged file says nothing to a person.
    throw new DataError(`“${name}” cannot be read: something in it is not as it should be.`, {
      hint: 'It may be damaged. Take it again from where it came from, or save it in another format.',
      cause: error,
    });
  }
}

async function parseContent(name: string, bytes: Uint8Array, options: ParseOptions): Promise<ParsedFile> {
  const extension = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? '';
  const found = recognise(bytes);
  if (found && !TAKEN.includes(found.kind)) {
    throw new DataError(`“${name}” should be a dataset, and is ${found.what}.`, { hint: found.hint });
  }
  switch (found?.kind) {
    case 'parquet':
      return one(await parseParquet(name, bytes, options));
    case 'arrow': {
      const { parseArrow } = await import('./arrow');
      return one(await parseArrow(name, bytes, options));
    }
    case 'xlsx': {
      const { parseWorkbook } = await import('./workbook');
      return { parts: await parseWorkbook(name, bytes, options), encoding: null };
    }
  }
  const binary = Object.hasOwn(BINARY_EXTENSIONS, extension) ? BINARY_EXTENSIONS[extension] : null;
  if (binary) {
    throw new DataError(`“${name}” is not ${binary.what}: it does not begin with ${binary.begins}.`, {
      hint: 'It may be damaged or only a part. If it is CSV or JSON, give it that extension.',
    });
  }
  const { text, notes, encoding } = decodeText(name, bytes, options.encoding);
  const named = Object.hasOwn(TEXT_EXTENSIONS, extension) ? TEXT_EXTENSIONS[extension] : null;
  const format = realFormat(named ?? sniffFormat(text), text);
  if (named && format !== named && format.startsWith('json')) {
    notes.push(`“${name}” holds JSON, whatever its name says, and was read as that.`);
  }
  return { parts: await parseText(name, format, text, notes, options), encoding };
}

/** The first table of a file. @throws as `parseFile` */
export async function parseTable(
  name: string,
  bytes: Uint8Array,
  options: ParseOptions = {},
): Promise<Table> {
  return (await parseFile(name, bytes, options)).parts[0].table;
}

const one = (table: Table): ParsedFile => ({ parts: [{ part: null, table }], encoding: null });

async function parseText(
  name: string,
  format: TextFormat,
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<ParsedPart[]> {
  switch (format) {
    case 'csv':
    case 'tsv':
      return [{ part: null, table: await parseDelimited(name, format, text, notes, work) }];
    case 'json':
    case 'jsonl':
      return parseJson(name, format, text, notes, work);
    default:
      return [{ part: null, table: await parseLines(name, text, notes, work) }];
  }
}

/** What a text is that is not what its name says: JSON called .txt or .csv, a table with a header called .txt. */
function realFormat(named: TextFormat, text: string): TextFormat {
  if (named === 'json' || named === 'jsonl') return named;
  const start = text.slice(0, 1 << 20).trimStart();
  if (/^(\{|\[\s*[{[])/.test(start) && startsAsJson(start))
    return sniffFormat(start) === 'jsonl' ? 'jsonl' : 'json';
  if (named !== 'txt') return named;
  const [header = '', next = ''] = start.split(/\r\n?|\n/, 2);
  for (const separator of ['\t', ',', ';', '|']) {
    const names = header.split(separator).map((cell) => cell.replaceAll('"', '').trim());
    const isHeader =
      names.length > 1 &&
      next.includes(separator) &&
      names.every((cell) => /^[\p{L}\p{N}_ -]{1,30}$/u.test(cell)) &&
      names.some(isKnownColumnName);
    if (isHeader) return separator === '\t' ? 'tsv' : 'csv';
  }
  return hasBars(start) ? 'csv' : named;
}

/** Lines that must be there before their likeness says anything. */
const FEWEST_DIVIDED = 3;

/**
 * Whether bars divide every line into as many cells as the first, at least two and none of them empty: a table without a
 * header. Prose has no use for bars; commas are in any sentence, and tabs are read line by line.
 */
function hasBars(start: string): boolean {
  const lines = start
    .slice(0, 65536)
    .split(/\r\n?|\n/)
    .filter((line) => line.trim() !== '');
  // The last may be cut off.
  if (start.length > 65536) lines.pop();
  const rows = lines.map((line) => line.split('|'));
  const width = rows[0]?.length ?? 0;
  return (
    rows.length >= FEWEST_DIVIDED &&
    width > 1 &&
    rows.every((cells) => cells.length === width && cells.every((cell) => cell.trim() !== ''))
  );
}

/** Whether a text begins with a whole JSON object, or a list whose first element is whole. */
function startsAsJson(text: string): boolean {
  const reader = new JsonReader(text);
  try {
    if (text.startsWith('[')) reader.elements().next();
    else reader.value();
    return true;
  } catch {
    return false;
  }
}

/** Formats are told apart by their first lines. */
function sniffFormat(text: string): TextFormat {
  const lines = text
    .trimStart()
    .slice(0, 65536)
    .split(/\r\n?|\n/, 20)
    .filter((line) => line.trim() !== '');
  if (lines.length === 0 || hasFastTextLabels(text.slice(0, 65536))) return 'txt';
  if (/^[[{]/.test(lines[0])) {
    return lines.length > 1 && lines.slice(0, 2).every((line) => /^\{.*\}\s*$/.test(line)) ? 'jsonl' : 'json';
  }
  const everyLineHas = (separator: string) =>
    lines.length > 1 && lines.every((line) => line.includes(separator));
  if (everyLineHas('\t')) return 'tsv';
  const width = lines[0].split(',').length;
  const csv = width > 1 && lines.every((line) => line.includes('"') || line.split(',').length === width);
  return (csv && lines.length > 1) || everyLineHas(';') ? 'csv' : 'txt';
}
