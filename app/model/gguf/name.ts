/** @file Which files are GGUF, by their names, and such a file in a folder as the model that it is. */
import { ModelError } from '../errors';
import type { FileSource } from '../source';
import { ggufSource } from './source';

export function isGguf(path: string): boolean {
  return /\.gguf$/i.test(path);
}

/**
 * The file of that name in a folder, as the model that it is.
 * @throws ModelError `missingFile` where the folder has none, else as `ggufSource`; the folder is closed then
 */
export async function ggufIn(folder: FileSource, name: string, signal?: AbortSignal): Promise<FileSource> {
  try {
    const file = await folder.open(name, signal);
    if (!file) {
      throw new ModelError(
        'missingFile',
        `There is no ${name} (looked in ${folder.location}).`,
        'Check its name, with its folders: owner/model/FILE.gguf.',
      );
    }
    const { location } = folder;
    const notes = () => folder.notes?.() ?? [];
    return await ggufSource(file, { name, location, signal, notes, close: () => folder.close() });
  } catch (error) {
    await folder.close();
    throw error;
  }
}
