/** @file Numbers as the findings write them, and Markdown tables of them. */
import type { Estimate } from './statistics';

/** Where there is no number. */
export const NONE = '–';

/** Of no rows a sentence that says so. @throws RangeError where a row has another number of cells than the head */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => {
    if (cells.length !== head.length)
      throw new RangeError(`${cells.length} cells under ${head.length} heads.`);
    return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  };
  if (rows.length === 0) return 'Not measured yet.';
  return [line(head), `|${' --- |'.repeat(head.length)}`, ...rows.map(line)].join('\n');
}

/** A list under the words that it needs; nothing where there is nothing to list. */
export function listed(words: string, lines: readonly string[]): string[] {
  return lines.length > 0 ? [words, lines.join('\n')] : [];
}

/** Shares as per cent with their interval: `85 % (80 to 90)`; what no share can be is left out of the interval. */
export function percent({ mean, low, high }: Estimate): string {
  const within = (value: number) => Math.min(100, Math.max(0, Math.round(100 * value)));
  return `${within(mean)} %${low === null || high === null ? '' : ` (${within(low)} to ${within(high)})`}`;
}

/** A difference of shares in points, signed, with its interval. */
export function points({ mean, low, high }: Estimate): string {
  const interval = low === null || high === null ? '' : ` (${signed(100 * low)} to ${signed(100 * high)})`;
  return `${signed(100 * mean)}${interval}`;
}

/** A ratio with its interval: `2.1 (1.4 to 3.2)`. */
export function times({ mean, low, high }: Estimate): string {
  return `${digits(mean)}${low === null || high === null ? '' : ` (${digits(low)} to ${digits(high)})`}`;
}

/** Two digits, three of what is above a hundred. */
export function digits(value: number): string {
  return String(Number(value.toPrecision(Math.abs(value) >= 100 ? 3 : 2)));
}

function signed(value: number): string {
  const whole = Math.round(value);
  return whole > 0 ? `+${whole}` : whole < 0 ? `−${-whole}` : '0';
}
