/** @file `read data`: files (several joined by `+` are opened together) to the rows and examples that the page would make. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';
import { readRows } from '../../app/data/rows';
import type { DataFile, Example, OpenedData } from '../../app/data/types';
import type { Reading } from './reader';

const SHOWN = 3;

export async function readData(path: string): Promise<Reading> {
  const result: Reading = {
    path,
    format: null,
    rows: 0,
    columns: [],
    options: null,
    classes: null,
    examples: [],
    notes: [],
    error: null,
  };
  try {
    const opened = await openData(filesAt(path));
    const { train } = opened;
    Object.assign(result, {
      format: train.format,
      rows: train.rows.length,
      columns: train.columns,
      notes: notesOf(opened),
    });
    Object.assign(result, describeExamples(opened));
  } catch (error) {
    result.error = describeError(error);
  }
  return result;
}

/** A path's files: itself, those joined to it by `+`, and those in folders. */
function filesAt(path: string): DataFile[] {
  const paths = isThere(path) ? [path] : path.split('+');
  return paths.flatMap((one) => {
    if (!isThere(one)) throw new DataError(`“${one}” is not there.`, { hint: 'Check the path.' });
    if (!statSync(one).isDirectory()) return [{ name: basename(one), bytes: bytesOf(one) }];
    const names = readdirSync(one, { recursive: true, encoding: 'utf8' }).sort();
    const files = names.map((name) => join(one, name)).filter((file) => statSync(file).isFile());
    return files.map((file) => ({ name: join(basename(one), relative(one, file)), bytes: bytesOf(file) }));
  });
}

function bytesOf(path: string): Uint8Array {
  return new Uint8Array(readFileSync(path));
}

function isThere(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

function notesOf({ train, validation, test, notes }: OpenedData): string[] {
  const all = [train, validation, test].flatMap((table) => table?.notes ?? []);
  return [...new Set([...notes, ...all])];
}

/** From tables to examples, as the page makes them before there is a model. */
function describeExamples(opened: OpenedData): object {
  const request = {
    table: opened.train,
    validationTable: opened.validation,
    testTable: opened.test,
    options: null,
  };
  const rows = readRows(request);
  const { training, validation, test, guesses, classes } = rows;
  return {
    columns: rows.readable.table.columns,
    options: { ...rows.options, guesses },
    classes,
    split: { training: training.length, validation: validation.length, test: test.length },
    examples: rows.first.slice(0, SHOWN).map(shown),
    notes: [...new Set([...opened.notes, ...rows.notes, ...rows.checks.map(({ text }) => text)])],
  };
}

function shown({ input, target, turns }: Example): object {
  return turns
    ? { turns: turns.map(({ role, text, learned }) => ({ role, text, learned })) }
    : { input, target };
}

function describeError(error: unknown): { message: string; hint: string | null } {
  if (!(error instanceof DataError)) throw error;
  return { message: error.message, hint: error.hint ?? null };
}
