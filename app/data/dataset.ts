/** @file A parsed table to everything that training and page need of it: examples, tokens, classes, report. */
import { sha256 } from '../model/hash';
import type { ChatFormat } from './chat';
import { commonSystem } from './conversations';
import { type EncodedRows, type EncodeRequest, encodeRows } from './encodeRows';
import { DataError } from './errors';
import { type Rows, type RowsRequest, readRows } from './rows';
import { countRows } from './table';
import type { TextTokenizer } from './tokenize';
import { plainTemplates } from './turnTokens';
import type { DataCheck, DataOptions, DatasetReport, Example, PreviewExample, TokenExample } from './types';

const PREVIEWED = 5;
const HASHED_AT_ONCE = 10_000;
/** No longer examples than these are chosen by themselves. */
const MOST_TOKENS = 8192;

export interface DatasetRequest extends RowsRequest, EncodeRequest {}

/** A dataset ready for training. Arrays of examples and token examples run in parallel. */
export interface Dataset {
  training: TokenExample[];
  /** Chooses between prompts. */
  validation: TokenExample[];
  /** Only reported on: nothing may be chosen by it. */
  test: TokenExample[];
  trainingExamples: Example[];
  validationExamples: Example[];
  testExamples: Example[];
  /** Distinct targets of a class task, else null. */
  classes: string[] | null;
  /** Label tokens of each class, in the order of `classes`; empty where there are none. */
  classTokens: Int32Array[];
  /** How inputs and targets became turns of a chat; null where they are texts as they stand. */
  chatFormat: ChatFormat | null;
  /** How a single input and its answer are written: the options' templates, or those of a turn and its answer. */
  written: { inputTemplate: string; targetTemplate: string; columns: string[] };
  report: DatasetReport;
}

/**
 * Prepares a table for training; the table itself is left as it is, so other options can be tried on it.
 * `onProgress` counts examples.
 * @throws DataError when options and table do not fit each other; the signal's reason when aborted.
 */
export async function prepareDataset(request: DatasetRequest): Promise<Dataset> {
  const { table, validationTable, testTable = null, tokenizer, longest = Number.POSITIVE_INFINITY } = request;
  const rows = readRows({ ...request, longest });
  const wanted = rows.options;
  let maxTokens = Math.min(wanted.maxTokens, longest);
  const encode = () => encodeRows({ ...rows, options: { ...wanted, maxTokens } }, request);
  let encoded = await encode();
  // Where nobody has said how long an example may be, it is long enough for what cannot be cut.
  const most = Math.min(longest, MOST_TOKENS);
  while (
    !request.options &&
    maxTokens < most &&
    encoded.parts[0].tokens.length === 0 &&
    encoded.tooLong > 0
  ) {
    maxTokens = Math.min(most, 2 * maxTokens);
    encoded = await encode();
  }
  const { classes } = rows;
  const { chatFormat } = encoded;
  const options = { ...wanted, maxTokens, chat: chatFormat !== null };
  const [training, validation, test] = encoded.parts;
  const tokens = encoded.parts.flatMap((part) => part.tokens);
  if (training.tokens.length === 0) throw nothingLeft(encoded.checks);

  const labelTokens = tokens.reduce((sum, { isLabel }) => sum + countLabels(isLabel), 0);
  if (labelTokens === 0) {
    throw new DataError('No example has a token to predict.', {
      hint: 'The target texts became no tokens; choose another target column.',
    });
  }
  const notes = [...rows.notes, ...encoded.notes];
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
    columns: rows.readable.table.columns,
    conversationColumns: rows.readable.conversationColumns,
    options,
    guesses: rows.guesses,
    rows: table.rows.length + (validationTable?.rows.length ?? 0) + (testTable?.rows.length ?? 0),
    training: training.tokens.length,
    validation: validation.tokens.length,
    test: test.tokens.length,
    encoding: null,
    validationFile: validationTable !== null,
    testFile: testTable !== null,
    emptyRows: rows.emptyRows,
    duplicateRows: rows.duplicateRows,
    truncatedRows,
    lengths: describeLengths(tokens),
    labelTokens,
    classes,
    preview: training.examples
      .slice(0, PREVIEWED)
      .map((example, i) => preview(example, training.tokens[i], tokenizer)),
    checks: [...rows.checks, ...encoded.checks],
    notes,
    hash: await hashExamples(encoded.parts, options, encoded),
  };
  return {
    training: training.tokens,
    validation: validation.tokens,
    test: test.tokens,
    trainingExamples: training.examples,
    validationExamples: validation.examples,
    testExamples: test.examples,
    classes,
    classTokens: encoded.classTokens,
    chatFormat,
    written: writtenAs(report, rows, chatFormat),
    report,
  };
}

function nothingLeft(checks: readonly DataCheck[]): DataError {
  return new DataError(`No example is left to train on. ${checks.map(({ text }) => text).join(' ')}`.trim(), {
    hint: 'Switch the chat template off, or choose other columns.',
  });
}

/** How the playground, and whoever uses the prompt elsewhere, writes one input. */
function writtenAs(
  { options, columns }: DatasetReport,
  rows: Rows,
  chatFormat: ChatFormat | null,
): Dataset['written'] {
  if (options.kind !== 'conversation') {
    const { inputTemplate, targetTemplate } = options;
    return { inputTemplate, targetTemplate, columns };
  }
  const names = { columns: ['input', 'answer'] };
  if (chatFormat) return { inputTemplate: '{input}', targetTemplate: '{answer}', ...names };
  return { ...plainTemplates(commonSystem(rows.training)), ...names };
}

function preview(example: Example, tokens: TokenExample, tokenizer: TextTokenizer): PreviewExample {
  return {
    row: example.row,
    input: example.input,
    target: example.target,
    ...(example.turns && { turns: example.turns }),
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
  const what = {
    plainText: 'the end of their text',
    inputTarget: 'the start of their input',
    conversation: 'their oldest turns',
  }[options.kind];
  return `${countRows(rows)} had more than ${options.maxTokens} tokens and lost ${what}.`;
}

/** The examples with their side of the split, and the options that shape them beyond their text. */
function hashExamples(
  parts: EncodedRows['parts'],
  options: DataOptions,
  { chatFormat, turnFormat }: Pick<EncodedRows, 'chatFormat' | 'turnFormat'>,
): Promise<string> {
  const { kind, endOfText, maxTokens } = options;
  const chat = chatFormat && { chatTemplate: chatFormat.hash, systemText: chatFormat.systemText };
  const turns = turnFormat && { turns: turnFormat.hash };
  const encoder = new TextEncoder();
  const hashed = [encoder.encode(`${JSON.stringify({ kind, endOfText, maxTokens, ...chat, ...turns })}\n`)];
  const names = ['training', 'validation', 'test'];
  parts.forEach(({ examples }, side) => {
    for (let start = 0; start < examples.length; start += HASHED_AT_ONCE) {
      const lines = examples
        .slice(start, start + HASHED_AT_ONCE)
        .map(
          ({ input, target, turns: said }) =>
            `${JSON.stringify([names[side], input, target, ...(said ? [said] : [])])}\n`,
        );
      hashed.push(encoder.encode(lines.join('')));
    }
  });
  return sha256(...hashed);
}
