/**
 * @file The safetensors header: 8 bytes of header length (little-endian), a JSON header, then the tensors' bytes.
 * Shared by whoever reads such files; what the tensors mean is the caller's affair.
 */

/** Bytes an element takes, by the header's dtype name. */
const elementBytes: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

/** Longest header read, as in the format's own library. */
const longestHeader = 100_000_000;

/** A file that is not what the safetensors format says. `message` tells expected and found, `hint` what to do. */
export class SafetensorsError extends Error {
  override readonly name = 'SafetensorsError';

  constructor(
    message: string,
    readonly hint: string,
  ) {
    super(message);
  }
}

/** Where a tensor lies. `begin` and `end` count bytes from the file's start. */
export interface SafetensorsEntry {
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: Map<string, SafetensorsEntry>;
  /** The `__metadata__` strings; entries that are not strings are an error. */
  metadata: Record<string, string>;
  /** Where the tensors' bytes start, counted from the file's start. */
  dataStart: number;
}

const downloadAgain = 'Download or copy the file again.';

/**
 * Bytes of the file that hold length field and header together, from its first 8 bytes.
 * @throws SafetensorsError when these bytes cannot begin a safetensors file.
 */
export function safetensorsHeaderBytes(firstBytes: Uint8Array): number {
  if (firstBytes.length < 8) {
    throw new SafetensorsError(
      `The file is ${firstBytes.length} bytes long; a safetensors file has at least 10.`,
      downloadAgain,
    );
  }
  const view = new DataView(firstBytes.buffer, firstBytes.byteOffset, 8);
  const length = view.getBigUint64(0, true);
  if (length < 2n || length > BigInt(longestHeader)) {
    throw new SafetensorsError(
      `Expected a header of 2 to ${longestHeader} bytes, the file announces ${length}: this is not a safetensors file.`,
      'Choose a file that was saved as safetensors.',
    );
  }
  return 8 + Number(length);
}

/**
 * Reads the header and checks that the tensors it names fill the file exactly: no gap, no overlap, nothing missing.
 * @param bytes the file, or at least its first `safetensorsHeaderBytes`
 * @param fileBytes length of the whole file in bytes
 * @throws SafetensorsError saying what was expected and found
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes = bytes.length): SafetensorsHeader {
  const dataStart = safetensorsHeaderBytes(bytes.subarray(0, 8));
  if (dataStart > bytes.length || dataStart > fileBytes) {
    throw new SafetensorsError(
      `The file is truncated: its header needs ${dataStart} bytes, ${Math.min(bytes.length, fileBytes)} are there.`,
      downloadAgain,
    );
  }
  const json = parseJson(bytes.subarray(8, dataStart));
  const tensors = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') metadata = readMetadata(value);
    else tensors.set(name, readEntry(name, value, dataStart));
  }
  checkLayout(tensors, dataStart, fileBytes);
  return { tensors, metadata, dataStart };
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new SafetensorsError('The safetensors header is not valid JSON.', downloadAgain);
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new SafetensorsError('The safetensors header is not a JSON object.', downloadAgain);
  }
  return json as Record<string, unknown>;
}

function readMetadata(value: unknown): Record<string, string> {
  const isRecord = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isRecord || Object.values(value).some((entry) => typeof entry !== 'string')) {
    throw new SafetensorsError('The safetensors metadata must be strings under names.', downloadAgain);
  }
  return value as Record<string, string>;
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function readEntry(name: string, value: unknown, dataStart: number): SafetensorsEntry {
  const entry = (value ?? {}) as { dtype?: unknown; shape?: unknown; data_offsets?: unknown };
  const { dtype, shape, data_offsets: offsets } = entry;
  if (
    typeof dtype !== 'string' ||
    !Array.isArray(shape) ||
    !shape.every(isCount) ||
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount)
  ) {
    throw new SafetensorsError(
      `The header's entry of tensor "${name}" is not {dtype, shape, data_offsets}.`,
      downloadAgain,
    );
  }
  const [begin, end] = offsets as [number, number];
  const width = elementBytes[dtype];
  if (width !== undefined) {
    const expected = shape.reduce((product: number, size: number) => product * size, width);
    if (end - begin !== expected) {
      throw new SafetensorsError(
        `Tensor "${name}" of type ${dtype} and shape [${shape.join(', ')}] needs ${expected} bytes, its offsets span ${end - begin}.`,
        downloadAgain,
      );
    }
  }
  return { dtype, shape: shape as number[], begin: dataStart + begin, end: dataStart + end };
}

function checkLayout(tensors: Map<string, SafetensorsEntry>, dataStart: number, fileBytes: number): void {
  let position = dataStart;
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, entry] of inOrder) {
    if (entry.begin !== position || entry.end < entry.begin) {
      throw new SafetensorsError(
        `Tensor "${name}" should start at byte ${position} and starts at ${entry.begin}: tensors overlap or leave a gap.`,
        downloadAgain,
      );
    }
    position = entry.end;
  }
  if (fileBytes < position) {
    throw new SafetensorsError(
      `The file is truncated: its tensors need ${position} bytes, ${fileBytes} are there.`,
      downloadAgain,
    );
  }
  if (fileBytes > position) {
    throw new SafetensorsError(
      `The file has ${fileBytes - position} bytes more than its tensors need.`,
      downloadAgain,
    );
  }
}
