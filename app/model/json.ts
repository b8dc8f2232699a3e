/** @file JSON files of a model, with errors that name the file. */
import { ModelError } from './errors';

/** @throws ModelError `wrongContent` where a web page came instead, `malformed` where it is no JSON. */
export function parseJsonFile(bytes: Uint8Array, file: string): unknown {
  const text = new TextDecoder().decode(bytes);
  try {
    return JSON.parse(text);
  } catch (cause) {
    if (/^\s*<(!doctype|html)/i.test(text)) {
      throw new ModelError(
        'wrongContent',
        `${file} should be JSON, but a web page came in its place.`,
        'The address is probably not that of the model folder; check it in the browser.',
        { cause },
      );
    }
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    throw new ModelError('malformed', `${file} is not valid JSON${reason}.`, `Download ${file} again.`, {
      cause,
    });
  }
}
