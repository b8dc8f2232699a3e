/** @file Measures of a model's embedding table, what lengths and nearness of virtual tokens are compared with. */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../engine/engine';
import { createRandom } from '../formats/random';

export interface EmbeddingMeasures {
  /** Root mean square of the table's elements. */
  elementRms: number;
  /** Root mean square of the rows' Euclidean norms: `elementRms · √hidden`. */
  rowRms: number;
  /** Median cosine of a real token's nearest other real token, over a sample. */
  baseline: number;
}

/** Elements looked at a time: bounds the memory that measuring a large vocabulary takes to 16 MB. */
const chunkElements = 4_000_000;
/** Real tokens in the sample for `baseline`, and how many are compared with the whole table at a time. */
const sampleSize = 256;
const sampleChunk = 32;

/**
 * Measures the engine's embedding table, as the first block receives it. Once a model; takes one pass over the
 * table and the comparison of up to 256 seeded rows with all of it.
 */
export async function measureEmbeddings(engine: Engine, seed: number): Promise<EmbeddingMeasures> {
  const elementRms = await measureRms(engine);
  return {
    elementRms,
    rowRms: elementRms * Math.sqrt(engine.spec.hidden),
    baseline: await measureBaseline(engine, seed),
  };
}

async function measureRms(engine: Engine): Promise<number> {
  const { vocabSize, hidden } = engine.spec;
  const rows = Math.max(1, Math.floor(chunkElements / hidden));
  let sum = 0;
  for (let start = 0; start < vocabSize; start += rows) {
    const ids = Int32Array.from({ length: Math.min(rows, vocabSize - start) }, (_, i) => start + i);
    // Means in float32, their sum in float64: a plain float32 sum over a table of 10⁸ elements would drift.
    const mean = tf.tidy(() => tf.mean(tf.mean(tf.square(engine.embed(ids)), 1)));
    sum += (await mean.data())[0] * ids.length;
    mean.dispose();
  }
  return Math.sqrt(sum / vocabSize);
}

async function measureBaseline(engine: Engine, seed: number): Promise<number> {
  const sample = sampleIds(engine.spec.vocabSize, sampleSize, seed);
  const cosines: number[] = [];
  for (let start = 0; start < sample.length; start += sampleChunk) {
    const ids = sample.slice(start, start + sampleChunk);
    const vectors = engine.embed(ids);
    try {
      const neighbours = await engine.nearest(vectors, 2, 'cosine');
      neighbours.forEach((row, i) => {
        const other = row.find((neighbour) => neighbour.tokenId !== ids[i]);
        if (other && Number.isFinite(other.value)) cosines.push(other.value);
      });
    } finally {
      vectors.dispose();
    }
  }
  return median(cosines);
}

/** Up to `count` distinct ids below `vocabSize`, the same for the same seed. */
function sampleIds(vocabSize: number, count: number, seed: number): Int32Array {
  if (vocabSize <= count) return Int32Array.from({ length: vocabSize }, (_, i) => i);
  const random = createRandom(seed).next;
  const ids = new Set<number>();
  while (ids.size < count) ids.add(Math.floor(random() * vocabSize));
  return Int32Array.from(ids);
}

function median(values: number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
