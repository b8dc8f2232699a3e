/**
 * @file Prefix tuning (Li & Liang 2021): keys and values of every layer, learned as they are. It starts as the keys and values
 * that the model itself computes for the words it starts from, so that before the first step it says what they say; the first
 * row stays as it is, since attention rests on it (Eyuboglu et al. 2025, arXiv 2506.06266).
 */
import * as tf from '@tensorflow/tfjs-core';
import { startKeysValues } from '../initialise';
import type { Method, MethodSizes, Tensors } from './method';

/** A step moves keys and values by this part of what it would move a prompt's vectors, both against their size. */
const PACE = 0.15;

/** Rows that are not learned. */
function fixedRows(virtualTokens: number): number {
  return virtualTokens > 1 ? 1 : 0;
}

export function learnedRows(virtualTokens: number): number {
  return virtualTokens - fixedRows(virtualTokens);
}

/** What both methods that make a prefix start from, and the unit that each of its columns is counted in, `[1, prefixWidth]`. */
export function prefixConstants({ virtualTokens, prefixWidth }: MethodSizes) {
  return { start: [virtualTokens, prefixWidth], unit: [1, prefixWidth] };
}

/** The unit of every layer's keys and of its values: their own size, where a prompt's is the embedding table's. */
export function prefixUnits(start: Float32Array, prefixWidth: number, part: number, elementRms: number) {
  const unit = new Float32Array(prefixWidth);
  for (let from = 0; from < prefixWidth; from += part) {
    let squares = 0;
    let count = 0;
    for (let row = 0; row < start.length; row += prefixWidth) {
      for (let i = from; i < from + part; i++) squares += start[row + i] ** 2;
      count += part;
    }
    unit.fill((PACE * Math.sqrt(squares / count)) / elementRms, from, from + part);
  }
  return unit;
}

/** The start with offsets, in units, added to all of its rows but those that are fixed. */
export function offsetPrefix({ start, unit }: Tensors, offsets: tf.Tensor): tf.Tensor2D {
  const [rows, width] = start.shape as [number, number];
  const fixed = fixedRows(rows);
  const moved = tf.mul(offsets, unit);
  return tf.add(start, fixed > 0 ? tf.concat([tf.zeros([fixed, width]), moved]) : moved) as tf.Tensor2D;
}

export const prefix: Method = {
  parameters: ({ virtualTokens, prefixWidth }) => ({
    offsets: [learnedRows(virtualTokens), prefixWidth],
  }),
  constants: prefixConstants,
  async start(engine, settings, source) {
    const { kvHeads, headDim } = engine.spec;
    const start = await startKeysValues(engine, settings, source);
    const width = start.length / settings.virtualTokens;
    const rows = learnedRows(settings.virtualTokens);
    return {
      parameters: { offsets: new Float32Array(rows * width) },
      constants: { start, unit: prefixUnits(start, width, kvHeads * headDim, source.elementRms) },
    };
  },
  rows: ({ offsets }, constants) => offsetPrefix(constants, offsets),
};
