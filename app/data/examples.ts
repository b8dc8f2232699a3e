/** @file Rows and options to examples: templates filled or turns read, empty and repeated rows dropped, three parts made. */

import { createRandom } from '../formats/random';
import { checkAcross, checkEmpty, checkExamples, checkLabels, inputKey, telling } from './checks';
import { readConversations } from './conversations';
import { DataError } from './errors';
import { findClasses, findLabelVariants, joinLabels } from './labels';
import { checkOptions } from './options';
import { type Split, splitExamples } from './split';
import { compileTemplate, type Template } from './template';
import type { DataCheck, DataOptions, Example, Table } from './types';

export interface ExampleSplit extends Split {
  /** The first examples of the training table in its order, wherever the split has put them. */
  first: Example[];
  emptyRows: number;
  /** Rows dropped because the same input and target came before, or came in a part of their own. */
  duplicateRows: number;
  checks: DataCheck[];
  notes: string[];
}

const FIRST = 5;

/** Tables with rows for one part only; null for a part that is split off the others. */
export interface OwnParts {
  validation?: Table | null;
  test?: Table | null;
}

/**
 * Fills the templates, or reads the conversation, of every row. A row without a target text is empty. Of rows with the
 * same input and target one is kept, and rows with the same input are on one side of the split. With tables of their own
 * for validation or test, training rows with the input of one of theirs are dropped.
 * @throws DataError when the options do not fit the columns or nothing is left to train on.
 */
export function buildExamples(
  table: Table,
  options: DataOptions,
  { validation = null, test = null }: OwnParts = {},
): ExampleSplit {
  checkOptions(options);
  const parts = {
    test: test && readPart(test, options, 'test'),
    validation: validation && readPart(validation, options, 'validation'),
    training: readPart(table, options, 'training'),
  };
  const everything = [parts.training, parts.validation, parts.test].filter((part) => part !== null);
  const variants =
    options.kind === 'plainText' ? [] : findLabelVariants(everything.flatMap(({ examples }) => examples));
  if (options.joinLabels) for (const part of everything) part.examples = joinLabels(part.examples, variants);
  const seen = new Set<string>();
  // The test's rows count first: what repeats them elsewhere goes.
  const duplicateRows = [parts.test, parts.validation, parts.training].reduce(
    (sum, part) => sum + (part ? dropRepeated(part, seen) : 0),
    0,
  );
  const notes = [...new Set(everything.flatMap((part) => part.notes))];
  for (const [name, part] of Object.entries({ validation: parts.validation, test: parts.test })) {
    if (part?.examples.length === 0) throw nothingIn(name, part, options);
  }
  const across = dropAcross(parts.training, [parts.validation, parts.test]);
  if (parts.training.examples.length === 0) {
    const repeats = (validation !== null || test !== null) && duplicateRows + across.length > 0;
    if (repeats) {
      const where = validation ? 'validation' : 'test';
      throw new DataError(`Every training row is in the ${where} file too, so none is left to train on.`, {
        hint: `Use a ${where} file with rows of its own, or none.`,
      });
    }
    throw nothingIn('training', parts.training, options);
  }
  const first = parts.training.examples.slice(0, FIRST);
  const split = splitParts(parts.training, parts.validation, parts.test, options, table);
  if (split.validation.length === 0 && options.validationShare > 0) {
    notes.push('There is a single example, so none is kept for validation.');
  }
  const kept = [...split.training, ...split.validation, ...split.test];
  const heldNames = [validation && 'validation', test && 'test'].filter(Boolean).join(' or ');
  const checks = [
    ...everything.flatMap((part) => part.checks),
    ...checkEmpty(
      'emptyTargets',
      everything.flatMap((part) => part.empty),
    ),
    ...checkEmpty(
      'emptyInputs',
      everything.flatMap((part) => part.inputless),
    ),
    ...checkLabels(variants, options.joinLabels),
    ...checkAcross(across, `${heldNames} file`),
    ...(options.kind === 'plainText' ? [] : checkExamples(kept)),
  ];
  const emptyRows = everything.reduce((sum, part) => sum + part.empty.length, 0);
  return { ...split, first, emptyRows, duplicateRows, checks, notes };
}

function splitParts(
  training: Part,
  validation: Part | null,
  test: Part | null,
  options: DataOptions,
  table: Table,
): Split {
  const random = createRandom(options.splitSeed);
  const { examples } = training;
  const keys = examples.map(inputKey);
  const tell = telling(keys);
  const group = options.groupColumn === null ? -1 : table.columns.indexOf(options.groupColumn);
  const split = splitExamples({
    examples,
    groups: examples.map((_, i) => {
      const cell = group < 0 ? '' : (table.rows[training.places[i]][group] ?? '').trim();
      return [...(tell.has(keys[i]) ? [`input ${keys[i]}`] : []), ...(cell === '' ? [] : [`group ${cell}`])];
    }),
    classes: options.kind === 'plainText' ? null : findClasses(examples),
    validationShare: validation ? 0 : options.validationShare,
    testShare: test ? 0 : options.testShare,
    random,
  });
  return {
    training: split.training,
    validation: validation ? random.shuffle(validation.examples) : split.validation,
    test: test ? random.shuffle(test.examples) : split.test,
  };
}

/** The examples of a table. */
interface Part {
  table: Table;
  examples: Example[];
  /** Index of each example's row in the table. */
  places: number[];
  /** Rows without a target, and of those with one the rows without an input, as the file counts them. */
  empty: number[];
  inputless: number[];
  checks: DataCheck[];
  notes: string[];
}

function readPart(table: Table, options: DataOptions, name: string): Part {
  const part: Part = { table, examples: [], places: [], empty: [], inputless: [], checks: [], notes: [] };
  if (options.kind === 'conversation') {
    checkTurnColumns(table, options, name);
    const read = readConversations(table, options);
    return { ...part, ...read };
  }
  const { input, target } = compile(table, options, name);
  table.rows.forEach((cells, i) => {
    const row = table.rowNumbers[i];
    const example = fill(cells, input, target, options.kind, row);
    if (!example) {
      part.empty.push(row);
      return;
    }
    if (options.kind === 'inputTarget' && input.columns.length > 0 && !hasText(input, cells))
      part.inputless.push(row);
    part.examples.push(example);
    part.places.push(i);
  });
  return part;
}

/** Keeps the first of the examples that say the same. @returns how many were dropped */
function dropRepeated(part: Part, seen: Set<string>): number {
  const before = part.examples.length;
  keepWhere(part, ({ input, target, turns }) => {
    const key = JSON.stringify(
      turns ? turns.map(({ role, text, learned }) => [role, text, learned]) : [input, target],
    );
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
  return before - part.examples.length;
}

/** Drops training examples with the input of one that is held. @returns their rows */
function dropAcross(training: Part, held: readonly (Part | null)[]): number[] {
  const heldExamples = held.flatMap((part) => part?.examples ?? []);
  if (heldExamples.length === 0) return [];
  const keys = heldExamples.map(inputKey);
  const tell = telling(keys);
  const dropped: number[] = [];
  keepWhere(training, (example) => {
    if (!tell.has(inputKey(example))) return true;
    dropped.push(example.row);
    return false;
  });
  return dropped;
}

function keepWhere(part: Part, keep: (example: Example) => boolean): void {
  const kept = part.examples.map(keep);
  part.examples = part.examples.filter((_, i) => kept[i]);
  part.places = part.places.filter((_, i) => kept[i]);
}

function nothingIn(name: string, { table, empty, checks }: Part, options: DataOptions): DataError {
  const columns = `Columns: ${table.columns.join(', ')}.`;
  if (options.kind === 'conversation') {
    const why = checks.map(({ text }) => text).join(' ');
    return new DataError(`“${table.name}” has no conversation to learn from. ${why}`.trim(), {
      hint: `A conversation has a turn of the user and an answer of the assistant, in words. ${columns}`,
    });
  }
  if (name !== 'training') {
    return new DataError(`No row of the ${name} file “${table.name}” has a target text.`, {
      hint: 'Choose another target column, or another file.',
    });
  }
  return new DataError(`No row of “${table.name}” has a target text; ${empty.length} rows are empty.`, {
    hint: `Choose another target column. ${columns}`,
  });
}

function checkTurnColumns(table: Table, { turnColumns }: DataOptions, name: string): void {
  const where = name === 'training' ? `“${table.name}”` : `The ${name} file “${table.name}”`;
  if (turnColumns.length === 0) {
    throw new DataError('No column is chosen for the conversations.', {
      hint: `Columns: ${table.columns.join(', ')}.`,
    });
  }
  const missing = turnColumns.find((column) => !table.columns.includes(column));
  if (missing === undefined) return;
  throw new DataError(`${where} has no column “${missing}”, in which the conversations are to be found.`, {
    hint: `Columns: ${table.columns.join(', ')}.`,
  });
}

function compile(table: Table, options: DataOptions, name: string): { input: Template; target: Template } {
  let compiled: { input: Template; target: Template };
  try {
    compiled = {
      input: compileTemplate(options.inputTemplate, table.columns),
      target: compileTemplate(options.targetTemplate, table.columns),
    };
  } catch (error) {
    if (name === 'training' || !(error instanceof DataError)) throw error;
    throw new DataError(`The ${name} file “${table.name}” does not fit: ${error.message}`, {
      hint: `It needs the columns that the templates use. ${error.hint ?? ''}`.trim(),
    });
  }
  if (options.kind === 'inputTarget' && compiled.target.columns.length === 0) {
    throw new DataError('The target template uses no column, so every target would be the same.', {
      hint: `Write a column in braces, for instance {${table.columns.at(-1)}}. Columns: ${table.columns.join(', ')}.`,
    });
  }
  if (compiled.input.columns.length + compiled.target.columns.length === 0) {
    throw new DataError('The template uses no column, so every example would be the same.', {
      hint: `Write a column in braces. Columns: ${table.columns.join(', ')}.`,
    });
  }
  return compiled;
}

/** Null for a row without a cell to learn from: the template's own words do not count. */
function fill(
  cells: readonly string[],
  input: Template,
  target: Template,
  kind: DataOptions['kind'],
  row: number,
): Example | null {
  if (kind === 'plainText') {
    if (!hasText(input, cells) && !hasText(target, cells)) return null;
    return { input: '', target: input.fill(cells) + target.fill(cells), row };
  }
  return hasText(target, cells) ? { input: input.fill(cells), target: target.fill(cells), row } : null;
}

function hasText(template: Template, cells: readonly string[]): boolean {
  return template.columns.some((column) => (cells[column] ?? '').trim() !== '');
}
