/** @file Examples to token ids with the label positions marked, cut to fit. */
import { createPace, type WorkOptions } from './pace';
import type { DataOptions, Example, TokenExample } from './types';

/** What this layer needs of a tokenizer. */
export interface TextTokenizer {
  /** Token ids of a text; with `specialTokens` also those the model expects around it (a beginning-of-text, mostly). */
  encode(text: string, options: { specialTokens: boolean }): number[];
  /** A token as the person should read it. */
  tokenText(id: number): string;
  /** Null where the model has none. */
  endOfTextId: number | null;
}

/** Special tokens that the tokenizer puts around a text. */
interface Frame {
  leading: number;
  trailing: number;
}

/** What a tokenised dataset consists of. */
export interface TokenizeOptions extends Pick<DataOptions, 'kind' | 'endOfText' | 'maxTokens'> {
  /** Room kept for this many label tokens, so that every class fits after every input. */
  reserve?: number;
}

/** Encodes all examples, in slices. @throws the signal's reason when aborted. */
export async function tokenizeExamples(
  examples: readonly Example[],
  tokenizer: TextTokenizer,
  options: TokenizeOptions,
  work: WorkOptions = {},
): Promise<TokenExample[]> {
  const pace = createPace(work);
  const frame = findFrame(tokenizer);
  const result: TokenExample[] = [];
  for (const example of examples) {
    result.push(tokenizeExample(example, tokenizer, options, frame));
    await pace(result.length, examples.length);
  }
  return result;
}

/**
 * Input tokens with the leading special ones, then the target's, then end-of-text. The labels are the target and
 * end-of-text; of plain text all tokens but the leading special ones. What is too long loses the start of its
 * input; a target that does not fit by itself loses its end (and with it the end-of-text, since it is not its end).
 */
function tokenizeExample(
  example: Example,
  tokenizer: TextTokenizer,
  options: TokenizeOptions,
  frame: Frame,
): TokenExample {
  const plain = options.kind === 'plainText';
  const framed = encodeFramed(plain ? example.target : example.input, tokenizer, frame);
  const lead = framed.slice(0, frame.leading);
  const text = framed.slice(frame.leading);
  const input = plain ? [] : text;
  const labels = plain ? text : tokenizer.encode(example.target, { specialTokens: false });
  if (options.endOfText && tokenizer.endOfTextId !== null) labels.push(tokenizer.endOfTextId);

  const room = options.maxTokens - lead.length;
  const keptLabels = Math.min(labels.length, room);
  const keptInput = Math.max(0, Math.min(input.length, room - Math.max(keptLabels, options.reserve ?? 0)));
  const tokenIds = Int32Array.from([
    ...lead,
    ...input.slice(input.length - keptInput),
    ...labels.slice(0, keptLabels),
  ]);
  const isLabel = new Uint8Array(tokenIds.length).fill(1, lead.length + keptInput);
  return { tokenIds, isLabel, cut: input.length - keptInput + labels.length - keptLabels, row: example.row };
}

/** A class's label tokens, as they end an example with that target. */
export function tokenizeClass(
  name: string,
  tokenizer: TextTokenizer,
  options: Pick<DataOptions, 'endOfText' | 'maxTokens'>,
): Int32Array {
  const ids = tokenizer.encode(name, { specialTokens: false });
  if (options.endOfText && tokenizer.endOfTextId !== null) ids.push(tokenizer.endOfTextId);
  return Int32Array.from(ids);
}

/** Tokens of a text with the leading special ones and without trailing ones: more text is to follow. */
function encodeFramed(text: string, tokenizer: TextTokenizer, frame: Frame): number[] {
  const ids = tokenizer.encode(text, { specialTokens: true });
  return ids.slice(0, ids.length - frame.trailing);
}

/** Found by encoding a letter with and without special tokens. */
function findFrame(tokenizer: TextTokenizer): Frame {
  const bare = tokenizer.encode('a', { specialTokens: false });
  const framed = tokenizer.encode('a', { specialTokens: true });
  for (let leading = 0; leading + bare.length <= framed.length; leading++) {
    if (bare.every((id, i) => framed[leading + i] === id)) {
      return { leading, trailing: framed.length - leading - bare.length };
    }
  }
  return { leading: 0, trailing: 0 };
}
