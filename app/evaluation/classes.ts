/**
 * @file Class tasks judged by likelihood: which class a row's answer is taken for, and what follows from it (accuracy, F1,
 * confusion matrix, calibration). Held to scikit-learn by test.
 */
import type { ClassScores, RowScore } from './rowScore';

/**
 * How classes are compared.
 * - `sum`: the likelihood of the whole answer
 * - `mean`: the likelihood per token, so that long labels are not at a disadvantage
 * - `calibrated`: `sum` divided by how likely the class is over all rows, so that a class the model says anyway counts
 *   for less (batch calibration, Zhou et al. 2023)
 */
export type ClassRule = 'sum' | 'mean' | 'calibrated';

export const CLASS_RULES: readonly ClassRule[] = ['sum', 'mean', 'calibrated'];

/** A row's class probabilities `[classes]`, adding up to 1, for each of the rows in order. Rows without classes are an error. */
export function classProbabilities(rows: readonly RowScore[], rule: ClassRule = 'sum'): Float64Array[] {
  const scored = rows.map(({ classes }) => {
    if (!classes) throw new RangeError('Class probabilities need rows that were scored for every class.');
    return classes;
  });
  const logits = scored.map((scores) => classLogits(scores, rule));
  const probabilities = logits.map(softmax);
  if (rule !== 'calibrated' || rows.length === 0) return probabilities;
  const count = probabilities[0].length;
  const prior = Float64Array.from({ length: count }, (_, c) => mean(probabilities.map((row) => row[c])));
  return logits.map((row) =>
    softmax(row.map((logit, c) => logit - Math.log(Math.max(prior[c], Number.MIN_VALUE)))),
  );
}

/** The likeliest class of each row; of equals the first. By `sum` the rows know it themselves. */
export function predictedClasses(rows: readonly RowScore[], rule: ClassRule = 'sum'): number[] {
  if (rule !== 'sum') return classProbabilities(rows, rule).map(argmax);
  return rows.map(({ likeliest }) => {
    if (likeliest === null) throw new RangeError('The rows were not scored for classes.');
    return likeliest;
  });
}

/** Whether each row's likeliest class is its target. */
export function rightByLabels(rows: readonly RowScore[], rule: ClassRule = 'sum'): boolean[] {
  const predicted = predictedClasses(rows, rule);
  return rows.map(({ targetClass }, i) => predicted[i] === targetClass);
}

/** `counts[target][predicted]`, `[classes][classes]`. */
export function confusionMatrix(
  targets: readonly number[],
  predicted: readonly number[],
  classes: number,
): number[][] {
  const counts = Array.from({ length: classes }, () => new Array<number>(classes).fill(0));
  targets.forEach((target, i) => {
    counts[target][predicted[i]]++;
  });
  return counts;
}

/** Precision, recall and their harmonic mean of one class; each is 0 where it is not defined. */
export interface ClassMeasures {
  precision: number;
  recall: number;
  f1: number;
  /** Rows whose target it is. */
  support: number;
}

/** Of each class, from a confusion matrix `[target][predicted]`. */
export function classMeasures(matrix: readonly (readonly number[])[]): ClassMeasures[] {
  return matrix.map((row, c) => {
    const right = row[c];
    const support = sum(row);
    const said = sum(matrix.map((other) => other[c]));
    const precision = said > 0 ? right / said : 0;
    const recall = support > 0 ? right / support : 0;
    // 2PR / (P + R), written so that it needs neither.
    const f1 = said + support > 0 ? (2 * right) / (said + support) : 0;
    return { precision, recall, f1, support };
  });
}

/**
 * Mean F1 over the classes that occur, as a target or as an answer: every class counts the same, however rare.
 * 0 where there are no rows.
 */
export function macroF1(matrix: readonly (readonly number[])[]): number {
  const occurring = classMeasures(matrix).filter(
    ({ support }, c) => support > 0 || matrix.some((row) => row[c] > 0),
  );
  return occurring.length === 0 ? 0 : mean(occurring.map(({ f1 }) => f1));
}

/** The commonest target and its part of the rows: what whoever always says the same is right by. Null without rows. */
export function majority(targets: readonly number[]): { class: number; share: number } | null {
  if (targets.length === 0) return null;
  const counts = new Map<number, number>();
  for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  const [first, count] = [...counts].reduce((a, b) =>
    b[1] > a[1] || (b[1] === a[1] && b[0] < a[0]) ? b : a,
  );
  return { class: first, share: count / targets.length };
}

/** From this part of the rows on, answers of one class are said aloud as such. */
const ONE_CLASS = 0.95;

/** The class that nearly all rows are taken for though their targets differ; null where answers differ, too. */
export function predictsOneClass(targets: readonly number[], predicted: readonly number[]): number | null {
  const said = majority(predicted);
  const wanted = majority(targets);
  if (!said || !wanted || said.share < ONE_CLASS || wanted.share >= ONE_CLASS) return null;
  return said.class;
}

/**
 * Expected calibration error (Guo et al. 2017): how far the probability of the likeliest class is from how often it is
 * right, in `bins` equal steps of probability, weighted by rows. 0 is perfect.
 */
export function expectedCalibrationError(
  probabilities: readonly Float64Array[],
  targets: readonly number[],
  bins = 10,
): number {
  const rights = new Float64Array(bins);
  const confidences = new Float64Array(bins);
  probabilities.forEach((row, i) => {
    const predicted = argmax(row);
    // A bin ends with its upper edge, as in the paper.
    const bin = Math.min(bins - 1, Math.max(0, Math.ceil(row[predicted] * bins) - 1));
    confidences[bin] += row[predicted];
    if (predicted === targets[i]) rights[bin]++;
  });
  const gaps = rights.map((right, bin) => Math.abs(right - confidences[bin]));
  return sum(gaps) / Math.max(1, probabilities.length);
}

function classLogits({ nats, labels }: ClassScores, rule: ClassRule): Float64Array {
  return nats.map((value, c) => -value / (rule === 'mean' ? Math.max(1, labels[c]) : 1));
}

function softmax(logits: Float64Array): Float64Array {
  const top = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - top));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

function mean(values: readonly number[]): number {
  return sum(values) / Math.max(1, values.length);
}
