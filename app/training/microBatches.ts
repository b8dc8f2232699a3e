/** @file A step's texts in parts of about the same size, for memory that the whole batch does not fit. */
import type { ExampleOrder } from '../data/order';
import type { TokenExample } from '../data/types';

/** Examples looked at in search of a run's largest step; a run that draws more may meet a larger one later. */
const MOST_LOOKED_AT = 2_000_000;

/**
 * The examples in at most `parts` groups, the longest first and each to the group that is shortest so far: the largest
 * group is at most a third larger than it must be (Graham 1969). The same examples give the same groups.
 */
export function splitBatch(examples: readonly TokenExample[], parts: number): TokenExample[][] {
  if (parts <= 1) return [[...examples]];
  const groups = Array.from({ length: Math.min(parts, examples.length) }, () => ({
    examples: [] as TokenExample[],
    rows: 0,
  }));
  for (const example of examples.toSorted((a, b) => b.tokenIds.length - a.tokenIds.length)) {
    const shortest = groups.reduce((a, b) => (b.rows < a.rows ? b : a));
    shortest.examples.push(example);
    shortest.rows += example.tokenIds.length;
  }
  return groups.map((group) => group.examples);
}

/** The group with the most tokens that any of a run's steps will have, each split in `parts`. */
export function largestPart(
  training: readonly TokenExample[],
  order: ExampleOrder,
  { steps, batchSize }: { steps: number; batchSize: number },
  parts: number,
): TokenExample[] {
  const looked = Math.max(1, Math.min(steps, Math.floor(MOST_LOOKED_AT / batchSize)));
  let largest: TokenExample[] = [];
  let most = -1;
  for (let step = 0; step < looked; step++) {
    for (const group of splitBatch(
      order.batch(step).map((i) => training[i]),
      parts,
    )) {
      const rows = group.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);
      if (rows <= most) continue;
      most = rows;
      largest = group;
    }
  }
  return largest;
}
