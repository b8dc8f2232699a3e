/** @file JSON files of a prompt, with errors as a prompt's. */
import { parseJsonFile as parse } from '../formats/json';
import { asPromptError } from './errors';

/**
 * The value a JSON file holds; a byte-order mark is allowed.
 * @throws PromptError when the bytes are not UTF-8 or not JSON
 */
export function parseJsonFile(bytes: Uint8Array, fileName: string): unknown {
  return asPromptError(() => parse(bytes, fileName));
}
