/** @file JSON text out of a file's bytes. */
import { PromptError } from './errors';

/**
 * The value a JSON file holds; a byte-order mark is allowed.
 * @throws PromptError when the bytes are not UTF-8 or not JSON
 */
export function parseJsonFile(bytes: Uint8Array, fileName: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new PromptError(
      `Expected JSON, ${fileName} cannot be read as such: ${reason}.`,
      'The file may be cut short: download or copy it again.',
      { cause: error },
    );
  }
}
