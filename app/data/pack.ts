/** @file Tokenised examples to packed batches, and the batch that asks which class an input is likeliest to have. */
import type { ExampleScore, PackedBatch, PackedText } from '../engine/engine';
import type { TokenExample } from './types';

/**
 * All examples one after another. `prompts` says which prompt each text follows: one index for all, or one each.
 * @throws RangeError when `prompts` has another length than `examples`.
 */
export function packExamples(
  examples: readonly Pick<TokenExample, 'tokenIds' | 'isLabel'>[],
  prompts: number | readonly number[] = 0,
): PackedBatch {
  if (typeof prompts !== 'number' && prompts.length !== examples.length) {
    throw new RangeError(
      `${examples.length} texts need ${examples.length} prompt indices, not ${prompts.length}.`,
    );
  }
  const rows = examples.reduce((sum, example) => sum + example.tokenIds.length, 0);
  const tokenIds = new Int32Array(rows);
  const isLabel = new Uint8Array(rows);
  const texts: PackedText[] = [];
  let start = 0;
  examples.forEach((example, i) => {
    tokenIds.set(example.tokenIds, start);
    isLabel.set(example.isLabel, start);
    const length = example.tokenIds.length;
    texts.push({ start, length, prompt: typeof prompts === 'number' ? prompts : prompts[i] });
    start += length;
  });
  return { tokenIds, isLabel, texts };
}

/** A batch with a text for every example and class: text `example · classes + class`. */
export interface ClassCandidates {
  batch: PackedBatch;
  examples: number;
  classes: number;
}

/** Each example's input followed by each class's label tokens (end-of-text included, where used, so that lengths compare). */
export function classCandidates(
  examples: readonly TokenExample[],
  classTokens: readonly Int32Array[],
): ClassCandidates {
  const texts = examples.flatMap((example) => {
    const input = inputTokens(example);
    return classTokens.map((labels) => {
      const tokenIds = new Int32Array(input.length + labels.length);
      tokenIds.set(input);
      tokenIds.set(labels, input.length);
      return { tokenIds, isLabel: new Uint8Array(tokenIds.length).fill(1, input.length) };
    });
  });
  return { batch: packExamples(texts), examples: examples.length, classes: classTokens.length };
}

/** The class of each example under which the model finds its label tokens likeliest (least nats in sum). */
export function predictClasses(candidates: ClassCandidates, scores: readonly ExampleScore[]): number[] {
  const { examples, classes } = candidates;
  if (scores.length !== examples * classes) {
    throw new RangeError(
      `Expected ${examples * classes} scores (${examples} × ${classes}), found ${scores.length}.`,
    );
  }
  return Array.from({ length: examples }, (_, example) => {
    let likeliest = 0;
    for (let c = 1; c < classes; c++) {
      if (scores[example * classes + c].nats < scores[example * classes + likeliest].nats) likeliest = c;
    }
    return likeliest;
  });
}

/** The tokens before the last stretch of labels: of a conversation in which several answers are learned, all before the last. */
export function inputTokens(example: Pick<TokenExample, 'tokenIds' | 'isLabel'>): Int32Array {
  const lastLabel = example.isLabel.lastIndexOf(1);
  if (lastLabel < 0) return example.tokenIds;
  return example.tokenIds.subarray(0, example.isLabel.lastIndexOf(0, lastLabel) + 1);
}
