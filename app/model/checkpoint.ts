/** @file The weight files of a model, one or several, as one set of tensors by name. Only headers are read. */
import type { TensorEntry } from '../formats/safetensors';
import { ModelError } from './errors';
import { RunningHash } from './hash';
import { headerBytes, parseSafetensorsHeader } from './safetensors';
import type { SourceFile } from './source';

/** A tensor and the name of the file that holds it. */
export interface StoredTensor {
  file: string;
  entry: TensorEntry;
}

export interface Checkpoint {
  tensors: ReadonlyMap<string, StoredTensor>;
  /** sha-256, hex, of the files' headers, one after another. */
  headersHash: string;
}

/** Enough for most headers, so that one request does. */
const HEAD_BYTES = 256 * 2 ** 10;

/**
 * Reads the headers of all files.
 * @throws ModelError when a file is truncated or malformed, or two hold a tensor of the same name.
 */
export async function openCheckpoint(
  files: ReadonlyMap<string, SourceFile>,
  signal?: AbortSignal,
): Promise<Checkpoint> {
  const tensors = new Map<string, StoredTensor>();
  const hash = new RunningHash();
  for (const [name, file] of files) {
    const header = await readHeader(file, name, signal);
    hash.update(header);
    for (const [tensor, entry] of parseSafetensorsHeader(header, name, file.size ?? Number.POSITIVE_INFINITY)
      .tensors) {
      if (tensors.has(tensor)) {
        throw new ModelError(
          'malformed',
          `Tensor "${tensor}" is in ${name} and in another file too.`,
          'Keep only the weight files that belong to one version of the model.',
        );
      }
      tensors.set(tensor, { file: name, entry });
    }
  }
  return { tensors, headersHash: hash.hex() };
}

/** Length and header together; less where the file ends within them. */
async function readHeader(file: SourceFile, name: string, signal?: AbortSignal): Promise<Uint8Array> {
  const start = await file.head(HEAD_BYTES, signal);
  const length = headerBytes(start, name);
  return start.byteLength >= length ? start.slice(0, length) : file.head(length, signal);
}
