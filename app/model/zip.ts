/** @file The directory of a model's zip of any size, read from its end; entries stay where they are in the file. */
import { readable } from '../formats/readable';
import {
  DEFLATED,
  dataStart,
  END_SEARCH,
  END64_BYTES,
  findDirectory,
  isPossible,
  localHeaderBytes,
  readDirectory,
  readEnd64,
  STORED,
  type ZipRecord,
} from '../formats/zipDirectory';
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

const MOST_DIRECTORY = 64 * 2 ** 20;
/** A model has some dozens. */
const MOST_ENTRIES = 20_000;

/** The files of a zip, folders left out. @throws ModelError `malformed`, or `unsupported` for what only few programs write. */
export async function readZip(zip: Blob, name: string): Promise<ZipEntry[]> {
  const entries: ZipEntry[] = [];
  const paths = new Set<string>();
  for (const record of await readRecords(zip, name)) {
    const { path, size, packedSize, checksum, method, encrypted } = record;
    if (path.endsWith('/')) continue;
    if (encrypted || (method !== STORED && method !== DEFLATED)) {
      throw new ModelError(
        'unsupported',
        `${readable(path, 200)} in ${name} is ${encrypted ? 'encrypted' : `packed by method ${method}`}; only stored and deflated files are read.`,
        'Make the zip with usual settings, or drop the folder itself.',
      );
    }
    if (!isPossible(record)) throw damagedEntry(path, name);
    const start = dataStart(await piece(zip, record.offset, localHeaderBytes(record)), record);
    if (start === null || start + packedSize > zip.size || paths.has(path)) throw noZip(name);
    paths.add(path);
    const data = zip.slice(start, start + packedSize);
    entries.push({ path, size, packed: method === DEFLATED, checksum, data });
  }
  return entries;
}

async function readRecords(zip: Blob, name: string): Promise<ZipRecord[]> {
  const end = findDirectory(await piece(zip, Math.max(0, zip.size - END_SEARCH), END_SEARCH));
  const place = end && (end.end64 === null ? end : readEnd64(await piece(zip, end.end64, END64_BYTES)));
  if (!place || place.size > MOST_DIRECTORY || place.offset + place.size > zip.size) throw noZip(name);
  const records = readDirectory(await piece(zip, place.offset, place.size), place.count);
  if (!records) throw noZip(name);
  if (records.length <= MOST_ENTRIES) return records;
  throw new ModelError(
    'tooLarge',
    `${name} has ${records.length} files; a model has some dozens, at most ${MOST_ENTRIES} are read.`,
    'Make a zip of the model’s folder alone, or drop the folder itself.',
  );
}

async function piece(zip: Blob, at: number, bytes: number): Promise<Uint8Array> {
  return new Uint8Array(await zip.slice(at, at + bytes).arrayBuffer());
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
