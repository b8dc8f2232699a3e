/** @file Where a prompt starts. Prompts are made on the host, `[p, hidden]` row-major, from the engine's embeddings. */
import * as tf from '@tensorflow/tfjs-core';
import type { TokenExample } from '../data/types';
import type { Engine } from '../engine/engine';
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

/** What initialisers draw from besides the engine. */
export interface InitialiserSource {
  /** Special tokens are never a start. */
  tokenizer: Pick<Tokenizer, 'encode' | 'specialIds'>;
  /** Training examples, for `labels`. */
  training: readonly TokenExample[];
  /** An imported prompt, for `file`: `[virtualTokens, width]`. */
  file: { values: Float32Array; virtualTokens: number; width: number } | null;
}

/**
 * The first prompt of a run, `[virtualTokens, hidden]`; the same settings and source give the same numbers.
 * @throws TrainingError when there is nothing to start from: an empty text, no label token, no file or one of another shape.
 */
export async function initialisePrompt(
  engine: Engine,
  settings: Pick<RunSettings, 'initialiser' | 'initText' | 'virtualTokens' | 'seed'>,
  source: InitialiserSource,
): Promise<Float32Array> {
  const { virtualTokens, seed } = settings;
  switch (settings.initialiser) {
    case 'text':
      return embedTokens(engine, tile(textTokens(settings.initText, source), virtualTokens));
    case 'labels':
      return embedTokens(engine, tile(labelTokens(source), virtualTokens));
    case 'vocabulary':
      return embedTokens(engine, vocabularyTokens(engine.spec.vocabSize, virtualTokens, seed, source));
    case 'random':
      return randomVectors(engine, virtualTokens, seed);
    case 'file':
      return fileVectors(engine, virtualTokens, source);
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

/** Drawn without replacement among the commonest ordinary tokens: byte-pair ids are ordered by commonness. */
function vocabularyTokens(
  vocabSize: number,
  count: number,
  seed: number,
  { tokenizer }: InitialiserSource,
): Int32Array {
  const ordinary: number[] = [];
  for (let id = 0; id < vocabSize && ordinary.length < COMMONEST; id++) {
    if (!tokenizer.specialIds.has(id)) ordinary.push(id);
  }
  return tile(createRandom(seed, STREAM).shuffle(ordinary), count);
}

/** Normal, with the vocabulary's mean and deviation in each dimension. */
async function randomVectors(engine: Engine, count: number, seed: number): Promise<Float32Array> {
  const { hidden, vocabSize } = engine.spec;
  const moments = tf.tidy(() => {
    const { mean, variance } = tf.moments(engine.embed(sampleIds(vocabSize)), 0);
    return [mean, tf.sqrt(variance)];
  });
  try {
    const [mean, deviation] = await Promise.all(moments.map((tensor) => tensor.data()));
    const { normal } = createRandom(seed, STREAM);
    return Float32Array.from({ length: count * hidden }, (_, i) => {
      return mean[i % hidden] + deviation[i % hidden] * normal();
    });
  } finally {
    tf.dispose(moments);
  }
}

function fileVectors(engine: Engine, count: number, { file }: InitialiserSource): Float32Array {
  const { hidden } = engine.spec;
  if (!file) {
    throw new TrainingError(
      'There is no prompt file to start from.',
      'Drop a prompt file, or choose another start.',
    );
  }
  if (file.width !== hidden || file.values.length !== file.virtualTokens * file.width) {
    throw new TrainingError(
      `The prompt file has vectors of ${file.width} numbers; this model's have ${hidden}.`,
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

async function embedTokens(engine: Engine, ids: Int32Array): Promise<Float32Array> {
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
