/** @file `read chat`. */
import type { Reading } from './reader';

export async function readChat(path: string): Promise<Reading> {
  return { path, error: { message: 'Not built yet.', hint: null } };
}
