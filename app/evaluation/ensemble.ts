/**
 * @file Several prompts as one: the mean of what each finds likely. All from row scores of the same rows, so that nothing has to
 * be asked again to try other members.
 */
import { classProbabilities } from './classes';
import { isRight, type Measure } from './report';
import { lossOf, type RowScore } from './rowScore';

/**
 * Scores of the members together, in the rows' order. Of classes the mean of the members' probabilities decides (soft voting);
 * an answer is as written what more than half of them write. The target's likelihood is the mean of theirs.
 * @param members scores of the same rows, in the same order; with all classes asked for, where the task has any
 * @throws RangeError where they are not
 */
export function together(members: readonly (readonly RowScore[])[]): RowScore[] {
  const [first] = members;
  if (
    !first ||
    members.some((rows) => rows.length !== first.length || rows.some(({ row }, i) => row !== first[i].row))
  ) {
    throw new RangeError('Only scores of the same rows can be taken together.');
  }
  return first.map((row, i) => {
    const all = members.map((rows) => rows[i]);
    const classes = meanClasses(all);
    return {
      ...row,
      nats: -logMeanExp(all.map(({ nats }) => -nats)),
      hits: Math.round(all.reduce((sum, { hits }) => sum + hits, 0) / all.length),
      exact: 2 * all.filter(({ exact }) => exact).length > all.length,
      likeliest: classes ? leastOf(classes.nats) : null,
      classes,
      answer: null,
    };
  });
}

/** How many of the members, from the first on and at least two, do best together; the fewest of those that do equally well. */
export function bestCount(members: readonly (readonly RowScore[])[], measure: Measure): number {
  const tried = members.slice(1).map((_, i) => {
    const rows = together(members.slice(0, i + 2));
    return { count: i + 2, right: rows.filter((row) => isRight(row, measure)).length, loss: lossOf(rows) };
  });
  const [best] = tried.sort((a, b) => b.right - a.right || a.loss - b.loss || a.count - b.count);
  return best?.count ?? members.length;
}

function meanClasses(all: readonly RowScore[]): RowScore['classes'] {
  const asked = all.filter(({ classes }) => classes !== null);
  if (asked.length < all.length) return null;
  const shares = classProbabilities(asked);
  const nats = Float64Array.from(
    { length: shares[0].length },
    (_, one) => -Math.log(shares.reduce((sum, share) => sum + share[one], 0) / shares.length),
  );
  return { nats, labels: all[0].classes?.labels ?? new Uint16Array(nats.length) };
}

function leastOf(values: Float64Array): number {
  return values.reduce((least, value, i) => (value < values[least] ? i : least), 0);
}

function logMeanExp(values: readonly number[]): number {
  const most = Math.max(...values);
  if (most === Number.NEGATIVE_INFINITY) return most;
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0) / values.length);
}
