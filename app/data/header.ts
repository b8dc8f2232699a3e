/** @file Whether the first row of a table is column names or already data. */
import { isKnownColumnName } from './columnNames';

/**
 * A first row is a header unless it looks like the rows below it. Known names decide for a header; a cell that
 * comes again in its column, a number over numbers, repeated cells, or sentences decide against one.
 */
export function looksLikeHeader(first: readonly string[], rest: readonly (readonly string[])[]): boolean {
  const cells = first.map((cell) => cell.trim());
  const filled = cells.filter((cell) => cell !== '');
  if (filled.length === 0) return false;
  if (cells.some(isKnownColumnName) && filled.every((cell) => cell.length <= 60)) return true;
  // What pandas writes for a table without names: 0,1,2
  if (cells.length > 1 && cells.every((cell, i) => cell === String(i))) return true;
  if (new Set(filled).size < filled.length) return false;
  if (filled.some(looksLikeSentence)) return false;
  return !cells.some((cell, column) => cell !== '' && looksLikeColumn(cell, first, rest, column));
}

function looksLikeSentence(cell: string): boolean {
  return (
    cell.length > 60 || cell.split(/\s+/).length > 6 || /[.!;…][)"'”]?$/.test(cell) || cell.includes('\n')
  );
}

/** Whether a cell could be one more value of the column below it. */
function looksLikeColumn(
  cell: string,
  first: readonly string[],
  rest: readonly (readonly string[])[],
  column: number,
): boolean {
  const kind = kindOf(cell);
  let same = 0;
  let filled = 0;
  for (const row of rest) {
    const other = (row[column] ?? '').trim();
    if (other === '') continue;
    filled++;
    if (kind !== null && kindOf(other) === kind) same++;
    // A whole first row that comes again is a header written twice, not a value used twice.
    if (other === cell && row.some((value, i) => value !== first[i])) return true;
  }
  return kind !== null && same > 0.8 * filled;
}

/** Values that are seldom names of columns, by their form. */
const KINDS: readonly [kind: string, form: RegExp][] = [
  ['number', /^[-+]?[€$£]?\s?(\d+([.,'\u00a0\u202f]\d+)*[.,]?|[.,]\d+)(e[-+]?\d+)?\s?[%€$£]?$/i],
  ['date', /^\d{1,4}([-/.])\d{1,2}\1\d{1,4}([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[-+]\d{2}:?\d{2})?)?$/],
  ['time', /^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$/],
  ['address', /^(https?:\/\/|www\.)\S+$/i],
  ['mail', /^\S+@\S+\.\S+$/],
  ['identifier', /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i],
  ['structure', /^(\[.*\]|\{.*\})$/s],
];

function kindOf(text: string): string | null {
  return KINDS.find(([, form]) => form.test(text))?.[0] ?? null;
}
