/**
 * @file Excel workbooks to tables: numbers and dates as the sheet shows them. Loaded when used, since the library that
 * reads them is large.
 */
import { type CellObject, read, type WorkBook } from '@e965/xlsx';
import { zipSync } from 'fflate';
import { unpackArchive } from './archive';
import { DataError } from './errors';
import { createPace, type WorkOptions } from './pace';
import { type ParsedPart, partOfName } from './parts';
import { checkRowCount, type RawRows, tableFromRows } from './table';
import type { Table } from './types';

const MOST_COLUMNS = 1000;

/** A sheet per part where their names say so (train, test); else the first one that has rows. @throws DataError */
export async function parseWorkbook(
  name: string,
  bytes: Uint8Array,
  work: WorkOptions,
): Promise<ParsedPart[]> {
  const pace = createPace(work);
  // The library checks neither limits nor checksums, and may spin on what is damaged: it gets what has been unpacked.
  const files = unpackArchive(name, bytes);
  const stored = zipSync(Object.fromEntries(files.map((file) => [file.name, file.bytes])), { level: 0 });
  await pace(0, 1);
  // The library reads the whole at one go.
  work.onProgress?.(0, 0);
  work.onSilence?.(stored.byteLength);
  const book = openBook(name, stored);
  const sheets: { sheet: string; raw: RawRows; errors: number }[] = [];
  for (const sheet of visibleSheets(book)) {
    const found = readSheet(book, sheet);
    if (found.raw.cells.length > 0) sheets.push({ sheet, ...found });
    await pace(sheets.length, book.SheetNames.length + 1);
  }
  if (sheets.length === 0) {
    throw new DataError(`No sheet of “${name}” has rows.`, { hint: 'Put the rows into its first sheet.' });
  }
  const parts = sheets.map(({ sheet }) => partOfName(sheet));
  const named = sheets.filter((_, i) => parts[i] !== null);
  const split = parts.includes('train') && named.length > 1;
  const used = split ? named : sheets.slice(0, 1);
  const left = sheets.filter((sheet) => !used.includes(sheet)).map(({ sheet }) => `“${sheet}”`);
  return used.map(({ sheet, raw, errors }, i) => {
    const notes: string[] = [];
    if (i === 0 && left.length > 0) {
      notes.push(`The rows are those of sheet “${sheet}”; left out: ${left.join(', ')}.`);
    }
    if (errors > 0)
      notes.push(
        `${errors === 1 ? '1 cell shows an error' : `${errors} cells show errors`} (such as #N/A) and became empty.`,
      );
    const table: Table = tableFromRows(split ? `${name} (${sheet})` : name, 'xlsx', raw, notes);
    return { part: split ? partOfName(sheet) : null, table };
  });
}

function openBook(name: string, bytes: Uint8Array): WorkBook {
  try {
    return read(bytes, {
      type: 'array',
      dense: true,
      cellNF: true,
      cellHTML: false,
      cellFormula: false,
      dateNF: 'yyyy-mm-dd',
    });
  } catch (cause) {
    throw new DataError(`“${name}” is not a readable Excel workbook.`, {
      hint: 'Open it in the program that made it and save it again, or save it as CSV (UTF-8).',
      cause,
    });
  }
}

function visibleSheets(book: WorkBook): string[] {
  const visible = book.SheetNames.filter((_, i) => !book.Workbook?.Sheets?.[i]?.Hidden);
  return visible.length > 0 ? visible : book.SheetNames;
}

function readSheet(book: WorkBook, sheet: string): { raw: RawRows; errors: number } {
  const data = (book.Sheets[sheet]?.['!data'] ?? []) as (CellObject | undefined)[][];
  const raw: RawRows = { cells: [], rowNumbers: [] };
  let errors = 0;
  let first = Number.POSITIVE_INFINITY;
  let width = 0;
  data.forEach((row, r) => {
    const cells: string[] = [];
    row?.forEach((cell, c) => {
      if (!cell || c >= MOST_COLUMNS) return;
      if (cell.t === 'e') errors++;
      const text = shownText(cell);
      if (text === '') return;
      while (cells.length < c) cells.push('');
      cells[c] = text;
      first = Math.min(first, c);
      width = Math.max(width, c + 1);
    });
    // Blank rows between others stay, so that they are counted; those before and after are no rows.
    if (cells.length === 0 && raw.cells.length === 0) return;
    raw.cells.push(cells);
    raw.rowNumbers.push(r + 1);
    checkRowCount(raw.cells.length - 1);
  });
  while (raw.cells.length > 0 && raw.cells[raw.cells.length - 1].length === 0) {
    raw.cells.pop();
    raw.rowNumbers.pop();
  }
  // A table may begin in column B.
  raw.cells = raw.cells.map((row) => {
    const cells = row.slice(first);
    while (cells.length < width - first) cells.push('');
    return cells;
  });
  return { raw, errors };
}

/** What the sheet shows; a number without a format of its own in full, where Excel would round it to the column. */
function shownText(cell: CellObject): string {
  switch (cell.t) {
    case 's':
      return String(cell.v ?? '');
    case 'b':
      return cell.v ? 'TRUE' : 'FALSE';
    case 'n': {
      const general = cell.z === undefined || cell.z === 'General';
      const shown = cell.w ?? '';
      return general || shown === '' || shown.startsWith('#') ? String(cell.v) : shown.trim();
    }
    case 'd':
      return cell.w ?? String(cell.v);
    default:
      return '';
  }
}
