/**
 * @file The safetensors header: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
 * What the tensors mean is the caller's affair. https://github.com/huggingface/safetensors#format
 */

import { z } from 'zod';
import { FormatError } from './errors';
import { floatBytes } from './floats';
import { repeatedKey } from './json';
import { readable } from './readable';
import { foreignContent } from './recognise';
import { schemaFault } from './words';

/** Where a tensor lies in its file: bytes `[begin, end)` counted from the start of the file. */
export interface TensorEntry {
  /** As the file names it; may be a type unknown here. */
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: ReadonlyMap<string, TensorEntry>;
  /** The `__metadata__` strings. */
  metadata: Readonly<Record<string, string>>;
  /** Bytes of length and header together: where tensor data starts. */
  dataStart: number;
}

export interface HeaderOptions {
  /** What messages call the file. */
  file?: string;
  /**
   * As the format's own library reads: tensors must fill the file without a gap, and metadata must be strings.
   * Otherwise gaps and bytes after the last tensor are passed over, and odd metadata counts as none.
   */
  strict?: boolean;
  /** Bytes of the whole file, where only its start is given. */
  fileBytes?: number;
}

/** The limit of the format's own library. */
const maxHeaderBytes = 100_000_000;

/** More than any library's tensors have. */
const maxDimensions = 64;

const downloadAgain = 'Download or copy the file again.';

/** Bytes an element takes, by type. */
const elementBytes = new Map<string, number>([
  ['BOOL', 1],
  ['U8', 1],
  ['I8', 1],
  ['F8_E5M2', 1],
  ['F8_E4M3', 1],
  ['U16', 2],
  ['I16', 2],
  ['U32', 4],
  ['I32', 4],
  ['U64', 8],
  ['I64', 8],
  ...Object.entries(floatBytes),
]);

const natural = z.number().int().nonnegative();
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(natural).max(maxDimensions),
  data_offsets: z.tuple([natural, natural]),
});
const metadataSchema = z.record(z.string(), z.string());

function truncated(message: string): FormatError {
  return new FormatError('truncated', message, downloadAgain);
}

function malformed(message: string, cause?: unknown): FormatError {
  return new FormatError('malformed', message, downloadAgain, { cause });
}

/**
 * Bytes of length and header together, from the first eight bytes of a file.
 * @throws FormatError `truncated` below eight bytes, `otherFormat` where no safetensors header can be that long.
 */
export function safetensorsHeaderBytes(start: Uint8Array, file = 'The file'): number {
  if (start.byteLength < 8) {
    const foreign = foreignContent(start, file, 'a safetensors file', ['empty', 'zeros']);
    if (foreign) throw foreign;
    throw truncated(
      `${file} ends after ${start.byteLength} bytes; a safetensors file starts with an 8-byte header length.`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length < 2n || length > BigInt(maxHeaderBytes)) {
    const foreign = foreignContent(start, file, 'a safetensors file', ['json']);
    if (foreign) throw foreign;
    throw new FormatError(
      'otherFormat',
      `${file} is not a safetensors file: it gives its header's length as ${length} bytes, where 2 to ${maxHeaderBytes} are possible.`,
      'Choose a file that was saved as safetensors.',
    );
  }
  return 8 + Number(length);
}

/**
 * Reads and checks the header of a file that is given whole, or from its first byte to its header's last.
 * @throws FormatError `truncated` when header or tensors reach past the file's end, `malformed` when the header
 * cannot be, `otherFormat` when this is no safetensors file.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  { file = 'The file', strict = false, fileBytes = bytes.byteLength }: HeaderOptions = {},
): SafetensorsHeader {
  const dataStart = safetensorsHeaderBytes(bytes, file);
  if (dataStart > bytes.byteLength) {
    throw truncated(
      `${file} is truncated: its header alone needs ${dataStart} bytes, the file has ${Number.isFinite(fileBytes) ? fileBytes : bytes.byteLength}.`,
    );
  }
  const header = parseJsonObject(bytes.subarray(8, dataStart), file);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = readMetadata(value, file, strict);
    else tensors.set(name, readEntry(name, value, dataStart, file));
  }
  const end = checkLayout(tensors, dataStart, file, strict);
  if (end > fileBytes) {
    throw truncated(`${file} is truncated: its header describes ${end} bytes, the file has ${fileBytes}.`);
  }
  if (strict && end < fileBytes) {
    throw malformed(`${file} has ${fileBytes - end} bytes more than its tensors need.`);
  }
  return { tensors, metadata, dataStart };
}

function parseJsonObject(bytes: Uint8Array, file: string): object {
  let value: unknown;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (cause) {
    throw malformed(`${file} is not a safetensors file: its header is not JSON.`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${file}: the header should be a JSON object of tensors by name.`);
  }
  const repeated = repeatedKey(text);
  if (repeated !== null) throw malformed(`${file}: its header has tensor "${readable(repeated, 80)}" twice.`);
  return value;
}

function readMetadata(value: unknown, file: string, strict: boolean): Record<string, string> {
  const parsed = metadataSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  if (strict) throw malformed(`${file}: the header's metadata must be strings under names.`);
  return {};
}

function readEntry(name: string, value: unknown, dataStart: number, file: string): TensorEntry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    throw malformed(
      `${file}: header entry of tensor "${readable(name, 80)}": ${schemaFault(parsed.error, value)}.`,
    );
  }
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  const size = elementBytes.get(dtype);
  const expected = size === undefined ? end - begin : shape.reduce((product, n) => product * n, size);
  if (end < begin || end - begin !== expected) {
    throw malformed(
      `${file}: tensor "${readable(name, 80)}" (${dtype} [${shape.join(', ')}]) needs ${expected} bytes, its offsets ${begin} to ${end} hold ${end - begin}.`,
    );
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Checks that tensors do not share bytes and, where `strict`, leave none out; returns where the last one ends. */
function checkLayout(
  tensors: ReadonlyMap<string, TensorEntry>,
  dataStart: number,
  file: string,
  strict: boolean,
): number {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = dataStart;
  let previous = '';
  for (const [name, entry] of inOrder) {
    if (entry.begin < end)
      throw malformed(`${file}: tensors "${readable(previous, 80)}" and "${readable(name, 80)}" overlap.`);
    if (strict && entry.begin > end) {
      throw malformed(
        `${file}: tensor "${readable(name, 80)}" should start at byte ${end} and starts at ${entry.begin}: tensors must not leave a gap.`,
      );
    }
    end = entry.end;
    previous = name;
  }
  return end;
}
