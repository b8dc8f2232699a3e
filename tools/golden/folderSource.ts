/** @file A model's files in a folder on disk. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileSource } from '../../app/model/source';

export function folderSource(folder: string): FileSource {
  return {
    location: folder,
    async read(name, { onProgress, signal } = {}) {
      try {
        const bytes = new Uint8Array(await readFile(join(folder, name), { signal }));
        onProgress?.(bytes.byteLength, bytes.byteLength);
        return { bytes, fromCache: false };
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
        throw error;
      }
    },
  };
}
