/**
 * @file The header of a GGUF file: numbers and texts by name, then the directory of tensors. Only the header is read, from the start
 * of the file, as much of it as there is; what the names mean is the caller's affair.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { FormatError } from './errors';
import { type GgmlType, ggmlType } from './ggmlTypes';
import { quoted, readable } from './readable';
import { foreignContent } from './recognise';

/** A list of numbers or of texts; lists of lists are not kept. Truth values are 0 and 1. */
export type GgufList = readonly string[] | Float64Array;
export type GgufValue = number | boolean | string | GgufList;

export interface GgufTensor {
  /** Null where the file's number of it is not known; its bytes are not known either then. */
  type: GgmlType | null;
  /** For people, where the type is not known too. */
  typeName: string;
  /** Rows first, as everywhere but in GGUF itself. */
  shape: readonly number[];
  /** Bytes `[begin, end)` from the start of the file; `end` is `begin` where the type is not known. */
  begin: number;
  end: number;
}

export interface GgufHeader {
  version: number;
  metadata: ReadonlyMap<string, GgufValue>;
  tensors: ReadonlyMap<string, GgufTensor>;
  /** Where the tensors' bytes begin. */
  dataStart: number;
}

/** The header goes on beyond the bytes that were given. */
export class MoreNeeded extends Error {
  override readonly name = 'MoreNeeded';
}

/** Bytes that a header may have: the largest vocabularies take some 20 million. */
export const MOST_HEADER_BYTES = 256 * 2 ** 20;
const MOST_ENTRIES = 100_000;
/** Texts of a list: of the largest vocabularies' merges there are half a million. */
const MOST_TEXTS = 4_000_000;
const MOST_NAME_BYTES = 65_535;
const MOST_DIMENSIONS = 4;
const MOST_ALIGNMENT = 2 ** 20;
const USUAL_ALIGNMENT = 32;

const downloadAgain = 'Download or copy the file again; it must be the whole .gguf file.';

/**
 * Reads a header.
 * @param bytes the file from its first byte on
 * @param options.file what messages call it
 * @param options.fileBytes of the whole file; infinite while unknown
 * @throws MoreNeeded where the bytes end before the header does and the file does not; FormatError `truncated`, `malformed`,
 * `tooLarge`, or `otherFormat` where it is no GGUF of a version that is read
 */
export function parseGguf(
  bytes: Uint8Array,
  { file = 'The file', fileBytes = bytes.byteLength }: { file?: string; fileBytes?: number } = {},
): GgufHeader {
  const reader = new Reader(bytes, file, fileBytes);
  const version = readVersion(reader, bytes, file);
  const tensorCount = reader.count('tensors', MOST_ENTRIES);
  const valueCount = reader.count('values', MOST_ENTRIES);
  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < valueCount; i++) {
    const name = reader.name('A value');
    if (metadata.has(name)) throw reader.malformed(`it has the value ${quoted(name)} twice`);
    const value = readValue(reader, reader.u32(), name, 0);
    if (value !== null) metadata.set(name, value);
  }
  const alignment = metadata.get('general.alignment') ?? USUAL_ALIGNMENT;
  if (typeof alignment !== 'number' || !(alignment >= 1 && alignment <= MOST_ALIGNMENT) || alignment % 1) {
    throw reader.malformed('general.alignment is no number of bytes that could be');
  }
  const tensors = new Map<string, GgufTensor>();
  for (let i = 0; i < tensorCount; i++) {
    const name = reader.name('A tensor');
    if (tensors.has(name)) throw reader.malformed(`it has the tensor ${quoted(name)} twice`);
    tensors.set(name, readTensor(reader, name, alignment));
  }
  const dataStart = Math.ceil(reader.at / alignment) * alignment;
  for (const tensor of tensors.values()) {
    tensor.begin += dataStart;
    tensor.end += dataStart;
  }
  checkLayout(tensors, reader, fileBytes);
  return { version, metadata, tensors, dataStart };
}

function readVersion(reader: Reader, bytes: Uint8Array, file: string): number {
  const mark = new TextDecoder('latin1').decode(bytes.subarray(0, 4));
  if (mark !== 'GGUF') {
    const foreign = foreignContent(bytes, file, 'a GGUF file', []);
    if (foreign) throw foreign;
    throw new FormatError(
      'otherFormat',
      `${file} is not a GGUF file: it does not begin with these four letters.`,
      'Choose a file that was saved as GGUF.',
    );
  }
  reader.at = 4;
  const version = reader.u32();
  if (version === 2 || version === 3) return version;
  const turned = version > 0xffff;
  throw new FormatError(
    'otherFormat',
    turned
      ? `${file} is a GGUF file for machines that store numbers the other way round (big-endian), which is not read.`
      : `${file} is a GGUF file of version ${version}; versions 2 and 3 are read.`,
    'Choose the usual file of the model, made by a llama.cpp of late 2023 or after.',
  );
}

function readTensor(reader: Reader, name: string, alignment: number): GgufTensor {
  const dimensions = reader.u32();
  if (dimensions > MOST_DIMENSIONS) {
    throw reader.malformed(
      `tensor ${quoted(name)} has ${dimensions} dimensions, at most ${MOST_DIMENSIONS} are possible`,
    );
  }
  const stored = Array.from({ length: dimensions }, () => reader.size(`a length of tensor ${quoted(name)}`));
  const number = reader.u32();
  const begin = reader.size(`the place of tensor ${quoted(name)}`);
  const type = ggmlType(number);
  if (begin % alignment !== 0) {
    throw reader.malformed(
      `tensor ${quoted(name)} begins at byte ${begin}, which is no multiple of ${alignment}`,
    );
  }
  const elements = stored.reduce((product, n) => product * n, 1);
  if (!Number.isSafeInteger(elements)) {
    throw reader.malformed(`tensor ${quoted(name)} has ${stored.join(' × ')} elements`);
  }
  // A tensor without dimensions is a single number.
  const [row = 1] = stored;
  if (type && row % type.elements !== 0) {
    throw reader.malformed(
      `tensor ${quoted(name)} has rows of ${row} elements, which are no whole blocks of ${type.name} (${type.elements})`,
    );
  }
  const size = type ? (elements / type.elements) * type.bytes : 0;
  return {
    type,
    typeName: type?.name ?? `type ${number}`,
    shape: stored.reverse(),
    begin,
    end: begin + size,
  };
}

/** Tensors lie within the file, and on nobody else's bytes. */
function checkLayout(tensors: ReadonlyMap<string, GgufTensor>, reader: Reader, fileBytes: number): void {
  let end = 0;
  let before = '';
  for (const [name, tensor] of [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end)) {
    if (tensor.begin < end && tensor.end > tensor.begin) {
      throw reader.malformed(`the tensors ${quoted(before)} and ${quoted(name)} overlap`);
    }
    if (tensor.end > fileBytes) {
      throw reader.truncated(`its header describes ${tensor.end} bytes (tensor ${quoted(name)})`);
    }
    end = Math.max(end, tensor.end);
    before = name;
  }
}

/** How a value's type is numbered. */
const TEXT = 8;
const LIST = 9;
/** Bytes and reader of numbers, by the number of their type. */
const numbers: Readonly<
  Record<number, readonly [bytes: number, read: (view: DataView, at: number) => number]>
> = {
  0: [1, (view, at) => view.getUint8(at)],
  1: [1, (view, at) => view.getInt8(at)],
  2: [2, (view, at) => view.getUint16(at, true)],
  3: [2, (view, at) => view.getInt16(at, true)],
  4: [4, (view, at) => view.getUint32(at, true)],
  5: [4, (view, at) => view.getInt32(at, true)],
  6: [4, (view, at) => view.getFloat32(at, true)],
  7: [1, (view, at) => view.getUint8(at)],
  10: [8, (view, at) => Number(view.getBigUint64(at, true))],
  11: [8, (view, at) => Number(view.getBigInt64(at, true))],
  12: [8, (view, at) => view.getFloat64(at, true)],
};
const TRUTH = 7;

/** Null for a list of lists, which is passed over. */
function readValue(reader: Reader, type: number, name: string, depth: number): GgufValue | null {
  if (type === TEXT) return reader.text();
  if (type === LIST) return readList(reader, name, depth);
  if (!Object.hasOwn(numbers, type)) {
    throw reader.malformed(`the value ${quoted(name)} is of type ${type}, which there is not`);
  }
  const value = reader.number(type);
  return type === TRUTH ? value !== 0 : value;
}

function readList(reader: Reader, name: string, depth: number): GgufList | null {
  if (depth > MOST_DIMENSIONS)
    throw reader.malformed(`the value ${quoted(name)} has lists within lists without end`);
  const type = reader.u32();
  if (type === LIST) {
    const count = reader.count(`lists of ${quoted(name)}`, MOST_ENTRIES);
    for (let i = 0; i < count; i++) readList(reader, name, depth + 1);
    return null;
  }
  if (type === TEXT) {
    const count = reader.count(`texts of ${quoted(name)}`, MOST_TEXTS);
    const texts: string[] = [];
    for (let i = 0; i < count; i++) texts.push(reader.text());
    return texts;
  }
  if (!Object.hasOwn(numbers, type)) {
    throw reader.malformed(`the list ${quoted(name)} is of type ${type}, which there is not`);
  }
  const [bytes] = numbers[type];
  const count = reader.count(`numbers of ${quoted(name)}`, MOST_HEADER_BYTES);
  // Before memory is taken for them, they must be there.
  reader.need(count * bytes);
  return Float64Array.from({ length: count }, () => reader.number(type));
}

/** Bytes in order, and what is wrong where they end or cannot be. */
class Reader {
  at = 0;
  private readonly view: DataView;
  /** Broken UTF-8 in a token is that token's affair; a byte-order mark is a character as any other. */
  private readonly decoder = new TextDecoder('utf-8', { ignoreBOM: true });

  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string,
    private readonly fileBytes: number,
  ) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** @throws MoreNeeded, or FormatError where the file itself ends before */
  need(count: number): void {
    const end = this.at + count;
    if (end <= this.bytes.byteLength) return;
    if (end > this.fileBytes) throw this.truncated(`its header alone needs ${end} bytes`);
    if (end > MOST_HEADER_BYTES) {
      throw new FormatError(
        'tooLarge',
        `The header of ${this.file} has more than ${MOST_HEADER_BYTES / 2 ** 20} MiB, which no model's has.`,
        downloadAgain,
      );
    }
    throw new MoreNeeded();
  }

  u32(): number {
    this.need(4);
    const value = this.view.getUint32(this.at, true);
    this.at += 4;
    return value;
  }

  /** 64 bits that are a number of bytes or elements. */
  size(what: string): number {
    this.need(8);
    const value = this.view.getBigUint64(this.at, true);
    this.at += 8;
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw this.malformed(`${what} is ${value}`);
    return Number(value);
  }

  count(what: string, most: number): number {
    const value = this.size(`the number of ${what}`);
    if (value > most) throw this.malformed(`it counts ${value} ${what}; at most ${most} are possible`);
    return value;
  }

  number(type: number): number {
    const [bytes, read] = numbers[type];
    this.need(bytes);
    const value = read(this.view, this.at);
    this.at += bytes;
    return value;
  }

  text(): string {
    const length = this.size('the length of a text');
    this.need(length);
    this.at += length;
    return this.decoder.decode(this.bytes.subarray(this.at - length, this.at));
  }

  name(what: string): string {
    this.need(8);
    const length = this.view.getBigUint64(this.at, true);
    if (length > BigInt(MOST_NAME_BYTES)) throw this.malformed(`${what} has a name of ${length} bytes`);
    return this.text();
  }

  malformed(what: string): FormatError {
    const message = `${readable(this.file, 200)} is damaged, or no GGUF file: ${what}.`;
    return new FormatError('malformed', message, downloadAgain);
  }

  truncated(what: string): FormatError {
    const size = Number.isFinite(this.fileBytes) ? this.fileBytes : this.bytes.byteLength;
    const message = `${readable(this.file, 200)} is truncated: ${what}, the file has ${size}.`;
    return new FormatError('truncated', message, downloadAgain);
  }
}
