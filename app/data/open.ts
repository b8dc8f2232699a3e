/** @file Dropped files to tables: one file, or one for training and others whose names say validation or test. */
import { DataError } from './errors';
import type { WorkOptions } from './pace';
import { parseTable } from './parse';
import type { DataFile, OpenedData, Table } from './types';

export interface OpenOptions extends WorkOptions {
  /** Read text files in this encoding (a label that `TextDecoder` knows) instead of guessing. */
  encoding?: string;
}

type Part = 'train' | 'validation' | 'test';

const PART_WORDS: Record<string, Part> = {
  train: 'train',
  training: 'train',
  valid: 'validation',
  validation: 'validation',
  dev: 'validation',
  val: 'validation',
  eval: 'validation',
  test: 'test',
  heldout: 'test',
};

/**
 * Opens what was dropped together.
 * @throws DataError in words for the person; the signal's reason when aborted.
 */
export async function openData(files: readonly DataFile[], options: OpenOptions = {}): Promise<OpenedData> {
  const tables: Partial<Record<Part, Table>> = {};
  for (const { name, bytes } of files) {
    const part = (files.length > 1 && partOfName(name)) || 'train';
    if (tables[part]) {
      throw new DataError(`Two files could be the rows for ${part}: ${tables[part].name} and ${name}.`, {
        hint: 'Give their names the words train, validation or test.',
      });
    }
    tables[part] = await parseTable(name, bytes, options);
  }
  const { train, validation = null, test = null } = tables;
  if (!train) throw new DataError('None of the files holds rows for training.');
  return { train, validation, test, notes: [], encoding: null };
}

/** The part of a dataset that a file's or sheet's name tells, null where it tells none. */
export function partOfName(name: string): Part | null {
  const words = name
    .toLowerCase()
    .replace(/held[-_ ]?out/, 'heldout')
    .split(/[^a-z]+/);
  for (const word of words) {
    if (Object.hasOwn(PART_WORDS, word)) return PART_WORDS[word];
  }
  return null;
}
