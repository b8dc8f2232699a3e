/** @file Where a model's files come from. */

/** Bytes of a file that have arrived, and how many it has; `total` is 0 while unknown. */
export type ByteProgress = (loaded: number, total: number) => void;

export interface ReadOptions {
  onProgress?: ByteProgress;
  signal?: AbortSignal;
}

export interface SourceFile {
  bytes: Uint8Array<ArrayBuffer>;
  /** The bytes did not have to be fetched. */
  fromCache: boolean;
}

/** A folder of files. */
export interface FileSource {
  /** Where the folder is, for the person. */
  readonly location: string;
  /**
   * The whole file, or null where the folder has none of that name.
   * @throws ModelError when it cannot be read whole; the signal's reason when aborted.
   */
  read(name: string, options?: ReadOptions): Promise<SourceFile | null>;
}

/** Files in memory. */
export function memorySource(
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
  location = 'memory',
): FileSource {
  return {
    location,
    async read(name, { onProgress, signal } = {}) {
      signal?.throwIfAborted();
      const bytes = files.get(name);
      if (!bytes) return null;
      onProgress?.(bytes.byteLength, bytes.byteLength);
      return { bytes, fromCache: false };
    },
  };
}
