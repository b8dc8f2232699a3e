/** @file Rows as the columns and lines of a file: hard ones to look at, unsure ones to label. */
import type { HardRows, RankedRows } from '../workers/protocol';

type Columns = string[];
type Lines = (string | number | null)[][];

export function hardestFile({ hardest }: HardRows): [Columns, Lines] {
  return [
    ['row', 'input', 'target', 'taken for', 'loss'],
    hardest.map(({ row, input, target, said, loss }) => [row, input, target, said, rounded(loss)]),
  ];
}

/** The file's own columns, an empty one for the right answer, what the prompt would say, and how unsure it is. */
export function rankedFile({ columns, target, rows }: RankedRows): [Columns, Lines] {
  const own = new Set([...columns, target]);
  const free = (name: string) => (own.has(name) ? `prompt’s ${name}` : name);
  return [
    [...columns, target, free('guess'), free('uncertainty')],
    rows.map(({ cells, guess, uncertainty }) => [...cells, '', guess, rounded(uncertainty)]),
  ];
}

function rounded(value: number): number {
  return Number(value.toFixed(4));
}
