/**
 * @file The tensors of a GGUF file as the one safetensors file of a model: under Hugging Face's names, quantised matrices as the codes that
 * engines hold, without a change of any number, and what llama.cpp's converter did to rows and norms undone.
 */
import { emptyRow, isQuantised, packRow, quantisedType, rowLayout, widenRows } from '../../engine/quantised';
import type { StoredType } from '../../engine/spec';
import { storedBytes } from '../../engine/weightStream';
import { blockGrouping, unpackBlocks, unpackedTypes } from '../../formats/ggmlBlocks';
import type { GgufHeader, GgufTensor } from '../../formats/gguf';
import { listed, readable } from '../../formats/readable';
import { ModelError } from '../errors';
import { CHUNK_BYTES, firstBytes, type SourceFile, type StreamOptions } from '../source';
import { type Architecture, huggingFaceName } from './architectures';
import type { Metadata } from './metadata';

/** Types of floats. */
const plainTypes: readonly string[] = ['F32', 'F16', 'BF16'];

interface Entry {
  tensor: GgufTensor;
  type: NonNullable<GgufTensor['type']>;
  /** What it becomes: of codes a matrix, else floats. */
  dtype: StoredType;
  /** Bytes that it has then. */
  size: number;
  /** Heads whose rows are put back in order; 0 for none. */
  heads: number;
  minusOne: boolean;
}

/** The safetensors file that a GGUF's tensors are, and the types of those that are quantised. */
export function weightsOfGguf(
  file: SourceFile,
  header: GgufHeader,
  architecture: Architecture,
  metadata: Metadata,
): { weights: SourceFile; quantised: string[] } {
  const entries: Entry[] = [];
  const directory: Record<string, unknown> = {};
  let at = 0;
  for (const [own, tensor] of [...header.tensors].sort(([, a], [, b]) => a.begin - b.begin)) {
    const name = huggingFaceName(architecture, own);
    if (name === null) continue;
    const { type } = tensor;
    const dtype = type && becomes(type.name, tensor.shape);
    if (!type || !dtype) throw notRead(metadata, own, tensor.typeName);
    const size = storedBytes({ dtype, shape: [...tensor.shape] });
    const minusOne = architecture.normsPlusOne && /norm\.weight$/.test(own);
    if (minusOne && dtype !== 'F32') throw notRead(metadata, own, tensor.typeName);
    const heads = headsOf(architecture, own, tensor, metadata);
    entries.push({ tensor, type, dtype, size, heads, minusOne });
    directory[name] = { dtype, shape: tensor.shape, data_offsets: [at, at + size] };
    at += size;
  }
  const quantised = new Set(entries.filter(({ dtype }) => isQuantised(dtype)).map(({ type }) => type.name));
  return {
    weights: new ConvertedFile(file, entries, safetensorsHeader(directory), at),
    quantised: [...quantised],
  };
}

/** The type that tensors of a type become; null where that is not read. */
function becomes(type: string, shape: readonly number[]): StoredType | null {
  if (plainTypes.includes(type)) return type as StoredType;
  const grouping = blockGrouping(type);
  if (!grouping) return null;
  return shape.length === 2 ? quantisedType(grouping) : 'F32';
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
    `${metadata.shown} stores ${readable(tensor, 80)} as ${type}; read are ${listed([...plainTypes, ...unpackedTypes], 20)}.`,
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

class ConvertedFile implements SourceFile {
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
        const { tensor } = entry;
        const most = pieceBytes(entry);
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

/** Stored bytes that are converted together: a whole tensor where rows change places, else rows, or of floats any number. */
function pieceBytes({ tensor, type, size, heads }: Entry): number {
  const stored = tensor.end - tensor.begin;
  if (heads > 0) return stored;
  if (plainTypes.includes(type.name)) return CHUNK_BYTES;
  const rows = tensor.shape.slice(0, -1).reduce((product, n) => product * n, 1);
  const together = Math.max(1, Math.floor((CHUNK_BYTES * rows) / (size || 1)));
  return together * ((tensor.shape.at(-1) ?? 0) / type.elements) * type.bytes;
}

function* chunks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES);
}

/** Stored blocks as rows of codes, or as floats where there is but one row. */
function coded({ tensor, type, dtype }: Entry, stored: Uint8Array): Uint8Array {
  const grouping = blockGrouping(type.name);
  if (!grouping) return stored;
  const width = tensor.shape[tensor.shape.length - 1];
  const blocks = width / type.elements;
  const rows = stored.byteLength / (blocks * type.bytes);
  const { bytes } = rowLayout(grouping, width);
  const from = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  const to = new DataView(new ArrayBuffer(rows * bytes));
  const row = emptyRow(grouping, width);
  for (let r = 0; r < rows; r++) {
    unpackBlocks(type.name, from, r * blocks * type.bytes, blocks, row);
    packRow(grouping, width, row, to, r * bytes);
  }
  const codes = new Uint8Array(to.buffer);
  return isQuantised(dtype) ? codes : new Uint8Array(widenRows(quantisedType(grouping), codes, width).buffer);
}

/** The stored blocks as the elements that Hugging Face's file would have. */
function converted(entry: Entry, stored: Uint8Array): Uint8Array {
  const { tensor, heads, minusOne } = entry;
  let bytes = coded(entry, stored);
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
