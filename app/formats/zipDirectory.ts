/**
 * @file The directory of a zip, which stands at its end, as pure functions of its pieces: who has all bytes and who
 * reads them from a disk find the same entries.
 * PKWARE APPNOTE 6.3: end record (4.3.16), its zip64 form (4.3.14), directory entries (4.3.12), local headers (4.3.7).
 */

const END = 0x06054b50;
const END_BYTES = 22;
const MOST_COMMENT = 0xffff;
const END64_LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const ZIP64_FIELD = 1;
const UNSET = 0xffffffff;
/** Deflate cannot do better: 258 bytes from two bits. */
const MOST_DEFLATED = 1032;

/** Bytes at a zip's end in which its end record lies. */
export const END_SEARCH = END_BYTES + MOST_COMMENT + LOCATOR_BYTES;
/** Bytes of the end record of a zip64. */
export const END64_BYTES = 56;
/** Bytes of an entry's local header before its name. */
export const LOCAL_BYTES = 30;

export const STORED = 0;
export const DEFLATED = 8;
export const LZMA = 14;

export interface DirectoryPlace {
  offset: number;
  size: number;
  /** Entries, modulo 65,536. */
  count: number;
}

export interface ZipRecord {
  path: string;
  /** The path's bytes. */
  name: Uint8Array;
  encrypted: boolean;
  method: number;
  checksum: number;
  /** Bytes once unpacked. */
  size: number;
  packedSize: number;
  /** Of the local header. */
  offset: number;
}

const viewOf = (bytes: Uint8Array) => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Where the directory is.
 * @param tail the zip's last `END_SEARCH` bytes, or all of it
 * @returns with `end64` where a zip64's own record, at that offset, says it; null where there is no end record
 */
export function findDirectory(tail: Uint8Array): (DirectoryPlace & { end64: number | null }) | null {
  const view = viewOf(tail);
  const at = findEnd(view);
  if (at === null) return null;
  const locator = at - LOCATOR_BYTES;
  const large = locator >= 0 && view.getUint32(locator, true) === END64_LOCATOR;
  return {
    count: view.getUint16(at + 10, true),
    size: view.getUint32(at + 12, true),
    offset: view.getUint32(at + 16, true),
    end64: large ? Number(view.getBigUint64(locator + 8, true)) : null,
  };
}

/** The end record whose comment ends with the file: a comment may look like a record itself. Else the last there is. */
function findEnd(view: DataView): number | null {
  let last: number | null = null;
  for (let at = view.byteLength - END_BYTES; at >= 0; at--) {
    if (view.getUint32(at, true) !== END) continue;
    if (at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength) return at;
    last ??= at;
  }
  return last;
}

/** What a zip64's end record of `END64_BYTES` says; null where it is none. */
export function readEnd64(record: Uint8Array): DirectoryPlace | null {
  const view = viewOf(record);
  if (view.byteLength < END64_BYTES || view.getUint32(0, true) !== END64) return null;
  const [count, size, offset] = [32, 40, 48].map((field) => view.getBigUint64(field, true));
  return { size: Number(size), offset: Number(offset), count: Number(count & 0xffffn) };
}

/** All entries of a directory; null where it is damaged: entries after a broken one would be lost without a word. */
export function readDirectory(directory: Uint8Array, count: number): ZipRecord[] | null {
  const view = viewOf(directory);
  const records: ZipRecord[] = [];
  let at = 0;
  while (at + ENTRY_BYTES <= view.byteLength && view.getUint32(at, true) === ENTRY) {
    const { record, bytes } = readRecord(directory, view, at);
    records.push(record);
    at += bytes;
  }
  return at > view.byteLength || (records.length & 0xffff) !== count ? null : records;
}

function readRecord(directory: Uint8Array, view: DataView, at: number): { record: ZipRecord; bytes: number } {
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const nameStart = at + ENTRY_BYTES;
  const name = directory.subarray(nameStart, nameStart + nameBytes);
  const sizes = {
    size: view.getUint32(at + 24, true),
    packedSize: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  const extraStart = nameStart + nameBytes;
  readLarge(view, extraStart, Math.min(extraStart + extraBytes, view.byteLength), sizes);
  const record = {
    path: new TextDecoder().decode(name),
    name,
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    ...sizes,
  };
  return { record, bytes: ENTRY_BYTES + nameBytes + extraBytes + view.getUint16(at + 32, true) };
}

/** Numbers too large for their field stand in an extra one, in this order, each only where its field says so. */
function readLarge(
  view: DataView,
  start: number,
  end: number,
  sizes: { size: number; packedSize: number; offset: number },
): void {
  for (let at = start; at + 4 <= end; ) {
    const bytes = view.getUint16(at + 2, true);
    if (view.getUint16(at, true) === ZIP64_FIELD) {
      let field = at + 4;
      for (const key of ['size', 'packedSize', 'offset'] as const) {
        if (sizes[key] !== UNSET || field + 8 > at + 4 + bytes || field + 8 > end) continue;
        sizes[key] = Number(view.getBigUint64(field, true));
        field += 8;
      }
    }
    at += 4 + bytes;
  }
}

/** Bytes of the local header that `dataStart` needs. */
export function localHeaderBytes(record: ZipRecord): number {
  return LOCAL_BYTES + record.name.byteLength;
}

/**
 * Where an entry's bytes begin: its local header's extra fields may differ from the directory's.
 * @param header the local header's first `localHeaderBytes`
 * @returns null where there is no header of that name
 */
export function dataStart(header: Uint8Array, record: ZipRecord): number | null {
  const view = viewOf(header);
  if (view.byteLength < localHeaderBytes(record) || view.getUint32(0, true) !== LOCAL) return null;
  if (view.getUint16(26, true) !== record.name.byteLength) return null;
  if (record.name.some((byte, i) => header[LOCAL_BYTES + i] !== byte)) return null;
  return record.offset + localHeaderBytes(record) + view.getUint16(28, true);
}

/** Whether an entry can have as many bytes as it says: a zip of a kilobyte may claim to hold a terabyte. */
export function isPossible({ method, size, packedSize }: ZipRecord): boolean {
  if (method === STORED) return size === packedSize;
  return method !== DEFLATED || size <= MOST_DEFLATED * packedSize;
}
