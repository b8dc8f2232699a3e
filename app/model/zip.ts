/**
 * @file The directory of a zip of any size, read from its end; entries stay where they are in the file.
 * PKWARE APPNOTE 6.3: end record (4.3.16), its zip64 form (4.3.14), directory entries (4.3.12), local headers (4.3.7).
 */
import { readable } from '../formats/readable';
import { ModelError } from './errors';

export interface ZipEntry {
  path: string;
  /** Bytes once unpacked. */
  size: number;
  /** Deflated; else stored as it is. */
  packed: boolean;
  /** CRC-32 of the bytes once unpacked. */
  checksum: number;
  /** The entry's bytes in the zip. */
  data: Blob;
}

const END = 0x06054b50;
const END_BYTES = 22;
const MOST_COMMENT = 0xffff;
const END64_LOCATOR = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64 = 0x06064b50;
const ENTRY = 0x02014b50;
const ENTRY_BYTES = 46;
const LOCAL = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_FIELD = 1;
const MOST_DIRECTORY = 64 * 2 ** 20;
const UNSET = 0xffffffff;
/** A model has some dozens. */
const MOST_ENTRIES = 20_000;
/** Deflate cannot do better: 258 bytes from two bits. */
const MOST_RATIO = 1032;

/** The files of a zip, folders left out. @throws ModelError `malformed`, or `unsupported` for what only few programs write. */
export async function readZip(zip: Blob, name: string): Promise<ZipEntry[]> {
  const { offset, size, count } = await findDirectory(zip, name);
  if (size > MOST_DIRECTORY || offset + size > zip.size) throw noZip(name);
  const directory = new DataView(await zip.slice(offset, offset + size).arrayBuffer());
  const entries: ZipEntry[] = [];
  let read = 0;
  for (let at = 0; at + ENTRY_BYTES <= directory.byteLength; read++) {
    if (directory.getUint32(at, true) !== ENTRY) break;
    const entry = readEntry(directory, at);
    at += entry.bytes;
    if (entry.path.endsWith('/')) continue;
    if (entries.length === MOST_ENTRIES) {
      throw new ModelError(
        'tooLarge',
        `${name} has more than ${MOST_ENTRIES} files; a model has some dozens.`,
        'Make a zip of the model’s folder alone, or drop the folder itself.',
      );
    }
    if (entry.encrypted || (entry.method !== 0 && entry.method !== 8)) {
      throw new ModelError(
        'unsupported',
        `${readable(entry.path, 200)} in ${name} is ${entry.encrypted ? 'encrypted' : `packed by method ${entry.method}`}; only stored and deflated files are read.`,
        'Make the zip with usual settings, or drop the folder itself.',
      );
    }
    const packed = entry.method === 8;
    if (entry.offset + entry.packedSize > zip.size) throw noZip(name);
    if (packed ? entry.size > MOST_RATIO * entry.packedSize : entry.size !== entry.packedSize) {
      throw damagedEntry(entry.path, name);
    }
    const start = await dataStart(zip, entry.offset, entry.name, name);
    if (start + entry.packedSize > zip.size) throw noZip(name);
    entries.push({
      path: entry.path,
      size: entry.size,
      packed,
      checksum: entry.checksum,
      data: zip.slice(start, start + entry.packedSize),
    });
  }
  // The directory says modulo 65,536 how many there are; a broken entry would hide those after it.
  if ((read & 0xffff) !== count) throw noZip(name);
  const paths = new Set(entries.map(({ path }) => path));
  if (paths.size < entries.length) throw noZip(name);
  return entries;
}

async function findDirectory(
  zip: Blob,
  name: string,
): Promise<{ offset: number; size: number; count: number }> {
  const tailStart = Math.max(0, zip.size - END_BYTES - MOST_COMMENT);
  const tail = new DataView(await zip.slice(tailStart).arrayBuffer());
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw noZip(name);
  const size = tail.getUint32(at + 12, true);
  const offset = tail.getUint32(at + 16, true);
  const locator = at - LOCATOR_BYTES;
  const large = locator >= 0 && tail.getUint32(locator, true) === END64_LOCATOR;
  const count = tail.getUint16(at + 10, true);
  if (!large) return { offset, size, count };
  const end64 = Number(tail.getBigUint64(locator + 8, true));
  const record = new DataView(await zip.slice(end64, end64 + 56).arrayBuffer());
  if (record.byteLength < 56 || record.getUint32(0, true) !== END64) throw noZip(name);
  const [count64, size64, offset64] = [32, 40, 48].map((field) => record.getBigUint64(field, true));
  return { size: Number(size64), offset: Number(offset64), count: Number(count64 & 0xffffn) };
}

function readEntry(view: DataView, at: number) {
  const nameBytes = view.getUint16(at + 28, true);
  const extraBytes = view.getUint16(at + 30, true);
  const commentBytes = view.getUint16(at + 32, true);
  const name = new Uint8Array(
    view.buffer,
    view.byteOffset + at + ENTRY_BYTES,
    Math.min(nameBytes, view.byteLength - at - ENTRY_BYTES),
  );
  const sizes = {
    size: view.getUint32(at + 24, true),
    packedSize: view.getUint32(at + 20, true),
    offset: view.getUint32(at + 42, true),
  };
  const extraStart = at + ENTRY_BYTES + nameBytes;
  readLarge(view, extraStart, Math.min(extraStart + extraBytes, view.byteLength), sizes);
  return {
    name,
    path: new TextDecoder().decode(name),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
    checksum: view.getUint32(at + 16, true),
    ...sizes,
    bytes: ENTRY_BYTES + nameBytes + extraBytes + commentBytes,
  };
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

/**
 * Where an entry's bytes begin: its local header's extra fields may differ from the directory's.
 * @throws ModelError where there is no header of that name
 */
async function dataStart(zip: Blob, offset: number, entryName: Uint8Array, name: string): Promise<number> {
  const wanted = LOCAL_BYTES + entryName.byteLength;
  const header = new DataView(await zip.slice(offset, offset + wanted).arrayBuffer());
  if (header.byteLength < wanted || header.getUint32(0, true) !== LOCAL) throw noZip(name);
  const same = header.getUint16(26, true) === entryName.byteLength;
  if (!same || entryName.some((byte, i) => header.getUint8(LOCAL_BYTES + i) !== byte)) throw noZip(name);
  return offset + wanted + header.getUint16(28, true);
}

/** A file of a zip that is not what the zip's directory says of it. */
export function damagedEntry(path: string, zip: string, cause?: unknown): ModelError {
  return new ModelError(
    'malformed',
    `${readable(path, 200)} in ${zip} is damaged: its size or checksum is not what the zip's directory says.`,
    'Make or download the zip again, or drop the folder itself.',
    { cause },
  );
}

function noZip(name: string): ModelError {
  return new ModelError(
    'malformed',
    `${name} is no zip, or only a part of one.`,
    'Make or download the zip again, or drop the folder itself.',
  );
}
