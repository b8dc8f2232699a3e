/**
 * @file The safetensors format: eight bytes of header length, a JSON header, then the tensors.
 * https://github.com/huggingface/safetensors#format
 */
import { z } from 'zod';
import { ModelError } from './errors';

/** Where a tensor lies in its file: bytes `[begin, end)` counted from the start of the file. */
export interface TensorEntry {
  /** As the file names it; may be a type that no weight can have. */
  dtype: string;
  shape: number[];
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  tensors: ReadonlyMap<string, TensorEntry>;
  metadata: Readonly<Record<string, string>>;
  /** Bytes of length and header together: where tensor data starts. */
  dataStart: number;
  /** Bytes the file must have for all tensors to be whole. */
  fileBytes: number;
}

/** The limit of the format's reference implementation. */
const maxHeaderBytes = 100_000_000;

const downloadAgain = 'Download the file again; it must be the whole model.safetensors of the model.';

const bytesOf: Record<string, number> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
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

const natural = z.number().int().nonnegative();
const entrySchema = z.object({
  dtype: z.string(),
  shape: z.array(natural),
  data_offsets: z.tuple([natural, natural]),
});
const metadataSchema = z.record(z.string(), z.string());

/**
 * Bytes of length and header together, from the first eight bytes of a file.
 * @throws ModelError `truncated` below eight bytes, `malformed` where no safetensors header can be that long.
 */
export function headerBytes(start: Uint8Array, file: string): number {
  if (start.byteLength < 8) {
    const message = `${file} ends after ${start.byteLength} bytes; a safetensors file starts with an 8-byte header length.`;
    throw new ModelError('truncated', message, downloadAgain);
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length < 2n || length > BigInt(maxHeaderBytes)) {
    const message = `${file} is not a safetensors file: it gives its header's length as ${length} bytes, where 2 to ${maxHeaderBytes} are possible.`;
    throw new ModelError('malformed', message, 'Choose a model whose weights are stored as safetensors.');
  }
  return 8 + Number(length);
}

/**
 * Reads and checks a header.
 * @param bytes The start of the file, header included (or the whole file).
 * @param fileBytes Length of the whole file; offsets must lie within.
 * @throws ModelError `truncated` when tensors reach past the file's end, `malformed` when the header cannot be.
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  file: string,
  fileBytes = bytes.byteLength,
): SafetensorsHeader {
  const dataStart = headerBytes(bytes, file);
  if (dataStart > bytes.byteLength) {
    const message = `${file} is truncated: its header alone needs ${dataStart} bytes, the file has ${fileBytes}.`;
    throw new ModelError('truncated', message, downloadAgain);
  }
  const header = parseJsonObject(bytes.subarray(8, dataStart), file);
  const tensors = new Map<string, TensorEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      metadata = metadataSchema.safeParse(value).data ?? {};
      continue;
    }
    tensors.set(name, readEntry(name, value, dataStart, file));
  }
  const expected = checkLayout(tensors, dataStart, file);
  if (expected > fileBytes) {
    const message = `${file} is truncated: its header describes ${expected} bytes, the file has ${fileBytes}.`;
    throw new ModelError('truncated', message, downloadAgain);
  }
  return { tensors, metadata, dataStart, fileBytes: expected };
}

function malformed(message: string, cause?: unknown): ModelError {
  return new ModelError('malformed', message, downloadAgain, { cause });
}

function parseJsonObject(bytes: Uint8Array, file: string): object {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed(`${file} is not a safetensors file: its header is not JSON.`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(`${file}: the header should be a JSON object of tensors by name.`);
  }
  return value;
}

function readEntry(name: string, value: unknown, dataStart: number, file: string): TensorEntry {
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw malformed(
      `${file}: header entry of tensor "${name}": ${issue.path.join('.') || 'entry'}: ${issue.message}.`,
    );
  }
  const {
    dtype,
    shape,
    data_offsets: [begin, end],
  } = parsed.data;
  const size = bytesOf[dtype];
  const expected = size === undefined ? end - begin : size * shape.reduce((product, n) => product * n, 1);
  if (end < begin || end - begin !== expected) {
    throw malformed(
      `${file}: tensor "${name}" (${dtype} [${shape.join(', ')}]) needs ${expected} bytes, its offsets ${begin} to ${end} hold ${end - begin}.`,
    );
  }
  return { dtype, shape, begin: dataStart + begin, end: dataStart + end };
}

/** Checks that tensors do not share bytes; returns where the last one ends. */
function checkLayout(tensors: ReadonlyMap<string, TensorEntry>, dataStart: number, file: string): number {
  const inOrder = [...tensors].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let end = dataStart;
  let previous = '';
  for (const [name, entry] of inOrder) {
    if (entry.begin < end) throw malformed(`${file}: tensors "${previous}" and "${name}" overlap.`);
    end = entry.end;
    previous = name;
  }
  return end;
}
