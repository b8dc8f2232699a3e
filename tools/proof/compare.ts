/**
 * @file How sure the proof's numbers are: shares with Wilson's intervals, and differences on the same test rows with the paired
 * bootstrap's and McNemar's exact test. Pure functions of what is right row by row.
 */
import { bootstrapMean, mcnemar, quantile, wilson } from '../../app/evaluation/intervals';
import type { CellRecord } from './cells';

/** One contender on one task, with a record for each of its seeds; words have one. */
export interface Contender {
  name: string;
  records: readonly CellRecord[];
}

export interface Share {
  mean: number;
  low: number;
  high: number;
  /** Of each seed. */
  each: number[];
}

export interface Ahead {
  /** Shares, not percentage points. */
  mean: number;
  low: number;
  high: number;
  /** McNemar's, of each seed. */
  p: number[];
}

/**
 * The mean over seeds of what is right. The interval is that of one prompt's share on so many rows: seeds are tested on the same
 * rows, so they do not make it narrower.
 */
export function shareOf({ records }: Pick<Contender, 'records'>, of: 'right' | 'exact' = 'right'): Share {
  const rows = records.map(({ scores }) => bits(scores[of]));
  const each = rows.map((row) => meanOf(row));
  const mean = meanOf(each);
  const count = rows[0]?.length ?? 0;
  return { mean, each, ...wilson(mean * count, count) };
}

/**
 * How far one contender is ahead of another on the same rows, over the seeds that both have; a contender of one record without a
 * seed, such as words, meets every seed. What is resampled are rows, each with the mean of its differences over the seeds. Null
 * where the two share no seed.
 * @throws RangeError where they were tested on different rows
 */
export function aheadOf(own: Contender, other: Contender): Ahead | null {
  const pairs = own.records.flatMap((record) => {
    const match = other.records.find(
      ({ cell }) => seedOf(cell) === null || seedOf(cell) === seedOf(record.cell),
    );
    return match ? [[bits(record.scores.right), bits(match.scores.right)] as const] : [];
  });
  if (pairs.length === 0) return null;
  if (pairs.some((pair) => pair.some((one) => one.length !== pairs[0][0].length)))
    throw new RangeError(`${own.name} and ${other.name} were not tested on the same rows.`);
  const differences = pairs[0][0].map((_, row) => meanOf(pairs.map(([a, b]) => a[row] - b[row])));
  return {
    mean: meanOf(differences),
    ...bootstrapMean(differences),
    p: pairs.map(([a, b]) => mcnemar(a.map(Boolean), b.map(Boolean))),
  };
}

/** What is said of a difference: `beats` and `loses` where it is more than chance. */
export type Outcome = 'beats' | 'open' | 'loses';

/** Below this McNemar's test calls a difference more than chance. */
const SURE = 0.05;

/** Sure is what the interval leaves no doubt of, and McNemar's test neither: of several seeds, by the median of its p. */
export function outcomeOf({ low, high, p }: Pick<Ahead, 'low' | 'high' | 'p'>): Outcome {
  if (
    quantile(
      [...p].sort((a, b) => a - b),
      0.5,
    ) >= SURE
  )
    return 'open';
  if (low > 0) return 'beats';
  return high < 0 ? 'loses' : 'open';
}

/** Right most often; of equals the one with the lower loss. Null of none. */
export function bestOf(contenders: readonly Contender[]): Contender | null {
  const ranked = contenders
    .map((contender) => ({ contender, right: shareOf(contender).mean, loss: lossOf(contender) }))
    .sort((a, b) => b.right - a.right || a.loss - b.loss);
  return ranked[0]?.contender ?? null;
}

export function lossOf({ records }: Pick<Contender, 'records'>): number {
  return meanOf(records.map(({ scores }) => scores.loss));
}

function seedOf(cell: CellRecord['cell']): number | null {
  return cell.by === 'words' ? null : cell.seed;
}

function bits(text: string): number[] {
  return Array.from(text, Number);
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
}
