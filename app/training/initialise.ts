/**
 * @file Where a prompt starts: vectors `[p, hidden]` from the engine's embeddings, or a prefix `[p, layers · 2 · kvHeads · headDim]`
 * from the keys and values that the model has for the same words. All on the host, row-major.
 */
import * as tf from '@tensorflow/tfjs-core';
import { inTurn } from '../data/shots';
import type { TokenExample } from '../data/types';
import type { Engine, SoftPrompt } from '../engine/engine';
import { createRandom } from '../formats/random';
import type { Tokenizer } from '../model/tokenizer';
import { TrainingError } from './errors';
import type { RunSettings } from './types';

/** The `vocabulary` initialiser draws from this many of the commonest tokens (Lester et al. 2021). */
const COMMONEST = 5000;
/** Statistics of the embedding table are taken over at most this many of its rows. */
const STATISTICS_ROWS = 16_384;
/** Seed streams: 0 is the split's, 1 and up are the epochs'. */
const STREAM = 0xfffffff0;
/** What methods draw by lot. */
export const METHOD_STREAM = 0xfffffff1;
/** Which examples are a start. */
const EXAMPLES_STREAM = 0xfffffff3;
/** Tokens whose keys and values tell a random prefix its mean and spread. */
const SPREAD_TOKENS = 64;

/** What initialisers draw from besides the engine. */
export interface InitialiserSource {
  /** Special tokens are never a start. */
  tokenizer: Pick<Tokenizer, 'encode' | 'specialIds'>;
  /** Training examples, for `labels` and `examples`. */
  training: readonly TokenExample[];
  /** An imported prompt, for `file`: `[virtualTokens, width]`. */
  file: { kind: SoftPrompt['kind']; values: Float32Array; virtualTokens: number; width: number } | null;
  /** Root mean square of the embedding table's elements. */
  elementRms: number;
}

type StartSettings = Pick<RunSettings, 'initialiser' | 'initText' | 'virtualTokens' | 'seed'>;

/**
 * Vectors, `[virtualTokens, hidden]`; the same settings and source give the same numbers.
 * @throws TrainingError when there is nothing to start from: an empty text, no label token, no file or one of another shape.
 */
export async function startVectors(
  engine: Engine,
  settings: StartSettings,
  source: InitialiserSource,
): Promise<Float32Array> {
  const { virtualTokens, seed } = settings;
  if (settings.initialiser === 'file') {
    return fileRows('prompt', virtualTokens, engine.spec.hidden, source);
  }
  if (settings.initialiser === 'random') return randomVectors(engine, virtualTokens, seed);
  return embedTokens(engine, await startTokens(engine, settings, source));
}

/** Keys and values of every layer, `[virtualTokens, layers · 2 · kvHeads · headDim]`; else as `startVectors`. */
export async function startKeysValues(
  engine: Engine,
  settings: StartSettings,
  source: InitialiserSource,
): Promise<Float32Array> {
  const { virtualTokens, seed } = settings;
  const { layers, kvHeads, headDim, vocabSize } = engine.spec;
  const width = layers.length * 2 * kvHeads * headDim;
  if (settings.initialiser === 'file') return fileRows('prefix', virtualTokens, width, source);
  if (settings.initialiser !== 'random') {
    return engine.keysValues(await startTokens(engine, settings, source));
  }
  const count = Math.min(SPREAD_TOKENS, engine.spec.contextLength);
  const seen = await engine.keysValues(tile(ordinaryTokens(vocabSize, seed, source), count));
  return randomRows(columnSpread(seen, width), virtualTokens, seed);
}

/**
 * The words of a start, as many as virtual tokens. Where it is not made of words (`random`, `file`), words drawn by lot.
 * @throws TrainingError as `startVectors`
 */
export async function startTokens(
  engine: Engine,
  settings: StartSettings,
  source: InitialiserSource,
): Promise<Int32Array> {
  const { virtualTokens, seed } = settings;
  switch (settings.initialiser) {
    case 'text':
      return tile(textTokens(settings.initText, source), virtualTokens);
    case 'labels':
      return tile(labelTokens(source), virtualTokens);
    case 'examples':
      return exampleTokens(virtualTokens, seed, source);
    default:
      return tile(ordinaryTokens(engine.spec.vocabSize, seed, source), virtualTokens);
  }
}

function textTokens(text: string, { tokenizer }: InitialiserSource): number[] {
  const ids = tokenizer.encode(text, { specialTokens: false }).filter((id) => !tokenizer.specialIds.has(id));
  if (ids.length === 0) {
    throw new TrainingError(
      'The start text has no tokens.',
      'Write a few words that describe the task, or choose another start.',
    );
  }
  return ids;
}

/** The tokens of the targets, commonest first; the lower id first where two are as common. */
function labelTokens({ training, tokenizer }: InitialiserSource): number[] {
  const counts = new Map<number, number>();
  for (const { tokenIds, isLabel } of training) {
    tokenIds.forEach((id, i) => {
      if (isLabel[i] && !tokenizer.specialIds.has(id)) counts.set(id, (counts.get(id) ?? 0) + 1);
    });
  }
  if (counts.size === 0) {
    throw new TrainingError(
      'The training examples have no target words to start from.',
      'Choose another start.',
    );
  }
  return [...counts].sort(([a, m], [b, n]) => n - m || a - b).map(([id]) => id);
}

/**
 * Training examples with their answers, one a line, as the model would read them before a text (Blau et al. 2024, arXiv
 * 2410.17222): drawn by lot, those of different answers in turn, as many as there is room for. The last ones are whole.
 */
function exampleTokens(count: number, seed: number, { training, tokenizer }: InitialiserSource): Int32Array {
  const ordinary = (ids: Iterable<number>) => [...ids].filter((id) => !tokenizer.specialIds.has(id));
  const answer = ({ tokenIds, isLabel }: TokenExample) => tokenIds.filter((_, i) => isLabel[i]).join(' ');
  const byAnswer = new Map<string, TokenExample[]>();
  for (const example of createRandom(seed, EXAMPLES_STREAM).shuffle([...training])) {
    const key = answer(example);
    const others = byAnswer.get(key);
    if (others) others.push(example);
    else byAnswer.set(key, [example]);
  }
  const newline = tokenizer.encode('\n', { specialTokens: false });
  const taken: number[][] = [];
  let tokens = 0;
  for (const { tokenIds } of inTurn([...byAnswer.values()])) {
    if (tokens >= count) break;
    const line = [...ordinary(tokenIds), ...newline];
    taken.push(line);
    tokens += line.length;
  }
  const all = taken.toReversed().flat();
  if (all.length === 0) {
    throw new TrainingError('The training examples have no words to start from.', 'Choose another start.');
  }
  // Repeated at the front where they are too few, cut there where they are too many.
  return Int32Array.from({ length: count }, (_, i) => {
    const fromEnd = (count - 1 - i) % all.length;
    return all[all.length - 1 - fromEnd];
  });
}

/** The commonest ordinary tokens in an order drawn by lot: byte-pair ids are ordered by commonness. */
export function ordinaryTokens(
  vocabSize: number,
  seed: number,
  { tokenizer }: Pick<InitialiserSource, 'tokenizer'>,
): number[] {
  const ordinary: number[] = [];
  for (let id = 0; id < vocabSize && ordinary.length < COMMONEST; id++) {
    if (!tokenizer.specialIds.has(id)) ordinary.push(id);
  }
  return createRandom(seed, STREAM).shuffle(ordinary);
}

/** Normal, with the vocabulary's mean and deviation in each dimension. */
async function randomVectors(engine: Engine, count: number, seed: number): Promise<Float32Array> {
  const { vocabSize } = engine.spec;
  const moments = tf.tidy(() => {
    const { mean, variance } = tf.moments(engine.embed(sampleIds(vocabSize)), 0);
    return [mean, tf.sqrt(variance)];
  });
  try {
    const [mean, deviation] = await Promise.all(moments.map((tensor) => tensor.data()));
    return randomRows({ mean, deviation }, count, seed);
  } finally {
    tf.dispose(moments);
  }
}

interface Spread {
  mean: ArrayLike<number>;
  deviation: ArrayLike<number>;
}

/** Of each column of rows `[n, width]`. */
function columnSpread(rows: Float32Array, width: number): Spread {
  const mean = new Float64Array(width);
  const deviation = new Float64Array(width);
  const count = rows.length / width;
  rows.forEach((value, i) => {
    mean[i % width] += value / count;
  });
  rows.forEach((value, i) => {
    deviation[i % width] += (value - mean[i % width]) ** 2 / count;
  });
  return { mean, deviation: deviation.map(Math.sqrt) };
}

function randomRows({ mean, deviation }: Spread, count: number, seed: number): Float32Array {
  const { normal } = createRandom(seed, STREAM);
  const width = mean.length;
  return Float32Array.from(
    { length: count * width },
    (_, i) => mean[i % width] + deviation[i % width] * normal(),
  );
}

/** The imported prompt's rows. @throws TrainingError where there is none, or it is of another kind or shape */
function fileRows(
  kind: SoftPrompt['kind'],
  count: number,
  width: number,
  { file }: Pick<InitialiserSource, 'file'>,
): Float32Array {
  if (!file) {
    throw new TrainingError(
      'There is no prompt file to start from.',
      'Drop a prompt file, or choose another start.',
    );
  }
  if (file.kind !== kind) {
    throw new TrainingError(
      file.kind === 'prefix'
        ? 'The file holds a prefix; this method trains vectors before the text.'
        : 'The file holds a soft prompt; this method trains a prefix of keys and values.',
      `Choose ${file.kind === 'prefix' ? 'prefix tuning' : 'prompt tuning'} as the method, or another start.`,
    );
  }
  if (file.width !== width || file.values.length !== file.virtualTokens * file.width) {
    throw new TrainingError(
      `The prompt file has rows of ${file.width} numbers; this model's have ${width}.`,
      'Use a prompt that was trained for this model.',
    );
  }
  if (file.virtualTokens !== count) {
    throw new TrainingError(
      `The prompt file has ${file.virtualTokens} virtual tokens, the settings ask for ${count}.`,
      `Set ${file.virtualTokens} virtual tokens, or choose another start.`,
    );
  }
  if (!file.values.every(Number.isFinite)) {
    throw new TrainingError('The prompt file holds numbers that are not finite.', 'Choose another start.');
  }
  return file.values.slice();
}

/** Embeddings of tokens, `[n, hidden]`. */
export async function embedTokens(engine: Engine, ids: Int32Array): Promise<Float32Array> {
  const vectors = engine.embed(ids);
  try {
    return Float32Array.from(await vectors.data());
  } finally {
    vectors.dispose();
  }
}

/** Repeats or cuts to `count`. */
function tile(ids: readonly number[], count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => ids[i % ids.length]);
}

/** All ids, or evenly spread ones where the vocabulary is large. */
function sampleIds(vocabSize: number): Int32Array {
  const rows = Math.min(vocabSize, STATISTICS_ROWS);
  return Int32Array.from({ length: rows }, (_, i) => Math.floor((i * vocabSize) / rows));
}
