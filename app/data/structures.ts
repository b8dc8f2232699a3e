/**
 * @file Lists and objects in cells to columns of text, each in the way that its shape asks for, and with a word about it.
 * Conversations stay as they are; what no rule knows stays structure, and nothing is guessed from it.
 */
import { cellText, isRecord } from './cells';
import { layOutChoices, type NumberedBy, numbering } from './choices';
import { normalName } from './columnNames';
import { joinTurnRows } from './turnRows';
import { holdsTurns } from './turns';
import type { Table } from './types';

/** A table whose columns are text, but for conversations and structure that no rule knows. */
export interface ReadableTable {
  /** `nested` are its columns of conversations and of unknown structure. */
  table: Table;
  conversationColumns: string[];
  /** Columns of lists or objects that are not text. */
  structureColumns: string[];
  notes: StructureNote[];
}

/** What was made of structure, and the columns that it is said of. */
export interface StructureNote {
  columns: string[];
  text: string;
}

/** How the cells of a column become text. */
type Reading =
  | { kind: 'text' | 'conversation' | 'structure' }
  /** Entries in a row, or the first alone. */
  | { kind: 'list'; separator: string; first: boolean }
  | { kind: 'choices'; by: NumberedBy }
  /** The text, or the first of the texts, under this key. */
  | { kind: 'answer'; key: string }
  /** Label Studio's annotations: what was chosen or written in the first. */
  | { kind: 'annotations' }
  | { kind: 'record'; keys: string[] };

const SAMPLE = 500;
const MOST_KEYS = 20;
/** Records in records in records are for machines. */
const MOST_DEPTH = 3;

const CHOICE_NAMES = [
  'choices',
  'options',
  'endings',
  'candidates',
  'alternatives',
  'answerchoices',
  'answeroptions',
];
const WORD_LISTS = ['tokens', 'words', 'sentence', 'sentences', 'text'];
const ANSWER_NAMES = ['answer', 'answers', 'reference', 'references', 'goldanswers', 'possibleanswers'];
const ANSWER_KEYS = ['text', 'value', 'answer'];

const known = new WeakMap<Table, ReadableTable>();

/** @param like where a validation or test table is to be read as its training table was */
export function readStructures(table: Table, like: Table | null = null): ReadableTable {
  const found = known.get(table);
  if (found) return found;
  const readable = expand(joinTurnRows(table) ?? table, like && (joinTurnRows(like) ?? like));
  known.set(table, readable);
  return readable;
}

interface Column {
  name: string;
  cells: string[];
  nested: boolean;
  /** Of the training table, where that decides. */
  sample: readonly string[];
}

function expand(table: Table, like: Table | null): ReadableTable {
  const notes: StructureNote[] = [];
  const by = numbering(like ?? table);
  const take = (name: string, i: number): Column => {
    const cells = table.rows.map((row) => row[i] ?? '');
    const at = like?.columns.indexOf(name) ?? -1;
    const decides = like && at >= 0 ? like : table;
    const place = decides === table ? i : at;
    return {
      name,
      cells,
      nested: table.nested.includes(i) || decides.nested.includes(place),
      sample: filledSample(decides.rows, (row) => row[place] ?? ''),
    };
  };
  const done: (Column & { reading: Reading })[] = [];
  const read = (column: Column, depth: number): void => {
    const reading = readingOf(column, by, depth);
    if (reading.kind !== 'record') {
      done.push({ ...column, cells: readCells(column, reading, notes), reading });
      return;
    }
    const fields = reading.keys.map((key) => fieldName(column.name, key));
    notes.push({
      columns: fields,
      text: `The objects in “${column.name}” are columns of their own: ${fields.join(', ')}.`,
    });
    for (const each of fieldsOf(column, reading.keys)) read(each, depth + 1);
  };
  for (const column of table.columns.map(take)) read(column, 0);

  const rows = table.rows.map((_, r) => done.map(({ cells }) => cells[r]));
  const names = (kind: Reading['kind']) =>
    done.filter(({ reading }) => reading.kind === kind).map(({ name }) => name);
  const conversationColumns = names('conversation');
  const structureColumns = names('structure');
  const columns = done.map(({ name }) => name);
  const nested = columns.flatMap((name, i) =>
    conversationColumns.includes(name) || structureColumns.includes(name) ? [i] : [],
  );
  const same = notes.length === 0 && columns.length === table.columns.length;
  return {
    table: same && like === null ? { ...table, nested } : { ...table, columns, rows, nested },
    conversationColumns,
    structureColumns,
    notes,
  };
}

function readingOf({ name, nested, sample }: Column, by: NumberedBy, depth: number): Reading {
  if (holdsTurns(sample, name)) return { kind: 'conversation' };
  if (!nested) return { kind: 'text' };
  const values = sample.filter((cell) => /^[[{]/.test(cell)).map(parse);
  if (values.length === 0) return { kind: 'text' };
  const normal = normalName(name.split('.').at(-1) ?? name);
  const lists = values.every((value) => Array.isArray(value));
  if (lists && values.every((value) => (value as unknown[]).every(isScalar))) {
    const longest = values.reduce<number>((most, value) => Math.max(most, (value as unknown[]).length), 0);
    if (CHOICE_NAMES.includes(normal) && longest > 1) return { kind: 'choices', by };
    if (WORD_LISTS.includes(normal)) return { kind: 'list', separator: ' ', first: false };
    return { kind: 'list', separator: ', ', first: ANSWER_NAMES.includes(normal) };
  }
  if (values.every((value) => annotated(value) !== null)) return { kind: 'annotations' };
  if (!values.every(isRecord)) return { kind: 'structure' };
  const records = values as Record<string, unknown>[];
  if (
    records.every(
      ({ label, text }) => Array.isArray(text) && Array.isArray(label) && text.length === label.length,
    )
  ) {
    return { kind: 'choices', by };
  }
  // {"A": "a bakery", "B": "a bank"}
  if (CHOICE_NAMES.includes(normal) && records.every(isMarkedChoices)) return { kind: 'choices', by };
  const key = ANSWER_KEYS.find((each) => records.every((record) => isAnswer(record, each)));
  if (key !== undefined) return { kind: 'answer', key };
  const keys = [...new Set(records.flatMap((record) => Object.keys(record)))];
  return keys.length <= MOST_KEYS && depth < MOST_DEPTH ? { kind: 'record', keys } : { kind: 'structure' };
}

function isMarkedChoices(record: Record<string, unknown>): boolean {
  const entries = Object.entries(record);
  return (
    entries.length > 1 && entries.every(([key, value]) => /^([A-Ja-j]|\d)$/.test(key) && isScalar(value))
  );
}

/** SQuAD's {"text": ["Lima"], "answer_start": [4]}, or TriviaQA's {"value": "Lima", "aliases": […]}. */
function isAnswer(record: Record<string, unknown>, key: string): boolean {
  const value = record[key];
  if (Array.isArray(value)) return value.every(isScalar) && Object.values(record).every(Array.isArray);
  return (
    typeof value === 'string' &&
    Object.entries(record).some(([name, other]) => name !== key && Array.isArray(other))
  );
}

/** `[{"result": [{"value": {"choices": ["good"]}}]}]` to "good"; null where nothing was chosen or written. */
function annotated(value: unknown): string | null {
  if (!Array.isArray(value) || !isRecord(value[0])) return null;
  const { result } = value[0];
  if (!Array.isArray(result)) return null;
  const said = result.flatMap((each) => {
    const inner = isRecord(each) && isRecord(each.value) ? each.value : {};
    const list = inner.choices ?? (inner.start === undefined ? inner.text : undefined);
    return Array.isArray(list) && list.every(isScalar) ? [list.map(cellText).join(', ')] : [];
  });
  return said.length === 1 ? said[0] : null;
}

function readCells({ name, cells }: Column, reading: Reading, notes: StructureNote[]): string[] {
  if (reading.kind === 'text' || reading.kind === 'conversation' || reading.kind === 'structure')
    return cells;
  let several = 0;
  const texts = cells.map((cell) => {
    if (!/^[[{]/.test(cell)) return cell;
    const value = parse(cell);
    if (reading.kind === 'choices') return layOutChoices(value, reading.by);
    if (reading.kind === 'annotations') return annotated(value) ?? '';
    const list = reading.kind === 'answer' && isRecord(value) ? value[reading.key] : value;
    if (!Array.isArray(list)) return cellText(list);
    if (list.length > 1) several++;
    const kept =
      reading.kind === 'answer' || (reading.kind === 'list' && reading.first) ? list.slice(0, 1) : list;
    return kept.map(cellText).join(reading.kind === 'list' ? reading.separator : '');
  });
  notes.push({ columns: [name], text: describe(name, reading, several) });
  return texts;
}

function describe(name: string, reading: Reading, several: number): string {
  if (reading.kind === 'choices') return `The choices in “${name}” are laid out, a line for each.`;
  if (reading.kind === 'annotations')
    return `Of the annotations in “${name}” the first one's choice or text is used.`;
  if (several === 0) return `The lists in “${name}” have one entry at most: that entry is the text.`;
  if (reading.kind === 'list' && !reading.first) {
    const joint = reading.separator === ' ' ? 'spaces' : 'commas';
    return `The lists in “${name}” are written as texts, their entries joined by ${joint}.`;
  }
  return `Of several answers in “${name}” the first is used.`;
}

function fieldsOf({ name, cells, sample }: Column, keys: readonly string[]): Column[] {
  const values = cells.map((cell) => (cell.startsWith('{') ? parse(cell) : null));
  const sampled = sample.map((cell) => (cell.startsWith('{') ? parse(cell) : null));
  return keys.map((key) => {
    const field = (value: unknown) =>
      isRecord(value) && Object.hasOwn(value, key) ? cellText(value[key]) : '';
    const fieldCells = values.map(field);
    const fieldSample = sampled.map(field).filter((cell) => cell !== '');
    const isNested = (value: unknown) =>
      isRecord(value) && typeof value[key] === 'object' && value[key] !== null;
    return {
      name: fieldName(name, key),
      cells: fieldCells,
      nested: sampled.some(isNested),
      sample: fieldSample,
    };
  });
}

/** A name that templates can use. */
function fieldName(column: string, key: string): string {
  return `${column}.${key}`.replaceAll('{', '(').replaceAll('}', ')');
}

function filledSample(rows: readonly string[][], cell: (row: string[]) => string): string[] {
  const sample: string[] = [];
  for (const row of rows) {
    const text = cell(row);
    if (text.trim() !== '') sample.push(text);
    if (sample.length === SAMPLE) break;
  }
  return sample;
}

function isScalar(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function parse(cell: string): unknown {
  try {
    return JSON.parse(cell);
  } catch {
    return cell;
  }
}
