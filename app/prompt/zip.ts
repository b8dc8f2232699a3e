/**
 * @file Small zip files read with limits: an archive that would grow beyond them, is cut short, or fails its checksums is
 * refused before its content is used.
 */
import { inflateSync } from 'fflate';
import { decompress as decompressLzma } from 'lzma1';
import { crc32 } from '../formats/crc32';
import { readable } from '../formats/readable';
import {
  DEFLATED,
  dataStart,
  END_SEARCH,
  END64_BYTES,
  findDirectory,
  isPossible,
  LZMA,
  localHeaderBytes,
  readDirectory,
  readEnd64,
  STORED,
  type ZipRecord,
} from '../formats/zipDirectory';
import { PromptError } from './errors';

/** Largest content of one archive, in bytes once unpacked. The largest prefix of a model for a browser is a tenth of it. */
export const largestContent = 256 * 1024 * 1024;
const mostEntries = 1000;
/** Of one file packed by LZMA, which is slow to unpack: KoboldAI's largest prompt, 2047 rows of 8192 numbers. */
const largestLzma = 64 * 1024 * 1024;

/**
 * The archive's files for which `wanted` says yes, by their full names; `names` lists all of them.
 * @throws PromptError when the archive is damaged or too large
 */
export function unpackZip(
  bytes: Uint8Array,
  fileName: string,
  wanted: (name: string) => boolean,
): { names: string[]; files: Map<string, Uint8Array> } {
  const records = readRecords(bytes, fileName);
  const files = new Map<string, Uint8Array>();
  let total = 0;
  for (const record of records) {
    // A name that is damaged in the directory would make its file one that nobody wants.
    if (startOf(bytes, record) === null) {
      throw damaged(fileName, `${readable(record.path, 80)} is not where it should be`);
    }
    if (!wanted(record.path)) continue;
    total += record.size;
    if (total > largestContent) {
      throw new PromptError(
        `Expected at most ${largestContent / 2 ** 20} MiB of content, ${fileName} unpacks to more.`,
        'Choose the zip of a prompt, not of a model.',
      );
    }
    if (files.has(record.path)) {
      throw damaged(fileName, `it has two files named ${readable(record.path, 80)}`);
    }
    files.set(record.path, unpack(bytes, record, fileName));
  }
  return { names: records.map(({ path }) => path), files };
}

function readRecords(bytes: Uint8Array, fileName: string): ZipRecord[] {
  const end = findDirectory(bytes.subarray(-END_SEARCH));
  if (!end) throw damaged(fileName, 'its directory, which stands at the end, is missing');
  const place =
    end.end64 === null
      ? end
      : readEnd64(bytes.subarray(end.end64, Math.min(end.end64 + END64_BYTES, bytes.length)));
  if (!place || place.offset + place.size > bytes.length)
    throw damaged(fileName, 'its directory is cut short');
  if (place.count > mostEntries) {
    throw new PromptError(
      `Expected at most ${mostEntries} files, ${fileName} has ${place.count}.`,
      'Choose the zip of a prompt.',
    );
  }
  const records = readDirectory(bytes.subarray(place.offset, place.offset + place.size), place.count);
  if (!records) throw damaged(fileName, 'its directory is cut short');
  return records;
}

function startOf(bytes: Uint8Array, record: ZipRecord): number | null {
  const { offset, packedSize } = record;
  const start = dataStart(bytes.subarray(offset, offset + localHeaderBytes(record)), record);
  return start === null || start + packedSize > bytes.length ? null : start;
}

/** An entry's content, held to the size and checksum that the directory gives. */
function unpack(bytes: Uint8Array, record: ZipRecord, fileName: string): Uint8Array {
  const { path, packedSize, size, method, checksum, encrypted } = record;
  const name = readable(path, 80);
  if (encrypted || ![STORED, DEFLATED, LZMA].includes(method)) {
    throw new PromptError(
      `Expected plain, deflated or LZMA files in the zip, ${name} in ${fileName} is ${encrypted ? 'encrypted' : `packed by method ${method}`}.`,
      'Unpack the zip with another program and drop its files.',
    );
  }
  if (method === LZMA && size > largestLzma) {
    throw new PromptError(
      `Expected at most ${largestLzma / 2 ** 20} MiB packed by LZMA, ${name} in ${fileName} has ${Math.ceil(size / 2 ** 20)} MiB.`,
      'Unpack the zip with another program and drop its files.',
    );
  }
  const start = startOf(bytes, record);
  if (start === null) throw damaged(fileName, `${name} is not where it should be`);
  if (!isPossible(record))
    throw damaged(fileName, `${name} cannot have the ${size} bytes that the directory gives`);
  const packed = bytes.subarray(start, start + packedSize);
  let content: Uint8Array;
  try {
    if (method === STORED) content = packed;
    else if (method === DEFLATED) content = inflateSync(packed, { out: new Uint8Array(size) });
    else content = unpackLzma(packed, size);
  } catch (cause) {
    throw damaged(fileName, `${name} cannot be unpacked`, cause);
  }
  if (content.length !== size || crc32(content) !== checksum) {
    throw damaged(fileName, `${name} does not have the size and checksum that the archive's directory gives`);
  }
  return content;
}

/**
 * LZMA as zip has it (APPNOTE 5.8): version, length of the properties, properties, stream. The library takes the form
 * of .lzma files: properties, length of the content, stream.
 */
function unpackLzma(packed: Uint8Array, size: number): Uint8Array {
  const properties = packed.subarray(4, 9);
  if (packed.length < 9 || packed[2] !== 5 || packed[3] !== 0 || properties[0] > 127) {
    throw new Error('Not the usual properties.');
  }
  const alone = new Uint8Array(13 + packed.length - 9);
  alone.set(properties);
  const view = new DataView(alone.buffer);
  // A dictionary as long as the content does: what a file asks for beyond that would only be memory.
  view.setUint32(1, Math.min(view.getUint32(1, true), Math.max(4096, size)), true);
  view.setBigUint64(5, BigInt(size), true);
  alone.set(packed.subarray(9), 13);
  return decompressLzma(alone);
}

function damaged(fileName: string, reason: string, cause?: unknown): PromptError {
  return new PromptError(
    `Expected a complete zip, ${fileName} is truncated or damaged: ${reason}.`,
    'Download or copy the file again.',
    { cause },
  );
}
