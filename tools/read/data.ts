/** @file `read data`. */
import type { Reading } from './reader';

export async function readData(path: string): Promise<Reading> {
  return { path, error: { message: 'Not built yet.', hint: null } };
}
