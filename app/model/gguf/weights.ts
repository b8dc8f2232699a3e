/**
 * @file The tensors of a GGUF file as the one safetensors file of a model: under Hugging Face's names, quantised ones unpacked to half
 * floats while they are read, and what llama.cpp's converter did to rows and norms undone.
 */
import { unpackBlocks, unpackedTypes } from '../../formats/ggmlBlocks';
import type { GgufHeader, GgufTensor } from '../../formats/gguf';
import { listed, readable } from '../../formats/readable';
import { ModelError } from '../errors';
import { CHUNK_BYTES, firstBytes, type SourceFile, type StreamOptions } from '../source';
import { type Architecture, huggingFaceName } from './architectures';
import type { Metadata } from './metadata';

/** Types that need no unpacking, with their bytes an element. */
const plainTypes: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2 };

interface Entry {
  tensor: GgufTensor;
  type: NonNullable<GgufTensor['type']>;
  /** Bytes that it has unpacked. */
  size: number;
  /** Heads whose rows are put back in order; 0 for none. */
  heads: number;
  minusOne: boolean;
}

/** The safetensors file that a GGUF's tensors are, and the types that were unpacked for it. */
export function weightsOfGguf(
  file: SourceFile,
  header: GgufHeader,
  architecture: Architecture,
  metadata: Metadata,
): { weights: SourceFile; unpacked: string[] } {
  const entries: Entry[] = [];
  const directory: Record<string, unknown> = {};
  let at = 0;
  for (const [own, tensor] of [...header.tensors].sort(([, a], [, b]) => a.begin - b.begin)) {
    const name = huggingFaceName(architecture, own);
    if (name === null) continue;
    const { type } = tensor;
    if (!type || !(Object.hasOwn(plainTypes, type.name) || unpackedTypes.includes(type.name))) {
      throw notRead(metadata, own, tensor.typeName);
    }
    const dtype = Object.hasOwn(plainTypes, type.name) ? type.name : 'F16';
    const size = tensor.shape.reduce((product, n) => product * n, plainTypes[dtype]);
    const minusOne = architecture.normsPlusOne && /norm\.weight$/.test(own);
    if (minusOne && dtype !== 'F32') throw notRead(metadata, own, tensor.typeName);
    entries.push({ tensor, type, size, heads: headsOf(architecture, own, tensor, metadata), minusOne });
    directory[name] = { dtype, shape: tensor.shape, data_offsets: [at, at + size] };
    at += size;
  }
  const unpacked = new Set(
    entries.map(({ type }) => type.name).filter((name) => unpackedTypes.includes(name)),
  );
  return {
    weights: new UnpackedFile(file, entries, safetensorsHeader(directory), at),
    unpacked: [...unpacked],
  };
}

/** @throws ModelError for heads that do not divide the rows */
function headsOf(
  { name, permuted }: Architecture,
  own: string,
  { shape }: GgufTensor,
  metadata: Metadata,
): number {
  const [, part] = /\.attn_([qk])\.(?:weight|bias)$/.exec(own) ?? [];
  if (!permuted || part === undefined) return 0;
  const all = metadata.neededNumber(`${name}.attention.head_count`);
  const heads = part === 'q' ? all : (metadata.number(`${name}.attention.head_count_kv`) ?? all);
  if (heads >= 1 && shape[0] % (2 * heads) === 0) return heads;
  throw new ModelError(
    'malformed',
    `${metadata.shown}: the ${shape[0]} rows of ${readable(own, 80)} do not divide into ${heads} heads of two halves.`,
    'Download the file again, or choose another of this model.',
  );
}

function notRead(metadata: Metadata, tensor: string, type: string): ModelError {
  return new ModelError(
    'unsupported',
    `${metadata.shown} stores ${readable(tensor, 80)} as ${type}; read are ${listed([...Object.keys(plainTypes), ...unpackedTypes], 20)}.`,
    'Choose the file of this model whose name has Q4_K_M, Q5_K_M, Q6_K or Q8_0 in it, or the model as safetensors.',
  );
}

function safetensorsHeader(directory: object): Uint8Array {
  const text = new TextEncoder().encode(JSON.stringify(directory));
  // The format's data begins at a multiple of eight; spaces fill its header up.
  const length = Math.ceil(text.byteLength / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return header;
}

class UnpackedFile implements SourceFile {
  readonly local: boolean;
  readonly size: number;

  constructor(
    private readonly file: SourceFile,
    /** In the order in which the file has them. */
    private readonly entries: readonly Entry[],
    private readonly header: Uint8Array,
    dataBytes: number,
  ) {
    this.local = file.local;
    this.size = header.byteLength + dataBytes;
  }

  /** What has to be fetched and read of the GGUF itself. */
  get storedBytes(): number | null {
    return this.file.size;
  }

  async head(length: number, signal?: AbortSignal): Promise<Uint8Array> {
    if (length <= this.header.byteLength) return this.header.subarray(0, length);
    return firstBytes(this.stream({ signal }), Math.min(length, this.size));
  }

  async *stream(options: StreamOptions = {}): AsyncGenerator<Uint8Array> {
    yield this.header;
    const stored = new InOrder(this.file.stream(options));
    let stage = new Uint8Array(0);
    try {
      for (const entry of this.entries) {
        const { tensor, type } = entry;
        const perBlock = entry.size / ((tensor.end - tensor.begin) / type.bytes || 1);
        // Rows change places within a whole tensor; else as many blocks as make a chunk.
        const most =
          entry.heads > 0 ? tensor.end - tensor.begin : Math.floor(CHUNK_BYTES / perBlock) * type.bytes;
        for (let at = tensor.begin; at < tensor.end; at += most) {
          const count = Math.min(most, tensor.end - at);
          if (stage.byteLength < count) stage = new Uint8Array(count);
          const piece = stage.subarray(0, count);
          // A file that ends too early is noticed by who reads these bytes.
          if (!(await stored.fill(at, piece))) return;
          yield* chunks(converted(entry, piece));
        }
      }
    } finally {
      await stored.close();
    }
  }
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/** The stored blocks as the elements that Hugging Face's file would have. */
function converted({ tensor, type, heads, minusOne }: Entry, stored: Uint8Array): Uint8Array {
  let bytes = stored;
  if (!Object.hasOwn(plainTypes, type.name)) {
    const blocks = stored.byteLength / type.bytes;
    const values = new Uint16Array(blocks * type.elements);
    unpackBlocks(type.name, stored, values, blocks);
    bytes = new Uint8Array(values.buffer);
  }
  if (minusOne) {
    const copy = bytes.slice();
    const values = new Float32Array(copy.buffer);
    for (let i = 0; i < values.length; i++) values[i] -= 1;
    bytes = copy;
  }
  return heads > 0 ? inHalves(bytes, tensor.shape[0], heads) : bytes;
}

/** Rows of heads in which neighbours rotate together, in the order in which the halves of a head do. */
function inHalves(bytes: Uint8Array, rows: number, heads: number): Uint8Array {
  const rowBytes = bytes.byteLength / rows;
  const half = rows / heads / 2;
  const turned = new Uint8Array(bytes.byteLength);
  for (let row = 0; row < rows; row++) {
    const head = Math.floor(row / (2 * half));
    const within = row - head * 2 * half;
    const from = head * 2 * half + (within % half) * 2 + Math.floor(within / half);
    turned.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), row * rowBytes);
  }
  return turned;
}

/** Stretches of a stream, each further on than the one before. */
class InOrder {
  private readonly iterator: AsyncIterator<Uint8Array>;
  private chunk: Uint8Array = new Uint8Array(0);
  /** Of the chunk, in the stream. */
  private begin = 0;

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.iterator = stream[Symbol.asyncIterator]();
  }

  /** Fills `to` with the bytes from `at` on. @returns false where the stream ends before */
  async fill(at: number, to: Uint8Array): Promise<boolean> {
    for (let used = 0; used < to.byteLength; ) {
      const inChunk = at + used - this.begin;
      if (inChunk >= this.chunk.byteLength) {
        this.begin += this.chunk.byteLength;
        const { done, value } = await this.iterator.next();
        if (done) return false;
        this.chunk = value;
        continue;
      }
      const piece = this.chunk.subarray(inChunk, inChunk + to.byteLength - used);
      to.set(piece, used);
      used += piece.byteLength;
    }
    return true;
  }

  async close(): Promise<void> {
    await this.iterator.return?.();
  }
}
