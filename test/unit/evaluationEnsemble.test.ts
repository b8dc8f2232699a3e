/** @file Several prompts as one: what they find likely together, and how many of them do best. */
import { describe, expect, it } from 'vitest';
import { bestCount, together } from '../../app/evaluation/ensemble';
import type { RowScore } from '../../app/evaluation/rowScore';

/** A row of two classes from the probability of the first. */
function rowOf(row: number, target: 0 | 1, first: number, exact: boolean): RowScore {
  const shares = [first, 1 - first];
  return {
    row,
    target: ['yes', 'no'][target],
    targetClass: target,
    nats: -Math.log(shares[target]),
    labels: 1,
    hits: Number(exact),
    exact,
    likeliest: first >= 0.5 ? 0 : 1,
    classes: { nats: Float64Array.from(shares, (share) => -Math.log(share)), labels: Uint16Array.of(1, 1) },
    answer: null,
  };
}
/** A member from each row's probability of the first class; all rows are of the first. */
const member = (...shares: number[]) => shares.map((share, i) => rowOf(i, 0, share, share > 0.5));

describe('prompts together', () => {
  it('take the class with the highest mean probability, and the answer that most of them write', () => {
    // Two are barely for the second class, one is sure of the first.
    const rows = together([member(0.45, 0.9), member(0.45, 0.2), member(0.95, 0.2)]);
    expect(rows.map(({ likeliest }) => likeliest)).toEqual([0, 1]);
    expect(rows.map(({ exact }) => exact)).toEqual([false, false]);
    const mean = (0.45 + 0.45 + 0.95) / 3;
    expect(Math.exp(-(rows[0].classes?.nats[0] ?? 0))).toBeCloseTo(mean, 12);
    expect(Math.exp(-rows[0].nats)).toBeCloseTo(mean, 12);
    expect(together([member(0.9), member(0.8), member(0.1)])[0].exact).toBe(true);
    // Half of them are not most of them.
    expect(together([member(0.9), member(0.1)])[0].exact).toBe(false);
  });

  it('are each alone where there is one, and without classes have none', () => {
    const alone = member(0.3, 0.8);
    const [first, second] = together([alone]);
    expect([first.likeliest, second.likeliest]).toEqual([1, 0]);
    expect(first.nats).toBeCloseTo(alone[0].nats, 12);
    const free = alone.map((row) => ({ ...row, classes: null, likeliest: null, targetClass: null }));
    expect(together([free, free])[0]).toMatchObject({ classes: null, likeliest: null });
  });

  it('hold likelihoods too small for a number', () => {
    const far = member(0.5).map((row) => ({ ...row, classes: null, nats: 2000 }));
    const farther = member(0.5).map((row) => ({ ...row, classes: null, nats: 3000 }));
    expect(together([far, farther])[0].nats).toBeCloseTo(2000 + Math.log(2), 9);
  });

  it('are of the same rows only', () => {
    expect(() => together([member(0.5, 0.5), member(0.5)])).toThrow(RangeError);
    expect(() => together([member(0.5, 0.5), member(0.5, 0.5).toReversed()])).toThrow(RangeError);
    expect(() => together([])).toThrow(RangeError);
  });

  it('are as many as do best, at least two, of equals the likelier', () => {
    const good = member(0.9, 0.9, 0.4);
    const other = member(0.4, 0.9, 0.9);
    const bad = member(0.01, 0.01, 0.01);
    expect(bestCount([good, other, bad], 'accuracy')).toBe(2);
    expect(bestCount([good, bad, other, other], 'accuracy')).toBe(4);
    expect(bestCount([good, member(0.8, 0.8, 0.8), member(0.95, 0.95, 0.95)], 'accuracy')).toBe(3);
  });
});
