/**
 * @file What a study says of its numbers: means with Student's 95 % intervals over seeds and samples, steps until a loss is
 * reached, and how many times more steps one start takes than another. Pure functions.
 */

export interface Estimate {
  mean: number;
  /** 95 %; null of a single value. */
  low: number | null;
  high: number | null;
  count: number;
}

/** The mean of values with Student's interval; the values are taken for independent. @throws RangeError where there are none */
export function estimate(values: readonly number[]): Estimate {
  const count = values.length;
  if (count === 0) throw new RangeError('There is no mean of nothing.');
  const mean = values.reduce((sum, value) => sum + value, 0) / count;
  if (count === 1) return { mean, low: null, high: null, count };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const half = studentQuantile(count - 1) * Math.sqrt(squares / (count - 1) / count);
  return { mean, low: mean - half, high: mean + half, count };
}

/** Of the differences b − a of pairs that share a seed and a sample. @throws RangeError where they are no pairs */
export function estimateDifference(a: readonly number[], b: readonly number[]): Estimate {
  if (a.length !== b.length) throw new RangeError(`${a.length} values have no pairs among ${b.length}.`);
  return estimate(a.map((value, i) => b[i] - value));
}

/**
 * The step at which a curve first reaches a loss, linear between two validations; null where it never does.
 * @param curve steps ascending
 */
export function stepsUntil(curve: readonly (readonly [number, number])[], loss: number): number | null {
  const at = curve.findIndex(([, value]) => value <= loss);
  if (at < 0) return null;
  const [step, value] = curve[at];
  if (at === 0) return step;
  const [before, higher] = curve[at - 1];
  // A validation that was no number is higher than anything.
  if (!Number.isFinite(higher)) return step;
  return before + ((higher - loss) / (higher - value)) * (step - before);
}

/** How many steps one takes, and another on the same sample with the same seed; null where it never got there. */
export interface StepPair {
  reference: number | null;
  other: number | null;
  /** Steps that were made. */
  limit: number;
}

export interface StepRatio extends Estimate {
  /** Pairs in which the other did not get there, counted with the limit: the ratio is more than is said. */
  otherMissed: number;
  /** The same of the reference: the ratio is less than is said. */
  referenceMissed: number;
  /** Pairs that say nothing: neither got there. */
  neither: number;
}

/**
 * How many times more steps than the reference: the geometric mean with Student's interval over the logarithms; null where no
 * pair says anything.
 */
export function ratioOfSteps(pairs: readonly StepPair[]): StepRatio | null {
  const telling = pairs.filter(({ reference, other }) => reference !== null || other !== null);
  if (telling.length === 0) return null;
  // A prompt that is there before its first step is there after one.
  const steps = (found: number | null, limit: number) => Math.max(1, found ?? limit);
  const logs = telling.map(({ reference, other, limit }) =>
    Math.log(steps(other, limit) / steps(reference, limit)),
  );
  const { mean, low, high, count } = estimate(logs);
  return {
    mean: Math.exp(mean),
    low: low === null ? null : Math.exp(low),
    high: high === null ? null : Math.exp(high),
    count,
    otherMissed: telling.filter(({ other }) => other === null).length,
    referenceMissed: telling.filter(({ reference }) => reference === null).length,
    neither: pairs.length - telling.length,
  };
}

/** The 97.5 % quantile of Student's distribution with a whole number of degrees of freedom. */
export function studentQuantile(degrees: number): number {
  let low = 0;
  let high = 13;
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (studentWithin(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** The probability of |t| below a value, by the finite series for whole degrees (Abramowitz & Stegun 1964, 26.7.3 and 26.7.4). */
function studentWithin(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(angle);
  const odd = degrees % 2 === 1;
  let term = odd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = odd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= (cosine ** 2 * (k - 1)) / k;
    sum += term;
  }
  return odd ? (2 / Math.PI) * (angle + Math.sin(angle) * sum) : Math.sin(angle) * sum;
}
