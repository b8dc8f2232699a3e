/** @file Floats become 8-bit codes in groups, whatever pieces they come in. */
import { describe, expect, it } from 'vitest';
import { widenRows } from '../../app/engine/quantised';
import type { WeightType } from '../../app/engine/spec';
import { becomesInt8, INT8, QuantisingWriter } from '../../app/engine/webgpu/quantising';
import { storedBytes } from '../../app/engine/weightStream';
import { createRandom } from '../../app/formats/random';

function randomValues(count: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => (random.next() - 0.5) * 0.2);
}

/** All bytes of a matrix that is pushed in pieces that end at these bytes. */
function quantise(
  values: Float32Array,
  shape: [number, number],
  cuts: number[],
  order?: number[],
): Uint8Array {
  const made = new Uint8Array(storedBytes({ dtype: INT8, shape }));
  const written = new Uint8Array(made.length);
  const writer = new QuantisingWriter(shape[1], 'F32', (at, piece) => {
    made.set(piece, at);
    for (let i = 0; i < piece.length; i++) written[at + i] += 1;
  });
  const bytes = new Uint8Array(values.buffer);
  const bounds = [0, ...cuts, bytes.length];
  const pieces = bounds.slice(1).map((end, i) => [bounds[i], end] as const);
  for (const i of order ?? pieces.keys()) writer.push(pieces[i][0], bytes.subarray(...pieces[i]));
  expect(written.every((times) => times === 1)).toBe(true);
  return made;
}

describe('8-bit weights', () => {
  it.each([
    [1, 1],
    [3, 32],
    [5, 37],
    [7, 100],
    [2, 256],
  ])('stand for the numbers of a [%i, %i] matrix to half a step of each group', (rows, width) => {
    const values = randomValues(rows * width, rows * width);
    const back = widenRows(INT8, quantise(values, [rows, width], []), width);
    for (let row = 0; row < rows; row++) {
      for (let start = 0; start < width; start += 32) {
        const group = values.subarray(row * width + start, row * width + Math.min(start + 32, width));
        const most = Math.max(...group.map(Math.abs));
        group.forEach((value, i) => {
          expect(Math.abs(back[row * width + start + i] - value)).toBeLessThanOrEqual((most / 127) * 0.5001);
        });
      }
    }
  });

  it('do not depend on the pieces in which the matrix comes, nor on their order', () => {
    const values = randomValues(7 * 45, 3);
    const whole = quantise(values, [7, 45], []);
    expect(quantise(values, [7, 45], [4, 8, 132, 180, 400])).toEqual(whole);
    expect(quantise(values, [7, 45], [100, 300, 700], [2, 0, 3, 1])).toEqual(whole);
  });

  it('take 36 bytes for 32 numbers of a row and keep zeros zero', () => {
    expect(storedBytes({ dtype: INT8, shape: [4, 64] })).toBe(4 * 2 * 36);
    expect(widenRows(INT8, quantise(new Float32Array(40), [1, 40], []), 40)).toEqual(new Float32Array(40));
  });

  it('makes 0 of what is no number', () => {
    const back = widenRows(INT8, quantise(Float32Array.of(Number.NaN, 1, -1), [1, 3], []), 3);
    expect([...back].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([0, 1, -1]);
  });

  it('reads 16-bit matrices', () => {
    // bfloat16 of 1, -2 and 0.5.
    const bits = new Uint16Array([0x3f80, 0xc000, 0x3f00]);
    let made = new Uint8Array(0);
    const type: WeightType = 'BF16';
    new QuantisingWriter(3, type, (_, piece) => {
      made = piece.slice();
    }).push(0, new Uint8Array(bits.buffer));
    const [one, minusTwo, half] = widenRows(INT8, made, 3);
    expect(minusTwo).toBeCloseTo(-2, 6);
    expect(Math.abs(one - 1)).toBeLessThan(0.008);
    expect(Math.abs(half - 0.5)).toBeLessThan(0.008);
  });

  it('leaves norms, biases, learned positions and what is stored as codes as they are', () => {
    expect(becomesInt8('layers.0.mlp.in.weight', { dtype: 'F32', shape: [8, 4] })).toBe(true);
    expect(becomesInt8('embed.tokens', { dtype: 'F32', shape: [8, 4] })).toBe(true);
    expect(becomesInt8('embed.positions', { dtype: 'F32', shape: [8, 4] })).toBe(false);
    expect(becomesInt8('final.norm.weight', { dtype: 'F32', shape: [8] })).toBe(false);
    expect(becomesInt8('layers.0.mlp.in.weight', { dtype: 'q4/32/f16', shape: [8, 4] })).toBe(false);
  });
});
