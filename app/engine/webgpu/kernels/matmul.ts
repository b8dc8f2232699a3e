/**
 * @file Products with a frozen weight W `[out, in]` as stored: NT is y = x · Wᵀ (+ bias) (+ residual), the forward
 * pass of a linear layer; NN is dx = dy · W, its backward pass. One copy of W serves both.
 *
 * What is done with a product before it is stored (`MatmulShape`) is the same in every division among threads
 * (`MatmulTile`): registers alone, through workgroup memory, or for few rows.
 */
import { type Groups, growsAlongX, growsAlongY } from '../limits';
import { FEW_ROWS_THREADS, fewRowsBody } from './matmulFewRows';
import { registerBody } from './matmulRegisters';
import { workgroupBody } from './matmulWorkgroup';
import { describeProduct, type MatmulShape } from './product';
import { type MatmulTile, SCALAR_TILE } from './tile';
import type { Kernel } from './wgsl';

export interface Matmul {
  kernel: Kernel;
  /** Workgroups for that many rows. */
  groups(rows: number): Groups;
}

/** Most rows of `fewRowsMatmul`. */
export const FEW_ROWS = 4;

/** Bindings: see `describeProduct`. */
export function matmul(shape: MatmulShape, wanted: MatmulTile): Matmul {
  const { product, vec, make } = describeProduct(shape);
  const chosen = vec ? wanted : { ...SCALAR_TILE, depth: wanted.depth };
  // Two products for each column take twice the registers.
  const tile = { ...chosen, fours: Math.max(1, Math.floor(chosen.fours / product.streams)) };
  const body = tile.depth ? workgroupBody(product, tile, tile.depth) : registerBody(product, tile);
  return {
    kernel: make(growsAlongY(...tile.threads), body),
    groups: (count) => [
      Math.ceil(product.outerFours / (tile.fours * tile.threads[0])),
      Math.ceil(count / (tile.rows * tile.threads[1])),
      1,
    ],
  };
}

/** NT for at most `FEW_ROWS` rows, as when tokens are generated one by one. Bindings as before. */
export function fewRowsMatmul(shape: MatmulShape): Matmul {
  const { product, make } = describeProduct(shape);
  return {
    kernel: make(growsAlongX(FEW_ROWS_THREADS), fewRowsBody(product, FEW_ROWS)),
    groups: () => [product.outerFours, 1, 1],
  };
}
