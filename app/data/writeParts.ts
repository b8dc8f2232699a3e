/**
 * @file A dataset as files again, its rows on the sides of the split where they are, with a few more to learn from: what a
 * person has corrected is one, and the test rows stay what nothing was learned from.
 */
import type { Dataset } from './dataset';
import { DataError } from './errors';
import { compileTemplate } from './template';
import type { Example, OpenedData, Table } from './types';

/** An input as a person types it, without what the template puts around it, and its right answer. */
export interface AddedExample {
  input: string;
  target: string;
}

/** JSON Lines, one row a line; null where a part has no rows. */
export interface WrittenParts {
  training: string;
  validation: string | null;
  test: string | null;
}

type Parts = Pick<Dataset, 'trainingExamples' | 'validationExamples' | 'testExamples' | 'report'>;

/** @throws DataError where an input or an answer is made of several columns, or of turns: it cannot be told which would hold what was typed. */
export function writeParts(dataset: Parts, tables: OpenedData, added: readonly AddedExample[]): WrittenParts {
  const { options } = dataset.report;
  const columns = tables.train.columns;
  const into = added.length === 0 ? null : columnsOf(options, columns);
  const more = added.map(({ input, target }) => {
    const cells = columns.map(() => '');
    if (into) {
      cells[into.input] = input;
      cells[into.target] = target;
    }
    return JSON.stringify(Object.fromEntries(columns.map((name, i) => [name, cells[i]])));
  });
  const rowsOf = (examples: readonly Example[], table: Table) => linesOf(examples, table);
  const part = (examples: readonly Example[], table: Table | null) =>
    examples.length === 0 ? null : `${rowsOf(examples, table ?? tables.train).join('\n')}\n`;
  return {
    training: `${[...rowsOf(dataset.trainingExamples, tables.train), ...more].join('\n')}\n`,
    validation: part(dataset.validationExamples, tables.validation),
    test: part(dataset.testExamples, tables.test),
  };
}

/** Which columns an input and its answer stand in. */
function columnsOf(
  { kind, inputTemplate, targetTemplate }: Dataset['report']['options'],
  columns: readonly string[],
): { input: number; target: number } {
  if (kind !== 'inputTarget') {
    throw new DataError('Examples can be added where rows are an input and its answer.', {
      hint: 'Add them to the file of the dataset, and open it again.',
    });
  }
  const only = (template: string, what: string): number => {
    const used = new Set(compileTemplate(template, columns).columns);
    if (used.size === 1) return [...used][0];
    throw new DataError(
      `The ${what} is made of ${used.size} columns, so that one text cannot be put in their place.`,
      {
        hint: 'Add the examples to the file of the dataset, and open it again.',
      },
    );
  };
  return { input: only(inputTemplate, 'input'), target: only(targetTemplate, 'answer') };
}

function linesOf(examples: readonly Example[], { columns, rows, rowNumbers, nested }: Table): string[] {
  const places = new Map(rowNumbers.map((number, i) => [number, i]));
  const isNested = new Set(nested);
  return examples.flatMap(({ row }) => {
    const cells = rows[places.get(row) ?? -1];
    if (!cells) return [];
    const fields = columns.map((name, c) => {
      // Lists and objects are written as such, as the file had them: their numbers stay to the last digit.
      const raw = isNested.has(c) && /^[[{]/.test(cells[c]);
      return `${JSON.stringify(name)}:${raw ? cells[c] : JSON.stringify(cells[c])}`;
    });
    return [`{${fields.join(',')}}`];
  });
}
