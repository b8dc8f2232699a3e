/** @file The parts of a dataset by the names that people give them: training, validation, test. */
import type { Table } from './types';

export type Part = 'train' | 'validation' | 'test';

/** A table of a file, and which part the file itself says it is. */
export interface ParsedPart {
  part: Part | null;
  table: Table;
}

const WORDS: Record<string, Part> = {
  train: 'train',
  training: 'train',
  trn: 'train',
  tr: 'train',
  fit: 'train',
  valid: 'validation',
  validation: 'validation',
  validate: 'validation',
  dev: 'validation',
  devel: 'validation',
  development: 'validation',
  val: 'validation',
  eval: 'validation',
  evaluation: 'validation',
  test: 'test',
  testing: 'test',
  tst: 'test',
  heldout: 'test',
  holdout: 'test',
};

/**
 * The part that a name tells: “train.csv”, “my-data_val.jsonl”, “data/test-00000-of-00001.parquet”, “Held-out 2”.
 * The last word that tells one counts; null where none does.
 */
export function partOfName(name: string): Part | null {
  const words = name
    .replace(/\.[a-z]+$/i, '')
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/(held|hold)[-_ ]out/g, '$1out')
    .split(/[^a-z]+/);
  for (const word of words.reverse()) if (Object.hasOwn(WORDS, word)) return WORDS[word];
  return null;
}

export const PART_NAMES: Record<Part, string> = { train: 'training', validation: 'validation', test: 'test' };
