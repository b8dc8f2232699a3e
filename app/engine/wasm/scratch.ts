/** @file How much memory the kernels work in, beside what they read and write. The numbers are the kernels' own (`assembly/`). */

/** Rows and columns of a tile. */
export const TILE_ROWS = 6;
export const PANEL = 8;
/** Words of a list of a tile's addresses. */
const ADDRESSES = 2 * TILE_ROWS;
/** The inner dimension that is packed at a time, and most columns of an item of a product. */
const DEPTH = 384;
export const MOST_COLUMNS = 32;

/** Words in which eight rows of codes are widened a stretch at a time, behind the panels; addresses and tile have them afterwards. */
const STRETCHES = PANEL * 32;

/** Bytes of scratch that each thread needs: for packed panels, and for attention to so many keys. */
export function scratchBytes(headDim: number, keys: number, backward: boolean): number {
  const room = 2 * ADDRESSES + TILE_ROWS * PANEL + MOST_COLUMNS;
  const product = DEPTH * MOST_COLUMNS + Math.max(room, STRETCHES);
  const keyRoom = roundUp(keys, PANEL);
  const width = roundUp(headDim, PANEL);
  const attention = backward
    ? keyRoom * (2 * headDim + 3 * width + 2 * TILE_ROWS) + 3 * TILE_ROWS * width
    : keyRoom * (headDim + width + TILE_ROWS) + TILE_ROWS * width;
  return roundUp(4 * Math.max(product, attention + ADDRESSES), 64);
}

export function roundUp(n: number, to: number): number {
  return Math.ceil(n / to) * to;
}
