/** @file What the reading worker and its client say to each other. */
import { DataError } from '../data/errors';
import type { DataFile, OpenedData } from '../data/types';

export interface ParseRequest {
  files: readonly DataFile[];
  encoding: string | undefined;
}

export type ParseAnswer =
  | { type: 'progress'; done: number; total: number }
  /** Nothing will be heard while a step goes through so many bytes. */
  | { type: 'silence'; bytes: number }
  | { type: 'opened'; opened: OpenedData }
  | { type: 'failed'; message: string; row: number | null; hint: string | undefined };

/** An error as it can be cloned: a DataError's own words, and a plain sentence for what should not have happened. */
export function worded(error: unknown): ParseAnswer {
  if (error instanceof DataError) {
    const { row, hint } = error;
    return { type: 'failed', message: error.message, row, hint };
  }
  console.error(error);
  return {
    type: 'failed',
    message: 'Reading the file broke off: something in it was not expected.',
    row: null,
    hint: 'It may be damaged. Take it again from where it came from, or save it as CSV.',
  };
}
