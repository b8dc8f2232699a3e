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

/** What a text adds to a step, in each respect in which steps need room. */
interface TextSize {
  /** Up to its last label: what follows it predicts nothing. */
  rows: number;
  /** Rows of its own that predict a label. */
  predicting: number;
  /** A first token that is a label is predicted by the prompt's last row, for all texts of a step. */
  first: boolean;
}

function textSize({ tokenIds, isLabel }: TokenExample): TextSize {
  let rows = 0;
  let predicting = 0;
  for (let t = 1; t < tokenIds.length; t++) {
    if (!isLabel[t]) continue;
    rows = t;
    predicting += 1;
  }
  return { rows, predicting, first: tokenIds.length > 0 && isLabel[0] === 1 };
}

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

/** The respects in which one step may be larger than another. */
const respects: ((texts: readonly TextSize[]) => number)[] = [
  (texts) => sum(texts.map(({ rows }) => rows)),
  (texts) => sum(texts.map(({ predicting }) => predicting)) + (texts.some(({ first }) => first) ? 1 : 0),
  (texts) => sum(texts.map(({ predicting, first }) => predicting + (first ? 1 : 0))),
  (texts) => texts.filter(({ rows }) => rows > 0).length,
  (texts) => texts.reduce((most, { rows }) => Math.max(most, rows), 0),
];

/**
 * Of all that a run's steps will have, each split in `parts`, the groups that are largest in one respect or another: rows, rows that
 * predict, labels, texts, longest text. What has room for these has room for every step.
 */
export function largestParts(
  training: readonly TokenExample[],
  order: ExampleOrder,
  { steps, batchSize }: { steps: number; batchSize: number },
  parts: number,
): TokenExample[][] {
  const looked = Math.max(1, Math.min(steps, Math.floor(MOST_LOOKED_AT / batchSize)));
  const sizes = new Map<TokenExample, TextSize>();
  const sizeOf = (example: TokenExample): TextSize => {
    const size = sizes.get(example) ?? textSize(example);
    sizes.set(example, size);
    return size;
  };
  const largest = respects.map(() => ({ group: [] as TokenExample[], size: -1 }));
  for (let step = 0; step < looked; step++) {
    const examples = order.batch(step).map((i) => training[i]);
    for (const group of splitBatch(examples, parts)) {
      const texts = group.map(sizeOf);
      respects.forEach((measure, i) => {
        const size = measure(texts);
        if (size > largest[i].size) largest[i] = { group, size };
      });
    }
  }
  return [...new Set(largest.map(({ group }) => group))];
}
