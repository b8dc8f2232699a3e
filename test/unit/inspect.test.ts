import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Engine, Neighbour } from '../../app/engine/engine';
import { createRandom } from '../../app/formats/random';
import { measureEmbeddings } from '../../app/inspect/measures';
import { neighbourTable } from '../../app/inspect/nearest';

/** The two methods of an engine that inspection uses, over a plain table. */
function engineOf(table: number[][]): Engine {
  const embed = (ids: Int32Array) => tf.tensor2d([...ids].map((id) => table[id]));
  const nearest = async (vectors: tf.Tensor2D, k: number): Promise<Neighbour[][]> =>
    (await vectors.array()).map((vector) =>
      table
        .map((row, tokenId) => ({ tokenId, value: cosine(vector, row) }))
        .sort((a, b) => b.value - a.value)
        .slice(0, k),
    );
  const spec = { vocabSize: table.length, hidden: table[0].length };
  return { spec, embed, nearest } as unknown as Engine;
}

function cosine(a: number[], b: number[]): number {
  const dot = (x: number[], y: number[]) => x.reduce((sum, value, i) => sum + value * y[i], 0);
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

beforeAll(async () => {
  await tf.setBackend('cpu');
});

let tensorsBefore = 0;
beforeAll(() => {
  tensorsBefore = tf.memory().numTensors;
});
afterEach(() => {
  expect(tf.memory().numTensors).toBe(tensorsBefore);
});

describe('measures of the embedding table', () => {
  test('root mean squares of elements and of rows', async () => {
    const measures = await measureEmbeddings(
      engineOf([
        [3, 4],
        [0, 0],
        [5, 12],
      ]),
      1,
    );
    expect(measures.elementRms).toBeCloseTo(Math.sqrt(194 / 6), 5);
    expect(measures.rowRms).toBeCloseTo(Math.sqrt(194 / 3), 5);
  });

  test('the baseline is the median cosine of a token’s nearest other token', async () => {
    // Nearest others: rows 0 and 1 each other (0.8), row 2 has row 1 (0.6), row 3 has row 2 (0).
    const measures = await measureEmbeddings(
      engineOf([
        [1, 0],
        [0.8, 0.6],
        [0, 1],
        [-1, 0],
      ]),
      1,
    );
    expect(measures.baseline).toBeCloseTo((0.8 + 0.6) / 2, 5);
  });

  test('a large table is sampled, the same way for the same seed and in pieces of bounded size', async () => {
    const random = createRandom(3).next;
    const table = Array.from({ length: 700 }, () => Array.from({ length: 4 }, () => random() - 0.5));
    const engine = engineOf(table);
    let largest = 0;
    const spied: Engine = {
      ...engine,
      nearest: (vectors, k, metric) => {
        largest = Math.max(largest, vectors.shape[0]);
        return engine.nearest(vectors, k, metric);
      },
    };
    const first = await measureEmbeddings(spied, 11);
    expect(await measureEmbeddings(engine, 11)).toEqual(first);
    expect(first.baseline).toBeGreaterThan(0.9);
    expect(largest).toBe(32);
  });
});

describe('the table of nearest tokens', () => {
  const table = [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
    [1, 1, 0],
    [0, 1, 1],
    [1, 0, 1],
  ];
  const measures = { elementRms: 1, rowRms: 2, baseline: 0.5 };
  const words = ['red', 'green', 'blue', 'yellow', 'cyan', 'magenta'];

  test('has five tokens with text and cosine, the way moved and the norm of each virtual token', async () => {
    const vectors = tf.tensor2d([
      [2, 0, 0],
      [0, 3, 4],
    ]);
    const initial = tf.tensor2d([
      [1, 0, 0],
      [0, 0, 0],
    ]);
    const result = await neighbourTable({
      engine: engineOf(table),
      vectors,
      initial,
      step: 20,
      measures,
      textOf: (id) => words[id],
    });
    tf.dispose([vectors, initial]);
    expect(result.step).toBe(20);
    expect(result.baseline).toBe(0.5);
    expect(result.rows.map((row) => row.index)).toEqual([0, 1]);
    expect(result.rows.map((row) => row.neighbours.length)).toEqual([5, 5]);
    expect(result.rows[0].neighbours[0]).toMatchObject({ tokenId: 0, text: 'red', value: 1 });
    expect(result.rows[1].neighbours[0].text).toBe('cyan');
    expect(result.rows[0].moved).toBeCloseTo(0.5, 6);
    expect(result.rows[1].moved).toBeCloseTo(2.5, 6);
    expect(result.rows.map((row) => row.norm)).toEqual([2, 5]);
  });

  test('keeps nothing on the backend when the engine fails', async () => {
    const vectors = tf.tensor2d([[2, 0, 0]]);
    const engine: Engine = { ...engineOf(table), nearest: () => Promise.reject(new Error('lost')) };
    await expect(
      neighbourTable({ engine, vectors, initial: vectors, step: 1, measures, textOf: String }),
    ).rejects.toThrow('lost');
    vectors.dispose();
  });
});
