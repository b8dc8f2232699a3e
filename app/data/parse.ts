/** @file A file of any supported format to a `Table`: by its extension, else by its content. */
import { decodeText } from './decode';
import { parseDelimited } from './delimited';
import { DataError } from './errors';
import { parseJson, parseJsonLines } from './json';
import { createPace, type WorkOptions } from './pace';
import { parseParquet } from './parquet';
import { checkRowCount, emptyFile, finishTable, MAX_BYTES } from './table';
import type { Table } from './types';

const EXTENSIONS: Record<string, Table['format']> = {
  csv: 'csv',
  tsv: 'tsv',
  tab: 'tsv',
  json: 'json',
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  parquet: 'parquet',
  pq: 'parquet',
  txt: 'txt',
};

/**
 * Parses a dropped file. `onProgress` counts in characters, rows or bytes, whichever the format passes.
 * @throws DataError in words for the person, with the row where there is one; the signal's reason when aborted.
 */
export async function parseTable(name: string, bytes: Uint8Array, work: WorkOptions = {}): Promise<Table> {
  if (bytes.byteLength === 0) throw emptyFile(name);
  if (bytes.byteLength > MAX_BYTES) {
    throw new DataError(
      `“${name}” has ${Math.ceil(bytes.byteLength / 2 ** 20).toLocaleString('en')} MB; at most ${MAX_BYTES / 2 ** 20} MB are read.`,
      { hint: 'Use a part of it: a soft prompt rarely needs more than a few thousand examples.' },
    );
  }
  work.signal?.throwIfAborted();
  const extension = /\.([^.]+)$/.exec(name)?.[1].toLowerCase() ?? '';
  if (hasParquetMagic(bytes)) return parseParquet(name, bytes, work);
  if (EXTENSIONS[extension] === 'parquet') {
    throw new DataError(`“${name}” is not a Parquet file: it does not begin with PAR1.`, {
      hint: 'If it is CSV or JSON, give it that extension.',
    });
  }
  const { text, notes } = decodeText(name, bytes);
  const format = EXTENSIONS[extension] ?? sniffFormat(text);
  switch (format) {
    case 'csv':
    case 'tsv':
      return parseDelimited(name, format, text, notes, work);
    case 'json':
      return parseJson(name, text, notes, work);
    case 'jsonl':
      return parseJsonLines(name, text, notes, work);
    default:
      return parseLines(name, text, notes, work);
  }
}

function hasParquetMagic(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x41 && bytes[2] === 0x52 && bytes[3] === 0x31;
}

/** Formats are told apart by their first lines. */
function sniffFormat(text: string): Exclude<Table['format'], 'parquet'> {
  const lines = text
    .trimStart()
    .slice(0, 65536)
    .split(/\r\n?|\n/, 20)
    .filter((line) => line.trim() !== '');
  if (lines.length === 0) return 'txt';
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

/** TXT: one example a line, or `input<TAB>target` when the first line that is not blank has a tab. */
async function parseLines(name: string, text: string, notes: string[], work: WorkOptions): Promise<Table> {
  const pace = createPace(work);
  const source = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  const body = source.replace(/\s+$/, '');
  if (body === '') throw emptyFile(name);
  const paired = /^.*\S.*$/m.exec(body)?.[0].includes('\t') ?? false;
  const columns = paired ? ['input', 'target'] : ['text'];
  const rows: string[][] = [];
  const rowNumbers: number[] = [];
  for (let at = 0; at < body.length; ) {
    const newline = body.indexOf('\n', at);
    const end = newline < 0 ? body.length : newline;
    const line = body.slice(at, end);
    const row = rows.length + 1;
    if (paired) rows.push(splitPair(line, row));
    else rows.push([line]);
    rowNumbers.push(row);
    at = end + 1;
    checkRowCount(rows.length);
    await pace(Math.min(at, body.length), body.length);
  }
  return finishTable({ name, format: 'txt', columns, rows, rowNumbers, notes });
}

function splitPair(line: string, row: number): [string, string] {
  const cells = line.split('\t');
  if (cells.length > 2) {
    throw new DataError(`${cells.length - 1} tabs; a line is input, one tab, target.`, {
      row,
      hint: 'Remove the extra tabs, or give the file the extension .tsv and a header line.',
    });
  }
  if (cells.length === 1 && line.trim() !== '') {
    throw new DataError('no tab, but the first line has one: a line is input, one tab, target.', {
      row,
      hint: 'Put a tab between input and target in every line, or in none.',
    });
  }
  return [cells[0], cells[1] ?? ''];
}
