/** @file `read data`: files (several joined by `+` are opened together) to the rows and examples that the page would make. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { guessOptions } from '../../app/data/columns';
import { findClasses } from '../../app/data/dataset';
import { DataError } from '../../app/data/errors';
import { buildExamples } from '../../app/data/examples';
import { openData } from '../../app/data/open';
import type { DataFile, DataOptions, Example, OpenedData } from '../../app/data/types';
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

/** From tables to examples, as the page guesses them for a model without limits. */
function describeExamples({ train, validation }: OpenedData): object {
  const { options, guesses } = guessOptions(train);
  const { training, validation: held } = buildExamples(train, options, validation);
  const all = [...training, ...held].sort((a, b) => a.row - b.row);
  const classes = options.kind === 'inputTarget' ? findClasses(all) : null;
  return { options: shownOptions(options, guesses), classes, examples: firstOf(all) };
}

function shownOptions(options: DataOptions, guesses: readonly string[]): object {
  return { ...options, guesses };
}

function firstOf(examples: readonly Example[]): object[] {
  return examples.slice(0, SHOWN).map(({ input, target }) => ({ input, target }));
}

function describeError(error: unknown): { message: string; hint: string | null } {
  if (!(error instanceof DataError)) throw error;
  return { message: error.message, hint: error.hint ?? null };
}
