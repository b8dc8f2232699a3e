/** @file Weights in memory as a stream, and a stream brought into memory. */
import { floatBytes, toFloat32 } from '../formats/floats';
import { groupingOf, isQuantised, rowLayout, widenRows } from './quantised';
import type { HostTensor, ModelWeights, StoredType, WeightShape, WeightStream, WeightType } from './spec';

/** Most bytes of one delivery out of memory. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Bytes of an element as stored. */
export function storedElementBytes(dtype: WeightType): number {
  return floatBytes[dtype];
}

/** Bytes of a row of `width` elements as stored. */
export function storedRowBytes(dtype: StoredType, width: number): number {
  const grouping = groupingOf(dtype);
  return grouping ? rowLayout(grouping, width).bytes : width * storedElementBytes(dtype as WeightType);
}

/** Bytes of a weight as stored. */
export function storedBytes({ dtype, shape }: WeightShape): number {
  const rows = shape.slice(0, -1).reduce((product, n) => product * n, 1);
  return rows * storedRowBytes(dtype, shape.at(-1) ?? 1);
}

/** The numbers of a weight. F32 data is viewed, not copied. */
export function widened({ dtype, shape, data }: HostTensor): Float32Array {
  return isQuantised(dtype) ? widenRows(dtype, data, shape[shape.length - 1]) : toFloat32({ dtype, data });
}

/** Weights that are in memory already, as a stream; it can be delivered any number of times. */
export function streamOf(weights: ModelWeights): WeightStream {
  return {
    shapes: weights,
    async deliver(sink) {
      for (const [name, { data }] of weights) {
        for (let at = 0; at < data.byteLength; at += PIECE_BYTES) {
          await sink(name, at, data.subarray(at, at + PIECE_BYTES));
        }
      }
    },
  };
}

/** Every weight in memory: for small models, and for engines that compute there. @throws what the stream throws */
export async function collectWeights(stream: WeightStream): Promise<ModelWeights> {
  const weights = new Map<string, HostTensor>();
  for (const [name, { dtype, shape }] of stream.shapes) {
    weights.set(name, { dtype, shape, data: new Uint8Array(storedBytes({ dtype, shape })) });
  }
  await stream.deliver((name, offset, bytes) => {
    weights.get(name)?.data.set(bytes, offset);
  });
  return weights;
}
