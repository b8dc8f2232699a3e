/** @file A model's files in a folder on disk: those of Hugging Face's layout, or what its `model.gguf` holds. */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ggufSource } from '../../app/model/gguf/source';
import { CHUNK_BYTES, type FileSource, type SourceFile, type StreamOptions } from '../../app/model/source';

/** A quantised model, in one file. */
const GGUF = 'model.gguf';

export function folderSource(folder: string): FileSource {
  const handles: FileHandle[] = [];
  const disk = async (name: string): Promise<SourceFile | null> => {
    try {
      const handle = await open(join(folder, name));
      handles.push(handle);
      return new DiskFile(handle, (await handle.stat()).size);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    }
  };
  let gguf: Promise<FileSource | null> | null = null;
  const openGguf = async (): Promise<FileSource | null> => {
    const file = await disk(GGUF);
    return file && ggufSource(file, { name: GGUF, location: folder });
  };
  return {
    location: folder,
    names: null,
    async open(name, signal) {
      signal?.throwIfAborted();
      gguf ??= openGguf();
      const converted = await gguf;
      return converted ? converted.open(name, signal) : disk(name);
    },
    async close() {
      await Promise.all(handles.splice(0).map((handle) => handle.close()));
    },
  };
}

class DiskFile implements SourceFile {
  readonly local = true;

  constructor(
    private readonly handle: FileHandle,
    readonly size: number,
  ) {}

  async head(length: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.size));
    const { bytesRead } = await this.handle.read(bytes, 0, bytes.byteLength, 0);
    return bytes.subarray(0, bytesRead);
  }

  async *stream({ signal, onBytes }: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const memory = new Uint8Array(Math.min(CHUNK_BYTES, this.size));
    for (let at = 0; at < this.size; ) {
      signal?.throwIfAborted();
      const { bytesRead } = await this.handle.read(memory, 0, memory.byteLength, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      onBytes?.(bytesRead);
      yield memory.subarray(0, bytesRead);
    }
  }
}
