/**
 * @file `read data`: what the page would make of a dataset before there is a model: options, classes, the first examples
 * and all that it has to say. Several paths joined by `+` are opened together, as files dropped at once are.
 */
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { DataError } from '../../app/data/errors';
import { openData } from '../../app/data/open';
import { firstExamples, readRows } from '../../app/data/rows';
import type { DataFile, Example } from '../../app/data/types';
import { FormatError } from '../../app/formats/errors';
import type { Reading } from './reader';

const SHOWN = 3;

export async function readData(path: string): Promise<Reading> {
  const empty = {
    path,
    format: null,
    rows: null,
    columns: [],
    options: null,
    classes: null,
    examples: [],
    notes: [],
  };
  try {
    const opened = await openData(await readFiles(path));
    const { train, validation, test } = opened;
    const request = { table: train, validationTable: validation, testTable: test, options: null };
    const found = {
      ...empty,
      format: train.format,
      rows: train.rows.length + (validation?.rows.length ?? 0) + (test?.rows.length ?? 0),
      columns: train.columns,
      notes: [...opened.notes, ...train.notes],
    };
    try {
      const rows = readRows(request);
      return {
        ...found,
        columns: rows.readable.table.columns,
        options: rows.options,
        guesses: rows.guesses,
        classes: rows.classes,
        split: { training: rows.training.length, validation: rows.validation.length, test: rows.test.length },
        examples: firstExamples(rows, request, SHOWN).map(shown),
        notes: [...opened.notes, ...rows.notes, ...rows.checks.map(({ text }) => text)],
        error: null,
      };
    } catch (error) {
      return { ...found, error: inWords(error) };
    }
  } catch (error) {
    return { ...empty, error: inWords(error) };
  }
}

async function readFiles(path: string): Promise<DataFile[]> {
  // A name may have a plus in it.
  const paths = (await exists(path)) ? [path] : path.split('+');
  return Promise.all(paths.map(async (each) => ({ name: basename(each), bytes: await readBytes(each) })));
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

async function readBytes(path: string): Promise<Uint8Array> {
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new DataError(
      missing ? `There is no file “${path}”.` : `“${path}” cannot be read: it may be a folder.`,
      {
        hint: 'Give the path of a file, or of several joined by +.',
        cause,
      },
    );
  }
}

function shown({ input, target, turns }: Example): object {
  return turns
    ? { turns: turns.map(({ role, text, learned }) => ({ role, text, learned })) }
    : { input, target };
}

function inWords(error: unknown): { message: string; hint: string | null } {
  if (error instanceof DataError || error instanceof FormatError) {
    return { message: error.message, hint: error.hint ?? null };
  }
  throw error;
}
