/**
 * @file The directory of a zip of any size, read from its end; entries stay where they are in the file.
 * PKWARE APPNOTE 6.3: end record (4.3.16), its zip64 form (4.3.14), directory entries (4.3.12), local headers (4.3.7).
 */
import { ModelError } from './errors';

export interface ZipEntry {
  path: string;
  /** Bytes once unpacked. */
  size: number;
  /** Deflated; else stored as it is. */
  packed: boolean;
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

/** The files of a zip, folders left out. @throws ModelError `malformed`, or `unsupported` for what only few programs write. */
export async function readZip(zip: Blob, name: string): Promise<ZipEntry[]> {
  const { offset, size } = await findDirectory(zip, name);
  if (size > MOST_DIRECTORY || offset + size > zip.size) throw noZip(name);
  const directory = new DataView(await zip.slice(offset, offset + size).arrayBuffer());
  const entries: ZipEntry[] = [];
  for (let at = 0; at + ENTRY_BYTES <= directory.byteLength; ) {
    if (directory.getUint32(at, true) !== ENTRY) break;
    const entry = readEntry(directory, at);
    at += entry.bytes;
    if (entry.path.endsWith('/')) continue;
    if (entry.encrypted || (entry.method !== 0 && entry.method !== 8)) {
      throw new ModelError(
        'unsupported',
        `${entry.path} in ${name} is ${entry.encrypted ? 'encrypted' : `packed by method ${entry.method}`}; only stored and deflated files are read.`,
        'Make the zip with usual settings, or drop the folder itself.',
      );
    }
    const start = await dataStart(zip, entry.offset, name);
    if (start + entry.packedSize > zip.size) throw noZip(name);
    entries.push({
      path: entry.path,
      size: entry.size,
      packed: entry.method === 8,
      data: zip.slice(start, start + entry.packedSize),
    });
  }
  return entries;
}

async function findDirectory(zip: Blob, name: string): Promise<{ offset: number; size: number }> {
  const tailStart = Math.max(0, zip.size - END_BYTES - MOST_COMMENT);
  const tail = new DataView(await zip.slice(tailStart).arrayBuffer());
  let at = tail.byteLength - END_BYTES;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw noZip(name);
  const size = tail.getUint32(at + 12, true);
  const offset = tail.getUint32(at + 16, true);
  const locator = at - LOCATOR_BYTES;
  const large = locator >= 0 && tail.getUint32(locator, true) === END64_LOCATOR;
  if (!large) return { offset, size };
  const end64 = Number(tail.getBigUint64(locator + 8, true));
  const record = new DataView(await zip.slice(end64, end64 + 56).arrayBuffer());
  if (record.byteLength < 56 || record.getUint32(0, true) !== END64) throw noZip(name);
  return { size: Number(record.getBigUint64(40, true)), offset: Number(record.getBigUint64(48, true)) };
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
    path: new TextDecoder().decode(name),
    encrypted: (view.getUint16(at + 8, true) & 1) === 1,
    method: view.getUint16(at + 10, true),
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

/** Where an entry's bytes begin: its local header's name and extra fields may differ from the directory's. */
async function dataStart(zip: Blob, offset: number, name: string): Promise<number> {
  const header = new DataView(await zip.slice(offset, offset + LOCAL_BYTES).arrayBuffer());
  if (header.byteLength < LOCAL_BYTES || header.getUint32(0, true) !== LOCAL) throw noZip(name);
  return offset + LOCAL_BYTES + header.getUint16(26, true) + header.getUint16(28, true);
}

function noZip(name: string): ModelError {
  return new ModelError(
    'malformed',
    `${name} is no zip, or only a part of one.`,
    'Make or download the zip again, or drop the folder itself.',
  );
}
