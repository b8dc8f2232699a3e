/** @file How sure a number is: intervals of 95 %, and whether two contenders differ by more than chance on the same rows. */
import { createRandom } from '../formats/random';

/** An interval that holds the true value in 95 of 100 such samples. */
export interface Interval {
  low: number;
  high: number;
}

/** The normal distribution's 97.5 % quantile. */
const Z = 1.959963984540054;
/** Resamples of a bootstrap. */
const RESAMPLES = 2000;

/**
 * Wilson's score interval (1927) of a share: sensible for few rows and near 0 and 1, where the textbook one is not.
 * @param right how many of `count`; without any rows the interval is all of [0, 1].
 */
export function wilson(right: number, count: number): Interval {
  if (count === 0) return { low: 0, high: 1 };
  const share = right / count;
  const z2 = Z ** 2 / count;
  const centre = (share + z2 / 2) / (1 + z2);
  const half = (Z / (1 + z2)) * Math.sqrt((share * (1 - share)) / count + z2 / (4 * count));
  // Rounding may leave the ends a hair outside.
  return { low: Math.max(0, centre - half), high: Math.min(1, centre + half) };
}

/**
 * The bootstrap's percentile interval (Efron 1979) of a mean. The same seed gives the same interval.
 * @param values one a row. Where there are none, the interval is [0, 0].
 */
export function bootstrapMean(values: readonly number[], seed = 0, resamples = RESAMPLES): Interval {
  return bootstrap(values.length, (rows) => meanOf(values, rows), seed, resamples);
}

/**
 * Of the difference of two means, `b` minus `a`, each row standing for both: rows that are hard for both say nothing of
 * which is better, so the interval is much narrower than two intervals beside each other.
 * @throws RangeError where the two are not the same rows.
 */
export function bootstrapDifference(
  a: readonly number[],
  b: readonly number[],
  seed = 0,
  resamples = RESAMPLES,
): Interval {
  checkPaired(a, b);
  return bootstrapMean(
    a.map((value, i) => b[i] - value),
    seed,
    resamples,
  );
}

/**
 * Of any statistic of rows.
 * @param statistic of the rows at these indices, which repeat.
 */
export function bootstrap(
  count: number,
  statistic: (rows: Uint32Array) => number,
  seed = 0,
  resamples = RESAMPLES,
): Interval {
  if (count === 0) return { low: 0, high: 0 };
  const random = createRandom(seed);
  const drawn = new Uint32Array(count);
  const values = Float64Array.from({ length: resamples }, () => {
    for (let i = 0; i < count; i++) drawn[i] = random.int(count);
    return statistic(drawn);
  }).sort();
  return { low: quantile(values, 0.025), high: quantile(values, 0.975) };
}

/**
 * McNemar's test (1947), exact: whether of the rows that only one of two got right, one got more than chance would give.
 * @returns the two-sided p-value; 1 where the two never differ.
 * @throws RangeError where the two are not the same rows.
 */
export function mcnemar(a: readonly boolean[], b: readonly boolean[]): number {
  checkPaired(a, b);
  const onlyA = a.filter((right, i) => right && !b[i]).length;
  const onlyB = b.filter((right, i) => right && !a[i]).length;
  const differing = onlyA + onlyB;
  if (differing === 0) return 1;
  const fewer = Math.min(onlyA, onlyB);
  let tail = 0;
  for (let k = 0; k <= fewer; k++) tail += Math.exp(logChoose(differing, k) - differing * Math.LN2);
  return Math.min(1, 2 * tail);
}

/** Linear between neighbours, as NumPy's default. `sorted` ascends and is not empty. */
export function quantile(sorted: ArrayLike<number>, share: number): number {
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

function meanOf(values: readonly number[], rows: Uint32Array): number {
  let total = 0;
  for (const row of rows) total += values[row];
  return total / rows.length;
}

function checkPaired(a: readonly unknown[], b: readonly unknown[]): void {
  if (a.length === b.length) return;
  throw new RangeError(`Compared must be the same rows; one has ${a.length}, the other ${b.length}.`);
}

/** ln (n choose k), summed term by term: exact to rounding for any number of rows that a page will see. */
function logChoose(n: number, k: number): number {
  let total = 0;
  for (let i = 1; i <= k; i++) total += Math.log(n - k + i) - Math.log(i);
  return total;
}
