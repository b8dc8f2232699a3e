/** @file `read model`. */
import type { Reading } from './reader';

export async function readModel(path: string): Promise<Reading> {
  return { path, error: { message: 'Not built yet.', hint: null } };
}
