/**
 * @file Whether the flatbuffers of an Arrow file hold together: every table, vector and text lies inside its message, and
 * nothing is nested or repeated without end. https://arrow.apache.org/docs/format/Columnar.html,
 * Schema.fbs, Message.fbs and File.fbs of arrow/format
 */

/** What a field of a table is; fields that are not listed are never followed. */
type Kind =
  | { kind: 'text' }
  | { kind: 'table'; fields: Fields }
  | { kind: 'tables'; fields: Fields }
  | { kind: 'structs'; bytes: number };
type Fields = () => Record<number, Kind>;

const text: Kind = { kind: 'text' };
const pairs: Kind = { kind: 'tables', fields: () => ({ 0: text, 1: text }) };

const field: Fields = () => ({
  0: text,
  // Of types only what all share is followed: their own fields are scalars, texts and short vectors.
  3: { kind: 'table', fields: () => ({}) },
  4: { kind: 'table', fields: () => ({ 1: { kind: 'table', fields: () => ({}) } }) },
  5: { kind: 'tables', fields: field },
  6: pairs,
});
const schema: Fields = () => ({ 1: { kind: 'tables', fields: field }, 2: pairs });
const recordBatch: Fields = () => ({
  1: { kind: 'structs', bytes: 16 },
  2: { kind: 'structs', bytes: 16 },
  3: { kind: 'table', fields: () => ({}) },
  4: { kind: 'structs', bytes: 8 },
});
const dictionaryBatch: Fields = () => ({ 1: { kind: 'table', fields: recordBatch } });
const footer: Fields = () => ({
  1: { kind: 'table', fields: schema },
  2: { kind: 'structs', bytes: 24 },
  3: { kind: 'structs', bytes: 24 },
  4: pairs,
});

const HEADERS: Record<number, Fields> = { 1: schema, 2: dictionaryBatch, 3: recordBatch };
/** Tables, vectors and texts of a message; a file of thousands of columns has fewer. */
const MOST_PARTS = 200_000;
const MOST_LEVELS = 64;
const MAGIC = 'ARROW1';

/** @throws RangeError where an Arrow file or stream points outside itself */
export function checkArrow(bytes: Uint8Array): void {
  const isFile = [...MAGIC].every((char, i) => bytes[i] === char.charCodeAt(0));
  if (!isFile) {
    checkMessages(bytes, 0);
    return;
  }
  const view = viewOf(bytes);
  const end = bytes.length - MAGIC.length - 4;
  const length = end > 0 ? view.getInt32(end, true) : -1;
  if (length <= 0 || length > end - 8) throw new RangeError('the footer is not where it should be');
  const check = new Check(bytes.subarray(end - length, end));
  check.root(footer);
  for (const { offset, metadata, body } of check.blocks) {
    if (offset < 8 || metadata < 0 || body < 0 || offset + metadata + body > bytes.length) {
      throw new RangeError('a block lies outside the file');
    }
    checkMessage(bytes, offset);
  }
}

function checkMessages(bytes: Uint8Array, start: number): void {
  for (let at = start; at < bytes.length; ) {
    const next = checkMessage(bytes, at);
    if (next === null) return;
    at = next;
  }
}

/** The place after a message and its body, null at the end of a stream. */
function checkMessage(bytes: Uint8Array, start: number): number | null {
  const view = viewOf(bytes);
  let at = start;
  if (at + 4 > bytes.length) return null;
  let length = view.getInt32(at, true);
  at += 4;
  if (length === -1) {
    if (at + 4 > bytes.length) throw new RangeError('a message is cut short');
    length = view.getInt32(at, true);
    at += 4;
  }
  if (length === 0) return null;
  if (length < 0 || at + length > bytes.length) throw new RangeError('a message is cut short');
  const check = new Check(bytes.subarray(at, at + length));
  const body = check.message();
  if (body < 0 || at + length + body > bytes.length) throw new RangeError('a body is cut short');
  return at + length + body;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

class Check {
  /** Of a footer: where the file's messages are. */
  readonly blocks: { offset: number; metadata: number; body: number }[] = [];
  private readonly view: DataView;
  private parts = 0;

  constructor(bytes: Uint8Array) {
    this.view = viewOf(bytes);
  }

  root(fields: Fields): void {
    const table = this.offset(0);
    this.table(table, fields, 0);
    if (fields !== footer) return;
    for (const index of [2, 3]) {
      const vector = this.fieldAt(table, index);
      if (vector === null) continue;
      const start = this.offset(vector);
      const count = this.int(start);
      for (let i = 0; i < count; i++) {
        const at = start + 4 + i * 24;
        this.blocks.push({ offset: this.long(at), metadata: this.int(at + 8), body: this.long(at + 16) });
      }
    }
  }

  /** The length of a message's body. */
  message(): number {
    const table = this.offset(0);
    this.table(table, () => ({}), 0);
    const type = this.fieldAt(table, 1);
    const header = this.fieldAt(table, 2);
    const body = this.fieldAt(table, 3);
    const kind = type === null ? 0 : this.view.getUint8(this.inside(type, 1));
    if (header !== null && Object.hasOwn(HEADERS, kind)) this.table(this.offset(header), HEADERS[kind], 0);
    return body === null ? 0 : this.long(body);
  }

  private table(at: number, fields: Fields, level: number): void {
    this.count(level);
    const known = fields();
    for (const key in known) {
      const place = this.fieldAt(at, Number(key));
      if (place !== null) this.follow(this.offset(place), known[key], level);
    }
  }

  private follow(at: number, kind: Kind, level: number): void {
    this.count(level);
    if (kind.kind === 'table') {
      this.table(at, kind.fields, level + 1);
      return;
    }
    const length = this.int(at);
    const size = kind.kind === 'structs' ? kind.bytes : kind.kind === 'tables' ? 4 : 1;
    if (length < 0) throw new RangeError('a vector has a negative length');
    this.inside(at + 4, length * size);
    if (kind.kind !== 'tables') return;
    for (let i = 0; i < length; i++) this.table(this.offset(at + 4 + i * 4), kind.fields, level + 1);
  }

  /** Where a table's field stands, null where it is left out. */
  private fieldAt(table: number, index: number): number | null {
    const vtable = table - this.int(table);
    this.inside(vtable, 4);
    const size = this.view.getUint16(vtable, true);
    this.inside(vtable, size);
    const entry = 4 + index * 2;
    if (entry + 2 > size) return null;
    const offset = this.view.getUint16(vtable + entry, true);
    return offset === 0 ? null : this.inside(table + offset, 1);
  }

  /** What an offset points to. */
  private offset(at: number): number {
    return this.inside(at + this.view.getUint32(this.inside(at, 4), true), 4);
  }

  private int(at: number): number {
    return this.view.getInt32(this.inside(at, 4), true);
  }

  private long(at: number): number {
    return Number(this.view.getBigInt64(this.inside(at, 8), true));
  }

  private inside(at: number, bytes: number): number {
    if (at < 0 || at + bytes > this.view.byteLength) throw new RangeError('it points outside its message');
    return at;
  }

  private count(level: number): void {
    if (++this.parts > MOST_PARTS || level > MOST_LEVELS) throw new RangeError('it has no end');
  }
}
