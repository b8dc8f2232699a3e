/** @file Views of a packed batch that both engines need. */
import type { PackedBatch, PackedText, SoftPrompt } from './engine';

/** How many rows a soft prompt takes of the context. */
export function promptLength(prompt: SoftPrompt | null): number {
  if (!prompt) return 0;
  return (prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues).shape[0];
}

/** Whether a row stands before the first token of a text, so that it can be predicted. */
export function predictsFirstToken(prompt: SoftPrompt | null): boolean {
  return prompt?.kind === 'prompt' && prompt.vectors.shape[0] > 0;
}

/** Indices in the text (0 … length - 1) of its label tokens that some row predicts. */
export function labelIndices(batch: PackedBatch, text: PackedText, first: boolean): number[] {
  const indices: number[] = [];
  for (let t = first ? 0 : 1; t < text.length; t++) {
    if (batch.isLabel[text.start + t]) indices.push(t);
  }
  return indices;
}

/** Texts whose every one fits the context after a prompt of that length. @throws RangeError with the numbers. */
export function checkContext(batch: PackedBatch, prompt: number, contextLength: number): void {
  for (const text of batch.texts) checkRows(prompt, text.length, contextLength);
}

/** @throws RangeError where prompt and text are more rows than the model has positions. */
export function checkRows(prompt: number, text: number, contextLength: number): void {
  if (prompt + text > contextLength) {
    throw new RangeError(
      `${prompt} virtual tokens and ${text} tokens of text are ${prompt + text} positions; the model has ${contextLength}. Use fewer virtual tokens or a shorter text.`,
    );
  }
}

/**
 * How many tokens may be generated after prompt and text: `wanted`, or as many as the context has left.
 * @throws RangeError where there is no row to predict the first from, or the text does not fit the context.
 */
export function generationRoom(
  prompt: SoftPrompt | null,
  tokenIds: Int32Array,
  wanted: number,
  contextLength: number,
): number {
  if (tokenIds.length === 0 && !predictsFirstToken(prompt)) {
    throw new RangeError('There is nothing to go on from: give at least one token, or a soft prompt.');
  }
  checkRows(promptLength(prompt), tokenIds.length, contextLength);
  return Math.min(wanted, contextLength - promptLength(prompt) - tokenIds.length);
}
