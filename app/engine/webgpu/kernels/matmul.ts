/**
 * @file Products with a frozen weight W `[out, in]` as stored: NT is y = x · Wᵀ (+ bias) (+ residual), the forward
 * pass of a linear layer; NN is dx = dy · W, its backward pass. One copy of W serves both.
 *
 * What is done with a product before it is stored (`MatmulShape`) is the same in every division among threads
 * (`MatmulTile`): registers alone, through workgroup memory, or for few rows.
 */
import { fewRowsBody } from './matmulFewRows';
import { registerBody } from './matmulRegisters';
import { workgroupBody } from './matmulWorkgroup';
import { describeProduct, type MatmulShape } from './product';
import type { Kernel } from './wgsl';

/** What a thread computes and how threads form a workgroup; which is fastest depends on the adapter. */
export interface MatmulTile {
  /** Rows a thread computes. */
  rows: number;
  /** Columns a thread computes, in fours. */
  fours: number;
  /** Threads of a workgroup along columns and rows. */
  threads: readonly [number, number];
  /** Terms of the sums, a multiple of 4, that a workgroup has in its memory at a time; absent where it uses none. */
  depth?: number;
}

export const DEFAULT_TILE: MatmulTile = { rows: 8, fours: 2, threads: [8, 4] };

/** Where rows are no multiple of 4 long every element is loaded by itself; a large tile would be a very long kernel. */
const SCALAR_TILE: MatmulTile = { rows: 4, fours: 1, threads: [8, 8] };

export interface Matmul {
  kernel: Kernel;
  /** Workgroups for that many rows. */
  groups(rows: number): [number, number, number];
}

/** Most rows of `fewRowsMatmul`. */
export const FEW_ROWS = 4;

/** Bindings: see `describeProduct`. */
export function matmul(shape: MatmulShape, wanted: MatmulTile): Matmul {
  const { product, vec, make } = describeProduct(shape);
  const chosen = vec ? wanted : { ...SCALAR_TILE, depth: wanted.depth };
  // Two products for each column take twice the registers.
  const tile = { ...chosen, fours: Math.max(1, Math.floor(chosen.fours / product.streams)) };
  return {
    kernel: make(tile.depth ? workgroupBody(product, tile, tile.depth) : registerBody(product, tile)),
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
    kernel: make(fewRowsBody(product, FEW_ROWS)),
    groups: () => [Math.min(product.outerFours, 32768), Math.ceil(product.outerFours / 32768), 1],
  };
}
