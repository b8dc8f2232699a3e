/** @file JSON out of a file's bytes, with errors that name the file. */
import { FormatError } from './errors';

/**
 * The value a JSON file in UTF-8 holds; a byte-order mark is allowed.
 * @throws FormatError `otherFormat` where a web page came instead, `malformed` where it is not UTF-8 or not JSON.
 */
export function parseJsonFile(bytes: Uint8Array, file: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    if (/^\s*<(!doctype|html)/i.test(new TextDecoder().decode(bytes.subarray(0, 256)))) {
      throw new FormatError(
        'otherFormat',
        `${file} should be JSON, but a web page came in its place.`,
        'Check in the browser what is at the address, then download the file itself.',
        { cause },
      );
    }
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    throw new FormatError(
      'malformed',
      `${file} is not valid JSON${reason}.`,
      'The file may be cut short: download or copy it again.',
      { cause },
    );
  }
}
