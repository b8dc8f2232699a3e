/**
 * @file Dropped or chosen files as a model's folder: a folder's files, one zip of them, or a GGUF file. Nothing is unpacked or copied
 * whole.
 */
import { crc32 } from '../formats/crc32';
import { listed, readable } from '../formats/readable';
import { recognise } from '../formats/recognise';
import { asModelError, ModelError } from './errors';
import { isGguf } from './gguf/name';
import { Body, newBlock } from './http';
import { CHUNK_BYTES, type FileSource, firstBytes, type SourceFile, type StreamOptions } from './source';
import { damagedEntry, readZip, type ZipEntry } from './zip';

/**
 * The folder among the files that holds config.json, the outermost where several do; where none does, the GGUF file among them.
 * @throws ModelError `missingFile` where none does, `malformed` for a zip that cannot be read.
 */
export async function filesSource(files: readonly File[]): Promise<FileSource> {
  const zip = files.length === 1 && /\.zip$/i.test(files[0].name) ? files[0] : null;
  const inside = zip ? await zipFiles(zip) : plainFiles(files);
  const folder = modelFolder([...inside.keys()]);
  if (folder === null) {
    const gguf = await ggufAmong(inside);
    if (gguf) return gguf;
    const single = files.length === 1 && !zip ? await singleFile(files[0]) : null;
    if (single) throw single;
    if ([...inside.keys()].some((path) => /(^|\/)adapter_config\.json$/.test(path))) throw adapter();
    throw new ModelError(
      'missingFile',
      `There is no config.json among ${zip ? `the files of ${zip.name}` : listed(files.map(({ name }) => name)) || 'no files'}.`,
      'Drop the folder of a model, or a zip of it: config.json, tokenizer.json and model.safetensors. Or drop a GGUF file.',
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

/** The one GGUF file among others, as the model that it is; null where there is none. @throws ModelError where there are several */
async function ggufAmong(files: ReadonlyMap<string, SourceFile>): Promise<FileSource | null> {
  const found = [...files].filter(([path]) => isGguf(path));
  if (found.length > 1) {
    throw new ModelError(
      'missingFile',
      `There are ${found.length} GGUF files: ${listed(found.map(([path]) => fileName(path)))}. Each is a model of its own.`,
      'Drop one of them.',
    );
  }
  const [first] = found;
  if (!first) return null;
  // Few bring a GGUF: what reads one is loaded with the first.
  const { ggufSource } = await import('./gguf/source');
  return ggufSource(first[1], { name: fileName(first[0]), location: fileName(first[0]) });
}

function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

function adapter(): ModelError {
  return new ModelError(
    'missingFile',
    'There is no config.json: these are the files of an adapter, which changes a model and is none itself.',
    'Load the model that adapter_config.json names as base_model_name_or_path; a soft prompt is opened as a prompt.',
  );
}

/** Why one file is no model, where it can be told what it is. */
async function singleFile(file: File): Promise<ModelError | null> {
  const name = readable(file.name, 200);
  const start = await new BlobFile(file, name).head(64 * 1024);
  const found = recognise(start);
  if (!found || found.kind === 'json') return null;
  const alone = found.kind === 'safetensors';
  return new ModelError(
    'missingFile',
    `Expected the files of a model; ${name} is ${found.what}.`,
    alone
      ? 'Drop its whole folder: config.json and tokenizer.json belong to it.'
      : `${found.hint} A model is a folder, or a zip of it, with config.json, tokenizer.json and model.safetensors.`,
  );
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
  return new Map(files.map((file) => [file.webkitRelativePath || file.name, new BlobFile(file, file.name)]));
}

async function zipFiles(zip: File): Promise<Map<string, SourceFile>> {
  const entries = await readZip(zip, zip.name);
  return new Map(entries.map((entry) => [entry.path.replaceAll('\\', '/'), new ZippedFile(entry, zip.name)]));
}

/** Bytes that lie on the disk as they are needed. */
class BlobFile implements SourceFile {
  readonly local = true;
  readonly size: number;

  constructor(
    private readonly blob: Blob,
    private readonly name: string,
  ) {
    this.size = blob.size;
  }

  async head(length: number): Promise<Uint8Array> {
    try {
      return new Uint8Array(await this.blob.slice(0, length).arrayBuffer());
    } catch (cause) {
      throw asModelError(cause, this.name);
    }
  }

  async *stream({ signal, onBytes }: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const body = new Body(this.blob.stream());
    const block = newBlock(Math.min(CHUNK_BYTES, this.size));
    try {
      for (let at = 0; at < this.size; ) {
        signal?.throwIfAborted();
        const got = await body.fill(block, 0, block.memory.byteLength).catch((cause) => {
          throw asModelError(cause, this.name);
        });
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

/** A file of a zip, unpacked where it is deflated as it is read, and held to its checksum at its end. */
class ZippedFile implements SourceFile {
  readonly local = true;
  readonly size: number;

  constructor(
    private readonly entry: ZipEntry,
    private readonly zip: string,
  ) {
    this.size = entry.size;
  }

  head(length: number, signal?: AbortSignal): Promise<Uint8Array> {
    return firstBytes(this.stream({ signal }), Math.min(length, this.size));
  }

  async *stream(options: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    const { path, size, checksum, packed, data } = this.entry;
    let at = 0;
    let sum = 0;
    const chunks = packed ? this.unpacked(options) : new BlobFile(data, path).stream(options);
    for await (const chunk of chunks) {
      at += chunk.byteLength;
      if (at > size) break;
      sum = crc32(chunk, sum);
      yield chunk;
    }
    if (at !== size || sum !== checksum) throw damagedEntry(path, this.zip);
  }

  private async *unpacked({ signal, onBytes }: StreamOptions): AsyncGenerator<Uint8Array> {
    const { data, path } = this.entry;
    const reader = data.stream().pipeThrough(new DecompressionStream('deflate-raw')).getReader();
    try {
      for (;;) {
        signal?.throwIfAborted();
        const { done, value } = await reader.read();
        if (done) break;
        onBytes?.(value.byteLength);
        yield value;
      }
    } catch (cause) {
      signal?.throwIfAborted();
      // A file that is gone or may not be read any more; all else is the unpacking's.
      throw cause instanceof DOMException ? asModelError(cause, path) : damagedEntry(path, this.zip, cause);
    } finally {
      await reader.cancel().catch(() => undefined);
    }
  }
}
