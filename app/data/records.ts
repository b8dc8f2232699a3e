/** @file Records of JSON to a table, one at a time, so that a large file is never there as a tree. */
import { DataError, excerpt } from './errors';
import { cellOf, isNested, JsonNumber, JsonObject, type JsonValue, jsonText } from './jsonReader';
import { isTurn, SHAPES } from './jsonShapes';
import { checkRowCount, cleanColumnNames, countRows, finishTable, tableFromRows } from './table';
import { namesConversation } from './turnRows';
import type { Table } from './types';

const MOST_KEYS = 1000;

/** The column of conversations that stand in a file by themselves. */
const CONVERSATION = 'conversation';

/** Takes the records of a file, all of one kind: objects, lists or texts. */
export class RecordTable {
  private kind: 'objects' | 'lists' | 'texts' | null = null;
  private readonly columns = new Map<string, number>();
  /** How many records had each column. */
  private readonly counts: number[] = [];
  private readonly nested = new Set<number>();
  private readonly rows: string[][] = [];
  private readonly rowNumbers: number[] = [];
  /** Lists as they are, until it is clear whether they are rows or conversations. */
  private readonly lists: JsonValue[][] = [];
  /** All records so far, while each is a turn of a conversation. */
  private turns: JsonObject[] | null = [];

  get size(): number {
    return this.rowNumbers.length;
  }

  /** @throws DataError where a record does not fit those before it. */
  add(record: JsonValue, rowNumber: number): void {
    this.kind ??= kindOf(record, rowNumber);
    this.rowNumbers.push(rowNumber);
    checkRowCount(this.rowNumbers.length);
    if (this.kind === 'objects') {
      if (!(record instanceof JsonObject)) throw unlikeFirst('an object', record, rowNumber);
      this.addObject(record, rowNumber);
    } else if (this.kind === 'lists') {
      if (!Array.isArray(record)) throw unlikeFirst('a list', record, rowNumber);
      this.lists.push(record);
    } else {
      if (typeof record !== 'string') throw unlikeFirst('a text', record, rowNumber);
      this.rows.push([record]);
    }
  }

  private addObject(record: JsonObject, rowNumber: number): void {
    if (this.turns) {
      // With the conversation's name in it, a turn is of one of several.
      if (isTurn(record) && !record.keys.some(namesConversation)) this.turns.push(record);
      else this.turns = null;
    }
    const row: string[] = new Array(this.columns.size).fill('');
    for (let i = 0; i < record.keys.length; i++) {
      const key = record.keys[i];
      let column = this.columns.get(key);
      if (column === undefined) {
        column = this.columns.size;
        if (column === MOST_KEYS) {
          throw new DataError(
            'the objects have more than 1,000 different keys so far; they are no columns.',
            {
              row: rowNumber,
              hint: SHAPES,
            },
          );
        }
        this.columns.set(key, column);
        this.counts.push(0);
      }
      const value = record.values[i];
      if (isNested(value)) this.nested.add(column);
      row[column] = cellOf(value);
      this.counts[column]++;
    }
    this.rows.push(row);
  }

  /** @throws DataError where there is nothing to learn from. */
  finish(name: string, format: Table['format'], notes: readonly string[]): Table {
    const { rows, rowNumbers } = this;
    const base = { name, format, rowNumbers, notes: [...notes] };
    if (this.kind === 'texts') return finishTable({ ...base, columns: ['text'], rows });
    if (this.kind === 'lists') return this.finishLists(base);
    if (this.turns && this.turns.length > 1) {
      return finishTable({
        ...base,
        columns: [CONVERSATION],
        rows: [[jsonText(this.turns)]],
        rowNumbers: [1],
        nested: [0],
        notes: [...notes, `“${name}” is one list of ${this.turns.length} turns, so it is one conversation.`],
      });
    }
    if (this.columns.size === 0) {
      throw new DataError(`All ${rows.length} objects of “${name}” are empty.`, { hint: SHAPES });
    }
    for (const row of rows) while (row.length < this.columns.size) row.push('');
    const names = [...this.columns.keys()];
    names.forEach((key, column) => {
      const without = rows.length - this.counts[column];
      if (without > 0) base.notes.push(`${countRows(without)} had no “${key}”; it was left empty.`);
    });
    const nested = [...this.nested].sort((a, b) => a - b);
    return finishTable({ ...base, columns: cleanColumnNames(names), rows, nested });
  }

  /** Lists of objects are conversations, lists of anything else rows of cells. */
  private finishLists(base: Omit<Table, 'columns' | 'rows' | 'nested'>): Table {
    const { lists } = this;
    if (lists.some((list) => list.some((item) => item instanceof JsonObject))) {
      const rows = lists.map((list) => [jsonText(list)]);
      return finishTable({ ...base, columns: [CONVERSATION], rows, nested: [0] });
    }
    const cells = lists.map((list) => list.map(cellOf));
    return tableFromRows(base.name, base.format, { cells, rowNumbers: base.rowNumbers }, base.notes);
  }
}

function kindOf(record: JsonValue, row: number): 'objects' | 'lists' | 'texts' {
  if (record instanceof JsonObject) return 'objects';
  if (Array.isArray(record)) return 'lists';
  if (typeof record === 'string') return 'texts';
  throw new DataError(
    `expected an object such as {"input": "…", "target": "…"}, found ${describe(record)}.`,
    {
      row,
      hint: SHAPES,
    },
  );
}

function unlikeFirst(expected: string, found: JsonValue, row: number): DataError {
  return new DataError(`expected ${expected} like the first record, found ${describe(found)}.`, {
    row,
    hint: 'All records of a file need the same shape.',
  });
}

function describe(value: JsonValue): string {
  if (value === null) return 'null';
  const shown = excerpt(jsonText(value));
  if (Array.isArray(value)) return `a list, ${shown}`;
  if (value instanceof JsonObject) return `an object, ${shown}`;
  return `a ${value instanceof JsonNumber ? 'number' : typeof value}, ${shown}`;
}
