/** @file What a benchmark's step works on: the same texts and the same prompt for every engine. */
import type { PackedBatch } from '../app/engine/engine';
import { createRandom } from '../app/formats/random';

export interface Workload {
  /** Texts. */
  batch: number;
  /** Tokens a text. */
  length: number;
  /** Virtual tokens. */
  prompt: number;
  /** Label tokens at the end of each text. */
  labels: number;
}

/** The usual shapes: a small batch of short answers. */
export const DEFAULT_WORKLOAD: Workload = { batch: 16, length: 32, prompt: 20, labels: 4 };

/** Why a workload cannot be run on a model of that context, in words; null where it can. */
export function workloadProblem(workload: Workload, contextLength: number): string | null {
  const { batch, length, prompt, labels } = workload;
  for (const [name, value] of Object.entries({ batch, length, prompt, labels })) {
    if (!Number.isInteger(value) || value < 1) return `${name} must be a whole number from 1 on.`;
  }
  if (labels > length) return `A text of ${length} tokens cannot have ${labels} label tokens.`;
  if (prompt + length > contextLength) {
    return `${prompt} virtual tokens and ${length} tokens of text exceed the model's context of ${contextLength}.`;
  }
  return null;
}

/** Random texts, all of one length, so that a padded batch has no padding. */
export function makeBatch(vocabSize: number, { batch, length, labels }: Workload): PackedBatch {
  return {
    tokenIds: randomTokens(1, batch * length, vocabSize),
    isLabel: Uint8Array.from({ length: batch * length }, (_, i) => (i % length >= length - labels ? 1 : 0)),
    texts: Array.from({ length: batch }, (_, i) => ({ start: i * length, length, prompt: 0 })),
  };
}

/** The tokens whose embeddings are the prompt. */
export function promptTokens(vocabSize: number, { prompt }: Workload): Int32Array {
  return randomTokens(2, prompt, vocabSize);
}

function randomTokens(seed: number, count: number, vocabSize: number): Int32Array {
  const random = createRandom(seed).next;
  return Int32Array.from({ length: count }, () => Math.floor(random() * vocabSize));
}
