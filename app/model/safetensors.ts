/** @file The headers of a model's weight files, with errors as a model's. */
import { FormatError } from '../formats/errors';
import {
  parseSafetensorsHeader as parseHeader,
  type SafetensorsHeader,
  safetensorsHeaderBytes,
} from '../formats/safetensors';
import { asModelError, ModelError } from './errors';

/**
 * Bytes of length and header together, from the first eight bytes of a file.
 * @throws ModelError `truncated` below eight bytes, `wrongContent` where no safetensors header can be that long.
 */
export function headerBytes(start: Uint8Array, file: string): number {
  return worded(() => safetensorsHeaderBytes(start, file));
}

/**
 * Reads and checks a header, given from the file's first byte on. Gaps between tensors and bytes after the last one do no harm.
 * @param fileBytes Of the whole file; infinite while unknown.
 * @throws ModelError `truncated` when tensors reach past the file's end, `malformed` when the header cannot be.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  file: string,
  fileBytes: number = bytes.byteLength,
): SafetensorsHeader {
  return worded(() => parseHeader(bytes, { file, fileBytes }));
}

function worded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    if (error.kind === 'otherFormat') throw asModelError(error, 'The weights');
    const hint = 'Download the file again; it must be the whole model.safetensors of the model.';
    throw new ModelError(error.kind, error.message, hint, { cause: error });
  }
}
