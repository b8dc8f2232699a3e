/** @file What separates the cells of a delimited text: the sign by which the rows agree, whatever else stands in them. */
import Papa from 'papaparse';

/** A character that no cell contains: a table with one column is split by it. */
export const NO_SEPARATOR = '\u001f';
const SAMPLE = 256 * 1024;
const SAMPLED_ROWS = 200;

/**
 * The separator by which most rows have the same number of cells, more than one. Where several agree, it is the one
 * with quotation marks at the ends of cells, without a space after it (commas of a sentence) and not between digits
 * (decimal commas); then the one that the file's extension says.
 */
export function findSeparator(text: string, format: 'csv' | 'tsv'): string {
  const sample = text.slice(0, SAMPLE);
  const candidates = format === 'tsv' ? ['\t', ',', ';', '|'] : [',', ';', '\t', '|'];
  let best = NO_SEPARATOR;
  let bestScore = 0;
  for (const separator of candidates) {
    if (!sample.includes(separator)) continue;
    const own = separator === candidates[0];
    const score = agreement(sample, separator, sample.length < text.length);
    if (score === null) continue;
    const total = score + (own ? (format === 'tsv' ? 0.25 : 0.05) : 0);
    if (total > bestScore) {
      bestScore = total;
      best = separator;
    }
  }
  return best;
}

/** Null where the separator makes one column. */
function agreement(sample: string, separator: string, cut: boolean): number | null {
  const parsed = Papa.parse<string[]>(sample, {
    delimiter: separator,
    newline: '\n',
    preview: SAMPLED_ROWS,
    skipEmptyLines: true,
  });
  const rows = parsed.data;
  // The sample may end inside its last row.
  if (cut && rows.length < SAMPLED_ROWS && rows.length > 1) rows.pop();
  const widths = new Map<number, number>();
  for (const { length } of rows) widths.set(length, (widths.get(length) ?? 0) + 1);
  // Of two widths used alike, the wider one: cells at the end are left out more often than added.
  const [width, same] = [...widths].reduce(
    (a, b) => (b[1] > a[1] || (b[1] === a[1] && b[0] > a[0]) ? b : a),
    [0, 0],
  );
  if (width < 2) return null;
  const faulty = new Set(parsed.errors.map(({ row }) => row)).size;
  const quoteInside = rows.filter((row) =>
    row.some((cell) => /^[^"]+"/.test(cell) && cell.endsWith('"')),
  ).length;
  const share = (count: number) => count / rows.length;
  let score = same / rows.length + 0.01 * Math.min(width, 10);
  score -= 0.5 * Math.min(1, share(faulty) + share(quoteInside));
  if (separator === '\t') return score;
  const uses = sample.split(separator).length - 1;
  const escaped = separator === '|' ? '\\|' : separator;
  const part = (pattern: string) => (sample.match(new RegExp(pattern, 'g'))?.length ?? 0) / uses;
  score -= 0.3 * part(`${escaped} (?=\\S)`);
  if (separator === ',') score -= 0.3 * part('\\d,(?=\\d)');
  return score;
}

/** Excel's own way of saying the separator, a first line `sep=;`; quoted by programs that write it as a cell. */
export function declaredSeparator(text: string): { separator: string; length: number } | null {
  const declared = /^"?sep=(.)"?[ \t]*\n/i.exec(text);
  return declared && { separator: declared[1], length: declared[0].length };
}
