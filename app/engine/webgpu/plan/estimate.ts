/** @file How much memory a training plan takes, before it is made and without a device; and which savings a budget leaves. */

import { bucket, type Capacity } from '../../capacity';
import type { Saving, SoftPrompt } from '../../engine';
import type { ModelSpec } from '../../spec';
import { GpuMemory } from '../memory';
import { makePlanBuffers } from './buffers';

/** From least work to most: what is made once more is work. */
export const SAVINGS: readonly Saving[] = ['all', 'half', 'mlp', 'layers'];

/** Logits at one time: bounds the memory of large vocabularies, and how long one dispatch takes. */
export const LOGIT_BYTES = 32 * 2 ** 20;

/** A training step of one prompt and texts of one length. */
export interface TrainingShape {
  virtualTokens: number;
  /** Texts a step. */
  batch: number;
  /** Tokens of a text, labels included. */
  length: number;
  /** Label tokens at the end of a text. */
  labels: number;
}

/** Bytes of a training plan: all that it allocates. Weights are not in it. */
export function estimateBytes(
  spec: ModelSpec,
  saving: Saving,
  capacity: Capacity,
  logitBytes = LOGIT_BYTES,
): number {
  const memory = GpuMemory.counting();
  makePlanBuffers(memory, spec, capacity, { mode: 'train', saving, logitBytes });
  return memory.bytes;
}

/** Bytes that a training step takes on the GPU beside the weights, with each saving. */
export function estimateTraining(
  spec: ModelSpec,
  shape: TrainingShape,
  options: { kind?: SoftPrompt['kind']; logitBytes?: number } = {},
): Record<Saving, number> {
  const capacity = shapeCapacity(shape, options.kind ?? 'prompt');
  const bytes = (saving: Saving) => estimateBytes(spec, saving, capacity, options.logitBytes);
  return { all: bytes('all'), half: bytes('half'), mlp: bytes('mlp'), layers: bytes('layers') };
}

/** What `neededCapacity` gives for such a step; the two agree by test. */
export function shapeCapacity(
  { virtualTokens, batch, length, labels }: TrainingShape,
  kind: SoftPrompt['kind'],
): Capacity {
  const own = kind === 'prompt' && virtualTokens > 0;
  // A text's last token is only predicted; its first only from a virtual token, for all texts from the same row.
  const predicted = Math.min(labels, own ? length : length - 1);
  const slots = Math.min(predicted, length - 1) * batch + (predicted === length ? 1 : 0);
  const textRows = predicted > 0 ? Math.max(0, length - 1) : 0;
  const sequences = (own ? 1 : 0) + (textRows > 0 ? batch : 0);
  return {
    rows: bucket(virtualTokens + batch * textRows),
    slots: bucket(slots),
    labels: bucket(predicted * batch),
    sequences: bucket(sequences),
    promptRows: bucket(virtualTokens),
    prefixRows: bucket(kind === 'prefix' ? virtualTokens : 0),
    jobs: bucket(sequences * virtualTokens),
    prompts: bucket(1),
    positions: bucket(virtualTokens + textRows),
  };
}

/** A saving and the bytes that a plan takes with it. */
export interface SavingBytes {
  saving: Saving;
  bytes: number;
}

/**
 * What to try in turn: the saving of least work within `budget` bytes, or the thriftiest where none is; then those that
 * take still less, each less than the one before.
 */
export function savingsToTry(
  spec: ModelSpec,
  capacity: Capacity,
  budget: number,
  logitBytes: number,
): [SavingBytes, ...SavingBytes[]] {
  const all = SAVINGS.map((saving) => ({
    saving,
    bytes: estimateBytes(spec, saving, capacity, logitBytes),
  }));
  const thriftiest = all.reduce((a, b) => (b.bytes < a.bytes ? b : a));
  const tries: [SavingBytes, ...SavingBytes[]] = [all.find(({ bytes }) => bytes <= budget) ?? thriftiest];
  for (const one of all) if (one.bytes < tries[tries.length - 1].bytes) tries.push(one);
  return tries;
}
