/** @file Weights become 8-bit integers in groups, whatever pieces they come in. */
import { describe, expect, it } from 'vitest';
import { becomesInt8, fromInt8, Int8Writer, int8Bytes } from '../../app/engine/webgpu/int8';
import { createRandom } from '../../app/formats/random';

function randomValues(count: number, seed: number): Float32Array {
  const random = createRandom(seed);
  return Float32Array.from({ length: count }, () => (random.next() - 0.5) * 0.2);
}

/** All words of a matrix that is pushed in pieces that end at these bytes. */
function quantise(
  values: Float32Array,
  shape: [number, number],
  cuts: number[],
  order?: number[],
): Uint32Array {
  const words = new Uint32Array(int8Bytes(shape) / 4);
  const written = new Uint8Array(words.length);
  const writer = new Int8Writer(shape, 'F32', (at, piece) => {
    words.set(piece, at);
    for (let i = 0; i < piece.length; i++) written[at + i] += 1;
  });
  const bytes = new Uint8Array(values.buffer);
  const bounds = [0, ...cuts, bytes.length];
  const pieces = bounds.slice(1).map((end, i) => [bounds[i], end] as const);
  for (const i of order ?? pieces.keys()) writer.push(pieces[i][0], bytes.subarray(...pieces[i]));
  expect(written.every((times) => times === 1)).toBe(true);
  return words;
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
    const back = fromInt8(quantise(values, [rows, width], []), [rows, width]);
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
    expect(int8Bytes([4, 64])).toBe(4 * 2 * 36);
    expect(fromInt8(quantise(new Float32Array(40), [1, 40], []), [1, 40])).toEqual(new Float32Array(40));
  });

  it('reads 16-bit matrices', () => {
    // bfloat16 of 1, -2 and 0.5.
    const bits = new Uint16Array([0x3f80, 0xc000, 0x3f00]);
    const words = new Uint32Array(int8Bytes([1, 3]) / 4);
    new Int8Writer([1, 3], 'BF16', (at, piece) => words.set(piece, at)).push(0, new Uint8Array(bits.buffer));
    const [one, minusTwo, half] = fromInt8(words, [1, 3]);
    expect(minusTwo).toBeCloseTo(-2, 6);
    expect(Math.abs(one - 1)).toBeLessThan(0.008);
    expect(Math.abs(half - 0.5)).toBeLessThan(0.008);
  });

  it('leaves norms, biases and learned positions as they are', () => {
    expect(becomesInt8('layers.0.mlp.in.weight', { dtype: 'F32', shape: [8, 4] })).toBe(true);
    expect(becomesInt8('embed.tokens', { dtype: 'F32', shape: [8, 4] })).toBe(true);
    expect(becomesInt8('embed.positions', { dtype: 'F32', shape: [8, 4] })).toBe(false);
    expect(becomesInt8('final.norm.weight', { dtype: 'F32', shape: [8] })).toBe(false);
  });
});
