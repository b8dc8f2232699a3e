/** @file `read tokenizer`. */
import type { Reading } from './reader';

export async function readTokenizer(path: string): Promise<Reading> {
  return { path, error: { message: 'Not built yet.', hint: null } };
}
