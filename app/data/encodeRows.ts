/** @file Examples to tokens, in whichever form suits rows and model: texts as they stand, turns of a chat, conversations. */
import type { ChatTemplate } from '../model/chatTemplate';
import { type ChatFormat, createChatFormat } from './chat';
import { commonSystem } from './conversations';
import { DataError } from './errors';
import { MIN_TOKENS } from './options';
import type { WorkOptions } from './pace';
import type { Rows } from './rows';
import { countRows } from './table';
import { type TextTokenizer, tokenizeClass, tokenizeExamples } from './tokenize';
import { type RefusedTurns, tokenizeConversations } from './tokenizeTurns';
import { createPlainFormat, createTemplateFormat, type TurnFormat } from './turnTokens';
import type { DataCheck, Example, TokenExample } from './types';

/** Examples of a part and their tokens, in parallel. */
interface EncodedPart {
  examples: Example[];
  tokens: TokenExample[];
}

export interface EncodedRows {
  /** Training, validation, test. */
  parts: [EncodedPart, EncodedPart, EncodedPart];
  /** Label tokens of each class; [] where there are none. */
  classTokens: Int32Array[];
  /** The model's chat template as it was used; null where it was not. */
  chatFormat: ChatFormat | null;
  /** What conversations were written in, null for other kinds. */
  turnFormat: TurnFormat | null;
  /** Conversations that are too long in what cannot be cut. */
  tooLong: number;
  checks: DataCheck[];
  notes: string[];
}

export interface EncodeRequest extends WorkOptions {
  tokenizer: TextTokenizer;
  /** The model's, where it has one. */
  chatTemplate?: ChatTemplate | null;
}

/** `onProgress` counts examples. @throws DataError where the template leaves no room; the signal's reason when aborted */
export async function encodeRows(rows: Rows, request: EncodeRequest): Promise<EncodedRows> {
  const chosen = chooseChat(request, rows);
  if (rows.options.kind !== 'conversation') checkRoom(rows.options.maxTokens, chosen.chatFormat);
  const encoded = await (rows.options.kind === 'conversation' ? encodeConversations : encodeTexts)(
    rows,
    request,
    chosen.chatFormat,
  );
  return { ...encoded, notes: [...chosen.notes, ...encoded.notes] };
}

async function encodeTexts(
  rows: Rows,
  request: EncodeRequest,
  chatFormat: ChatFormat | null,
): Promise<EncodedRows> {
  const { options, classes } = rows;
  const { tokenizer } = request;
  const shape = { ...options, chatFormat };
  const classTokens = classes?.map((name) => tokenizeClass(name, tokenizer, shape)) ?? [];
  const reserve = longestOf(classTokens);
  const tokens = await tokenizeExamples(examplesOf(rows), tokenizer, { ...shape, reserve }, request);
  return {
    parts: divide(rows, tokens),
    classTokens,
    chatFormat,
    turnFormat: null,
    tooLong: 0,
    checks: [],
    notes: [],
  };
}

/** Where the template refuses them all, in the plain layout: a person's data are never of no use for a template's sake. */
async function encodeConversations(
  rows: Rows,
  request: EncodeRequest,
  chatFormat: ChatFormat | null,
): Promise<EncodedRows> {
  const { tokenizer, chatTemplate } = request;
  if (chatFormat && chatTemplate) {
    const encoded = await encodeInFormat(rows, request, createTemplateFormat(chatTemplate, tokenizer));
    const { refused } = encoded;
    if (encoded.parts[0].tokens.length > 0 || refused.every(({ tooLong }) => tooLong)) {
      return { ...encoded, chatFormat };
    }
    const plain = await encodeInFormat(rows, request, createPlainFormat(tokenizer));
    return { ...plain, chatFormat: null, notes: [refused[0].error.message, ...plain.notes] };
  }
  return { ...(await encodeInFormat(rows, request, createPlainFormat(tokenizer))), chatFormat: null };
}

type InFormat = Omit<EncodedRows, 'chatFormat'> & { refused: RefusedTurns[] };

async function encodeInFormat(rows: Rows, request: EncodeRequest, format: TurnFormat): Promise<InFormat> {
  const { options, classes } = rows;
  const answers = classes?.map((name) => format.encodeAnswer(name, options.endOfText)) ?? [];
  const classTokens = answers.map((ids) => Int32Array.from(ids));
  const examples = examplesOf(rows);
  const shape = { ...options, format, reserve: longestOf(classTokens) };
  const { tokens, refused } = await tokenizeConversations(examples, shape, request);
  return {
    parts: divide(rows, tokens),
    classTokens,
    turnFormat: format,
    tooLong: refused.filter(({ tooLong }) => tooLong).length,
    checks: refusals(refused),
    notes: [...format.notes, ...toolNotes(examples, format)],
    refused,
  };
}

/** A line for each reason. */
function refusals(refused: readonly RefusedTurns[]): DataCheck[] {
  const reasons = new Map<string, number[]>();
  for (const { row, error } of refused) {
    const rows = reasons.get(error.message);
    if (rows) rows.push(row);
    else reasons.set(error.message, [row]);
  }
  return [...reasons].map(([reason, rows]) => ({
    kind: 'conversations',
    text: `${countRows(rows.length)} ${rows.length === 1 ? 'is' : 'are'} left out: ${reason}`,
    rows: rows.slice(0, 5),
    action: null,
  }));
}

function examplesOf({ training, validation, test }: Rows): Example[] {
  return [...training, ...validation, ...test];
}

/** Each part's own tokens, and its examples without those that were refused. */
function divide(
  { training, validation, test }: Rows,
  tokens: readonly (TokenExample | null)[],
): EncodedRows['parts'] {
  let at = 0;
  const part = (examples: readonly Example[]): EncodedPart => {
    const own = tokens.slice(at, at + examples.length);
    at += examples.length;
    return { examples: examples.filter((_, i) => own[i]), tokens: own.filter((each) => each !== null) };
  };
  return [part(training), part(validation), part(test)];
}

/** Tools that a format has no place for are left out with a word. */
function toolNotes(examples: readonly Example[], { takesTools }: TurnFormat): string[] {
  const withTools = examples.filter(({ tools }) => tools !== undefined);
  const withCalls = examples.filter(({ turns = [] }) =>
    turns.some(({ extra }) => extra?.tool_calls !== undefined),
  );
  if (takesTools || withTools.length + withCalls.length === 0) return [];
  const calls = withCalls.length > 0 ? ' and calls' : '';
  return [
    `The model has no place for tools in its conversations: their descriptions${calls} are left out of ${countRows(Math.max(withTools.length, withCalls.length))}.`,
  ];
}

function longestOf(classTokens: readonly Int32Array[]): number {
  return Math.max(0, ...classTokens.map((ids) => ids.length));
}

/** The model's chat template where it is wanted and of use; a template that cannot be used is named in a note. */
function chooseChat(
  { chatTemplate, tokenizer }: EncodeRequest,
  { options, training }: Rows,
): { chatFormat: ChatFormat | null; notes: readonly string[] } {
  if (!options.chat || !chatTemplate || options.kind === 'plainText') return { chatFormat: null, notes: [] };
  try {
    const system = options.kind === 'conversation' ? commonSystem(training) : options.systemText;
    const chatFormat = createChatFormat(chatTemplate, tokenizer, system);
    return { chatFormat, notes: chatFormat.notes };
  } catch (error) {
    if (!(error instanceof DataError)) throw error;
    return { chatFormat: null, notes: [`${error.message} The texts are used as they stand.`] };
  }
}

/** The template's own tokens are never cut, and an answer needs some room. @throws DataError */
function checkRoom(maxTokens: number, chatFormat: ChatFormat | null): void {
  const needed = (chatFormat?.frameLength ?? 0) + MIN_TOKENS;
  if (!chatFormat || maxTokens >= needed) return;
  throw new DataError(
    `The chat template and the system text take ${chatFormat.frameLength} tokens; an example may have ${maxTokens}.`,
    { hint: `Allow ${needed} tokens or more, shorten the system text, or switch the chat template off.` },
  );
}
