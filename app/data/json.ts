/** @file JSON and JSONL text to a table, whatever of the usual shapes the rows have. */
import { cellText, isRecord } from './cells';
import { DataError, excerpt } from './errors';
import { findJsonFault } from './jsonFault';
import { createPace, type WorkOptions } from './pace';
import {
  checkRowCount,
  cleanColumnNames,
  countRows,
  emptyFile,
  finishTable,
  type RawRows,
  tableFromRows,
} from './table';
import type { Table } from './types';

const SHAPES =
  'Expected a list of objects, [{"input": "…", "target": "…"}, …], one object with such a list, or lists by column, {"input": […], "target": […]}.';

/**
 * An array of objects, of strings or of arrays; an object with one such array; or columns (lists, or pandas' maps
 * by row). @throws DataError with the line of a syntax error or the record that does not fit.
 */
export async function parseJson(
  name: string,
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<Table> {
  if (text.trim() === '') throw emptyFile(name);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    if (looksLikeLines(text)) return parseJsonLines(name, text, notes, work);
    const fault = findJsonFault(text);
    throw new DataError(`not valid JSON: ${fault?.message ?? (cause as Error).message}.`, {
      row: fault?.line,
      hint: 'The number is the line in the file.',
      cause,
    });
  }
  const records = findRecords(name, value);
  if (records.length === 0) throw emptyFile(name);
  const rowNumbers = records.map((_, i) => i + 1);
  return tableFromRecords({ name, format: 'json', records, rowNumbers, notes }, work);
}

/** One JSON value a line; blank lines are passed over. @throws DataError with the line that is not JSON. */
export async function parseJsonLines(
  name: string,
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<Table> {
  const pace = createPace(halfOf(work, 0));
  const records: unknown[] = [];
  const rowNumbers: number[] = [];
  let line = 0;
  for (let at = 0; at < text.length; ) {
    const newline = text.indexOf('\n', at);
    const end = newline < 0 ? text.length : newline;
    const source = text.slice(at, end);
    line++;
    at = end + 1;
    if (source.trim() === '') continue;
    try {
      records.push(JSON.parse(source));
    } catch (cause) {
      if (records.length === 0 && isJson(text)) return parseJson(name, text, notes, work);
      throw new DataError(`not valid JSON: ${findJsonFault(source)?.message ?? (cause as Error).message}.`, {
        row: line,
        hint: 'In JSONL every line is one complete object, {"input": "…", "target": "…"}.',
        cause,
      });
    }
    rowNumbers.push(line);
    checkRowCount(records.length);
    await pace(at, text.length);
  }
  if (records.length === 0) throw emptyFile(name);
  if (records.length === 1 && (Array.isArray(records[0]) || hasRows(records[0]))) {
    return parseJson(name, text, notes, work);
  }
  return tableFromRecords({ name, format: 'jsonl', records, rowNumbers, notes }, halfOf(work, 0.5));
}

/** Work whose progress is one half of the whole, from `offset` on. */
function halfOf({ onProgress, signal }: WorkOptions, offset: number): WorkOptions {
  return { onProgress: (done, total) => onProgress?.(total * offset + done / 2, total), signal };
}

/** The list of rows inside a parsed JSON file. */
function findRecords(name: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (!isRecord(value)) {
    throw new DataError(`“${name}” holds a single ${value === null ? 'null' : typeof value}, no rows.`, {
      hint: SHAPES,
    });
  }
  const entries = Object.entries(value);
  const lists = entries.filter((entry): entry is [string, unknown[]] => Array.isArray(entry[1]));
  const ofRecords = lists.filter(([, list]) => list.length > 0 && list.every(isRecord));
  if (ofRecords.length === 1) return ofRecords[0][1];
  if (ofRecords.length > 1 && ofRecords.length < entries.length) {
    throw new DataError(`“${name}” has several lists of rows: ${ofRecords.map(([key]) => key).join(', ')}.`, {
      hint: 'Keep one of them in a file of its own.',
    });
  }
  if (lists.length > 0 && lists.length === entries.length) return fromColumns(name, lists);
  if (lists.length === 1) return lists[0][1];
  if (entries.length > 0 && entries.every(([, inner]) => isRecord(inner))) {
    return fromMaps(entries as [string, Record<string, unknown>][]);
  }
  throw new DataError(
    `“${name}” holds one object with ${entries.length === 0 ? 'no keys' : `the keys ${excerpt(Object.keys(value).join(', '), 100)}`}, and no list of rows was found in it.`,
    { hint: SHAPES },
  );
}

/** {"a": [1, 2], "b": [3, 4]} */
function fromColumns(name: string, lists: [string, unknown[]][]): unknown[] {
  const [first, ...others] = lists;
  const length = first[1].length;
  const odd = others.find(([, list]) => list.length !== length);
  if (odd) {
    throw new DataError(
      `The columns of “${name}” differ in length: ${first[0]} has ${length}, ${odd[0]} has ${odd[1].length}.`,
      { hint: 'Every column needs a value for every row.' },
    );
  }
  return first[1].map((_, row) => Object.fromEntries(lists.map(([key, list]) => [key, list[row]])));
}

/** pandas writes {"column": {"0": …, "1": …}} or, by index, {"0": {"column": …}}. */
function fromMaps(entries: [string, Record<string, unknown>][]): unknown[] {
  const rowKeys = Object.keys(entries[0][1]);
  const byColumn = rowKeys.length > 0 && rowKeys.every((key) => /^\d+$/.test(key));
  if (!byColumn) return entries.map(([, record]) => record);
  return rowKeys.map((key) => Object.fromEntries(entries.map(([column, values]) => [column, values[key]])));
}

/** What a file holds, before its records are cells. */
interface RecordFile {
  name: string;
  format: 'json' | 'jsonl';
  /** At least one. */
  records: unknown[];
  /** Of each record, as messages count them. */
  rowNumbers: number[];
  notes: string[];
}

async function tableFromRecords(file: RecordFile, work: WorkOptions): Promise<Table> {
  const { name, format, records, rowNumbers, notes } = file;
  checkRowCount(records.length);
  if (Array.isArray(records[0])) {
    const raw: RawRows = { cells: [], rowNumbers };
    for (let r = 0; r < records.length; r++) {
      const record = records[r];
      if (!Array.isArray(record)) throw unlikeFirst('a list', record, rowNumbers[r]);
      raw.cells.push(record.map(cellText));
    }
    return tableFromRows(name, format, raw, notes);
  }
  if (typeof records[0] === 'string') {
    const rows = records.map((record, r) => {
      if (typeof record !== 'string') throw unlikeFirst('a text', record, rowNumbers[r]);
      return [record];
    });
    return finishTable({ name, format, columns: ['text'], rows, rowNumbers, notes });
  }
  return tableFromObjects(file, work);
}

async function tableFromObjects(
  { name, format, records, rowNumbers, notes }: RecordFile,
  work: WorkOptions,
): Promise<Table> {
  const pace = createPace(work);
  const keys = new Map<string, number>();
  for (let r = 0; r < records.length; r++) {
    const record = records[r];
    if (!isRecord(record)) {
      if (r > 0) throw unlikeFirst('an object', record, rowNumbers[r]);
      throw new DataError(
        `expected an object such as {"input": "…", "target": "…"}, found ${describe(record)}.`,
        {
          row: rowNumbers[r],
          hint: SHAPES,
        },
      );
    }
    for (const key in record) keys.set(key, (keys.get(key) ?? 0) + 1);
    if (keys.size > 1000) {
      throw new DataError(`the objects have more than 1,000 different keys so far; they are no columns.`, {
        row: rowNumbers[r],
        hint: SHAPES,
      });
    }
  }
  if (keys.size === 0) {
    throw new DataError(`All ${records.length} objects of “${name}” are empty.`, { hint: SHAPES });
  }
  const rows: string[][] = [];
  const names = [...keys.keys()];
  for (const record of records) {
    rows.push(names.map((key) => cellText((record as Record<string, unknown>)[key])));
    await pace(rows.length, records.length);
  }
  const allNotes = [...notes];
  for (const [key, count] of keys) {
    if (count < records.length) {
      allNotes.push(`${countRows(records.length - count)} had no “${key}”; it was left empty.`);
    }
  }
  return finishTable({ name, format, columns: cleanColumnNames(names), rows, rowNumbers, notes: allNotes });
}

function unlikeFirst(expected: string, found: unknown, row: number): DataError {
  return new DataError(`expected ${expected} like the first record, found ${describe(found)}.`, {
    row,
    hint: 'All records of a file need the same shape.',
  });
}

function describe(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return `a list, ${excerpt(JSON.stringify(value))}`;
  return `${typeof value === 'object' ? 'an object' : `a ${typeof value}`}, ${excerpt(JSON.stringify(value))}`;
}

function looksLikeLines(text: string): boolean {
  const lines = text.trimStart().split('\n', 2);
  return lines.length === 2 && lines[1].trim() !== '' && /^[[{"]/.test(lines[1].trim()) && isJson(lines[0]);
}

function hasRows(value: unknown): boolean {
  return isRecord(value) && Object.values(value).some((inner) => Array.isArray(inner) && isRecord(inner[0]));
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
