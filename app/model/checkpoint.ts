/** @file The weight files of a model, one or several, as one set of tensors by name. */
import { ModelError } from './errors';
import { parseSafetensorsHeader } from './safetensors';
import type { Checkpoint, StoredTensor } from './weights';

/**
 * Tensors of all files. Files must not change while the result is in use: tensors are views of them.
 * @throws ModelError when a file is truncated or malformed, or two hold a tensor of the same name.
 */
export function openCheckpoint(files: ReadonlyMap<string, Uint8Array>): Checkpoint {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, file] of files) {
    for (const [tensor, entry] of parseSafetensorsHeader(file, name).tensors) {
      if (tensors.has(tensor)) {
        throw new ModelError(
          'malformed',
          `Tensor "${tensor}" is in ${name} and in another file too.`,
          'Keep only the weight files that belong to one version of the model.',
        );
      }
      tensors.set(tensor, { entry, file });
    }
  }
  return tensors;
}
