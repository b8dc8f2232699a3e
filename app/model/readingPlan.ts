/** @file Which bytes of which file become which bytes of which canonical weight. Found and checked before any weight is read. */
import { commonType, isQuantised } from '../engine/quantised';
import type { StoredType, WeightShape } from '../engine/spec';
import { storedBytes } from '../engine/weightStream';
import type { TensorEntry } from '../formats/safetensors';
import type { StoredTensor } from './checkpoint';
import { isWeightType, weightTypeBytes } from './dtype';
import { ModelError } from './errors';
import type { TensorPart, WeightSource } from './families';

/** A tensor's place in a canonical weight. */
export interface Placement {
  weight: string;
  /** Where the tensor's first byte goes, in bytes of the weight. */
  offset: number;
  part: TensorPart;
  from: StoredType;
  to: StoredType;
}

/** A tensor that is needed, in its file. */
export interface TensorReading {
  tensor: string;
  begin: number;
  end: number;
  placements: Placement[];
}

export interface ReadingPlan {
  shapes: ReadonlyMap<string, WeightShape>;
  /** Per file what to take from it, from its start to its end. Files that hold nothing needed are left out. */
  files: ReadonlyMap<string, readonly TensorReading[]>;
  /** Weights whose pieces do not begin at multiples of 4 bytes: they are put together before they are delivered. */
  assembled: ReadonlySet<string>;
}

/**
 * Plans the reading of every weight of a model.
 * @throws ModelError `missingTensor`, `wrongShape`, or `unsupported` for a type that is no weight type.
 */
export function planReading(
  sources: readonly WeightSource[],
  tensors: ReadonlyMap<string, StoredTensor>,
): ReadingPlan {
  const shapes = new Map<string, WeightShape>();
  const assembled = new Set<string>();
  const readings = new Map<string, TensorReading & { file: string }>();
  for (const source of sources) {
    const found = source.parts.map((part) => check(part, tensors));
    const types = found.map(({ entry }) => entry.dtype as StoredType);
    const to = types.reduce(together);
    shapes.set(source.name, { dtype: to, shape: source.shape });
    let offset = 0;
    for (const [i, part] of source.parts.entries()) {
      const { file, entry } = found[i];
      const reading = readings.get(part.name) ?? {
        file,
        tensor: part.name,
        begin: entry.begin,
        end: entry.end,
        placements: [],
      };
      reading.placements.push({ weight: source.name, offset, part, from: types[i], to });
      readings.set(part.name, reading);
      if (offset % 4 !== 0 || blockBytes(part, to) % 4 !== 0) assembled.add(source.name);
      offset += storedBytes({ dtype: to, shape: part.shape });
    }
  }
  const files = new Map<string, TensorReading[]>();
  const inOrder = [...readings.values()].sort((a, b) => a.begin - b.begin);
  for (const { file, ...reading } of inOrder) files.set(file, [...(files.get(file) ?? []), reading]);
  return { shapes, files, assembled };
}

/** What parts of two types become in one weight: codes another type of codes, all else floats. */
function together(a: StoredType, b: StoredType): StoredType {
  if (a === b) return a;
  return isQuantised(a) && isQuantised(b) ? commonType(a, b) : 'F32';
}

/** Codes are read where their rows keep their order; only sources of this program's own have them. */
function isReadAsCodes({ layout }: TensorPart, { dtype, shape, begin, end }: TensorEntry): boolean {
  return (
    isQuantised(dtype) &&
    shape.length === 2 &&
    layout === 'stored' &&
    end - begin === storedBytes({ dtype, shape })
  );
}

/** Bytes that stay together when a tensor's rows change places; 0 where they do not. */
export function blockBytes({ layout, shape }: TensorPart, dtype: StoredType): number {
  if (typeof layout === 'string') return 0;
  return storedBytes({ dtype, shape }) / (3 * layout.qkvByHead);
}

function shapeText(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`;
}

function check(part: TensorPart, tensors: ReadonlyMap<string, StoredTensor>): StoredTensor {
  const found = tensors.get(part.name);
  const expected = shapeText(part.shape);
  if (!found) {
    throw new ModelError(
      'missingTensor',
      `The weights have no tensor "${part.name}", which should be ${expected}.`,
      'The file may belong to another model than config.json, or hold only a part of this one.',
    );
  }
  const { dtype, shape } = found.entry;
  if (shapeText(shape) !== expected) {
    throw new ModelError(
      'wrongShape',
      `Tensor "${part.name}" is ${shapeText(shape)}; by config.json it should be ${expected}.`,
      'config.json and the weights must come from the same model.',
    );
  }
  if (!isWeightType(dtype) && !isReadAsCodes(part, found.entry)) {
    throw new ModelError(
      'unsupported',
      `Tensor "${part.name}" is stored as ${dtype}; supported are ${Object.keys(weightTypeBytes).join(', ')}.`,
      'Choose a version of the model that is not quantised, stored in one of these types.',
    );
  }
  return found;
}
