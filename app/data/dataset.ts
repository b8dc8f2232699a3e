/** @file A parsed table to everything that training and page need of it: examples, tokens, classes, report. */
import type { ChatTemplate } from '../model/chatTemplate';
import { sha256 } from '../model/hash';
import { type ChatFormat, createChatFormat } from './chat';
import { guessOptions } from './columns';
import { DataError } from './errors';
import { buildExamples } from './examples';
import { MIN_TOKENS } from './options';
import type { WorkOptions } from './pace';
import { countRows } from './table';
import { type TextTokenizer, tokenizeClass, tokenizeExamples } from './tokenize';
import type { DataOptions, DatasetReport, Example, PreviewExample, Table, TokenExample } from './types';

const PREVIEWED = 5;
const MAX_CLASSES = 20;
const HASHED_AT_ONCE = 10_000;

export interface DatasetRequest extends WorkOptions {
  table: Table;
  /** Rows for validation only; null splits them off the table. */
  validationTable: Table | null;
  /** Null guesses them from the columns. */
  options: DataOptions | null;
  tokenizer: TextTokenizer;
  /** The model's, where it has one. */
  chatTemplate?: ChatTemplate | null;
  /** Most tokens an example may have: the model's context less the virtual tokens. */
  longest?: number;
}

/** A dataset ready for training. Arrays of examples and token examples run in parallel. */
export interface Dataset {
  training: TokenExample[];
  validation: TokenExample[];
  trainingExamples: Example[];
  validationExamples: Example[];
  /** Distinct targets of a class task, else null. */
  classes: string[] | null;
  /** Label tokens of each class, in the order of `classes`; empty where there are none. */
  classTokens: Int32Array[];
  /** How inputs and targets became turns of a chat; null where they are texts as they stand. */
  chatFormat: ChatFormat | null;
  report: DatasetReport;
}

/**
 * Prepares a table for training; the table itself is left as it is, so other options can be tried on it.
 * `onProgress` counts examples.
 * @throws DataError when options and table do not fit each other; the signal's reason when aborted.
 */
export async function prepareDataset(request: DatasetRequest): Promise<Dataset> {
  const { table, validationTable, tokenizer, longest = Number.POSITIVE_INFINITY } = request;
  const guessed = request.options ? null : guessOptions(table, longest);
  const wanted = request.options ?? guessOptions(table, longest).options;
  const { chatFormat, notes: chatNotes } = chooseChat(request, wanted);
  const options = {
    ...wanted,
    maxTokens: Math.min(wanted.maxTokens, longest),
    chat: chatFormat !== null,
  };
  checkRoom(options.maxTokens, chatFormat);
  const split = buildExamples(table, options, validationTable);
  const { training: trainingExamples, validation: validationExamples } = split;
  const all = [...trainingExamples, ...validationExamples];

  const classes = options.kind === 'inputTarget' ? findClasses(all) : null;
  const classTokens =
    classes?.map((name) => tokenizeClass(name, tokenizer, { ...options, chatFormat })) ?? [];
  const reserve = Math.max(0, ...classTokens.map((ids) => ids.length));
  const tokens = await tokenizeExamples(all, tokenizer, { ...options, reserve, chatFormat }, request);
  const training = tokens.slice(0, trainingExamples.length);
  const validation = tokens.slice(trainingExamples.length);

  const labelTokens = tokens.reduce((sum, { isLabel }) => sum + countLabels(isLabel), 0);
  if (labelTokens === 0) {
    throw new DataError('No example has a token to predict.', {
      hint: 'The target texts became no tokens; choose another target column.',
    });
  }
  const notes = [...table.notes, ...(validationTable?.notes ?? []), ...split.notes, ...chatNotes];
  if (options.maxTokens < wanted.maxTokens) {
    notes.push(
      `Examples have at most ${longest} tokens, as many as fit the model's context, not ${wanted.maxTokens}.`,
    );
  }
  const truncatedRows = tokens.filter(({ cut }) => cut > 0).length;
  if (truncatedRows > 0) notes.push(truncationNote(truncatedRows, options));
  if (options.endOfText && (chatFormat ? chatFormat.end.length === 0 : tokenizer.endOfTextId === null)) {
    notes.push('The model has no end-of-text token, so none is appended to the targets.');
  }
  const report: DatasetReport = {
    name: table.name,
    format: table.format,
    columns: table.columns,
    options,
    guesses: guessed?.guesses ?? [],
    rows: table.rows.length + (validationTable?.rows.length ?? 0),
    training: training.length,
    validation: validation.length,
    validationFile: validationTable !== null,
    emptyRows: split.emptyRows,
    duplicateRows: split.duplicateRows,
    truncatedRows,
    lengths: describeLengths(tokens),
    labelTokens,
    classes,
    preview: trainingExamples
      .slice(0, PREVIEWED)
      .map((example, i) => preview(example, training[i], tokenizer)),
    notes,
    hash: await hashExamples(trainingExamples, validationExamples, options, chatFormat),
  };
  return {
    training,
    validation,
    trainingExamples,
    validationExamples,
    classes,
    classTokens,
    chatFormat,
    report,
  };
}

/** The model's chat template where it is wanted and of use; a template that cannot be used is named in a note. */
function chooseChat(
  { chatTemplate, tokenizer }: DatasetRequest,
  options: DataOptions,
): { chatFormat: ChatFormat | null; notes: readonly string[] } {
  if (!options.chat || !chatTemplate || options.kind !== 'inputTarget')
    return { chatFormat: null, notes: [] };
  try {
    const chatFormat = createChatFormat(chatTemplate, tokenizer, options.systemText);
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

/** Distinct targets, sorted, when there are 2–20 and each is used twice or more; else null. */
export function findClasses(examples: readonly Example[]): string[] | null {
  const uses = new Map<string, number>();
  for (const { target } of examples) {
    uses.set(target, (uses.get(target) ?? 0) + 1);
    if (uses.size > MAX_CLASSES) return null;
  }
  if (uses.size < 2 || [...uses.values()].some((count) => count < 2)) return null;
  // By code unit, so that the order is the same in every language.
  return [...uses.keys()].sort();
}

function preview(example: Example, tokens: TokenExample, tokenizer: TextTokenizer): PreviewExample {
  return {
    row: example.row,
    input: example.input,
    target: example.target,
    tokens: Array.from(tokens.tokenIds, (id, i) => ({
      id,
      text: tokenizer.tokenText(id),
      label: tokens.isLabel[i] === 1,
    })),
    cut: tokens.cut,
  };
}

function describeLengths(tokens: readonly TokenExample[]): DatasetReport['lengths'] {
  const sorted = Float64Array.from(tokens, ({ tokenIds }) => tokenIds.length).sort();
  const middle = (sorted.length - 1) / 2;
  const median = (sorted[Math.floor(middle)] + sorted[Math.ceil(middle)]) / 2;
  return { min: sorted[0], median, max: sorted[sorted.length - 1] };
}

function countLabels(isLabel: Uint8Array): number {
  return isLabel.reduce((sum, label) => sum + label, 0);
}

function truncationNote(rows: number, options: DataOptions): string {
  const what = options.kind === 'plainText' ? 'the end of their text' : 'the start of their input';
  return `${countRows(rows)} had more than ${options.maxTokens} tokens and lost ${what}.`;
}

/** The examples with their side of the split, and the options that shape them beyond their text. */
function hashExamples(
  training: Example[],
  validation: Example[],
  options: DataOptions,
  chatFormat: ChatFormat | null,
): Promise<string> {
  const { kind, endOfText, maxTokens } = options;
  const chat = chatFormat && { chatTemplate: chatFormat.hash, systemText: chatFormat.systemText };
  const encoder = new TextEncoder();
  const parts = [encoder.encode(`${JSON.stringify({ kind, endOfText, maxTokens, ...chat })}\n`)];
  for (const [side, examples] of Object.entries({ training, validation })) {
    for (let start = 0; start < examples.length; start += HASHED_AT_ONCE) {
      const lines = examples
        .slice(start, start + HASHED_AT_ONCE)
        .map(({ input, target }) => `${JSON.stringify([side, input, target])}\n`);
      parts.push(encoder.encode(lines.join('')));
    }
  }
  return sha256(...parts);
}
