/** @file Where a model's files come from: a folder whose files are read from the start, whole or piece by piece. */
import { ModelError } from './errors';

/** Told of bytes as they come, whether from the network or from this machine. */
export type ByteCount = (bytes: number) => void;

export interface StreamOptions {
  /** Ends reading by throwing the signal's reason. */
  signal?: AbortSignal;
  onBytes?: ByteCount;
}

export interface SourceFile {
  /** Bytes of the whole file; null where its server does not say before the end. */
  readonly size: number | null;
  /** Bytes that reading it whole fetches or reads, where these are others: of a file that is unpacked on the way. */
  readonly storedBytes?: number | null;
  /** Nothing of it has to be fetched. */
  readonly local: boolean;
  /** The first `length` bytes; fewer only where the file ends. */
  head(length: number, signal?: AbortSignal): Promise<Uint8Array>;
  /**
   * All bytes in order. A chunk's memory is used again once the next is asked for.
   * @throws ModelError when they cannot be had; the signal's reason when aborted.
   */
  stream(options?: StreamOptions): AsyncIterable<Uint8Array>;
}

/** What is known of a model whose weights are quantised. */
export interface Quantised {
  /** Types of its tensors, as its file calls them. */
  types: readonly string[];
  /** The model on the Hub that it was made from; null where its file does not say. */
  original: string | null;
  /** What its file calls it, with who made it, for a person; null where it does not say. */
  called: string | null;
}

/** A folder of files. */
export interface FileSource {
  /** Where the folder is, for the person. */
  readonly location: string;
  /** All that the folder holds, where that is known. */
  readonly names: readonly string[] | null;
  /** Null where the folder has no file of that name. @throws ModelError; the signal's reason when aborted. */
  open(name: string, signal?: AbortSignal): Promise<SourceFile | null>;
  /** Absent where no weights are. */
  readonly quantised?: Quantised;
  /** What the person should know of its reading so far. */
  notes?(): readonly string[];
  /** Lets go of what reading holds. Files that were opened are of no use afterwards. */
  close(): Promise<void>;
}

/** Most bytes of a chunk. */
export const CHUNK_BYTES = 4 * 2 ** 20;

/**
 * A whole file in new memory.
 * @param options.most Bytes that it may have.
 * @param options.name What messages call it.
 * @throws ModelError `tooLarge` before more than `most` bytes are taken
 */
export async function readWhole(
  file: SourceFile,
  {
    most = Number.POSITIVE_INFINITY,
    name = 'The file',
    ...options
  }: StreamOptions & { most?: number; name?: string } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  const check = (size: number) => {
    if (size <= most) return;
    throw new ModelError(
      'tooLarge',
      `${name} has ${size > (file.size ?? 0) ? 'more than ' : ''}${Math.floor(size / 2 ** 20)} MiB; at most ${most / 2 ** 20} MiB are read.`,
      `Take ${name} from the model itself.`,
    );
  };
  check(file.size ?? 0);
  let bytes = new Uint8Array(file.size ?? 65536);
  let used = 0;
  for await (const chunk of file.stream(options)) {
    check(used + chunk.byteLength);
    if (used + chunk.byteLength > bytes.byteLength) {
      const larger = new Uint8Array(Math.max(used + chunk.byteLength, 2 * bytes.byteLength));
      larger.set(bytes.subarray(0, used));
      bytes = larger;
    }
    bytes.set(chunk, used);
    used += chunk.byteLength;
  }
  return used === bytes.byteLength ? bytes : bytes.slice(0, used);
}

/** A file in memory. */
export function memoryFile(bytes: Uint8Array): SourceFile {
  return {
    size: bytes.byteLength,
    local: true,
    head: async (length) => bytes.subarray(0, length),
    async *stream({ signal, onBytes } = {}) {
      for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) {
        signal?.throwIfAborted();
        const chunk = bytes.subarray(at, at + CHUNK_BYTES);
        onBytes?.(chunk.byteLength);
        yield chunk;
      }
    },
  };
}

/** Files in memory. */
export function memorySource(files: ReadonlyMap<string, Uint8Array>, location = 'memory'): FileSource {
  return {
    location,
    names: [...files.keys()],
    async open(name, signal) {
      signal?.throwIfAborted();
      const bytes = files.get(name);
      return bytes ? memoryFile(bytes) : null;
    },
    close: async () => undefined,
  };
}

/** The first bytes of a stream, fewer where it is shorter; no more of it is asked for. */
export async function firstBytes(stream: AsyncIterable<Uint8Array>, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let used = 0;
  if (length === 0) return bytes;
  for await (const chunk of stream) {
    const piece = chunk.subarray(0, length - used);
    bytes.set(piece, used);
    used += piece.byteLength;
    if (used === length) break;
  }
  return bytes.subarray(0, used);
}
