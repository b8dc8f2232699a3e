/** @file JSON files of a model, with errors as a model's. */
import { FormatError } from '../formats/errors';
import { parseJsonFile as parse } from '../formats/json';
import { asModelError, ModelError } from './errors';

/** What could be read though it is no JSON is added to `notes`. @throws ModelError `wrongContent` where something else came instead, `malformed` where it is no JSON. */
export function parseJsonFile(bytes: Uint8Array, file: string, notes: string[] = []): unknown {
  try {
    return parse(bytes, file, (note) => notes.push(note));
  } catch (error) {
    throw error instanceof FormatError ? asModelError(error, file) : error;
  }
}

/**
 * As `parseJsonFile`, for a file that a model can do without: where it cannot be read it counts as missing, and why
 * is added to `notes`.
 */
export function parseOptionalJson(bytes: Uint8Array | null, file: string, notes: string[]): unknown {
  if (!bytes) return null;
  try {
    return parseJsonFile(bytes, file, notes);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    notes.push(`${error.message} The model is loaded without this file.`);
    return null;
  }
}
