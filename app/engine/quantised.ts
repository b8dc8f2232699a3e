/**
 * @file Matrices of 8-bit and 4-bit codes, as engines hold them: 16, 32 or 64 neighbours of a row are a group that shares a scale, and an
 * offset where the source has one.
 *
 * number = scale · code + offset, rounded to 32 bits once; without offsets scale · (code − centre), centre being 128 or 8. Every code is
 * small enough and every scale has few enough bits that the product is exact, so that with fused multiply-add or without makes no difference.
 *
 * A row lies in one piece, filled up to a multiple of 4 bytes: all codes (of 4 bits the even element in a byte's low half), a row's
 * last group whole; then all scales; then all offsets, of the scales' type.
 */
import { float16ToNumber, toFloat16Bits } from '../formats/floats';
import type { HostTensor, QuantisedType, StoredType } from './spec';

export interface Grouping {
  bits: 8 | 4;
  /** Elements that share a scale. */
  group: 16 | 32 | 64;
  /** Type of scales and offsets. */
  scale: 'F16' | 'F32';
  offset: boolean;
}

const groupings = new Map<StoredType, Grouping>();
for (const bits of [8, 4] as const) {
  for (const group of [16, 32, 64] as const) {
    for (const scale of ['F16', 'F32'] as const) {
      for (const offset of [false, true]) {
        const grouping = { bits, group, scale, offset };
        groupings.set(quantisedType(grouping), grouping);
      }
    }
  }
}

/** All types of codes. */
export const quantisedTypes = [...groupings.keys()] as readonly QuantisedType[];

export function quantisedType({ bits, group, scale, offset }: Grouping): QuantisedType {
  return `q${bits}/${group}/${scale === 'F16' ? 'f16' : 'f32'}${offset ? '+offset' : ''}`;
}

/** How a type groups its codes; null for numbers that stand for themselves. */
export function groupingOf(dtype: string): Grouping | null {
  return groupings.get(dtype as StoredType) ?? null;
}

export function isQuantised(dtype: string): dtype is QuantisedType {
  return groupings.has(dtype as StoredType);
}

/** The code that stands for 0 where there is no offset; else 0. */
export function centreOf({ bits, offset }: Grouping): number {
  return offset ? 0 : 2 ** (bits - 1);
}

/** Where in a row of `width` elements its parts begin, in bytes. */
export interface RowLayout {
  groups: number;
  scales: number;
  offsets: number;
  /** Of the whole row: a multiple of 4. */
  bytes: number;
}

export function rowLayout({ bits, group, scale, offset }: Grouping, width: number): RowLayout {
  const groups = Math.ceil(width / group);
  const scales = (groups * group * bits) / 8;
  const size = groups * (scale === 'F16' ? 2 : 4);
  const offsets = scales + size;
  return { groups, scales, offsets, bytes: Math.ceil((offset ? offsets + size : offsets) / 4) * 4 };
}

/** A row of codes taken apart: a code an element, filled up to whole groups, a scale and an offset a group. */
export interface CodeRow {
  codes: Uint8Array;
  scales: Float32Array;
  /** Zeros where the type has none. */
  offsets: Float32Array;
}

export function emptyRow({ group }: Grouping, width: number): CodeRow {
  const groups = Math.ceil(width / group);
  return {
    codes: new Uint8Array(groups * group),
    scales: new Float32Array(groups),
    offsets: new Float32Array(groups),
  };
}

/** Writes a row to where a view begins at byte `at`; scales and offsets are rounded to their type. */
export function packRow(grouping: Grouping, width: number, row: CodeRow, to: DataView, at: number): void {
  const { groups, scales, offsets } = rowLayout(grouping, width);
  const { codes } = row;
  if (grouping.bits === 8) {
    new Uint8Array(to.buffer, to.byteOffset + at, codes.length).set(codes);
  } else {
    for (let i = 0; i < codes.length; i += 2) to.setUint8(at + i / 2, codes[i] | (codes[i + 1] << 4));
  }
  const half = grouping.scale === 'F16';
  const put = (byte: number, values: Float32Array) => {
    for (let i = 0; i < groups; i++) {
      if (half) to.setUint16(byte + 2 * i, toFloat16Bits(values[i]), true);
      else to.setFloat32(byte + 4 * i, values[i], true);
    }
  };
  put(at + scales, row.scales);
  if (grouping.offset) put(at + offsets, row.offsets);
}

/** Reads a row from where it begins at byte `at`. */
export function unpackRow(grouping: Grouping, width: number, from: DataView, at: number, row: CodeRow): void {
  const { groups, scales, offsets } = rowLayout(grouping, width);
  const { codes } = row;
  if (grouping.bits === 8) {
    codes.set(new Uint8Array(from.buffer, from.byteOffset + at, codes.length));
  } else {
    for (let i = 0; i < codes.length; i += 2) {
      const pair = from.getUint8(at + i / 2);
      codes[i] = pair & 15;
      codes[i + 1] = pair >>> 4;
    }
  }
  const half = grouping.scale === 'F16';
  const read = (byte: number, values: Float32Array) => {
    for (let i = 0; i < groups; i++) {
      values[i] = half
        ? float16ToNumber(from.getUint16(byte + 2 * i, true))
        : from.getFloat32(byte + 4 * i, true);
    }
  };
  read(at + scales, row.scales);
  if (grouping.offset) read(at + offsets, row.offsets);
}

/** The numbers that whole rows of codes stand for, row-major: what every engine's own widening is held to. */
export function widenRows(dtype: QuantisedType, data: Uint8Array, width: number): Float32Array {
  const grouping = groupings.get(dtype) as Grouping;
  const { bytes } = rowLayout(grouping, width);
  const rows = data.byteLength / bytes;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const row = emptyRow(grouping, width);
  const centre = centreOf(grouping);
  const values = new Float32Array(rows * width);
  for (let r = 0, to = 0; r < rows; r++) {
    unpackRow(grouping, width, view, r * bytes, row);
    for (let first = 0, group = 0; first < width; first += grouping.group, group++) {
      const scale = row.scales[group];
      const offset = row.offsets[group];
      const end = Math.min(first + grouping.group, width);
      for (let i = first; i < end; i++) values[to++] = scale * (row.codes[i] - centre) + offset;
    }
  }
  return values;
}

/** The type that both can be brought to without a change of any number (`regroupRows`). */
export function commonType(a: QuantisedType, b: QuantisedType): QuantisedType {
  const [one, other] = [a, b].map((type) => groupings.get(type) as Grouping);
  return quantisedType({
    bits: one.bits === 8 ? 8 : other.bits,
    group: one.group < other.group ? one.group : other.group,
    // An offset in the place of a centre is a product, of more bits than a half float has.
    scale: one.offset !== other.offset || one.scale === 'F32' ? 'F32' : other.scale,
    offset: one.offset || other.offset,
  });
}

/** Whole rows of codes in another type that has room for them (`commonType`): the same numbers. */
export function regroupRows(
  data: Uint8Array,
  from: QuantisedType,
  to: QuantisedType,
  width: number,
): Uint8Array {
  if (from === to) return data;
  const [source, target] = [from, to].map((type) => groupings.get(type) as Grouping);
  const before = rowLayout(source, width).bytes;
  const after = rowLayout(target, width).bytes;
  const rows = data.byteLength / before;
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const result = new DataView(new ArrayBuffer(rows * after));
  const row = emptyRow(source, width);
  const made = emptyRow(target, width);
  for (let r = 0; r < rows; r++) {
    unpackRow(source, width, view, r * before, row);
    regroup(source, target, row, made);
    packRow(target, width, made, result, r * after);
  }
  return new Uint8Array(result.buffer);
}

function regroup(source: Grouping, target: Grouping, row: CodeRow, made: CodeRow): void {
  const { codes } = row;
  const length = Math.min(codes.length, made.codes.length);
  made.scales.fill(0);
  made.offsets.fill(0);
  for (let group = 0; group * target.group < length; group++) {
    const first = group * target.group;
    const end = Math.min(first + target.group, length);
    const of = Math.floor(first / source.group);
    const scale = row.scales[of];
    made.scales[group] = scale;
    let shift = centreOf(target) - centreOf(source);
    if (target.offset && !source.offset) {
      // The least code becomes 0: products of scale and code stay short enough to be exact.
      let least = codes[first];
      for (let i = first + 1; i < end; i++) if (codes[i] < least) least = codes[i];
      shift = -least;
      made.offsets[group] = scale * (least - centreOf(source));
    } else made.offsets[group] = row.offsets[of];
    for (let i = first; i < end; i++) made.codes[i] = codes[i] + shift;
  }
}

/**
 * Rounds the numbers of a row to codes, whose scales are as fine as the type can say. Without offset from −max to max; with, from the
 * group's least number to its largest. What is no number becomes 0: a code cannot say it.
 */
export function quantiseRow(grouping: Grouping, values: Float32Array, row: CodeRow): void {
  const { group, offset } = grouping;
  const centre = centreOf(grouping);
  const most = 2 ** grouping.bits - 1;
  for (let first = 0, g = 0; first < values.length; first += group, g++) {
    const end = Math.min(first + group, values.length);
    let least = offset ? Number.POSITIVE_INFINITY : 0;
    let largest = offset ? Number.NEGATIVE_INFINITY : 0;
    for (let i = first; i < end; i++) {
      const value = values[i];
      if (offset && value < least) least = value;
      const size = offset ? value : Math.abs(value);
      if (size > largest) largest = size;
    }
    const span = offset ? (largest - least) / most : largest / (centre - 1);
    const scale = rounded(grouping, Number.isFinite(span) ? span : 0);
    const from = offset ? rounded(grouping, Number.isFinite(least) ? least : 0) : 0;
    row.scales[g] = scale;
    row.offsets[g] = from;
    const inverse = scale > 0 ? 1 / scale : 0;
    for (let i = first; i < end; i++) {
      const code = Math.round((values[i] - from) * inverse) + centre;
      row.codes[i] = Math.max(offset ? 0 : 1, Math.min(most, code)) || centre;
    }
    row.codes.fill(centre, end, first + group);
  }
}

function rounded({ scale }: Grouping, value: number): number {
  return scale === 'F16' ? float16ToNumber(toFloat16Bits(value)) : Math.fround(value);
}

/** A matrix `[rows, width]` of floats as codes. */
export function quantiseMatrix(dtype: QuantisedType, values: Float32Array, width: number): HostTensor {
  const grouping = groupings.get(dtype) as Grouping;
  const { bytes } = rowLayout(grouping, width);
  const rows = values.length / width;
  const view = new DataView(new ArrayBuffer(rows * bytes));
  const row = emptyRow(grouping, width);
  for (let r = 0; r < rows; r++) {
    quantiseRow(grouping, values.subarray(r * width, (r + 1) * width), row);
    packRow(grouping, width, row, view, r * bytes);
  }
  return { dtype, shape: [rows, width], data: new Uint8Array(view.buffer) };
}
