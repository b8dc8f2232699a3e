/** @file What every virtual token is nearest to, and how far it has moved. */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, Neighbour } from '../engine/engine';
import type { EmbeddingMeasures } from './measures';

/** One virtual token and its nearest vocabulary. */
export interface VirtualTokenRow {
  index: number;
  neighbours: (Neighbour & { text: string })[];
  /** Euclidean distance from where it started, as a multiple of the embedding table's RMS row norm. */
  moved: number;
  norm: number;
}

export interface NeighbourTable {
  step: number;
  rows: VirtualTokenRow[];
  /** Median cosine of a real token's nearest other real token: what "near" means in this model. */
  baseline: number;
}

/** Vocabulary tokens listed for each virtual token. */
const listed = 5;

export interface NeighbourQuery {
  engine: Engine;
  /** The prompt now, `[virtualTokens, hidden]`; stays the caller's. */
  vectors: tf.Tensor2D;
  /** Where it started, same shape; stays the caller's. */
  initial: tf.Tensor2D;
  /** Steps made. */
  step: number;
  measures: EmbeddingMeasures;
  /** A token's text as the page shows it. */
  textOf(tokenId: number): string;
}

/** Virtual tokens in order, each with its five nearest vocabulary tokens by cosine, nearest first. */
export async function neighbourTable(query: NeighbourQuery): Promise<NeighbourTable> {
  const { engine, vectors, initial, step, measures, textOf } = query;
  const lengths = tf.tidy(() => tf.stack([tf.norm(tf.sub(vectors, initial), 2, 1), tf.norm(vectors, 2, 1)]));
  try {
    const k = Math.min(listed, engine.spec.vocabSize);
    const [[moved, norm], neighbours] = await Promise.all([
      lengths.array() as Promise<[number[], number[]]>,
      engine.nearest(vectors, k, 'cosine'),
    ]);
    const rows = neighbours.map((row, index) => ({
      index,
      neighbours: row.map((neighbour) => ({ ...neighbour, text: textOf(neighbour.tokenId) })),
      // A table of zeros has no length to compare with.
      moved: measures.rowRms > 0 ? moved[index] / measures.rowRms : 0,
      norm: norm[index],
    }));
    return { step, rows, baseline: measures.baseline };
  } finally {
    lengths.dispose();
  }
}
