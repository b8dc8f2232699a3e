/**
 * @file NumPy's .npy files (format 1, 2 and 3): one matrix of floats. Object arrays are pickles and never read.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
import { decodeFloats, encodeFloat32, type FloatType, floatBytes } from '../formats/floats';
import { readable } from '../formats/readable';
import { checkSound } from './artefact';
import { PromptError } from './errors';
import type { PromptArtefact } from './types';

const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY

/** NumPy itself reads no more of files it does not trust. */
const mostHeaderBytes = 10_000;

/** Whether the bytes begin as a .npy file does. */
export function isNpy(bytes: Uint8Array): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}

/**
 * The prompt as a matrix `[virtualTokens, width]` of little-endian f32, format 1.0, data aligned to 64 bytes.
 * @throws PromptError for a prefix: the file could not say what it is
 */
export function writeNpy(artefact: PromptArtefact): Uint8Array<ArrayBuffer> {
  checkSound(artefact, 'the prompt');
  if (artefact.kind !== 'prompt') {
    throw new PromptError(
      'Expected a prompt of vectors, this is a prefix of keys and values, and a .npy file could not tell the two apart.',
      'Download it as PEFT zip or JSON.',
    );
  }
  const dictionary = `{'descr': '<f4', 'fortran_order': False, 'shape': (${artefact.virtualTokens}, ${artefact.width}), }`;
  const headerLength = Math.ceil((10 + dictionary.length + 1) / 64) * 64 - 10;
  const data = encodeFloat32(artefact.values);
  const file = new Uint8Array(10 + headerLength + data.length);
  file.set([...magic, 1, 0]);
  new DataView(file.buffer).setUint16(8, headerLength, true);
  file.set(new TextEncoder().encode(`${dictionary.padEnd(headerLength - 1)}\n`), 10);
  file.set(data, 10 + headerLength);
  return file;
}

const types = new Map<string, FloatType>([
  ['f2', 'F16'],
  ['f4', 'F32'],
  ['f8', 'F64'],
]);

/**
 * Reads a matrix of f2, f4 or f8 (rounded to f32), of either byte order, row- or column-major.
 * @param voidIsBfloat16 read `V2` as bfloat16, as KoboldAI writes it
 * @throws PromptError for anything else
 */
export function readNpy(bytes: Uint8Array, fileName: string, voidIsBfloat16 = false): PromptArtefact {
  const { descr, fortranOrder, shape, dataStart } = readHeader(bytes, fileName);
  const [, order, code] = /^([<>=|])(\w+)$/.exec(descr) ?? [];
  const type = code === 'V2' && voidIsBfloat16 ? 'BF16' : types.get(code);
  if (!type) {
    const isObject = code === 'O';
    throw new PromptError(
      `Expected an array of f2, f4 or f8, ${fileName} holds "${descr}"${isObject ? ': Python objects, which are pickled' : ''}.`,
      isObject
        ? 'Pickles can run code and are never opened: save again with numpy.save(file, array.astype("float32")).'
        : 'Save again with numpy.save(file, array.astype("float32")).',
    );
  }
  if (shape.length !== 2) {
    throw new PromptError(
      `Expected a matrix [virtual tokens, width], ${fileName} has the shape (${shape.join(', ')}).`,
      'Save the prompt as one matrix, a row for each virtual token.',
    );
  }
  const [virtualTokens, width] = shape;
  const count = virtualTokens * width;
  const found = bytes.length - dataStart;
  const expected = count * floatBytes[type];
  if (found !== expected) {
    throw new PromptError(
      `Expected ${expected} bytes for (${shape.join(', ')}) of ${descr}, ${fileName} has ${found}${found < expected ? ': it is truncated' : ''}.`,
      'Download or copy the file again.',
    );
  }
  const stored = decodeFloats(bytes.subarray(dataStart), type, count, order !== '>');
  const values = fortranOrder ? transpose(stored, width, virtualTokens) : stored;
  const artefact: PromptArtefact = { kind: 'prompt', virtualTokens, width, values, model: {}, card: {} };
  return checkSound(artefact, fileName);
}

/** `[rows, columns]` row-major to `[columns, rows]` row-major. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column];
  }
  return result;
}

interface NpyHeader {
  descr: string;
  fortranOrder: boolean;
  shape: number[];
  dataStart: number;
}

function readHeader(bytes: Uint8Array, fileName: string): NpyHeader {
  const major = bytes[6];
  if (isNpy(bytes) && major === undefined) throw cutHeader(bytes, fileName);
  if (!isNpy(bytes) || !(major >= 1 && major <= 3)) {
    throw new PromptError(
      `Expected a .npy file of format 1 to 3, ${fileName} ${isNpy(bytes) ? `is of format ${major}` : 'does not begin as one'}.`,
      'Save again with numpy.save(file, array.astype("float32")).',
    );
  }
  const start = major === 1 ? 10 : 12;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length =
    bytes.length < start ? Number.NaN : major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const dataStart = start + length;
  if (length > mostHeaderBytes) {
    throw new PromptError(
      `Expected a .npy header of at most ${mostHeaderBytes} bytes, ${fileName} has one of ${length}.`,
      'Save again with numpy.save(file, array.astype("float32")).',
    );
  }
  if (!(dataStart <= bytes.length)) {
    throw cutHeader(bytes, fileName);
  }
  // A Python dictionary of three entries, always written this way by NumPy.
  const text = new TextDecoder(major === 3 ? 'utf-8' : 'latin1').decode(bytes.subarray(start, dataStart));
  const descr = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const shape = /'shape':\s*\(([\d,\s]*)\)/.exec(text)?.[1];
  if (descr === undefined || fortran === undefined || shape === undefined) {
    throw new PromptError(
      `Expected a .npy header with descr, fortran_order and shape of a plain array, ${fileName} has ${JSON.stringify(text.trim().slice(0, 120))}.`,
      'Save again with numpy.save(file, array.astype("float32")).',
    );
  }
  const sizes = shape.split(',').flatMap((size) => (size.trim() === '' ? [] : Number(size)));
  if (sizes.some((size) => !Number.isSafeInteger(size))) {
    throw new PromptError(
      `Expected sizes of an array, ${fileName} has the shape (${readable(shape, 80)}).`,
      'Save again with numpy.save(file, array.astype("float32")).',
    );
  }
  return { descr, fortranOrder: fortran === 'True', shape: sizes, dataStart };
}

function cutHeader(bytes: Uint8Array, fileName: string): PromptError {
  return new PromptError(
    `Expected a whole .npy header, ${fileName} is truncated after ${bytes.length} bytes.`,
    'Download or copy the file again.',
  );
}
