/** @file What row scores say of each contender, and whether a soft prompt beats words: the numbers behind the verdict. */
import {
  classProbabilities,
  confusionMatrix,
  expectedCalibrationError,
  macroF1,
  majority,
  predictedClasses,
  predictsOneClass,
} from './classes';
import { bootstrapDifference, type Interval, mcnemar, wilson } from './intervals';
import { isJsonTask, measureJson } from './json';
import { exactOf, lossOf, perplexityOf, type RowScore, tokenAccuracyOf } from './rowScore';
import { chrF, rougeL, tokenF1 } from './texts';

/**
 * What decides between contenders: `accuracy` is right by comparing the classes' likelihoods, `exact` is right as
 * written. The two never stand under one name.
 */
export type Measure = 'accuracy' | 'exact';

/** A part of the rows, with the interval of 95 % that it comes with. */
export interface Share {
  value: number;
  interval: Interval;
}

/** What there is to say of class answers. */
export interface ClassReport {
  macroF1: number;
  /** `[target][predicted]` rows; rows whose target is no class are left out. */
  matrix: number[][];
  /** Expected calibration error; null where not every class was asked for. */
  calibrationError: number | null;
  /** The class that nearly every row is taken for, though their targets differ; null where there is none. */
  oneClass: number | null;
}

/** Means over the rows whose answers were generated. */
export interface AnswerReport {
  rows: number;
  tokenF1: number;
  chrF: number;
  rougeL: number;
  /** Null where the targets are no JSON. */
  json: { parses: number; fields: number; exact: number } | null;
}

export interface ContenderReport {
  name: string;
  rows: number;
  /** Nats per label token. */
  loss: number;
  perplexity: number;
  tokenAccuracy: number;
  /** Right by comparing the classes' likelihoods; null where the task has no classes. */
  accuracy: Share | null;
  /** Right as written, by greedy decoding. */
  exact: Share;
  classes: ClassReport | null;
  /** Null where nothing was generated. */
  answers: AnswerReport | null;
}

/** All measures of one contender. `classes` is how many the task has, 0 for none. */
export function reportOf(name: string, rows: readonly RowScore[], classes: number): ContenderReport {
  const right = (is: (row: RowScore) => boolean): Share => {
    const count = rows.filter(is).length;
    return { value: count / Math.max(1, rows.length), interval: wilson(count, rows.length) };
  };
  return {
    name,
    rows: rows.length,
    loss: lossOf(rows),
    perplexity: perplexityOf(rows),
    tokenAccuracy: tokenAccuracyOf(rows),
    accuracy: classes > 0 ? right((row) => isRight(row, 'accuracy')) : null,
    exact: { ...right((row) => isRight(row, 'exact')), value: exactOf(rows) },
    classes: classes > 0 ? classReport(rows, classes) : null,
    answers: answerReport(rows),
  };
}

function classReport(rows: readonly RowScore[], classes: number): ClassReport {
  const known = rows.filter(({ targetClass }) => targetClass !== null && targetClass >= 0);
  const targets = known.map(({ targetClass }) => targetClass ?? 0);
  const predicted = predictedClasses(known);
  const matrix = confusionMatrix(targets, predicted, classes);
  const allAsked = known.every((row) => row.classes !== null);
  return {
    macroF1: macroF1(matrix),
    matrix,
    calibrationError: allAsked ? expectedCalibrationError(classProbabilities(known), targets) : null,
    oneClass: predictsOneClass(targets, predicted),
  };
}

function answerReport(rows: readonly RowScore[]): AnswerReport | null {
  const answered = rows.flatMap(({ answer, target }) => (answer === null ? [] : [{ answer, target }]));
  if (answered.length === 0) return null;
  const mean = (of: (pair: { answer: string; target: string }) => number) =>
    answered.reduce((sum, pair) => sum + of(pair), 0) / answered.length;
  const asJson = isJsonTask(answered.map(({ target }) => target));
  const json = (key: 'parses' | 'fields' | 'exact') =>
    mean(({ answer, target }) => Number(measureJson(answer, target)[key]));
  return {
    rows: answered.length,
    tokenF1: mean(({ answer, target }) => tokenF1(answer, target)),
    chrF: mean(({ answer, target }) => chrF(answer, target)),
    rougeL: mean(({ answer, target }) => rougeL(answer, target)),
    json: asJson ? { parses: json('parses'), fields: json('fields'), exact: json('exact') } : null,
  };
}

/** `b` against `a` on the same rows. */
export interface Difference {
  measure: Measure;
  /** In percentage points, `b` minus `a`, with the paired bootstrap's interval of 95 %. */
  points: number;
  interval: Interval;
  /** Of McNemar's exact test, two-sided. */
  p: number;
}

/** @throws RangeError where the two are not the same rows in the same order. */
export function compare(a: readonly RowScore[], b: readonly RowScore[], measure: Measure): Difference {
  if (a.length !== b.length || a.some(({ row }, i) => row !== b[i].row)) {
    throw new RangeError('Only scores of the same rows can be compared.');
  }
  const rightA = a.map((row) => isRight(row, measure));
  const rightB = b.map((row) => isRight(row, measure));
  const share = (right: readonly boolean[]) => right.filter(Boolean).length / Math.max(1, right.length);
  const { low, high } = bootstrapDifference(rightA.map(Number), rightB.map(Number));
  return {
    measure,
    points: 100 * (share(rightB) - share(rightA)),
    interval: { low: 100 * low, high: 100 * high },
    p: mcnemar(rightA, rightB),
  };
}

/** Below this a difference is more than chance would give. */
const SURE = 0.05;

/**
 * - `wins`: surely better than the best words
 * - `ahead`, `behind`: better or worse, but it may be chance
 * - `level`: as often right
 * - `loses`: surely worse
 */
export type Outcome = 'wins' | 'ahead' | 'level' | 'behind' | 'loses';

export function outcomeOf({ points, p }: Pick<Difference, 'points' | 'p'>): Outcome {
  if (points === 0) return 'level';
  if (points > 0) return p < SURE ? 'wins' : 'ahead';
  return p < SURE ? 'loses' : 'behind';
}

/** Part of the rows that whoever always gives the commonest answer is right on; null without rows. */
export function majorityShare(rows: readonly Pick<RowScore, 'target'>[]): number | null {
  const names = [...new Set(rows.map(({ target }) => target))];
  const places = new Map(names.map((name, i) => [name, i]));
  return majority(rows.map(({ target }) => places.get(target) ?? 0))?.share ?? null;
}

/** Whether a row counts as right. A class that the task does not have is never right. */
export function isRight({ targetClass, likeliest, exact }: RowScore, measure: Measure): boolean {
  return measure === 'exact' ? exact : targetClass !== null && targetClass >= 0 && likeliest === targetClass;
}
