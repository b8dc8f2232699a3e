/**
 * @file Scores rows under contenders (the bare model, instructions, prompts) in passes that they share. Everything that is
 * said of a prompt's worth is worked out from what this returns.
 */
import { inputTokens, packExamples } from '../data/pack';
import type { Example, TokenExample } from '../data/types';
import { promptLength } from '../engine/batch';
import type { Engine, ExampleScore, PackedBatch, SoftPrompt } from '../engine/engine';
import { askClasses, hostVectors, rowsToAsk } from './askClasses';
import type { RowScore } from './rowScore';

/** Rows of the model, virtual tokens included, of one call to the engine: progress and abort come between calls. */
const CHUNK_ROWS = 2048;

/** What is compared: a soft prompt, or null for words alone, and the rows as the model then reads them. */
export interface Contender {
  prompt: SoftPrompt | null;
  /** In the order of `ScoredData.examples`; an instruction's tokens stand in them. */
  texts: readonly TokenExample[];
}

/** The rows themselves, the same for all contenders. */
export interface ScoredData {
  examples: readonly Pick<Example, 'target'>[];
  /** Null where the task has no classes. */
  classes: readonly string[] | null;
  /** Label tokens of every class, end-of-text included where it is trained. */
  classTokens: readonly Int32Array[];
}

export interface ScoreOptions {
  /** Indices of the rows to score; absent for all. */
  rows?: readonly number[];
  /**
   * `likeliest` asks for other classes only where the target's likelihood leaves open which is the likeliest; `all`
   * asks for every class of every row, which calibration needs.
   */
  ask?: 'likeliest' | 'all';
  /** In texts run through the model; `total` grows when classes have to be compared. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
}

/** One text to be run: a row of a contender's. */
interface Asked {
  contender: number;
  row: number;
}

/**
 * Each contender's scores, in the order of `rows`.
 *
 * A class is judged by the likelihood of its label tokens. Where no class begins with another, the classes exclude each
 * other, so a target of more than 1/2 is the likeliest without asking.
 * @throws the signal's reason when aborted.
 */
export async function scoreRows(
  engine: Engine,
  contenders: readonly Contender[],
  data: ScoredData,
  options: ScoreOptions = {},
): Promise<RowScore[][]> {
  const { rows = data.examples.map((_, i) => i), ask = 'likeliest', onProgress, signal } = options;
  const { classes, classTokens } = data;
  const prompts = contenders.map(({ prompt }) => prompt);
  const lengths = prompts.map(promptLength);
  const textOf = ({ contender, row }: Asked): TokenExample => contenders[contender].texts[row];
  const rowsOf = (asked: Asked): number => lengths[asked.contender] + textOf(asked).tokenIds.length;
  const everything = contenders.flatMap((_, contender) => rows.map((row) => ({ contender, row })));
  let done = 0;
  let total = everything.length;
  const run = async (batch: PackedBatch): Promise<ExampleScore[]> => {
    signal?.throwIfAborted();
    const scores = await engine.evaluate(prompts, batch);
    signal?.throwIfAborted();
    done += batch.texts.length;
    onProgress?.(done, total);
    return scores;
  };

  const place = new Map(rows.map((row, i) => [row, i]));
  const found: RowScore[][] = contenders.map(() => new Array(rows.length));
  const exclusive = areExclusive(classTokens);
  const undecided: Asked[] = [];
  for (const chunk of inChunks(everything, rowsOf)) {
    const texts = chunk.map(textOf);
    const promptOf = chunk.map(({ contender }) => contender);
    const scores = await run(packExamples(texts, promptOf));
    scores.forEach((score, i) => {
      const { contender, row } = chunk[i];
      const { target } = data.examples[row];
      const whole = isWhole(texts[i], score);
      const targetClass = classes ? classes.indexOf(target) : null;
      const isClass = targetClass !== null && targetClass >= 0;
      // Likelier than everything else together.
      const decided = isClass && exclusive && whole && score.nats < Math.LN2;
      if (classes && (ask === 'all' || !decided)) undecided.push(chunk[i]);
      found[contender][place.get(row) ?? 0] = {
        row,
        target,
        targetClass,
        nats: score.nats,
        labels: score.labels,
        hits: score.hits,
        // Choosing the likeliest token each time gives the target.
        exact: whole && score.hits === score.labels,
        likeliest: targetClass,
        classes: null,
        answer: null,
      };
    });
  }

  total += undecided.length * classTokens.length;
  const vectorsOf = hostVectors();
  const askedText = (asked: Asked) => ({ prompt: prompts[asked.contender], text: textOf(asked) });
  for (const chunk of inChunks(undecided, (asked) => rowsToAsk(engine, askedText(asked), classTokens))) {
    signal?.throwIfAborted();
    const asked = await askClasses(engine, chunk.map(askedText), classTokens, vectorsOf);
    signal?.throwIfAborted();
    done += chunk.length * classTokens.length;
    onProgress?.(done, total);
    chunk.forEach(({ contender, row }, i) => {
      const score = found[contender][place.get(row) ?? 0];
      score.classes = {
        nats: Float64Array.from(asked[i], ({ nats }) => nats),
        labels: Uint16Array.from(asked[i], ({ labels }) => labels),
      };
      score.likeliest = leastOf(score.classes.nats);
    });
  }
  return found;
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

function leastOf(values: Float64Array): number {
  let least = 0;
  for (let i = 1; i < values.length; i++) if (values[i] < values[least]) least = i;
  return least;
}

/** Texts in groups of like length, each of at most `CHUNK_ROWS` rows of the model or one text. */
function inChunks(asked: readonly Asked[], rowsOf: (asked: Asked) => number): Asked[][] {
  const chunks: Asked[][] = [];
  let used = Number.POSITIVE_INFINITY;
  for (const one of asked.toSorted((a, b) => rowsOf(a) - rowsOf(b))) {
    used += rowsOf(one);
    if (used > CHUNK_ROWS) {
      chunks.push([]);
      used = rowsOf(one);
    }
    chunks[chunks.length - 1].push(one);
  }
  return chunks;
}
