/** @file `read prompt`. */
import type { Reading } from './reader';

export async function readPrompt(path: string): Promise<Reading> {
  return { path, error: { message: 'Not built yet.', hint: null } };
}
