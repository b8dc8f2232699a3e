/**
 * @file Works through the proof's plan: cells that are done are passed over, each new one is kept as soon as it is done, and each
 * line says how long what is left may take.
 */
import { append, type Journal } from '../study/journal';
import { type Cell, type CellRecord, describeCell, keyOf } from './cells';

/** The first line of the results. */
export interface ProofHeader {
  kind: 'proof';
  /** Day on which it was begun. */
  date: string;
  machine: string;
  versions: Record<string, string>;
  /** Of the data files. */
  dataHash: string;
}

export type ProofFile = Journal<ProofHeader, CellRecord>;

export interface Work {
  /** Null where a cell cannot be done here, or not yet: it stays missing. */
  measure(
    cell: Cell,
    done: readonly CellRecord[],
  ): Promise<Omit<CellRecord, 'kind' | 'cell' | 'date' | 'seconds'> | null>;
  say(text: string): void;
  /** Seconds since some moment. */
  clock(): number;
}

/** @param seconds after which no cell is begun */
export async function carryOut(
  cells: readonly Cell[],
  file: ProofFile,
  seconds: number,
  work: Work,
): Promise<void> {
  const began = work.clock();
  const minutes = () => ((work.clock() - began) / 60).toFixed(1);
  for (const [i, cell] of cells.entries()) {
    const { missing } = standing(cells, file.records);
    if (!missing.includes(cell)) continue;
    if (work.clock() - began >= seconds) {
      work.say(`The time is up after ${minutes()} minutes; ${missing.length} cells are left.`);
      return;
    }
    const expected = estimateSeconds(cell, file.records);
    const place = `[${i + 1}/${cells.length}, ${minutes()} min]`;
    work.say(`${place} ${describeCell(cell)} …${expected === null ? '' : ` about ${inWords(expected)}`}`);
    const from = work.clock();
    const made = await work.measure(cell, file.records);
    if (!made) {
      work.say('  left out');
      continue;
    }
    const took = Number((work.clock() - from).toFixed(1));
    append(file, { kind: 'cell', cell, date: new Date().toISOString(), seconds: took, ...made });
    const left = standing(cells, file.records).missing;
    const { sum, unknown } = remaining(left, file.records);
    const rest =
      left.length === 0
        ? 'nothing left'
        : `about ${inWords(sum)} left${unknown > 0 ? `, and ${unknown} cells of unknown length` : ''}`;
    work.say(`  ${rightOf(made.scores.right)} right, in ${inWords(took)}; ${rest}`);
  }
}

/** The plan's cells by whether there is a record of them; records in the plan's order. */
export function standing(
  cells: readonly Cell[],
  records: readonly CellRecord[],
): { done: CellRecord[]; missing: Cell[] } {
  const known = new Map(records.map((record) => [keyOf(record.cell), record]));
  return {
    done: cells.flatMap((cell) => known.get(keyOf(cell)) ?? []),
    missing: cells.filter((cell) => !known.has(keyOf(cell))),
  };
}

/**
 * Seconds that a cell may take: the mean of the most alike among those done, alike first in what is done, then in the task, then
 * in the model. Null where none of its kind is done.
 */
export function estimateSeconds(cell: Cell, records: readonly CellRecord[]): number | null {
  const same = records.filter((record) => kindOf(record.cell) === kindOf(cell));
  const likeness = [
    (other: Cell) => other.model === cell.model && other.task === cell.task,
    (other: Cell) => other.task === cell.task,
    (other: Cell) => other.model === cell.model,
    () => true,
  ];
  for (const alike of likeness) {
    const found = same.filter((record) => alike(record.cell));
    if (found.length > 0) return found.reduce((sum, record) => sum + record.seconds, 0) / found.length;
  }
  return null;
}

function kindOf(cell: Cell): string {
  if (cell.by === 'peft') return `peft ${cell.recipe}`;
  if (cell.by === 'shots') return `shots ${cell.shots}`;
  if (cell.by === 'auto') return `auto ${cell.search} ${cell.method}`;
  return 'words';
}

function remaining(cells: readonly Cell[], records: readonly CellRecord[]): { sum: number; unknown: number } {
  const all = cells.map((cell) => estimateSeconds(cell, records));
  return {
    sum: all.reduce((sum: number, one) => sum + (one ?? 0), 0),
    unknown: all.filter((one) => one === null).length,
  };
}

function rightOf(right: string): string {
  const count = [...right].filter((one) => one === '1').length;
  return `${Math.round((100 * count) / Math.max(1, right.length))} %`;
}

function inWords(seconds: number): string {
  return seconds < 90 ? `${Math.round(seconds)} s` : `${Math.round(seconds / 60)} min`;
}
