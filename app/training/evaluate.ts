/**
 * @file How good a prompt is on examples that it was not trained on: loss, token accuracy and, for class tasks,
 * how often the right class is the likeliest. The bare model and a hard prompt are judged by the same measure.
 */
import type { Dataset } from '../data/dataset';
import { classCandidates, inputTokens, packExamples, predictClasses } from '../data/pack';
import { createRandom } from '../data/random';
import type { TokenExample } from '../data/types';
import { promptLength } from '../engine/batch';
import type { Engine, ExampleScore, PackedBatch, SoftPrompt } from '../engine/engine';

/** Rows, virtual tokens included, of one call to the engine: progress and abort come between calls. */
const CHUNK_ROWS = 2048;

/** What is evaluated: part of a `Dataset`. */
export type EvaluationData = Pick<Dataset, 'validation' | 'validationExamples' | 'classes' | 'classTokens'>;

/** Means over the evaluated rows. */
export interface Evaluation {
  /** Nats per label token. */
  loss: number;
  /** Part of the rows whose class is the likeliest one; null where the task has no classes. */
  accuracy: number | null;
  /** Part of the label tokens that are the model's first choice. */
  tokenAccuracy: number;
  /** Part of the rows whose every label token is the first choice: greedy generation gives exactly the target. */
  exact: number;
  rows: number;
}

export interface EvaluateOptions {
  /** Indices of the validation examples to use; absent for all. */
  rows?: readonly number[];
  /** In texts run through the model; `total` grows when classes have to be compared. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/**
 * Scores validation examples under a prompt, or under the bare model where it is null.
 *
 * A class is judged by the likelihood of its label tokens. Where no class begins with another, the classes exclude each
 * other, so a target of more than 1/2 is the likeliest without asking: only the other rows need a pass for every class.
 * @throws the signal's reason when aborted.
 */
export async function evaluatePrompt(
  engine: Engine,
  prompt: SoftPrompt | null,
  data: EvaluationData,
  { rows = data.validation.map((_, i) => i), onProgress, signal }: EvaluateOptions = {},
): Promise<Evaluation> {
  const { validation, validationExamples, classes, classTokens } = data;
  const virtualTokens = promptLength(prompt);
  const length = (row: number): number => virtualTokens + validation[row].tokenIds.length;
  let done = 0;
  let total = rows.length;
  const ask = async (batch: PackedBatch): Promise<ExampleScore[]> => {
    signal?.throwIfAborted();
    const scores = await engine.evaluate(prompt, batch);
    signal?.throwIfAborted();
    done += batch.texts.length;
    onProgress?.(done, total);
    return scores;
  };

  let nats = 0;
  let labels = 0;
  let hits = 0;
  let exact = 0;
  const exclusive = areExclusive(classTokens);
  const undecided: number[] = [];
  for (const chunk of inChunks(rows, length)) {
    const examples = chunk.map((row) => validation[row]);
    const scores = await ask(packExamples(examples));
    scores.forEach((score, i) => {
      nats += score.nats;
      labels += score.labels;
      hits += score.hits;
      if (isExact(examples[i], score)) exact += 1;
      if (!(exclusive && isMajority(examples[i], score))) undecided.push(chunk[i]);
    });
  }

  let wrong = 0;
  if (classes) {
    total += undecided.length * classes.length;
    for (const chunk of inChunks(undecided, (row) => classes.length * length(row))) {
      const candidates = classCandidates(
        chunk.map((row) => validation[row]),
        classTokens,
      );
      const likeliest = predictClasses(candidates, await ask(candidates.batch));
      wrong += chunk.filter((row, i) => classes[likeliest[i]] !== validationExamples[row].target).length;
    }
  }
  return {
    loss: nats / Math.max(1, labels),
    accuracy: classes && rows.length > 0 ? 1 - wrong / rows.length : null,
    tokenAccuracy: hits / Math.max(1, labels),
    exact: exact / Math.max(1, rows.length),
    rows: rows.length,
  };
}

/**
 * Which of `count` rows a validation looks at: the same for every run and step, ascending. A random choice,
 * because a file may be sorted by class.
 */
export function pickRows(count: number, most: number): number[] {
  const rows = Array.from({ length: count }, (_, i) => i);
  return createRandom(0)
    .shuffle(rows)
    .slice(0, most)
    .sort((a, b) => a - b);
}

/**
 * The dataset under a hard prompt: the instruction's tokens put before every text, after the special tokens that
 * begin it. Evaluate it without a soft prompt.
 */
export function withInstruction<Data extends EvaluationData>(
  data: Data,
  instruction: ArrayLike<number>,
  specialIds: ReadonlySet<number>,
): Data {
  const ids = Array.from(instruction);
  const instruct = (example: TokenExample): TokenExample => {
    const input = inputTokens(example);
    let lead = 0;
    while (lead < input.length && specialIds.has(input[lead])) lead++;
    const tokens = Array.from(example.tokenIds);
    const marks = Array.from(example.isLabel);
    return {
      ...example,
      tokenIds: Int32Array.from([...tokens.slice(0, lead), ...ids, ...tokens.slice(lead)]),
      isLabel: Uint8Array.from([...marks.slice(0, lead), ...ids.map(() => 0), ...marks.slice(lead)]),
    };
  };
  return { ...data, validation: data.validation.map(instruct) };
}

/** Whether the target is likelier than everything else together. */
function isMajority(example: TokenExample, score: ExampleScore): boolean {
  return score.nats < Math.LN2 && isWhole(example, score);
}

/** Whether choosing the likeliest token each time gives the target. */
function isExact(example: TokenExample, score: ExampleScore): boolean {
  return score.hits === score.labels && isWhole(example, score);
}

/** Whether all tokens of the target were predicted: without a row before it, a first token is not. */
function isWhole(example: TokenExample, { labels }: ExampleScore): boolean {
  return labels === example.tokenIds.length - inputTokens(example).length;
}

/** Whether no text can be an answer of two classes: none is the beginning of another. */
function areExclusive(classTokens: readonly Int32Array[]): boolean {
  return classTokens.every((a, i) =>
    classTokens.every((b, j) => i === j || !a.every((id, t) => t < b.length && b[t] === id)),
  );
}

/** Rows of the dataset in groups of like length, each of at most `CHUNK_ROWS` rows of the model or one row of the dataset. */
function inChunks(rows: readonly number[], length: (row: number) => number): number[][] {
  const chunks: number[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const row of rows.toSorted((a, b) => length(a) - length(b))) {
    used += length(row);
    if (used > CHUNK_ROWS) {
      chunks.push([]);
      used = length(row);
    }
    chunks[chunks.length - 1].push(row);
  }
  return chunks;
}
