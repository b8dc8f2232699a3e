/** @file Which columns are input and target, guessed from names and contents, and the default options that follow. */
import { COMPANIONS, inputRank, normalName, targetRank } from './columnNames';
import { columnTemplate } from './template';
import type { DataOptions, Table } from './types';

export const DEFAULT_MAX_TOKENS = 256;

export interface GuessedOptions {
  options: DataOptions;
  /** What was decided and why, in words. */
  guesses: string[];
}

interface ColumnFacts {
  name: string;
  /** Characters of the cells that are not empty, on average. */
  meanLength: number;
  distinct: number;
  filled: number;
  /** Counts rows or names them; no text to learn from. */
  isId: boolean;
}

/** Options for a table nobody has chosen columns for; `longest` is the most tokens an example may have. */
export function guessOptions(table: Table, longest = Number.POSITIVE_INFINITY): GuessedOptions {
  const shared = {
    // Where the model has no chat template, this counts for nothing.
    chat: true,
    systemText: '',
    endOfText: true,
    maxTokens: Math.min(DEFAULT_MAX_TOKENS, longest),
    validationShare: 0.2,
    splitSeed: 1,
  };
  const facts = table.columns.map((name, column) => describeColumn(table, name, column));
  const usable = facts.filter((fact) => fact.filled > 0 && !fact.isId);
  const candidates = usable.length > 0 ? usable : facts.filter((fact) => fact.filled > 0);
  if (candidates.length === 1) {
    const only = candidates[0].name;
    const reason =
      table.columns.length === 1
        ? `there is one column, “${only}”`
        : `only column “${only}” has text to learn from`;
    return {
      options: { kind: 'plainText', inputTemplate: '', targetTemplate: columnTemplate(only), ...shared },
      guesses: [`plain text: ${reason}`],
    };
  }
  const { input, target, guesses } = chooseColumns(candidates);
  const inputTemplate = `${input.map(columnTemplate).join('\n')}\n`;
  return {
    options: { kind: 'inputTarget', inputTemplate, targetTemplate: columnTemplate(target), ...shared },
    guesses,
  };
}

function chooseColumns(columns: ColumnFacts[]): { input: string[]; target: string; guesses: string[] } {
  const byTargetName = best(columns, (column) => -targetRank(column.name));
  const named = targetRank(byTargetName.name) < Number.POSITIVE_INFINITY;
  let target = byTargetName;
  let targetReason = 'by its name';
  if (!named) {
    // The input's name, where there is one, takes that column out of the choice.
    const byInputName = best(columns, (column) => -inputRank(column.name));
    const rest =
      inputRank(byInputName.name) < Number.POSITIVE_INFINITY
        ? columns.filter((column) => column !== byInputName)
        : columns;
    const varied = rest.filter((column) => column.distinct > 1);
    target = best(varied.length > 0 ? varied : rest, (column) => -column.meanLength);
    targetReason = 'its texts are the shortest';
  }
  const others = columns.filter((column) => column !== target);
  const companions = findCompanions(others);
  if (companions) {
    return {
      input: companions,
      target: target.name,
      guesses: [
        `input from columns “${companions[0]}” and “${companions[1]}” (by their names)`,
        `target from column “${target.name}” (${targetReason})`,
      ],
    };
  }
  const byName = best(others, (column) => -inputRank(column.name));
  const inputNamed = inputRank(byName.name) < Number.POSITIVE_INFINITY;
  const input = inputNamed ? byName : best(others, (column) => column.meanLength);
  const inputReason = inputNamed
    ? 'by its name'
    : others.length === 1
      ? 'the other column'
      : 'its texts are the longest';
  return {
    input: [input.name],
    target: target.name,
    guesses: [
      `input from column “${input.name}” (${inputReason})`,
      `target from column “${target.name}” (${targetReason})`,
    ],
  };
}

/** The first of the items with the highest value. */
function best<T>(items: readonly T[], value: (item: T) => number): T {
  return items.reduce((found, item) => (value(item) > value(found) ? item : found));
}

function findCompanions(columns: readonly ColumnFacts[]): string[] | null {
  for (const pair of COMPANIONS) {
    const found = pair.map((name) => columns.find((column) => normalName(column.name) === name)?.name);
    if (found[0] !== undefined && found[1] !== undefined) return [found[0], found[1]];
  }
  return null;
}

function describeColumn(table: Table, name: string, column: number): ColumnFacts {
  const sample = table.rows.slice(0, 1000).map((row) => row[column]);
  const filled = sample.filter((cell) => cell.trim() !== '');
  const values = new Set(filled);
  const counts = filled.every((cell, i) => Number(cell) === Number(filled[0]) + i && /^\d+$/.test(cell));
  const idName =
    /^(id|idx|index|no|nr|row|rowid|uuid|guid|unnamed0|.*[_ ]id)$/i.test(name) ||
    normalName(name) === 'unnamed0';
  return {
    name,
    meanLength: filled.reduce((sum, cell) => sum + cell.length, 0) / Math.max(1, filled.length),
    distinct: values.size,
    filled: filled.length,
    isId: idName || (counts && filled.length > 2) || (/^column \d+$/.test(name) && counts),
  };
}
