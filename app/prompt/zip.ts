/**
 * @file Small zip files, written the same way each time and read with limits: an archive that would grow beyond
 * them, is cut short, or fails its checksums is refused before its content is used.
 */
import { type UnzipFileInfo, unzipSync, type Zippable, zipSync } from 'fflate';
import { PromptError } from './errors';

/** Largest content of one archive, in bytes once unpacked. The largest prefix of a model for a browser is a tenth of it. */
export const largestContent = 256 * 1024 * 1024;
const mostEntries = 1000;

/** One fixed date (zip's first) so that the same content gives the same bytes. */
const fixedDate = new Date(1980, 0, 1);

/** A zip of these files, deflated where that helps. */
export function packZip(files: Record<string, Uint8Array>): Uint8Array<ArrayBuffer> {
  const zippable: Zippable = {};
  for (const [name, bytes] of Object.entries(files)) zippable[name] = [bytes, { mtime: fixedDate, level: 6 }];
  return zipSync(zippable) as Uint8Array<ArrayBuffer>;
}

/** Whether the bytes begin as a zip does. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && (bytes[2] === 3 || bytes[2] === 5);
}

/**
 * The archive's files for which `wanted` says yes, by their full names; `names` lists all of them.
 * @throws PromptError when the archive is damaged or too large
 */
export function unpackZip(
  bytes: Uint8Array,
  fileName: string,
  wanted: (name: string) => boolean,
): { names: string[]; files: Map<string, Uint8Array> } {
  const checksums = readChecksums(bytes, fileName);
  const names: string[] = [];
  const sizes = new Map<string, number>();
  let total = 0;
  const filter = (info: UnzipFileInfo): boolean => {
    names.push(info.name);
    if (!wanted(info.name)) return false;
    total += info.originalSize;
    if (total > largestContent) {
      throw new PromptError(
        `Expected at most ${largestContent / 2 ** 20} MiB of content, ${fileName} unpacks to more.`,
        'Choose the zip of a prompt, not of a model.',
      );
    }
    sizes.set(info.name, info.originalSize);
    return true;
  };
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, { filter });
  } catch (error) {
    if (error instanceof PromptError) throw error;
    throw damaged(fileName, error instanceof Error ? error.message : String(error), error);
  }
  for (const [name, content] of Object.entries(files)) {
    if (content.length !== sizes.get(name) || crc32(content) !== checksums.get(name)) {
      throw damaged(
        fileName,
        `${name} does not have the size and checksum that the archive's directory gives`,
      );
    }
  }
  return { names, files: new Map(Object.entries(files)) };
}

function damaged(fileName: string, reason: string, cause?: unknown): PromptError {
  return new PromptError(
    `Expected a complete zip, ${fileName} is truncated or damaged: ${reason}.`,
    'Download or copy the file again.',
    { cause },
  );
}

/** CRC-32 of every entry as the archive's central directory gives it (APPNOTE 4.3.12); fflate does not check them. */
function readChecksums(bytes: Uint8Array, fileName: string): Map<string, number> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let end = bytes.length - 22;
  while (end >= 0 && view.getUint32(end, true) !== 0x06054b50) end--;
  if (end < 0) throw damaged(fileName, 'its directory, which stands at the end, is missing');
  const count = view.getUint16(end + 10, true);
  if (count > mostEntries) {
    throw new PromptError(
      `Expected at most ${mostEntries} files, ${fileName} has ${count === 0xffff ? 'more' : count}.`,
      'Choose the zip of a prompt.',
    );
  }
  const checksums = new Map<string, number>();
  let at = view.getUint32(end + 16, true);
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) {
      throw damaged(fileName, 'its directory is cut short');
    }
    const nameLength = view.getUint16(at + 28, true);
    const isUtf8 = (view.getUint16(at + 8, true) & 0x800) !== 0;
    const nameBytes = bytes.subarray(at + 46, at + 46 + nameLength);
    // The same reading of names as fflate's, so that the keys agree.
    const name = isUtf8 ? new TextDecoder().decode(nameBytes) : String.fromCharCode(...nameBytes);
    if (checksums.has(name)) throw damaged(fileName, `it has two files named ${name}`);
    checksums.set(name, view.getUint32(at + 16, true));
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return checksums;
}

const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (crc >>> 8) ^ crcTable[(crc ^ byte) & 0xff];
  return (crc ^ 0xffffffff) >>> 0;
}
