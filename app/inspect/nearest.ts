/** @file What every virtual token is nearest to, and how far it has moved. */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../engine/engine';
import type { NeighbourTable } from '../training/types';
import type { EmbeddingMeasures } from './measures';

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
