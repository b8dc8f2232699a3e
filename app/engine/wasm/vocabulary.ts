/** @file Questions to the embedding table: rows of tokens, and the rows nearest to vectors. */
import * as tf from '@tensorflow/tfjs-core';
import type { Metric, Neighbour } from '../engine';
import { storedRowBytes, widened } from '../weightStream';
import { scratchBytes } from './scratch';
import type { StepRunner } from './steps';

/** Bytes of products with the table at one time. */
const PRODUCT_BYTES = 16 * 2 ** 20;

export class Vocabulary {
  /** Squared lengths of the table's rows, made when first asked for. */
  private tableSquares = 0;

  constructor(private readonly steps: StepRunner) {}

  /** Embeddings `[n, hidden]`, in tfjs's present scope. @throws RangeError on a token outside the vocabulary */
  embed(tokenIds: Int32Array): tf.Tensor2D {
    const { spec, weights, pool } = this.steps;
    const { at, type, columns } = weights.embedding;
    const rowBytes = storedRowBytes(type, columns);
    const values = new Float32Array(tokenIds.length * columns);
    tokenIds.forEach((id, i) => {
      if (id < 0 || id >= spec.vocabSize) {
        throw new RangeError(`Token ${id} is outside the vocabulary of ${spec.vocabSize}.`);
      }
      const data = pool.heap.bytes.slice(at + id * rowBytes, at + (id + 1) * rowBytes);
      const row = widened({ dtype: type, shape: [1, columns], data });
      for (let j = 0; j < columns; j++) values[i * columns + j] = Math.fround(row[j] * spec.embedScale);
    });
    return tf.tensor2d(values, [tokenIds.length, columns]);
  }

  /** The k nearest rows to each vector, nearest first. */
  nearest(vectors: tf.Tensor2D, k: number, metric: Metric): Neighbour[][] {
    const { spec, weights, pool } = this.steps;
    const [count, width] = vectors.shape;
    const most = Math.min(k, spec.vocabSize);
    if (count === 0 || most === 0) return Array.from({ length: count }, () => []);
    const chunk = Math.max(1, Math.min(count, Math.floor(PRODUCT_BYTES / (4 * spec.vocabSize))));
    const values = vectors.dataSync() as Float32Array;
    const scratchEach = scratchBytes(spec.headDim, 0, false);
    const blocks: number[] = [];
    const allocate = (words: number) => {
      const at = pool.heap.allocate(4 * words);
      blocks.push(at);
      return at;
    };
    try {
      const scratch = { scratch: allocate((pool.threads * scratchEach) / 4), scratchBytes: scratchEach };
      this.makeTableSquares(scratch);
      const own = allocate(chunk * width);
      const squares = allocate(chunk);
      const products = allocate(chunk * spec.vocabSize);
      const found = { values: allocate(chunk * most), ids: allocate(chunk * most) };
      const neighbours: Neighbour[][] = [];
      for (let start = 0; start < count; start += chunk) {
        const rows = Math.min(chunk, count - start);
        this.steps.patiently(() => {
          const list = this.steps.list();
          // The table's rows are scaled when they are looked up: so must be the products with them.
          const { floats } = pool.heap;
          for (let i = 0; i < rows; i++) {
            let square = 0;
            for (let j = 0; j < width; j++) {
              const value = values[(start + i) * width + j];
              square += value * value;
              floats[own / 4 + i * width + j] = value * spec.embedScale;
            }
            floats[squares / 4 + i] = square;
          }
          list.matmul({
            form: 'NT',
            rows,
            weight: weights.embedding,
            a: { at: own, stride: width },
            c: { at: products, stride: spec.vocabSize },
          });
          list.nearest({
            vectors: rows,
            rows: spec.vocabSize,
            k: most,
            euclidean: metric === 'euclidean',
            products,
            tableSquares: this.tableSquares,
            squares,
            ...found,
          });
          pool.run(list, scratch);
        });
        const { floats, words } = pool.heap;
        for (let i = 0; i < rows; i++) {
          neighbours.push(
            Array.from({ length: most }, (_, j) => ({
              tokenId: words[found.ids / 4 + i * most + j],
              value: floats[found.values / 4 + i * most + j],
            })),
          );
        }
      }
      return neighbours;
    } finally {
      for (const block of blocks) pool.heap.free(block);
    }
  }

  private makeTableSquares(scratch: { scratch: number; scratchBytes: number }): void {
    if (this.tableSquares !== 0) return;
    const { spec, weights, pool } = this.steps;
    const at = pool.heap.allocate(4 * spec.vocabSize);
    this.steps.patiently(() => {
      const list = this.steps.list();
      list.squares(weights.embedding, spec.embedScale, at);
      pool.run(list, scratch);
    });
    this.tableSquares = at;
  }
}
