/** @file Rows and options to examples: templates filled, empty and repeated rows dropped, validation set aside. */
import { DataError } from './errors';
import { checkOptions } from './options';
import { createRandom } from './random';
import { compileTemplate, type Template } from './template';
import type { DataOptions, Example, Table } from './types';

export interface ExampleSplit {
  /** In the order of the file. */
  training: Example[];
  /** In an order drawn from the seed, so that its first rows are a fair sample of all. */
  validation: Example[];
  emptyRows: number;
  /** Rows dropped because the same input and target came before, or came in the validation file. */
  duplicateRows: number;
  notes: string[];
}

/**
 * Fills the templates for every row. A row without a target text is empty. Of rows with the same input and target
 * one is kept, so training and validation share none. With a validation table its rows are the validation, and
 * training rows that repeat one of them are dropped.
 * @throws DataError when the options do not fit the columns or nothing is left to train on.
 */
export function buildExamples(
  table: Table,
  options: DataOptions,
  validationTable: Table | null = null,
): ExampleSplit {
  checkOptions(options);
  const seen = new Set<string>();
  const notes: string[] = [];
  const random = createRandom(options.splitSeed);
  const held = validationTable ? readExamples(validationTable, options, seen, true) : null;
  const heldKeys = held ? new Set(seen) : null;
  const own = readExamples(table, options, seen, false);
  const emptyRows = own.empty + (held?.empty ?? 0);
  const duplicateRows = own.duplicates + (held?.duplicates ?? 0);
  if (held && held.examples.length === 0) {
    throw new DataError(`No row of the validation file “${validationTable?.name}” has a target text.`, {
      hint: 'Choose another target column, or another file.',
    });
  }
  if (own.examples.length === 0) {
    if (heldKeys && own.duplicates > 0) {
      throw new DataError('Every training row is in the validation file too, so none is left to train on.', {
        hint: 'Use a validation file with rows of its own, or none.',
      });
    }
    throw new DataError(`No row of “${table.name}” has a target text; ${own.empty} rows are empty.`, {
      hint: `Choose another target column. Columns: ${table.columns.join(', ')}.`,
    });
  }
  if (held) {
    random.shuffle(held.examples);
    return { training: own.examples, validation: held.examples, emptyRows, duplicateRows, notes };
  }
  const { training, validation } = split(own.examples, options.validationShare, random);
  if (validation.length === 0 && options.validationShare > 0) {
    notes.push('There is a single example, so none is kept for validation.');
  }
  return { training, validation, emptyRows, duplicateRows, notes };
}

/** Sets aside a share, at least one row of two or more, and leaves at least one to train on. */
function split(
  examples: Example[],
  share: number,
  random: ReturnType<typeof createRandom>,
): { training: Example[]; validation: Example[] } {
  const wanted = share > 0 ? Math.max(1, Math.round(examples.length * share)) : 0;
  const count = Math.min(wanted, examples.length - 1);
  const order = random.shuffle(Uint32Array.from(examples, (_, i) => i));
  const chosen = order.subarray(0, count);
  const isChosen = new Set(chosen);
  return {
    training: examples.filter((_, i) => !isChosen.has(i)),
    validation: Array.from(chosen, (i) => examples[i]),
  };
}

interface Read {
  examples: Example[];
  empty: number;
  duplicates: number;
}

function readExamples(table: Table, options: DataOptions, seen: Set<string>, isValidation: boolean): Read {
  const { input, target } = compile(table, options, isValidation);
  const result: Read = { examples: [], empty: 0, duplicates: 0 };
  table.rows.forEach((cells, i) => {
    const example = fill(cells, input, target, options.kind, table.rowNumbers[i]);
    if (!example) {
      result.empty++;
      return;
    }
    const key = JSON.stringify([example.input, example.target]);
    if (seen.has(key)) {
      result.duplicates++;
      return;
    }
    seen.add(key);
    result.examples.push(example);
  });
  return result;
}

function compile(
  table: Table,
  options: DataOptions,
  isValidation: boolean,
): { input: Template; target: Template } {
  let compiled: { input: Template; target: Template };
  try {
    compiled = {
      input: compileTemplate(options.inputTemplate, table.columns),
      target: compileTemplate(options.targetTemplate, table.columns),
    };
  } catch (error) {
    if (!isValidation || !(error instanceof DataError)) throw error;
    throw new DataError(`The validation file “${table.name}” does not fit: ${error.message}`, {
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
  const hasText = (template: Template) =>
    template.columns.some((column) => (cells[column] ?? '').trim() !== '');
  if (kind === 'plainText') {
    if (!hasText(input) && !hasText(target)) return null;
    return { input: '', target: input.fill(cells) + target.fill(cells), row };
  }
  return hasText(target) ? { input: input.fill(cells), target: target.fill(cells), row } : null;
}
