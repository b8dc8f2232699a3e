/** @file CSV and TSV text to rows, in slices: separator found, quoted line breaks kept, line numbers counted. */
import Papa from 'papaparse';
import { DataError, excerpt } from './errors';
import { createPace, type WorkOptions } from './pace';
import { declaredSeparator, findSeparator } from './separator';
import { checkRowCount, emptyFile, type RawRows, tableFromRows } from './table';
import type { Table } from './types';

const SLICE = 2 * 1024 * 1024;
const SEPARATOR_NAMES: Record<string, string> = { ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };

/** What quotation marks are: around cells (with "" or \" for one inside), or text like any other. */
type Quotes = 'doubled' | 'backslash' | 'text';

/** @throws DataError with the row's line for an unclosed quote and for a row with too many cells. */
export async function parseDelimited(
  name: string,
  format: 'csv' | 'tsv',
  text: string,
  notes: string[],
  work: WorkOptions,
): Promise<Table> {
  let source = text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
  if (source.trim() === '') throw emptyFile(name);
  let firstLine = 1;
  const declared = declaredSeparator(source);
  if (declared) {
    source = source.slice(declared.length);
    firstLine = 2;
  }
  const separator = declared?.separator ?? findSeparator(source, format);
  const allNotes = [...notes];
  if (format === 'csv' && separator in SEPARATOR_NAMES) {
    allNotes.push(`The columns are separated by ${SEPARATOR_NAMES[separator]}.`);
  }
  const raw = await readWithQuotes({ source, separator, firstLine }, allNotes, work);
  trimBlankEnds(raw);
  return tableFromRows(name, format, raw, allNotes);
}

interface Source {
  source: string;
  separator: string;
  firstLine: number;
}

class QuoteError extends DataError {}

/** Reads quotation marks as what they are in this file. */
async function readWithQuotes(file: Source, notes: string[], work: WorkOptions): Promise<RawRows> {
  const tabs = file.separator === '\t';
  const asText = (reason: string) => {
    notes.push(`Quotation marks were taken as part of the text, since ${reason}.`);
    return readRows(file, 'text', work);
  };
  let raw: RawRows;
  try {
    raw = await readRows(file, 'doubled', work);
  } catch (error) {
    if (!(error instanceof QuoteError)) throw error;
    if (file.source.includes('\\"')) {
      const escaped = await readRows(file, 'backslash', work).catch((again: unknown) => {
        if (again instanceof QuoteError) return null;
        throw again;
      });
      if (escaped) {
        notes.push('Quotation marks inside cells are written \\" in this file, and were read so.');
        return escaped;
      }
    }
    // In TSV a quotation mark is often just a quotation mark.
    if (tabs) return asText(`those in row ${error.row} do not pair`);
    throw error;
  }
  const swallowed = findSwallowed(raw, file.separator);
  if (swallowed !== null) {
    return asText(`those from row ${swallowed} on would make one cell of whole rows`);
  }
  return raw;
}

async function readRows(
  { source: text, separator, firstLine }: Source,
  quotes: Quotes,
  work: WorkOptions,
): Promise<RawRows> {
  const pace = createPace(work);
  const cells: string[][] = [];
  const rowNumbers: number[] = [];
  let line = firstLine;
  let at = 0;
  let slice = SLICE;
  const options = {
    delimiter: separator,
    newline: '\n' as const,
    fastMode: quotes === 'text' ? true : undefined,
    ...(quotes === 'backslash' && { escapeChar: '\\' }),
  };
  while (at < text.length) {
    const last = at + slice >= text.length;
    const parser = new Papa.Parser(options);
    const result: Papa.ParseResult<string[]> = parser.parse(text.slice(at, at + slice), 0, !last);
    const quoteProblem = result.errors.find(({ row }) => row !== undefined && row < result.data.length);
    for (let r = 0; r < result.data.length; r++) {
      const row = result.data[r];
      if (quoteProblem?.row === r) throw quoteError(quoteProblem, row, line);
      cells.push(row);
      rowNumbers.push(line);
      line += 1;
      for (const cell of row) line += countNewlines(cell);
    }
    checkRowCount(cells.length - 1);
    // A row longer than the slice: look further.
    if (result.data.length === 0 && !last) slice *= 2;
    else slice = SLICE;
    at = last ? text.length : at + result.meta.cursor;
    await pace(at, text.length);
  }
  return { cells, rowNumbers };
}

function quoteError(problem: Papa.ParseError, row: string[], line: number): QuoteError {
  const cell = row.at(-1) ?? '';
  if (problem.code === 'MissingQuotes') {
    return new QuoteError(`a cell opens with a quotation mark that is never closed: ${excerpt(cell)}.`, {
      row: line,
      hint: 'Close the quotation mark; inside a quoted cell write "" for each quotation mark.',
    });
  }
  return new QuoteError(
    `a quoted cell goes on after its closing quotation mark: ${excerpt(row.join(' '))}.`,
    {
      row: line,
      hint: 'Inside a quoted cell write "" for each quotation mark.',
    },
  );
}

/**
 * The line of the first row whose quoted cell holds whole rows: two stray quotation marks that happen to pair. Every
 * line inside such a cell has as many cells as the table; commas may do that by chance in a text, so in CSV the lines
 * inside must also use values that their columns have elsewhere.
 */
function findSwallowed({ cells, rowNumbers }: RawRows, separator: string): number | null {
  const width = cells[0].length;
  if (width < 2) return null;
  for (let r = 0; r < cells.length; r++) {
    const cell = cells[r].find((text) => text.includes('\n') && text.includes(separator));
    if (cell === undefined || cells[r].length > width) continue;
    const lines = cell.split('\n');
    const inside = lines.slice(1, -1).map((line) => line.split(separator));
    const ends = lines[0].includes(separator) && lines.length > 1;
    if (!ends && inside.length === 0) continue;
    if (!inside.every((row) => row.length === width)) continue;
    if (separator === '\t') return rowNumbers[r];
    if (inside.length > 0 && inside.every((row) => sharesValue(row, cells, r))) return rowNumbers[r];
  }
  return null;
}

/** Whether another row has the same value in its last or first column. */
function sharesValue(row: readonly string[], cells: readonly string[][], except: number): boolean {
  const last = row.length - 1;
  return cells.some(
    (other, r) =>
      r !== except &&
      ((other[last] !== '' && other[last] === row[last]) || (other[0] !== '' && other[0] === row[0])),
  );
}

function countNewlines(cell: string): number {
  let count = 0;
  for (let at = cell.indexOf('\n'); at >= 0; at = cell.indexOf('\n', at + 1)) count++;
  return count;
}

/** Blank lines before the header and after the last row are no rows; those between are, and are counted as empty. */
function trimBlankEnds({ cells, rowNumbers }: RawRows): void {
  const blank = (row: string[]) => row.length === 1 && row[0].trim() === '';
  while (cells.length > 0 && blank(cells[cells.length - 1])) {
    cells.pop();
    rowNumbers.pop();
  }
  let start = 0;
  while (start < cells.length && blank(cells[start])) start++;
  cells.splice(0, start);
  rowNumbers.splice(0, start);
}
