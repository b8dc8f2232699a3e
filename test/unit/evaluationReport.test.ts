/** @file From row scores to what is said of a contender, and of one against another. */
import { describe, expect, it } from 'vitest';
import { compare, majorityShare, outcomeOf, reportOf } from '../../app/evaluation/report';
import type { RowScore } from '../../app/evaluation/rowScore';

/** Rows of three classes; `likeliest` as given, every second one exact. */
function rowsOf(likeliest: readonly number[], targets: readonly number[]): RowScore[] {
  return likeliest.map((predicted, row) => ({
    row,
    target: ['red', 'green', 'blue'][targets[row]] ?? 'none',
    targetClass: targets[row] > 2 ? -1 : targets[row],
    nats: 1,
    labels: 2,
    hits: 1,
    exact: row % 2 === 0,
    likeliest: predicted,
    classes: null,
    answer: null,
  }));
}

const targets = [0, 1, 2, 0, 1, 2, 0, 1];

describe('a contender’s report', () => {
  it('keeps right by labels and right as written apart', () => {
    const report = reportOf('bare', rowsOf([0, 1, 2, 0, 1, 2, 1, 0], targets), 3);
    expect(report.accuracy?.value).toBe(0.75);
    expect(report.exact.value).toBe(0.5);
    expect(report.accuracy?.interval.low).toBeLessThan(0.75);
    expect(report.loss).toBe(0.5);
    expect(report.classes?.matrix).toEqual([
      [2, 1, 0],
      [1, 2, 0],
      [0, 0, 2],
    ]);
    expect(report.classes?.calibrationError).toBeNull();
    expect(report.answers).toBeNull();
  });

  it('says when nearly everything is taken for one class', () => {
    expect(reportOf('bare', rowsOf(new Array(8).fill(1), targets), 3).classes?.oneClass).toBe(1);
  });

  it('counts a target that is no class as wrong, and leaves it out of the matrix', () => {
    const report = reportOf('bare', rowsOf([0, 1], [0, 9]), 3);
    expect(report.accuracy?.value).toBe(0.5);
    expect(report.classes?.matrix.flat().reduce((a, b) => a + b)).toBe(1);
  });

  it('measures answers where there are some, as JSON where targets are', () => {
    const rows = rowsOf([0, 0], [0, 0]).map((row, i) => ({
      ...row,
      target: '{"a":1,"b":2}',
      answer: i === 0 ? '{"b":2,"a":1}' : '{"a":1',
    }));
    const { answers, classes } = reportOf('prompt', rows, 0);
    expect(classes).toBeNull();
    expect(answers?.json).toEqual({ parses: 0.5, fields: 0.5, exact: 0.5 });
    expect(answers?.rows).toBe(2);
    expect(answers?.chrF).toBeGreaterThan(0.3);
  });

  it('stands without any rows', () => {
    const report = reportOf('bare', [], 3);
    expect(report.accuracy).toEqual({ value: 0, interval: { low: 0, high: 1 } });
    expect(report.classes?.macroF1).toBe(0);
  });
});

describe('one against another', () => {
  const many = Array.from({ length: 200 }, (_, i) => i % 3);
  const words = rowsOf(
    many.map((target, i) => (i % 10 < 6 ? target : (target + 1) % 3)),
    many,
  );
  const prompt = rowsOf(
    many.map((target, i) => (i % 10 < 9 ? target : (target + 1) % 3)),
    many,
  );

  it('is a difference in points with its interval and test', () => {
    const { points, interval, p, measure } = compare(words, prompt, 'accuracy');
    expect(points).toBeCloseTo(30, 10);
    expect(interval.low).toBeGreaterThan(20);
    expect(interval.high).toBeLessThan(40);
    expect(p).toBeLessThan(1e-10);
    expect(measure).toBe('accuracy');
    expect(compare(words, prompt, 'exact').points).toBe(0);
  });

  it.each([
    [{ points: 5, p: 0.01 }, 'wins'],
    [{ points: 5, p: 0.2 }, 'ahead'],
    [{ points: 0, p: 1 }, 'level'],
    [{ points: -5, p: 0.2 }, 'behind'],
    [{ points: -5, p: 0.01 }, 'loses'],
  ] as const)('%o is “%s”', (difference, outcome) => {
    expect(outcomeOf(difference)).toBe(outcome);
  });

  it('is refused for other rows', () => {
    expect(() => compare(words, prompt.slice(1), 'exact')).toThrow(RangeError);
    expect(() => compare(words.slice(0, -1), prompt.slice(1), 'exact')).toThrow(RangeError);
  });

  it('has the commonest answer beside it', () => {
    expect(majorityShare(words)).toBeCloseTo(67 / 200, 12);
    expect(majorityShare([])).toBeNull();
  });
});
