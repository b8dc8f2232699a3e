/** @file Seeded numbers, the order of examples, and packed batches, by value. */
import { describe, expect, test } from 'vitest';
import { createOrder } from '../../app/data/order';
import { classCandidates, packExamples, predictClasses } from '../../app/data/pack';
import type { TokenExample } from '../../app/data/types';
import { createRandom } from '../../app/formats/random';

describe('the random generator', () => {
  const take = (random: { next(): number }, count: number) =>
    Array.from({ length: count }, () => random.next());

  test('the same seed and stream give the same numbers, others give others', () => {
    const seeds: [number, number?][] = [[1], [2], [1.5], [2 ** 40], [2 ** 40 + 1], [-1], [1, 1], [2, 1]];
    const starts = seeds.map(([seed, stream]) => take(createRandom(seed, stream), 4).join());
    expect(starts).toEqual(seeds.map(([seed, stream]) => take(createRandom(seed, stream), 4).join()));
    expect(new Set(starts).size).toBe(seeds.length);
  });

  test('numbers are uniform, integers cover their range, normals have mean 0 and deviation 1', () => {
    const random = createRandom(3);
    const count = 20_000;
    const uniform = take(random, count);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(uniform.reduce((a, b) => a + b) / count).toBeCloseTo(0.5, 2);
    expect(new Set(Array.from({ length: 200 }, () => random.int(5)))).toEqual(new Set([0, 1, 2, 3, 4]));
    const normal = Array.from({ length: count }, () => random.normal());
    const mean = normal.reduce((a, b) => a + b) / count;
    const variance = normal.reduce((sum, x) => sum + (x - mean) ** 2, 0) / count;
    expect(Math.abs(mean)).toBeLessThan(0.03);
    expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  });

  test('a shuffle keeps every element and gives each place a fair chance', () => {
    const random = createRandom(4);
    const first = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const shuffled = random.shuffle([0, 1, 2, 3]);
      expect([...shuffled].sort()).toEqual([0, 1, 2, 3]);
      first[shuffled[0]]++;
    }
    for (const count of first) expect(Math.abs(count - 1000)).toBeLessThan(120);
  });
});

describe('the order of examples', () => {
  test.each([
    [10, 4],
    [10, 5],
    [3, 8],
    [1, 2],
  ])(
    'of %i examples in batches of %i every epoch holds each once, across batch boundaries',
    (examples, size) => {
      const order = createOrder(examples, size, 1);
      const sequence = Array.from({ length: examples * 4 }, (_, step) => order.batch(step)).flat();
      for (let epoch = 0; epoch < 4 * size; epoch++) {
        const indices = sequence.slice(epoch * examples, (epoch + 1) * examples);
        expect([...indices].sort((a, b) => a - b)).toEqual(Array.from({ length: examples }, (_, i) => i));
      }
    },
  );

  test('a batch follows from seed, step and size, not from what was asked before', () => {
    const steps = Array.from({ length: 30 }, (_, step) => step);
    const forward = createOrder(13, 4, 9);
    const batches = steps.map((step) => forward.batch(step));
    const backward = createOrder(13, 4, 9);
    expect(steps.toReversed().map((step) => backward.batch(step))).toEqual(batches.toReversed());
    expect(createOrder(13, 4, 9).batch(29)).toEqual(batches[29]);
    expect(createOrder(13, 4, 10).batch(0)).not.toEqual(batches[0]);
  });

  test('epochs differ in order', () => {
    const order = createOrder(20, 20, 1);
    expect(order.batch(1)).not.toEqual(order.batch(0));
  });

  test('nothing to order is refused', () => {
    expect(() => createOrder(0, 4, 1)).toThrow(RangeError);
    expect(() => createOrder(4, 0, 1)).toThrow(RangeError);
    expect(() => createOrder(4, 4, 1).batch(-1)).toThrow(RangeError);
  });
});

function example(input: number[], labels: number[], row = 1): TokenExample {
  return {
    tokenIds: Int32Array.from([...input, ...labels]),
    isLabel: Uint8Array.from([...input.map(() => 0), ...labels.map(() => 1)]),
    cut: 0,
    row,
  };
}

describe('packing', () => {
  test('texts lie one after another, each with its prompt', () => {
    const examples = [example([1, 5], [6]), example([], [7, 8]), example([1], [9])];
    expect(packExamples(examples, [0, 1, 0])).toEqual({
      tokenIds: Int32Array.of(1, 5, 6, 7, 8, 1, 9),
      isLabel: Uint8Array.of(0, 0, 1, 1, 1, 0, 1),
      texts: [
        { start: 0, length: 3, prompt: 0 },
        { start: 3, length: 2, prompt: 1 },
        { start: 5, length: 2, prompt: 0 },
      ],
    });
    expect(packExamples(examples).texts.map(({ prompt }) => prompt)).toEqual([0, 0, 0]);
    expect(packExamples(examples, 2).texts.map(({ prompt }) => prompt)).toEqual([2, 2, 2]);
    expect(packExamples([])).toEqual({ tokenIds: new Int32Array(), isLabel: new Uint8Array(), texts: [] });
    expect(() => packExamples(examples, [0])).toThrow(RangeError);
  });

  test('every input is followed by every class, and the least nats win', () => {
    const examples = [example([1, 5], [20, 2]), example([1], [30, 31, 2])];
    const candidates = classCandidates(examples, [Int32Array.of(20, 2), Int32Array.of(30, 31, 2)]);
    expect(candidates.batch).toEqual({
      tokenIds: Int32Array.of(1, 5, 20, 2, 1, 5, 30, 31, 2, 1, 20, 2, 1, 30, 31, 2),
      isLabel: Uint8Array.of(0, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1),
      texts: [
        { start: 0, length: 4, prompt: 0 },
        { start: 4, length: 5, prompt: 0 },
        { start: 9, length: 3, prompt: 0 },
        { start: 12, length: 4, prompt: 0 },
      ],
    });
    const scores = [3, 2.5, 1, 4].map((nats) => ({ nats, labels: 2, hits: 0 }));
    expect(predictClasses(candidates, scores)).toEqual([1, 0]);
    expect(() => predictClasses(candidates, scores.slice(1))).toThrow(/Expected 4 scores/);
  });
});
