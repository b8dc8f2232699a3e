/** @file Works through a plan: cells that are done already are passed over, each new one is kept as soon as it is done. */
import { type Cell, type CellRecord, describeCell, keyOf } from './cells';
import { append } from './journal';
import type { Plan } from './plan';
import type { StudyFile } from './record';

/** What a cell came to. */
export type CellResult = Pick<CellRecord, 'outcomes' | 'words' | 'versions'>;

export interface Work {
  /** Of the rows that a cell trains and is tested on. */
  hashOf(sample: string): string;
  /** Null where a cell cannot be trained here: it stays missing. */
  train(cell: Cell, seeds: readonly number[]): Promise<CellResult | null>;
  /** Whether a cell is to be trained now; absent for all. */
  wanted?(cell: Cell): boolean;
  say(text: string): void;
  /** Seconds since some moment. */
  clock(): number;
}

/**
 * @param seconds after which no cell is begun
 * @returns the plan's cells that are done and those that are not, and how many of these were tried and failed
 */
export async function carryOut(
  plan: Plan,
  study: StudyFile,
  seconds: number,
  work: Work,
): Promise<{ done: CellRecord[]; missing: Cell[]; failed: number }> {
  const began = work.clock();
  let failed = 0;
  const count = plan.cells.length;
  const minutes = () => ((work.clock() - began) / 60).toFixed(1);
  for (const [i, cell] of plan.cells.entries()) {
    if (work.wanted && !work.wanted(cell)) continue;
    const key = keyOf(cell, work.hashOf(cell.sample), plan.seeds);
    if (study.records.some((record) => record.key === key)) continue;
    if (work.clock() - began >= seconds) {
      work.say(`The time is up after ${minutes()} minutes.`);
      break;
    }
    const from = work.clock();
    let made: CellResult | null;
    try {
      made = await work.train(cell, plan.seeds);
    } catch (error) {
      // The others are worth no less.
      failed += 1;
      const why = error instanceof Error ? error.message : String(error);
      work.say(`[${i + 1}/${count}, ${minutes()} min] ${describeCell(cell)} failed: ${why}`);
      continue;
    }
    if (!made) continue;
    append(study, { kind: 'cell', key, cell, date: new Date().toISOString(), ...made });
    const took = (work.clock() - from).toFixed(1);
    work.say(`[${i + 1}/${count}, ${minutes()} min] ${describeCell(cell)}: ${took} s${found(made.outcomes)}`);
  }
  return { ...standing(plan, study, work.hashOf), failed };
}

/** The plan's cells by whether there is a record of them. */
export function standing(
  plan: Plan,
  study: StudyFile,
  hashOf: Work['hashOf'],
): { done: CellRecord[]; missing: Cell[] } {
  const records = new Map(study.records.map((record) => [record.key, record]));
  const done: CellRecord[] = [];
  const missing: Cell[] = [];
  for (const cell of plan.cells) {
    const record = records.get(keyOf(cell, hashOf(cell.sample), plan.seeds));
    if (record) done.push(record);
    else missing.push(cell);
  }
  return { done, missing };
}

function found(outcomes: CellRecord['outcomes']): string {
  if (outcomes.length === 0) return '';
  const losses = outcomes.map(({ best }) => best.loss.toPrecision(3)).join(', ');
  const exact = outcomes
    .flatMap(({ test }) => (test ? [`${Math.round(100 * test.exact)} %`] : []))
    .join(', ');
  return ` · validation loss ${losses}${exact && ` · exact ${exact}`}`;
}
