/** @file Dropped or chosen files as a model's folder: a folder's files, or one zip of them. Nothing is unpacked or copied whole. */
import { ModelError } from './errors';
import { Body, newBlock } from './http';
import { CHUNK_BYTES, type FileSource, type SourceFile, type StreamOptions } from './source';
import { readZip, type ZipEntry } from './zip';

/**
 * The folder among the files that holds config.json, the outermost where several do.
 * @throws ModelError `missingFile` where none does, `malformed` for a zip that cannot be read.
 */
export async function filesSource(files: readonly File[]): Promise<FileSource> {
  const zip = files.length === 1 && /\.zip$/i.test(files[0].name) ? files[0] : null;
  const inside = zip ? await zipFiles(zip) : plainFiles(files);
  const folder = modelFolder([...inside.keys()]);
  if (folder === null) {
    throw new ModelError(
      'missingFile',
      `There is no config.json among ${zip ? `the files of ${zip.name}` : files.map(({ name }) => name).join(', ') || 'no files'}.`,
      'Drop the folder of a model, or a zip of it: config.json, tokenizer.json and model.safetensors.',
    );
  }
  const here = new Map<string, SourceFile>();
  for (const [path, file] of inside) {
    if (path.startsWith(folder) && !path.slice(folder.length).includes('/')) {
      here.set(path.slice(folder.length), file);
    }
  }
  return {
    location: zip?.name ?? (folder || 'the files that were dropped'),
    names: [...here.keys()],
    async open(name, signal) {
      signal?.throwIfAborted();
      return here.get(name) ?? null;
    },
    close: async () => undefined,
  };
}

/** What stands before `config.json`, with a slash at its end, or ''. */
function modelFolder(paths: readonly string[]): string | null {
  const found = paths
    .filter((path) => path === 'config.json' || path.endsWith('/config.json'))
    .map((path) => path.slice(0, -'config.json'.length))
    .sort((a, b) => a.split('/').length - b.split('/').length);
  return found[0] ?? null;
}

function plainFiles(files: readonly File[]): Map<string, SourceFile> {
  return new Map(files.map((file) => [file.webkitRelativePath || file.name, new BlobFile(file)]));
}

async function zipFiles(zip: File): Promise<Map<string, SourceFile>> {
  const entries = await readZip(zip, zip.name);
  return new Map(
    entries.map((entry) => [entry.path, entry.packed ? new PackedFile(entry) : new BlobFile(entry.data)]),
  );
}

/** Bytes that lie on the disk as they are needed. */
class BlobFile implements SourceFile {
  readonly local = true;
  readonly size: number;

  constructor(private readonly blob: Blob) {
    this.size = blob.size;
  }

  async head(length: number): Promise<Uint8Array> {
    return new Uint8Array(await this.blob.slice(0, length).arrayBuffer());
  }

  async *stream({ signal, onBytes }: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const body = new Body(this.blob.stream());
    const block = newBlock(Math.min(CHUNK_BYTES, this.size));
    try {
      for (let at = 0; at < this.size; ) {
        signal?.throwIfAborted();
        const got = await body.fill(block, 0, block.memory.byteLength);
        if (got === 0) return;
        at += got;
        onBytes?.(got);
        yield block.memory.subarray(0, got);
      }
    } finally {
      await body.cancel();
    }
  }
}

/** A file that is deflated in its zip, unpacked as it is read. */
class PackedFile implements SourceFile {
  readonly local = true;
  readonly size: number;

  constructor(private readonly entry: ZipEntry) {
    this.size = entry.size;
  }

  async head(length: number, signal?: AbortSignal): Promise<Uint8Array> {
    const bytes = new Uint8Array(Math.min(length, this.size));
    let used = 0;
    for await (const chunk of this.stream({ signal })) {
      const piece = chunk.subarray(0, bytes.byteLength - used);
      bytes.set(piece, used);
      used += piece.byteLength;
      if (used === bytes.byteLength) break;
    }
    return bytes.subarray(0, used);
  }

  async *stream({ signal, onBytes }: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const { data, path } = this.entry;
    const reader = data.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    let at = 0;
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { done, value } = await reader.read();
        if (done) break;
        at += value.byteLength;
        onBytes?.(value.byteLength);
        yield value;
      }
    } catch (cause) {
      signal?.throwIfAborted();
      // A file that is gone or may not be read any more; all else is the unpacking's.
      if (cause instanceof DOMException) throw cause;
      throw damaged(path, cause);
    } finally {
      await reader.cancel().catch(() => undefined);
    }
    if (at !== this.size) throw damaged(path);
  }
}

function damaged(path: string, cause?: unknown): ModelError {
  return new ModelError(
    'malformed',
    `${path} cannot be unpacked: the zip is damaged.`,
    'Make or download the zip again.',
    { cause },
  );
}
