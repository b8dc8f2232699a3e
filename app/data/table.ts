/** @file From raw cells to a `Table`: column names, ragged rows, and the messages about rows that do not fit. */
import { DataError } from './errors';
import { looksLikeHeader } from './header';
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
    cells = cells.slice(1);
    rowNumbers = rowNumbers.slice(1);
    if (cells.length === 0) {
      throw new DataError(`“${name}” has a header (${columns.join(', ')}) and no rows.`, {
        hint: 'Add a row for each example.',
      });
    }
  } else {
    columns = inventedNames(cells[0].length);
    allNotes.push(
      `The first row looks like data, not like column names, so it counts as an example and the columns are called ${columns.join(', ')}.`,
    );
  }
  fillRows(cells, rowNumbers, columns, hasHeader, allNotes);
  return finishTable({ name, format, columns, rows: cells, rowNumbers, notes: allNotes });
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
  return table;
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

function inventedNames(count: number): string[] {
  if (count === 1) return ['text'];
  if (count === 2) return ['input', 'target'];
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
