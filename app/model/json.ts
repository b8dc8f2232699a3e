/** @file JSON files of a model, with errors as a model's. */
import { FormatError } from '../formats/errors';
import { parseJsonFile as parse } from '../formats/json';
import { ModelError } from './errors';

/** @throws ModelError `wrongContent` where a web page came instead, `malformed` where it is no JSON. */
export function parseJsonFile(bytes: Uint8Array, file: string): unknown {
  try {
    return parse(bytes, file);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const isPage = error.kind === 'otherFormat';
    const hint = isPage
      ? 'The address is probably not that of the model folder; check it in the browser.'
      : `Download ${file} again.`;
    throw new ModelError(isPage ? 'wrongContent' : 'malformed', error.message, hint, { cause: error });
  }
}
