/** @file Canonical weights out of a checkpoint: found, checked, and brought to `[out, in]` in canonical row order. */
import type { HostTensor, ModelWeights, WeightType } from '../engine/spec';
import { toFloat32 } from '../formats/floats';
import type { TensorEntry } from '../formats/safetensors';
import { concatBytes } from './bytes';
import { isWeightType, weightTypeBytes } from './dtype';
import { ModelError } from './errors';
import type { TensorPart, WeightSource } from './families';

/** A tensor and the file (or part of one) that holds it. */
export interface StoredTensor {
  entry: TensorEntry;
  /** The file, from its first byte. */
  file: Uint8Array;
}
export type Checkpoint = ReadonlyMap<string, StoredTensor>;

/**
 * Builds every weight of a model. Tensors stored as they are needed are views of the file where alignment allows.
 * @throws ModelError `missingTensor`, `wrongShape`, or `unsupported` for a type that is no weight type.
 */
export function readWeights(sources: readonly WeightSource[], checkpoint: Checkpoint): ModelWeights {
  for (const source of sources) for (const part of source.parts) check(part, checkpoint);
  return new Map(sources.map((source) => [source.name, build(source, checkpoint)]));
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function check(part: TensorPart, checkpoint: Checkpoint): void {
  const found = checkpoint.get(part.name)?.entry;
  const expected = shapeText(part.shape);
  if (!found) {
    throw new ModelError(
      'missingTensor',
      `The weights have no tensor "${part.name}", which should be ${expected}.`,
      'The file may belong to another model than config.json, or hold only a part of this one.',
    );
  }
  if (shapeText(found.shape) !== expected) {
    throw new ModelError(
      'wrongShape',
      `Tensor "${part.name}" is ${shapeText(found.shape)}; by config.json it should be ${expected}.`,
      'config.json and the weights must come from the same model.',
    );
  }
  if (!isWeightType(found.dtype)) {
    throw new ModelError(
      'unsupported',
      `Tensor "${part.name}" is stored as ${found.dtype}; supported are ${Object.keys(weightTypeBytes).join(', ')}.`,
      'Choose a version of the model that is not quantised, stored in one of these types.',
    );
  }
}

function build({ shape, parts }: WeightSource, checkpoint: Checkpoint): HostTensor {
  const tensors = parts.map((part): HostTensor => {
    const { entry, file } = checkpoint.get(part.name) as StoredTensor;
    const dtype = entry.dtype as WeightType;
    const stored = aligned(file.subarray(entry.begin, entry.end));
    return { dtype, shape: part.shape, data: arrange(stored, dtype, part) };
  });
  if (tensors.length === 1) return { ...tensors[0], shape };
  const [{ dtype }] = tensors;
  const same = tensors.every((tensor) => tensor.dtype === dtype);
  const pieces = same
    ? tensors.map((tensor) => tensor.data)
    : tensors.map((tensor) => bytesOf(toFloat32(tensor)));
  return { dtype: same ? dtype : 'F32', shape, data: concatBytes(pieces) };
}

function bytesOf(values: ArrayBufferView): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** The bytes at an offset divisible by 4; safetensors promises none. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
}

/** Elements as integers of their size: rearranging needs no number formats. */
type Elements = Uint16Array | Uint32Array;

function elements(bytes: Uint8Array, dtype: WeightType): Elements {
  const length = bytes.byteLength / weightTypeBytes[dtype];
  return weightTypeBytes[dtype] === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, length)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, length);
}

function arrange(stored: Uint8Array, dtype: WeightType, { shape, layout }: TensorPart): Uint8Array {
  if (layout === 'stored') return stored;
  const from = elements(stored, dtype);
  const to = from instanceof Uint16Array ? new Uint16Array(from.length) : new Uint32Array(from.length);
  if (layout === 'transposed') transpose(from, to, shape[0], shape[1]);
  else splitHeads(from, to, layout.qkvByHead);
  return bytesOf(to);
}

/** `[rows, columns]` to `[columns, rows]`, in tiles that stay in the cache. */
function transpose(from: Elements, to: Elements, rows: number, columns: number): void {
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < columns; left += tile) {
      const right = Math.min(left + tile, columns);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) to[column * rows + row] = from[row * columns + column];
      }
    }
  }
}

/** Rows `[head][query, key, value][headDim]` to `[query, key, value][head][headDim]`. */
function splitHeads(from: Elements, to: Elements, heads: number): void {
  const block = from.length / (3 * heads);
  for (let head = 0; head < heads; head++) {
    for (let kind = 0; kind < 3; kind++) {
      const start = (head * 3 + kind) * block;
      to.set(from.subarray(start, start + block), (kind * heads + head) * block);
    }
  }
}
