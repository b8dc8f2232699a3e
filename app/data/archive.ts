/**
 * @file The datasets in a zip, unpacked with limits and checked against their checksums. PKWARE APPNOTE 6.3: end record
 * (4.3.16), directory entries (4.3.12), local headers (4.3.7).
 */
import { inflateSync } from 'fflate';
import { crc32 } from '../formats/crc32';
import { DataError } from './errors';
import { MAX_BYTES } from './table';
import type { DataFile } from './types';

const END = 0x06054b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;
const MOST_ENTRIES = 1000;
/** What a zip may unpack to. */
const MOST_UNPACKED = 2 * MAX_BYTES;

/** Files that systems and tools put beside people's data. */
const LEFT_OUT = /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)|\/$/i;

/**
 * The files of a zip, named by their path in it; those that only systems write are left out.
 * @throws DataError where it is damaged, packed in a way that few programs use, or would unpack to too much
 */
export function unpackArchive(name: string, bytes: Uint8Array): DataFile[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const files: DataFile[] = [];
  let total = 0;
  for (const entry of readDirectory(name, view)) {
    if (LEFT_OUT.test(entry.path)) continue;
    total += entry.size;
    if (total > MOST_UNPACKED) {
      throw new DataError(`“${name}” unpacks to more than ${MOST_UNPACKED / 2 ** 20} MB.`, {
        hint: 'Unpack it and drop the files that the task needs.',
      });
    }
    files.push({ name: entry.path, bytes: unpack(name, view, bytes, entry) });
  }
  return files;
}

interface Entry {
  path: string;
  method: number;
  encrypted: boolean;
  checksum: number;
  packed: number;
  size: number;
  offset: number;
}

function readDirectory(name: string, view: DataView): Entry[] {
  let end = view.byteLength - 22;
  const first = Math.max(0, end - 0xffff);
  while (end >= first && view.getUint32(end, true) !== END) end--;
  if (end < first) throw damaged(name, 'its directory, which stands at the end, is missing');
  const count = view.getUint16(end + 10, true);
  if (count > MOST_ENTRIES) {
    throw new DataError(
      `“${name}” has ${count === 0xffff ? 'too many' : count} files; at most ${MOST_ENTRIES} are read.`,
      {
        hint: 'Unpack it and drop the files that hold the dataset.',
      },
    );
  }
  const entries: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY)
      throw damaged(name, 'its directory is cut short');
    const nameLength = view.getUint16(at + 28, true);
    const path = new Uint8Array(view.buffer, view.byteOffset + at + 46, Math.min(nameLength, end - at - 46));
    entries.push({
      path: new TextDecoder().decode(path).replaceAll('\\', '/'),
      encrypted: (view.getUint16(at + 8, true) & 1) === 1,
      method: view.getUint16(at + 10, true),
      checksum: view.getUint32(at + 16, true),
      packed: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return entries;
}

function unpack(name: string, view: DataView, bytes: Uint8Array, entry: Entry): Uint8Array {
  const { path, method, encrypted, packed, size, offset } = entry;
  if (encrypted || (method !== 0 && method !== 8)) {
    throw new DataError(
      `“${path}” in “${name}” is ${encrypted ? 'encrypted' : `packed by method ${method}`}; only stored and deflated files are read.`,
      { hint: 'Make the zip with usual settings, or drop the files themselves.' },
    );
  }
  if (offset + 30 > bytes.length || view.getUint32(offset, true) !== LOCAL) {
    throw damaged(name, `“${path}” is not where the directory says`);
  }
  const start = offset + 30 + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
  if (start + packed > bytes.length) throw damaged(name, `“${path}” is cut short`);
  const data = bytes.subarray(start, start + packed);
  let content: Uint8Array;
  try {
    // Memory of the announced size and no more, whatever the data would unpack to.
    content = method === 0 ? data : inflateSync(data, { out: new Uint8Array(size) });
  } catch (cause) {
    throw damaged(name, `“${path}” does not unpack`, cause);
  }
  if (content.length !== size || crc32(content) !== entry.checksum) {
    throw damaged(name, `“${path}” does not have the size and checksum that the directory gives`);
  }
  return content;
}

function damaged(name: string, reason: string, cause?: unknown): DataError {
  return new DataError(`“${name}” is a damaged or incomplete zip: ${reason}.`, {
    hint: 'Download or copy the file again.',
    cause,
  });
}
