/** @file Weights in memory as a stream, and a stream brought into memory. */
import { floatBytes } from '../formats/floats';
import type { HostTensor, ModelWeights, WeightShape, WeightStream, WeightType } from './spec';

/** Most bytes of one delivery out of memory. */
const PIECE_BYTES = 4 * 2 ** 20;

/** Bytes of an element as stored. */
export function storedElementBytes(dtype: WeightType): number {
  return floatBytes[dtype];
}

/** Bytes of a weight as stored. */
export function storedBytes({ dtype, shape }: WeightShape): number {
  return shape.reduce((product, n) => product * n, storedElementBytes(dtype));
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
