/** @file From raw cells to a `Table`: column names, ragged rows, and the messages about rows that do not fit. */
import { DataError } from './errors';
import { looksLikeHeader } from './header';
import { findNestedText } from './nestedText';
import type { Table } from './types';

export const MAX_BYTES = 200 * 1024 * 1024;
export const MAX_ROWS = 1_000_000;

/** Rows as they were read, before anything is known about a header. */
export interface RawRows {
  cells: string[][];
  /** 1-based row in the file of each entry. */
  rowNumbers: number[];
}

/** @throws DataError when there are more rows than the page can hold. */
export function checkRowCount(rows: number): void {
  if (rows > MAX_ROWS) {
    throw new DataError(
      `The file has more than ${MAX_ROWS.toLocaleString('en')} rows, the most that are read.`,
      {
        hint: 'Use a part of it: a soft prompt rarely needs more than a few thousand examples.',
      },
    );
  }
}

/**
 * Names the columns (from the first row when it looks like a header), fills short rows with '', and refuses rows
 * with more cells than there are columns.
 */
export function tableFromRows(name: string, format: Table['format'], raw: RawRows, notes: string[]): Table {
  if (raw.cells.length === 0) throw emptyFile(name);
  const allNotes = [...notes];
  let { cells, rowNumbers } = raw;
  const hasHeader = looksLikeHeader(cells[0], cells.slice(1, 1000));
  let columns: string[];
  if (hasHeader) {
    columns = cleanColumnNames(cells[0]);
    ({ cells, rowNumbers } = withoutHeaders(raw, allNotes));
    if (cells.length === 0) {
      throw new DataError(`“${name}” has a header (${columns.join(', ')}) and no rows.`, {
        hint: 'Add a row for each example.',
      });
    }
  } else {
    columns = inventedNames(cells[0].length, cells);
    allNotes.push(
      `The first row looks like data, not like column names, so it counts as an example and the columns are called ${columns.join(', ')}.`,
    );
  }
  fillRows(cells, rowNumbers, columns, hasHeader, allNotes);
  return finishTable({ name, format, columns, rows: cells, rowNumbers, notes: allNotes });
}

/** Rows without the header, also where it stands again inside, as joining files leaves it. */
function withoutHeaders({ cells, rowNumbers }: RawRows, notes: string[]): RawRows {
  const [header] = cells;
  const isRow = cells.map((row) => row.length !== header.length || row.some((cell, i) => cell !== header[i]));
  const again = isRow.filter((row) => !row).length - 1;
  if (again > 0) {
    notes.push(
      `The header stands ${again === 1 ? 'once more' : `${again} times more`} inside the file, as joining files leaves it, and was left out there.`,
    );
  }
  return { cells: cells.filter((_, r) => isRow[r]), rowNumbers: rowNumbers.filter((_, r) => isRow[r]) };
}

/** Last checks that every format shares. @throws DataError when no cell of the table has text. */
export function finishTable(parts: Omit<Table, 'nested'> & { nested?: number[] }): Table {
  const table: Table = { nested: [], ...parts };
  if (table.rows.length === 0) throw emptyFile(table.name);
  if (!table.rows.some((row) => row.some((cell) => cell.trim() !== ''))) {
    throw new DataError(`All ${table.rows.length} rows of “${table.name}” are empty.`, {
      hint: `Columns found: ${table.columns.join(', ')}. Each example needs text in at least one of them.`,
    });
  }
  findNestedText(table);
  return table;
}

/** Shards of one table: columns of any of them, '' where a shard has none. */
export function joinTables(tables: readonly Table[]): Table {
  const [first] = tables;
  const columns = [...new Set(tables.flatMap((table) => table.columns))];
  const rows: string[][] = [];
  const rowNumbers: number[] = [];
  const nested = new Set<number>();
  const notes = new Set(first.notes);
  for (const table of tables) {
    const places = columns.map((column) => table.columns.indexOf(column));
    const same = places.every((place, i) => place === i) && table.columns.length === columns.length;
    for (const row of table.rows) rows.push(same ? row : places.map((place) => row[place] ?? ''));
    for (const number of table.rowNumbers) rowNumbers.push(number);
    for (const column of table.nested) nested.add(columns.indexOf(table.columns[column]));
    for (const note of table.notes) notes.add(note);
    const without = columns.filter((column) => !table.columns.includes(column));
    if (without.length > 0) notes.add(`“${table.name}” has no “${without.join('”, “')}”; it was left empty.`);
  }
  checkRowCount(rows.length);
  return {
    ...first,
    columns,
    rows,
    rowNumbers,
    nested: [...nested].sort((a, b) => a - b),
    notes: [...notes],
  };
}

export function emptyFile(name: string): DataError {
  return new DataError(`“${name}” is empty.`, {
    hint: 'A dataset has a row for each example, for instance a CSV file with the columns input and target.',
  });
}

/**
 * Names that templates can use: trimmed, none empty, each once, without braces.
 */
export function cleanColumnNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  return names.map((raw, i) => {
    const base = raw.trim().replaceAll('{', '(').replaceAll('}', ')') || `column ${i + 1}`;
    let name = base;
    for (let n = 2; taken.has(name); n++) name = `${base} (${n})`;
    taken.add(name);
    return name;
  });
}

/** Rows looked at to tell labels from texts. */
const SAMPLED = 1000;

/** Whether of two columns the first holds a few short labels that come again and again, and the second texts. */
function labelsComeFirst(cells: readonly (readonly string[])[]): boolean {
  const [first, second] = [0, 1].map((column) => {
    const values = cells.slice(0, SAMPLED).map((row) => (row[column] ?? '').trim());
    const length = values.reduce((sum, value) => sum + value.length, 0) / Math.max(1, values.length);
    return { distinct: new Set(values).size, length, rows: values.length };
  });
  return (
    first.distinct <= first.rows / 2 && first.distinct < second.distinct && 2 * first.length < second.length
  );
}

function inventedNames(count: number, cells: readonly (readonly string[])[]): string[] {
  if (count === 1) return ['text'];
  if (count === 2) return labelsComeFirst(cells) ? ['target', 'input'] : ['input', 'target'];
  return Array.from({ length: count }, (_, i) => `column ${i + 1}`);
}

function fillRows(
  rows: string[][],
  rowNumbers: readonly number[],
  columns: readonly string[],
  hasHeader: boolean,
  notes: string[],
): void {
  const width = columns.length;
  let filled = 0;
  let firstFilled = 0;
  let trimmed = 0;
  for (let r = 0; r < rows.length; r++) {
    const row = rows[r];
    if (row.length > width) {
      if (row.slice(width).some((cell) => cell.trim() !== '')) {
        throw new DataError(
          `${row.length} cells, but the ${hasHeader ? 'header' : 'first row'} has ${width} (${columns.join(', ')}).`,
          {
            row: rowNumbers[r],
            hint: 'If a cell contains the separator or a line break, put the cell in double quotes.',
          },
        );
      }
      row.length = width;
      trimmed++;
    } else if (row.length < width) {
      const blank = row.length === 1 && row[0].trim() === '';
      while (row.length < width) row.push('');
      if (blank) continue;
      if (filled === 0) firstFilled = rowNumbers[r];
      filled++;
    }
  }
  if (filled > 0) {
    notes.push(
      `${countRows(filled)} had fewer than ${width} cells (first: row ${firstFilled}); the missing ones were left empty.`,
    );
  }
  if (trimmed > 0) notes.push(`Empty cells past the last column were dropped in ${countRows(trimmed)}.`);
}

/** "1 row", "12 rows". */
export function countRows(count: number): string {
  return count === 1 ? '1 row' : `${count.toLocaleString('en')} rows`;
}
