/**
 * @file Whether the pages of a Parquet column hold together, looked at before hyparquet reads them: it believes every
 * count, and a few damaged bytes make it count to two thousand millions. Page headers: parquet.thrift; runs: Encodings.md,
 * both of apache/parquet-format.
 */
import type { ColumnMetaData, SchemaTree } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { crc32 } from '../formats/crc32';

const LARGEST_PAGE = 512 * 2 ** 20;
const MOST_VALUES = 50_000_000;
/** Bit-packed runs are filled up to whole groups, by some writers to several of them. */
const PADDING = 512;

/** Page types and encodings of parquet.thrift. */
const DATA_PAGE = 0;
const DICTIONARY_PAGE = 2;
const DATA_PAGE_V2 = 3;
const PLAIN_DICTIONARY = 2;
const DELTA_FIRST = 5;
const DELTA_LAST = 7;
const RLE_DICTIONARY = 8;

/** A column without children, and how deep lists and options go above its values. */
export interface Leaf {
  path: string[];
  maxDefinition: number;
  maxRepetition: number;
}

/** The leaves of a column. */
export function leavesOf(tree: SchemaTree, definition = 0, repetition = 0): Leaf[] {
  const { repetition_type: kind } = tree.element;
  const maxDefinition = definition + (kind === 'REQUIRED' ? 0 : 1);
  const maxRepetition = repetition + (kind === 'REPEATED' ? 1 : 0);
  if (tree.children.length === 0) return [{ path: tree.path, maxDefinition, maxRepetition }];
  return tree.children.flatMap((child) => leavesOf(child, maxDefinition, maxRepetition));
}

/** @throws RangeError where counts, sizes or checksums cannot be; what decompressors throw where pages are damaged */
export function checkChunk(bytes: Uint8Array, meta: ColumnMetaData, leaf: Leaf): void {
  const total = Number(meta.num_values);
  if (total > MOST_VALUES) throw new RangeError('too many values');
  let values = 0;
  for (let at = 0; at < bytes.length - 1 && values < total; ) {
    const header = new Thrift(bytes, at);
    const page = header.struct();
    const type = page.number(1);
    const packed = page.number(3);
    const start = header.at;
    if (packed < 0 || start + packed > bytes.length) throw new RangeError('a page is cut short');
    if (page.number(2) < 0 || page.number(2) > LARGEST_PAGE) throw new RangeError('a page is too large');
    const data = bytes.subarray(start, start + packed);
    const checksum = page.fields.get(4);
    if (typeof checksum === 'number' && crc32(data) !== checksum >>> 0) {
      throw new RangeError('a page does not have its checksum');
    }
    if (type === DATA_PAGE)
      values += checkPage(unpack(data, page.number(2), meta), page.inner(5), leaf, total - values);
    else if (type === DATA_PAGE_V2)
      values += checkPageV2(data, page.number(2), page.inner(8), meta, leaf, total - values);
    else if (type === DICTIONARY_PAGE) checkDictionary(page.number(2), page.inner(7), meta);
    at = start + packed;
  }
}

function unpack(data: Uint8Array, size: number, { codec }: ColumnMetaData): Uint8Array {
  if (codec === 'UNCOMPRESSED') return data;
  const decompress = compressors[codec];
  // The library says which codec it does not know.
  return decompress ? decompress(data, size) : new Uint8Array(0);
}

/** @returns the number of values, nulls included */
function checkPage(page: Uint8Array, header: ThriftStruct, leaf: Leaf, most: number): number {
  const count = countOf(header.number(1), most);
  let at = 0;
  for (const level of [leaf.maxRepetition, leaf.maxDefinition]) {
    if (level === 0) continue;
    if (at + 4 > page.length) throw new RangeError('levels are cut short');
    const length = new DataView(page.buffer, page.byteOffset).getUint32(at, true);
    if (at + 4 + length > page.length) throw new RangeError('levels are cut short');
    checkRuns(page.subarray(at + 4, at + 4 + length), level, count);
    at += 4 + length;
  }
  checkValues(page.subarray(at), header.number(2), count);
  return count;
}

function checkPageV2(
  data: Uint8Array,
  size: number,
  header: ThriftStruct,
  meta: ColumnMetaData,
  leaf: Leaf,
  most: number,
): number {
  const count = countOf(header.number(1), most);
  if (header.number(2) < 0 || header.number(2) > count || header.number(3) < 0 || header.number(3) > count) {
    throw new RangeError('a page counts more nulls or rows than values');
  }
  const definition = header.number(5);
  const repetition = header.number(6);
  if (definition < 0 || repetition < 0 || definition + repetition > Math.min(data.length, size)) {
    throw new RangeError('levels are cut short');
  }
  checkRuns(data.subarray(0, repetition), leaf.maxRepetition, count);
  checkRuns(data.subarray(repetition, repetition + definition), leaf.maxDefinition, count);
  const levels = definition + repetition;
  const body = data.subarray(levels);
  const packed = header.fields.get(7) !== false;
  checkValues(packed ? unpack(body, size - levels, meta) : body, header.number(4), count);
  return count;
}

function checkDictionary(size: number, header: ThriftStruct, { type }: ColumnMetaData): void {
  const count = header.number(1);
  // No value of a dictionary takes less than four bytes, or one where the schema says how long all are.
  const least = type === 'FIXED_LEN_BYTE_ARRAY' || type === 'BOOLEAN' ? 1 : 4;
  if (count < 0 || count * least > size) throw new RangeError('a dictionary is cut short');
}

function countOf(count: number, most: number): number {
  if (count < 0 || count > most) throw new RangeError('a page counts more values than its column');
  return count;
}

function checkValues(values: Uint8Array, encoding: number, count: number): void {
  if (encoding === PLAIN_DICTIONARY || encoding === RLE_DICTIONARY) {
    if (values.length === 0) return;
    if (values[0] > 32) throw new RangeError('dictionary numbers of more than 32 bits');
    if (values[0] > 0) checkRunsOfWidth(values.subarray(1), values[0], count);
  } else if (encoding >= DELTA_FIRST && encoding <= DELTA_LAST && values.length > 0) {
    const reader = new Thrift(values, 0);
    const block = reader.varint();
    const miniblocks = reader.varint();
    if (
      block > 1 << 20 ||
      miniblocks < 1 ||
      miniblocks > 1 << 12 ||
      block % miniblocks !== 0 ||
      block === 0
    ) {
      throw new RangeError('blocks of differences of an impossible size');
    }
  }
}

function checkRuns(bytes: Uint8Array, level: number, count: number): void {
  if (level > 0) checkRunsOfWidth(bytes, 32 - Math.clz32(level), count);
}

/** Runs of the hybrid of run lengths and bit packing: none may be longer than the page. */
function checkRunsOfWidth(bytes: Uint8Array, width: number, count: number): void {
  const reader = new Thrift(bytes, 0);
  for (let seen = 0; seen < count && reader.at < bytes.length; ) {
    const header = reader.varint();
    const groups = Math.floor(header / 2);
    const length = header % 2 === 1 ? groups * 8 : groups;
    if (length > count + PADDING) throw new RangeError('a run is longer than its page');
    reader.at += header % 2 === 1 ? groups * width : Math.ceil(width / 8);
    seen += length;
  }
}

type ThriftValue = number | bigint | boolean | Uint8Array | ThriftStruct | null;

class ThriftStruct {
  readonly fields = new Map<number, ThriftValue>();

  number(id: number): number {
    const value = this.fields.get(id);
    if (typeof value !== 'number') throw new RangeError('a page header is incomplete');
    return value;
  }

  inner(id: number): ThriftStruct {
    const value = this.fields.get(id);
    if (!(value instanceof ThriftStruct)) throw new RangeError('a page header is incomplete');
    return value;
  }
}

/** Thrift's compact protocol, as far as page headers use it. */
class Thrift {
  constructor(
    private readonly bytes: Uint8Array,
    public at: number,
  ) {}

  struct(level = 0): ThriftStruct {
    const struct = new ThriftStruct();
    if (level > 8) throw new RangeError('a page header has no end');
    for (let id = 0; ; ) {
      const byte = this.byte();
      const type = byte & 0x0f;
      if (type === 0) return struct;
      const delta = byte >> 4;
      id = delta > 0 ? id + delta : zigzag(this.varint());
      struct.fields.set(id, this.value(type, level));
    }
  }

  varint(): number {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
      if (shift > 2 ** 56) throw new RangeError('a number has no end');
    }
  }

  private value(type: number, level: number): ThriftValue {
    switch (type) {
      case 1:
        return true;
      case 2:
        return false;
      case 3:
        return this.byte();
      case 4:
      case 5:
      case 6:
        return zigzag(this.varint());
      case 7:
        return this.skip(8);
      case 8:
        return this.skip(this.varint());
      case 9:
      case 10: {
        const head = this.byte();
        const count = head >> 4 === 15 ? this.varint() : head >> 4;
        for (let i = 0; i < count; i++) this.value(head & 0x0f, level + 1);
        return null;
      }
      case 12:
        return this.struct(level + 1);
      default:
        throw new RangeError('a page header is damaged');
    }
  }

  private skip(length: number): null {
    if (this.at + length > this.bytes.length) throw new RangeError('a page header is cut short');
    this.at += length;
    return null;
  }

  private byte(): number {
    if (this.at >= this.bytes.length) throw new RangeError('a page is cut short');
    return this.bytes[this.at++];
  }
}

function zigzag(value: number): number {
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
