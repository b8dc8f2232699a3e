/** @file Examples to token ids with the label positions marked, cut to fit. */
import type { PlacedIds } from '../model/tokenizer/places';
import type { ChatFormat } from './chat';
import { createPace, type WorkOptions } from './pace';
import type { DataOptions, Example, TokenExample } from './types';

/** What this layer needs of a tokenizer. */
export interface TextTokenizer {
  /** Token ids of a text; with `specialTokens` also those the model expects around it (a beginning-of-text, mostly). */
  encode(text: string, options: { specialTokens: boolean }): number[];
  /** The ids without further special tokens, and how many of them the text up to each place (UTF-16) begins with. */
  encodeWithPlaces(text: string, places: readonly number[]): PlacedIds;
  /** A token as the person should read it. */
  tokenText(id: number): string;
  /** Null where the model has none. */
  endOfTextId: number | null;
  /** Tokens that stand for no text. */
  specialIds: ReadonlySet<number>;
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
  /** Inputs and targets become turns of a chat; not of plain text. */
  chatFormat?: ChatFormat | null;
}

interface TokenizeContext {
  frame: Frame;
  /** Label tokens of targets seen so far: those of classes come again and again. */
  labels: Map<string, number[]>;
}

/** Targets whose tokens are remembered. */
const MOST_REMEMBERED = 1000;

type LabelOptions = Pick<TokenizeOptions, 'endOfText' | 'chatFormat'>;

/** Encodes all examples, in slices. @throws the signal's reason when aborted. */
export async function tokenizeExamples(
  examples: readonly Example[],
  tokenizer: TextTokenizer,
  options: TokenizeOptions,
  work: WorkOptions = {},
): Promise<TokenExample[]> {
  const pace = createPace(work);
  const context = { frame: findFrame(tokenizer), labels: new Map<string, number[]>() };
  const result: TokenExample[] = [];
  for (const example of examples) {
    result.push(tokenizeExample(example, tokenizer, options, context));
    await pace(result.length, examples.length);
  }
  return result;
}

/**
 * Input tokens with the leading special ones (of a chat: all that stands before the answer), then the target's, then
 * the end (end-of-text, or what ends the assistant's turn). The labels are the target and the end; of plain text all
 * tokens but the leading special ones. What is too long loses the start of its input; a target that does not fit by
 * itself loses its end (and with it the end-of-text, since it is not its end).
 */
function tokenizeExample(
  example: Example,
  tokenizer: TextTokenizer,
  options: TokenizeOptions,
  { frame, labels: remembered }: TokenizeContext,
): TokenExample {
  if (options.kind === 'plainText') {
    const framed = encodeFramed(example.target, tokenizer, frame);
    const end = options.endOfText && tokenizer.endOfTextId !== null ? [tokenizer.endOfTextId] : [];
    const lead = framed.slice(0, frame.leading);
    return fitExample(example.row, options, { lead, labels: [...framed.slice(frame.leading), ...end] });
  }
  const labels = remembered.get(example.target) ?? encodeLabels(example.target, tokenizer, options);
  if (remembered.size < MOST_REMEMBERED) remembered.set(example.target, labels);
  const chat = options.chatFormat;
  if (chat) {
    const room = Math.max(
      Math.min(labels.length, options.maxTokens - chat.frameLength),
      options.reserve ?? 0,
    );
    const { ids, cut } = chat.encodeInput(example.input, options.maxTokens - room);
    const fitted = fitExample(example.row, options, { lead: ids, labels });
    return { ...fitted, cut: fitted.cut + cut };
  }
  const framed = encodeFramed(example.input, tokenizer, frame);
  const lead = framed.slice(0, frame.leading);
  return fitExample(example.row, options, { lead, input: framed.slice(frame.leading), labels });
}

/** `lead` is never cut. */
function fitExample(
  row: number,
  { maxTokens, reserve = 0 }: TokenizeOptions,
  { lead, input = [], labels }: { lead: number[]; input?: number[]; labels: number[] },
): TokenExample {
  const room = maxTokens - lead.length;
  const keptLabels = Math.min(labels.length, room);
  const keptInput = Math.max(0, Math.min(input.length, room - Math.max(keptLabels, reserve)));
  const tokenIds = Int32Array.from([
    ...lead,
    ...input.slice(input.length - keptInput),
    ...labels.slice(0, keptLabels),
  ]);
  const isLabel = new Uint8Array(tokenIds.length).fill(1, lead.length + keptInput);
  return { tokenIds, isLabel, cut: input.length - keptInput + labels.length - keptLabels, row };
}

/** A class's label tokens, as they end an example with that target. */
export function tokenizeClass(name: string, tokenizer: TextTokenizer, options: LabelOptions): Int32Array {
  return Int32Array.from(encodeLabels(name, tokenizer, options));
}

/** The target's tokens and, where asked for, those of its end. */
function encodeLabels(target: string, tokenizer: TextTokenizer, options: LabelOptions): number[] {
  const { chatFormat: chat, endOfText } = options;
  if (chat) return [...chat.encodeAnswer(target), ...(endOfText ? chat.end : [])];
  const end = endOfText && tokenizer.endOfTextId !== null ? [tokenizer.endOfTextId] : [];
  return [...tokenizer.encode(target, { specialTokens: false }), ...end];
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
