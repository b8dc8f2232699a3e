/** @file CSV and TSV text to rows, in slices: delimiter sniffed, quoted newlines kept, line numbers counted. */
import Papa from 'papaparse';
import { DataError, excerpt } from './errors';
import { createPace, type WorkOptions } from './pace';
import { checkRowCount, emptyFile, type RawRows, tableFromRows } from './table';
import type { Table } from './types';

/** A character that no cell contains: a table with one column is split by it. */
const NO_DELIMITER = '\u001f';
const SLICE = 2 * 1024 * 1024;
const DELIMITER_NAMES: Record<string, string> = { ';': 'semicolons', '\t': 'tabs', '|': 'vertical bars' };

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
  // Excel's own way of saying the delimiter.
  const declared = /^sep=(.)\n/.exec(source);
  if (declared) {
    source = source.slice(declared[0].length);
    firstLine = 2;
  }
  const delimiter = declared?.[1] ?? sniffDelimiter(source, format);
  const allNotes = [...notes];
  if (format === 'csv' && delimiter in DELIMITER_NAMES) {
    allNotes.push(`The columns are separated by ${DELIMITER_NAMES[delimiter]}.`);
  }
  let raw: RawRows;
  try {
    raw = await readRows(source, delimiter, firstLine, true, work);
  } catch (error) {
    // In TSV a quotation mark is often just a quotation mark.
    if (!(error instanceof QuoteError) || delimiter !== '\t') throw error;
    raw = await readRows(source, delimiter, firstLine, false, work);
    allNotes.push(
      `Quotation marks were taken as part of the text, since those in row ${error.row} do not pair.`,
    );
  }
  trimBlankEnds(raw);
  return tableFromRows(name, format, raw, allNotes);
}

class QuoteError extends DataError {}

async function readRows(
  text: string,
  delimiter: string,
  firstLine: number,
  quotes: boolean,
  work: WorkOptions,
): Promise<RawRows> {
  const pace = createPace(work);
  const cells: string[][] = [];
  const rowNumbers: number[] = [];
  let line = firstLine;
  let at = 0;
  let slice = SLICE;
  while (at < text.length) {
    const last = at + slice >= text.length;
    const parser = new Papa.Parser({ delimiter, newline: '\n', fastMode: quotes ? undefined : true });
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

/** The delimiter by which the first rows have the same number of cells, more than one; none for a single column. */
function sniffDelimiter(text: string, format: 'csv' | 'tsv'): string {
  const sample = text.slice(0, 256 * 1024);
  const candidates = format === 'tsv' ? ['\t', ',', ';', '|'] : [',', ';', '\t', '|'];
  let best = NO_DELIMITER;
  let bestScore = 0;
  for (const delimiter of candidates) {
    const parsed = Papa.parse<string[]>(sample, {
      delimiter,
      newline: '\n',
      preview: 50,
      skipEmptyLines: true,
    });
    const rows = parsed.data;
    // The sample may end inside its last row.
    if (sample.length < text.length && rows.length < 50 && rows.length > 1) rows.pop();
    const width = rows[0]?.length ?? 0;
    if (width < 2) continue;
    const same = rows.filter((row) => row.length === width).length / rows.length;
    // Ragged rows are forgiven; of two that agree equally, the family's own delimiter comes first.
    const score = same + (delimiter === candidates[0] ? 0.25 : 0) + (parsed.errors.length > 0 ? -0.5 : 0);
    if (score > bestScore) {
      bestScore = score;
      best = delimiter;
    }
  }
  return best;
}
