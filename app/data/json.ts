/** @file JSON and JSONL text to tables: one value or many, one after another, in whatever of the usual shapes. */
import { classNamesOf, nameClasses } from './classNames';
import { DataError } from './errors';
import { JsonFault, JsonObject, JsonReader, type JsonValue, lineAt } from './jsonReader';
import { findRows, isConversation, isTurn, SHAPES } from './jsonShapes';
import { createPace, type WorkOptions } from './pace';
import type { ParsedPart } from './parts';
import { RecordTable } from './records';
import { emptyFile } from './table';

type Pace = ReturnType<typeof createPace>;

/**
 * The tables of a JSON text: a list of records, one object in one of the shapes of `jsonShapes.ts`, or values one
 * after another, as JSONL has them a line and joined files have them anywhere.
 * @throws DataError with the line of a syntax error or the record that does not fit.
 */
export async function parseJson(
  name: string,
  format: 'json' | 'jsonl',
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<ParsedPart[]> {
  const reader = new JsonReader(text);
  const pace = createPace(work);
  try {
    if (reader.atEnd()) throw emptyFile(name);
    const parts =
      text[reader.at] === '[' && !isFirstOfLists(text, reader.at)
        ? await readList(name, reader, notes, pace)
        : await readValues(name, format, reader, notes, pace);
    await pace(text.length, text.length);
    if (reader.missing > 0) {
      const [{ table }] = parts;
      const count = reader.missing === 1 ? '1 value' : `${reader.missing.toLocaleString('en')} values`;
      table.notes.push(`${count} written as NaN, Infinity or None, which JSON does not have, became empty.`);
    }
    return parts;
  } catch (error) {
    if (!(error instanceof JsonFault)) throw error;
    throw faultIn(text, error, format === 'jsonl' || isJsonLines(text));
  }
}

/** A list that is the whole file: its elements are the records. Lists after it (joined files) go on with them. */
async function readList(
  name: string,
  reader: JsonReader,
  notes: string[],
  pace: Pace,
): Promise<ParsedPart[]> {
  const { text } = reader;
  const table = new RecordTable();
  let lists = 0;
  while (!reader.atEnd()) {
    if (text[reader.at] !== '[') throw reader.fault('the end of the file');
    for (const record of reader.elements()) {
      table.add(record, table.size + 1);
      await pace(reader.at, text.length);
    }
    lists++;
  }
  if (table.size === 0) throw emptyFile(name);
  const joined = lists > 1 ? [`The file holds ${lists} lists, one after another; they were joined.`] : [];
  return [{ part: null, table: table.finish(name, 'json', [...notes, ...joined]) }];
}

/** Values one after another: a single object is searched for its rows, of several each is a record. */
async function readValues(
  name: string,
  format: 'json' | 'jsonl',
  reader: JsonReader,
  notes: string[],
  pace: Pace,
): Promise<ParsedPart[]> {
  const { text } = reader;
  let first: JsonValue | undefined;
  let table: RecordTable | null = null;
  let line = 1;
  let counted = 0;
  let previous = 0;
  let sameLine = false;
  while (!reader.atEnd()) {
    line += newlines(text, counted, reader.at);
    counted = reader.at;
    const value = reader.value();
    if (first === undefined) {
      first = value;
      previous = line;
    } else {
      if (!table) {
        table = new RecordTable();
        table.add(first, previous);
      }
      sameLine ||= line === previous;
      table.add(value, line);
      previous = line;
    }
    await pace(reader.at, text.length);
  }
  if (table) {
    const said = sameLine ? ['The objects stand one after another on one line; each became a row.'] : [];
    return [{ part: null, table: table.finish(name, 'jsonl', [...notes, ...said]) }];
  }
  return single(name, format, first as JsonValue, notes);
}

async function single(
  name: string,
  format: 'json' | 'jsonl',
  value: JsonValue,
  notes: string[],
): Promise<ParsedPart[]> {
  if (!(value instanceof JsonObject)) {
    if (Array.isArray(value)) return [{ part: null, table: tableOf(name, format, [value], notes) }];
    throw new DataError(
      `“${name}” holds a single ${value === null ? 'null' : typeof value === 'object' ? 'number' : typeof value}, no rows.`,
      {
        hint: SHAPES,
      },
    );
  }
  // One line of JSONL is one record, unless it carries a whole table.
  if (format === 'jsonl' && !carriesRows(value)) {
    return [{ part: null, table: tableOf(name, 'jsonl', [value], notes) }];
  }
  const found = findRows(name, value);
  const parts = found.map(({ part, records, notes: said, features }) => {
    if (records.length === 0) throw emptyFile(name);
    const partName = part && found.length > 1 ? `${name} (${part})` : name;
    const table = tableOf(partName, 'json', records, [...notes, ...said]);
    if (features) nameClasses(table.columns, table.rows, classNamesOf(features), table.notes);
    return { part, table };
  });
  return parts;
}

function tableOf(name: string, format: 'json' | 'jsonl', records: readonly JsonValue[], notes: string[]) {
  const table = new RecordTable();
  records.forEach((record, i) => {
    table.add(record, i + 1);
  });
  return table.finish(name, format, notes);
}

function carriesRows(object: JsonObject): boolean {
  return object.values.some(
    (value) => Array.isArray(value) && value[0] instanceof JsonObject && !isConversation(value),
  );
}

/**
 * Whether a list at the start of a file is the first of several, one a line: JSONL of rows or of conversations.
 * Lists of objects that are no turns are tables, joined.
 */
function isFirstOfLists(text: string, at: number): boolean {
  const end = text.indexOf('\n', at);
  if (end < 0 || text.slice(end).trim() === '') return false;
  const line = new JsonReader(text, at, end);
  try {
    const list = line.value() as JsonValue[];
    return line.atEnd() && (!(list[0] instanceof JsonObject) || isTurn(list[0]));
  } catch {
    return false;
  }
}

/** Whether the file's first two lines are each a whole value. */
function isJsonLines(text: string): boolean {
  const lines = text
    .slice(0, 1 << 20)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .slice(0, 2);
  return lines.length === 2 && lines.every((line) => lineFault(line) === null);
}

/** What is wrong with a line that should be one value. */
function lineFault(line: string): JsonFault | null {
  const reader = new JsonReader(line);
  try {
    reader.value();
    return reader.atEnd() ? null : reader.fault('the end of the line');
  } catch (error) {
    if (error instanceof JsonFault) return error;
    throw error;
  }
}

function faultIn(text: string, fault: JsonFault, lines: boolean): DataError {
  if (lines) {
    // An object left open runs on into the next line: the first line that is no whole value is to blame.
    let row = 0;
    for (let at = 0; at < text.length; ) {
      const newline = text.indexOf('\n', at);
      const end = newline < 0 ? text.length : newline;
      row++;
      const line = text.slice(at, end);
      const found = line.trim() === '' ? null : lineFault(line);
      if (found)
        return notJson(
          line,
          found,
          row,
          'In JSONL every line is one complete object, {"input": "…", "target": "…"}.',
        );
      at = end + 1;
    }
  }
  return notJson(text, fault, lineAt(text, fault.at), 'The number is the line in the file.');
}

function notJson(text: string, fault: JsonFault, row: number, where: string): DataError {
  const next = text.slice(fault.at, fault.at + 2);
  const before = text.slice(Math.max(0, fault.at - 200), fault.at).trimEnd();
  let hint = where;
  if (/^(\/\/|\/\*|#)/.test(next)) hint = 'JSON has no comments: remove them.';
  else if (next[0] === ',' || (before.endsWith(',') && /^[}\]]/.test(next))) {
    hint = `Remove the comma that has nothing after it. ${where}`;
  } else if (next[0] === "'") {
    hint = "Python's print writes single quotes, which are not JSON: write the file with json.dumps.";
  }
  return new DataError(`not valid JSON: ${fault.message}.`, { row, hint, cause: fault });
}

function newlines(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf('\n', from); at >= 0 && at < to; at = text.indexOf('\n', at + 1)) count++;
  return count;
}
