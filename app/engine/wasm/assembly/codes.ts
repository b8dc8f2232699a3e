/**
 * @file Rows of 8-bit and 4-bit codes as floats: `../../quantised.ts` says what the codes stand for and how a row lies. Products widen a few
 * rows at a time and go on as with floats, so that a code is widened once for all rows that meet it.
 */
import { madd, widen, zero } from './vectors';

/** Codes are widened so many at a time; rows begin and groups end at multiples of it. */
export const SIXTEEN: i32 = 16;

/** Codes of a row that products widen at a time: eight rows of so many floats have room where a tile's addresses come to be. */
export const STRETCH: i32 = 32;
/** Codes of a row that kernels without panels widen at a time. */
export const LONG_STRETCH: i32 = 512;

/** Whether a type, as a number, is one of codes: then its bits say how (`typeNumber` in `../ops.ts`). */
@inline
export function isCodes(type: i32): bool {
  return type >= 8;
}

@inline
function groupsOf(type: i32, width: i32): i32 {
  const shift = 4 + (type >> 4);
  return (width + (1 << shift) - 1) >> shift;
}

/** Bytes of the codes of a row, filled up to whole groups. */
@inline
function codeBytes(type: i32, width: i32): usize {
  const elements = <usize>groupsOf(type, width) << (4 + (type >> 4));
  return (type & 1) != 0 ? elements : elements >> 1;
}

/** Bytes of a row. */
export function codeRowBytes(type: i32, width: i32): usize {
  const each: usize = ((type & 2) != 0 ? 4 : 2) << ((type & 4) != 0 ? 1 : 0);
  return (codeBytes(type, width) + <usize>groupsOf(type, width) * each + 3) & ~3;
}

@inline
function splat(at: usize, group: i32, wide: bool): v128 {
  return f32x4.splat(wide ? load<f32>(at + (<usize>group << 2)) : widen<i16>(at + (<usize>group << 1)));
}

/** Four of eight codes, less the centre, as floats. */
@inline
function put(to: usize, codes: v128, scale: v128, offset: v128): void {
  v128.store(to, madd(f32x4.convert_i32x4_s(codes), scale, offset));
}

/** Elements `first` up to `first + n` of a row as floats; `first` is a multiple of 16, and up to 15 floats more than n are written. */
export function widenCodes(to: usize, row: usize, type: i32, width: i32, first: i32, n: i32): void {
  const eight = (type & 1) != 0;
  const wide = (type & 2) != 0;
  const shift = 4 + (type >> 4);
  const scales = row + codeBytes(type, width);
  const offsets = (type & 4) != 0 ? scales + (<usize>groupsOf(type, width) << (wide ? 2 : 1)) : 0;
  const centre = i16x8.splat(offsets ? 0 : eight ? 128 : 8);
  const end = first + n;
  let i = first;
  while (i < end) {
    const group = i >> shift;
    const scale = splat(scales, group, wide);
    const offset = offsets ? splat(offsets, group, wide) : zero();
    const last = min(end, (group + 1) << shift);
    for (; i < last; i += SIXTEEN) {
      let codes: v128;
      if (eight) codes = v128.load(row + <usize>i);
      else {
        const pairs = v128.load64_zero(row + (<usize>i >> 1));
        const low = v128.and(pairs, i8x16.splat(15));
        const high = i8x16.shr_u(pairs, 4);
        codes = v128.shuffle<i8>(low, high, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
      }
      const first8 = i16x8.sub(i16x8.extend_low_i8x16_u(codes), centre);
      const last8 = i16x8.sub(i16x8.extend_high_i8x16_u(codes), centre);
      put(to, i32x4.extend_low_i16x8_s(first8), scale, offset);
      put(to + 16, i32x4.extend_high_i16x8_s(first8), scale, offset);
      put(to + 32, i32x4.extend_low_i16x8_s(last8), scale, offset);
      put(to + 48, i32x4.extend_high_i16x8_s(last8), scale, offset);
      to += 64;
    }
  }
}
