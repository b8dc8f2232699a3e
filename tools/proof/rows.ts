/** @file Rows of a task out of the data folder: the same test rows for all, and as many rows a class as a person has. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseTable } from '../../app/data/parse';
import type { Table } from '../../app/data/types';
import { createRandom } from '../../app/formats/random';
import type { Task } from './plan';

/** The seed stream that draws rows; training's draws have streams of their own. */
const STREAM = 0xffffffe0;
/** The test is drawn once for all seeds. */
const TEST_SEED = 0;

/** A task's files, cut to its labels; no input twice. */
export interface TaskRows {
  train: Table;
  test: Table;
  classes: string[];
}

/** What the files of a data folder must be, in words. */
export function describeFiles(tasks: readonly Task[]): string {
  const files = new Map<string, string>();
  for (const { train, test, input, target, source } of tasks)
    files.set(`${train}, ${test}`, `  ${train} and ${test}: columns ${input} and ${target}; ${source}`);
  return [...files.values()].join('\n');
}

/** @throws Error in words, where a file or a column is missing, or there are too few labels */
export async function readTask(folder: string, task: Task): Promise<TaskRows> {
  const [train, test] = [await readFile(folder, task.train, task), await readFile(folder, task.test, task)];
  const all = [...new Set(train.rows.map(([, target]) => target))].sort();
  const classes = all.slice(0, task.labels ?? all.length);
  if (classes.length < (task.labels ?? 2)) {
    throw new Error(`${task.train} has ${all.length} labels; ${task.labels ?? 2} were expected.`);
  }
  const held = once(only(test, classes));
  const tested = new Set(held.rows.map(([input]) => input));
  const learned = once(only(train, classes));
  return {
    classes,
    test: held,
    // What is tested is never learned from.
    train: where(learned, (i) => !tested.has(learned.rows[i][0])),
  };
}

/** Up to `most` rows, the same whenever they are drawn. */
export function drawTest({ test }: TaskRows, most: number): Table {
  return pick(test, drawn(test, TEST_SEED).slice(0, most));
}

/** So many rows of each class. @throws Error in words, where a class has fewer */
export function drawTraining({ train, classes }: TaskRows, perClass: number, seed: number): Table {
  const order = drawn(train, seed);
  const chosen = classes.flatMap((name) => {
    const own = order.filter((i) => train.rows[i][1] === name).slice(0, perClass);
    if (own.length < perClass)
      throw new Error(`“${name}” has ${own.length} rows in ${train.name}; ${perClass} were expected.`);
    return own;
  });
  return pick(train, chosen);
}

/** sha-256 of the files, in the order of their names: numbers of other data are in another file. */
export function hashFiles(folder: string, tasks: readonly Task[]): string {
  const names = [...new Set(tasks.flatMap(({ train, test }) => [train, test]))].sort();
  const hash = createHash('sha256');
  for (const name of names) if (existsSync(join(folder, name))) hash.update(readFileSync(join(folder, name)));
  return hash.digest('hex');
}

async function readFile(folder: string, name: string, { input, target, source }: Task): Promise<Table> {
  const path = join(folder, name);
  if (!existsSync(path)) {
    throw new Error(
      `${path} is not there. A CSV with the columns ${input} and ${target} was expected: ${source}. Name the folder with --data.`,
    );
  }
  const table = await parseTable(name, Uint8Array.from(readFileSync(path)));
  const places = [input, target].map((column) => table.columns.indexOf(column));
  if (places.includes(-1)) {
    throw new Error(
      `${path} has the columns ${table.columns.join(', ')}; ${input} and ${target} were expected.`,
    );
  }
  const rows = table.rows.map((row) => places.map((place) => row[place]));
  return { ...table, columns: [input, target], rows, nested: [] };
}

function only(table: Table, classes: readonly string[]): Table {
  return where(table, (i) => classes.includes(table.rows[i][1]));
}

function once(table: Table): Table {
  const first = new Map<string, number>();
  table.rows.forEach(([input], i) => {
    if (!first.has(input)) first.set(input, i);
  });
  return where(table, (i) => first.get(table.rows[i][0]) === i);
}

function where(table: Table, keep: (row: number) => boolean): Table {
  return pick(
    table,
    table.rows.flatMap((_, i) => (keep(i) ? [i] : [])),
  );
}

function pick(table: Table, chosen: readonly number[]): Table {
  return {
    ...table,
    rows: chosen.map((i) => table.rows[i]),
    rowNumbers: chosen.map((i) => table.rowNumbers[i]),
  };
}

function drawn({ rows }: Table, seed: number): number[] {
  return createRandom(seed, STREAM).shuffle(Array.from(rows, (_, i) => i));
}
