/** @file Rows of codes: what they stand for, how they lie, and that one type becomes another without a change of any number. */
import { describe, expect, it } from 'vitest';
import {
  type CodeRow,
  centreOf,
  commonType,
  emptyRow,
  type Grouping,
  groupingOf,
  packRow,
  quantisedType,
  quantisedTypes,
  quantiseMatrix,
  regroupRows,
  rowLayout,
  unpackRow,
  widenRows,
} from '../../app/engine/quantised';
import type { QuantisedType } from '../../app/engine/spec';
import { storedBytes, widened } from '../../app/engine/weightStream';
import { float16ToNumber } from '../../app/formats/floats';
import { createRandom } from '../../app/formats/random';

const grouping = (type: QuantisedType) => groupingOf(type) as Grouping;

/** Any codes, and scales and offsets that the type can say, negative ones and zero among them. */
function randomRow(type: QuantisedType, width: number, seed: number): CodeRow {
  const random = createRandom(seed);
  const { bits, offset } = grouping(type);
  const row = emptyRow(grouping(type), width);
  const half = () => float16ToNumber(random.int(0x6000) | (random.int(2) << 15));
  row.codes.forEach((_, i) => {
    row.codes[i] = random.int(2 ** bits);
  });
  row.scales.forEach((_, i) => {
    row.scales[i] = i % 5 === 4 ? 0 : half();
    if (offset) row.offsets[i] = half();
  });
  return row;
}

function rowsOf(type: QuantisedType, width: number, rows: CodeRow[]): Uint8Array {
  const { bytes } = rowLayout(grouping(type), width);
  const view = new DataView(new ArrayBuffer(rows.length * bytes));
  rows.forEach((row, i) => {
    packRow(grouping(type), width, row, view, i * bytes);
  });
  return new Uint8Array(view.buffer);
}

describe('rows of codes', () => {
  it('are of 24 types, each told by its name', () => {
    expect(new Set(quantisedTypes).size).toBe(24);
    for (const type of quantisedTypes) expect(quantisedType(grouping(type))).toBe(type);
    expect(groupingOf('BF16')).toBeNull();
    expect(groupingOf('constructor')).toBeNull();
  });

  it.each(quantisedTypes)('of %s stand for scale · code + offset, and come back as they went in', (type) => {
    for (const width of [1, 15, 32, 100, 129]) {
      const rows = [randomRow(type, width, 1), randomRow(type, width, width)];
      const data = rowsOf(type, width, rows);
      const { bytes } = rowLayout(grouping(type), width);
      expect(bytes % 4).toBe(0);
      expect(data.byteLength).toBe(storedBytes({ dtype: type, shape: [2, width] }));
      const back = emptyRow(grouping(type), width);
      unpackRow(grouping(type), width, new DataView(data.buffer), bytes, back);
      expect(back).toEqual(rows[1]);
      const { group } = grouping(type);
      const want = rows.flatMap(({ codes, scales, offsets }) =>
        Array.from({ length: width }, (_, i) => {
          const g = Math.floor(i / group);
          return Math.fround(scales[g] * (codes[i] - centreOf(grouping(type))) + offsets[g]);
        }),
      );
      expect([...widenRows(type, data, width)]).toEqual(want);
    }
  });

  it('take what the names promise, in bytes a number', () => {
    const bytes = (type: QuantisedType) => storedBytes({ dtype: type, shape: [1, 2048] }) / 2048;
    expect(bytes('q4/32/f16')).toBe(0.5625);
    expect(bytes('q4/32/f16+offset')).toBe(0.625);
    expect(bytes('q4/32/f32+offset')).toBe(0.75);
    expect(bytes('q8/32/f16')).toBe(1.0625);
    expect(bytes('q8/16/f32')).toBe(1.25);
  });

  it('of any two types become one type that both fit, without a change of any number', () => {
    for (const one of quantisedTypes) {
      for (const other of quantisedTypes) {
        const common = commonType(one, other);
        expect(commonType(other, one)).toBe(common);
        const width = 72;
        const rows = rowsOf(one, width, [randomRow(one, width, 7), randomRow(one, width, 8)]);
        const regrouped = regroupRows(rows, one, common, width);
        expect(regrouped.byteLength).toBe(storedBytes({ dtype: common, shape: [2, width] }));
        const zero = (values: Float32Array) => values.map((value) => value + 0);
        expect(zero(widenRows(common, regrouped, width))).toEqual(zero(widenRows(one, rows, width)));
      }
    }
  });

  it('come as near to given numbers as their steps allow', () => {
    const random = createRandom(3);
    const width = 70;
    const values = Float32Array.from({ length: 3 * width }, () => random.next() - 0.3);
    for (const type of quantisedTypes) {
      const { bits, group, offset } = grouping(type);
      const back = widened(quantiseMatrix(type, values, width));
      for (let row = 0; row < 3; row++) {
        for (let first = 0; first < width; first += group) {
          const part = values.subarray(row * width + first, row * width + Math.min(first + group, width));
          const span = offset
            ? (Math.max(...part) - Math.min(...part)) / (2 ** bits - 1)
            : Math.max(...part.map(Math.abs)) / (2 ** (bits - 1) - 1);
          part.forEach((value, i) => {
            // Half a step, and what rounding the scale and the offset to half floats moves.
            const most = span * 0.5001 + 2e-3;
            expect(Math.abs(back[row * width + first + i] - value)).toBeLessThan(most);
          });
        }
      }
    }
  });
});
