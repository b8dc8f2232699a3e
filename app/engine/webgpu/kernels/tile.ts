/** @file How a product is divided among threads. Which division is fastest depends on the adapter: see `tune.ts`. */

/** What a thread computes and how threads form a workgroup. */
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
export const SCALAR_TILE: MatmulTile = { rows: 4, fours: 1, threads: [8, 8] };
