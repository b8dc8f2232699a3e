/**
 * @file What one row of the data got under one contender. Every number that the page shows of an evaluation is a pure
 * function of these: rows are scored once, measures are worked out from them as often as anybody asks.
 */

/** Likelihoods of every class as the answer to one row. Both arrays are `[classes]`, in the dataset's order. */
export interface ClassScores {
  /** Negative log-likelihood summed over the class's label tokens, in nats. */
  nats: Float64Array;
  /** Label tokens of each class that were predicted; more than 0. */
  labels: Uint16Array;
}

/** One row under one contender. */
export interface RowScore {
  /** Index of the row in what was scored; contenders are compared by it. */
  row: number;
  /** The wanted answer. */
  target: string;
  /** Index of the target among the classes, -1 where it is none of them; null where the task has no classes. */
  targetClass: number | null;
  /** Negative log-likelihood of the target summed over its label tokens, in nats. */
  nats: number;
  /** Label tokens of the target that were predicted. */
  labels: number;
  /** Of these, how many were the model's first choice. */
  hits: number;
  /** Whether greedy decoding gives exactly the target, its end included. */
  exact: boolean;
  /** The likeliest class, by the likelihood of the whole answer; null where the task has none. */
  likeliest: number | null;
  /** Null where the task has no classes, or where not all of them had to be asked for to know the likeliest. */
  classes: ClassScores | null;
  /** What greedy decoding gave; null where nothing was generated. */
  answer: string | null;
}

/** Mean negative log-likelihood per label token, in nats, over all label tokens of the rows. 0 where there are none. */
export function lossOf(rows: readonly RowScore[]): number {
  const labels = rows.reduce((sum, row) => sum + row.labels, 0);
  return rows.reduce((sum, row) => sum + row.nats, 0) / Math.max(1, labels);
}

/**
 * Standard error of the loss: of a ratio of sums over rows (Cochran 1977, 2.47), since rows have different numbers of label
 * tokens. 0 where there are fewer than two rows.
 */
export function lossErrorOf(rows: readonly RowScore[]): number {
  const labels = rows.reduce((sum, row) => sum + row.labels, 0);
  if (rows.length < 2 || labels === 0) return 0;
  const loss = lossOf(rows);
  const squares = rows.reduce((sum, row) => sum + (row.nats - loss * row.labels) ** 2, 0);
  return Math.sqrt((squares * rows.length) / (rows.length - 1)) / labels;
}

/** exp of the loss: among how many tokens the model hesitates, as if all were equally likely. */
export function perplexityOf(rows: readonly RowScore[]): number {
  return Math.exp(lossOf(rows));
}

/** Part of the label tokens that are the model's first choice. 0 where there are none. */
export function tokenAccuracyOf(rows: readonly RowScore[]): number {
  const labels = rows.reduce((sum, row) => sum + row.labels, 0);
  return rows.reduce((sum, row) => sum + row.hits, 0) / Math.max(1, labels);
}

/** Part of the rows answered exactly as written. 0 where there are none. */
export function exactOf(rows: readonly RowScore[]): number {
  return rows.filter(({ exact }) => exact).length / Math.max(1, rows.length);
}
