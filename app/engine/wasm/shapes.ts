/** @file Where things lie in WebAssembly's memory, and the shapes that kernels work on. Strides are in elements; an address of 0 stands for what is not there. */
import type { NormSpec, StoredType } from '../spec';

/** A matrix as stored: `[rows, columns]` at an address, one row behind the other. */
export interface StoredMatrix {
  at: number;
  type: StoredType;
  rows: number;
  columns: number;
}

/** Floats at an address, in rows. */
export interface Rows {
  at: number;
  stride: number;
}

export function rowsFrom({ at, stride }: Rows, first: number): Rows {
  return { at: at + 4 * first * stride, stride };
}

/** What both kernels of attention read. */
export interface AttentionShape {
  /** Table of sequences, and how many there are. */
  sequences: number;
  count: number;
  heads: number;
  keyHeads: number;
  headDim: number;
  q: Rows;
  k: Rows;
  /** Stride as k. */
  v: number;
  /** This layer's keys and values of prefixes; a prompt that starts in a row below `prefixRows` is one. */
  prefix: { keys: number; values: number; stride: number; rows: number };
  /** Rows of the slots where only these are queries; else 0. */
  slotRow: number;
  out: Rows;
  statistics: number;
  scale: number;
  softcap: number | null;
  window: number | null;
}

export interface HeadsShape {
  first: number;
  last: number;
  x: Rows;
  /** Heads with the first and with the second weight. */
  heads: [number, number];
  headDim: number;
  /** Addresses of the norms' weights, or 0. */
  weights: [number, number];
  norm: NormSpec | null;
  /** Where the heads are kept as they were before the norm; stride as x. */
  raw: number;
  rowInfo: number;
  map: number;
  /** Table of rotations, and how many dimensions they turn. */
  turns: number;
  dims: number;
}
