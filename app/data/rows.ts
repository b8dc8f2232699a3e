/** @file Tables to examples in three parts, with all that can be said of them before there is a model. */
import { guessOptions } from './columns';
import { buildExamples, type ExampleSplit } from './examples';
import { findClasses } from './labels';
import { type ReadableTable, readStructures } from './structures';
import type { DataOptions, Example, Table } from './types';

export interface RowsRequest {
  table: Table;
  /** Rows for validation only, and for the test only; null splits them off the table. */
  validationTable: Table | null;
  testTable?: Table | null;
  /** Null guesses them from the columns. */
  options: DataOptions | null;
  /** Most tokens an example may have. */
  longest?: number;
}

export interface Rows extends ExampleSplit {
  readable: ReadableTable;
  options: DataOptions;
  /** Why the options are as they are, in words; [] where they were given. */
  guesses: string[];
  /** Distinct targets of a class task, else null. */
  classes: string[] | null;
}

/** @throws DataError when the table has nothing to learn from, or options and table do not fit each other */
export function readRows({ table, validationTable, testTable = null, options, longest }: RowsRequest): Rows {
  const readable = readStructures(table);
  const validation = validationTable && readStructures(validationTable, table);
  const test = testTable && readStructures(testTable, table);
  const guessed = options
    ? { options, guesses: [] }
    : guessOptions(readable, { longest, hasValidation: validation !== null, hasTest: test !== null });
  const split = buildExamples(readable.table, guessed.options, {
    validation: validation?.table ?? null,
    test: test?.table ?? null,
  });
  const all = [...split.training, ...split.validation, ...split.test];
  const notes = [
    ...[readable, validation, test].flatMap((part) =>
      part ? [...part.table.notes, ...usedNotes(part, guessed.options)] : [],
    ),
    ...split.notes,
    ...structureNotes(readable, guessed.options),
  ];
  return {
    ...split,
    ...guessed,
    readable,
    classes: classesOf(all, guessed.options),
    notes: [...new Set(notes)],
  };
}

function classesOf(examples: readonly Example[], { kind }: DataOptions): string[] | null {
  if (kind === 'plainText') return null;
  // A class is told by the last answer; where earlier ones are learned too, it is not the only one.
  const several = ({ turns = [] }: Example) => turns.filter(({ learned }) => learned).length > 1;
  return examples.some(several) ? null : findClasses(examples);
}

/** How structure became text, of the columns that are used. */
function usedNotes({ notes }: ReadableTable, options: DataOptions): string[] {
  return notes.flatMap(({ columns, text }) => (columns.some((name) => isUsed(name, options)) ? [text] : []));
}

function isUsed(name: string, { inputTemplate, targetTemplate, turnColumns }: DataOptions): boolean {
  return (
    inputTemplate.includes(`{${name}}`) || targetTemplate.includes(`{${name}}`) || turnColumns.includes(name)
  );
}

/** Structure never becomes text without a word. */
function structureNotes(
  { structureColumns, conversationColumns }: ReadableTable,
  options: DataOptions,
): string[] {
  return [...structureColumns, ...conversationColumns].flatMap((name) => {
    const used = options.kind !== 'conversation' && isUsed(name, options);
    return used ? [`Column “${name}” holds lists or objects; they stand in the texts as JSON.`] : [];
  });
}
