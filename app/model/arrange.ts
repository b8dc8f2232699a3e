/** @file Rows and columns of stored matrices in another order. Elements are integers of their size: no number formats. */
import type { WeightType } from '../engine/spec';
import { weightTypeBytes } from './dtype';

type Elements = Uint16Array | Uint32Array;

/** Bytes, at a multiple of 4, as elements. */
function elements(bytes: Uint8Array, dtype: WeightType): Elements {
  const length = bytes.byteLength / weightTypeBytes[dtype];
  return weightTypeBytes[dtype] === 2
    ? new Uint16Array(bytes.buffer, bytes.byteOffset, length)
    : new Uint32Array(bytes.buffer, bytes.byteOffset, length);
}

/**
 * Columns `[firstColumn, firstColumn + count)` of `[rows, columns]` as rows, into the start of `to`. In tiles that
 * stay in the cache. Both begin at a multiple of 4 in their buffers.
 */
export function transposeColumns(
  stored: Uint8Array,
  to: Uint8Array,
  dtype: WeightType,
  [rows, columns]: readonly number[],
  firstColumn: number,
  count: number,
): void {
  const from = elements(stored, dtype);
  const turned = elements(to, dtype);
  const tile = 32;
  for (let top = 0; top < rows; top += tile) {
    const bottom = Math.min(top + tile, rows);
    for (let left = 0; left < count; left += tile) {
      const right = Math.min(left + tile, count);
      for (let column = left; column < right; column++) {
        for (let row = top; row < bottom; row++) {
          turned[column * rows + row] = from[row * columns + firstColumn + column];
        }
      }
    }
  }
}

/**
 * Where a block of one head's rows goes: from `[head][query, key, value]` to `[query, key, value][head]`.
 * @param block Which one, in stored order.
 * @returns which one in the new order
 */
export function qkvBlock(block: number, heads: number): number {
  const head = Math.floor(block / 3);
  const kind = block % 3;
  return kind * heads + head;
}
