/** @file Rows of the embedding tables, as they are stored: what the stream begins with, and their lengths. */
import { codeRowBytes, isCodes, LONG_STRETCH, widenCodes } from './codes';
import { float, number, pointer, Type } from './records';
import { addFloats, clearFloats, copyFloats, dot, madd, sum4, widen, widen4, zero } from './vectors';

/** Rows of a table of an item of `squares`. */
export const SQUARE_ROWS: i32 = 256;

/** out[r] = scale² Σ table[r]², in rows of a stored table: type, rows, width, table, scale, out. */
export function squares(op: usize, item: i32, scratch: usize): void {
  const type = number(op, 0);
  if (isCodes(type)) squaresOfCodes(op, item, scratch);
  else if (type == Type.F32) squaresOf<f32>(op, item);
  else if (type == Type.F16) squaresOf<i16>(op, item);
  else squaresOf<u16>(op, item);
}

function squaresOf<T>(op: usize, item: i32): void {
  const width = number(op, 2);
  const scale = float(op, 4);
  const last = min((item + 1) * SQUARE_ROWS, number(op, 1));
  for (let r = item * SQUARE_ROWS; r < last; r++) {
    let at = pointer(op, 3) + <usize>r * width * sizeof<T>();
    let sum: f32 = 0;
    let s = zero();
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const x = widen4<T>(at);
      s = madd(x, x, s);
      at += 4 * sizeof<T>();
    }
    for (; i < width; i++) {
      const x = widen<T>(at);
      sum += x * x;
      at += sizeof<T>();
    }
    store<f32>(pointer(op, 5) + (<usize>r << 2), (sum + sum4(s)) * scale * scale);
  }
}

function squaresOfCodes(op: usize, item: i32, scratch: usize): void {
  const type = number(op, 0);
  const width = number(op, 2);
  const scale = float(op, 4);
  const last = min((item + 1) * SQUARE_ROWS, number(op, 1));
  for (let r = item * SQUARE_ROWS; r < last; r++) {
    const from = pointer(op, 3) + <usize>r * codeRowBytes(type, width);
    let sum: f32 = 0;
    for (let start = 0; start < width; start += LONG_STRETCH) {
      const n = min(LONG_STRETCH, width - start);
      widenCodes(scratch, from, type, width, start, n);
      sum += dot(scratch, scratch, n);
    }
    store<f32>(pointer(op, 5) + (<usize>r << 2), sum * scale * scale);
  }
}

/**
 * Rows of the stream: out[r] = prompt row, or scale · table[token], plus the position's embedding.
 * Type, first row, last, width, row table (token, position, sequence, slot), first text row, first prompt row, prompt rows, table,
 * scale, positions (or 0), their type, their offset, out.
 */
export function embed(op: usize, item: i32, scratch: usize): void {
  const type = number(op, 0);
  if (isCodes(type)) embedRows<u8>(op, item, scratch);
  else if (type == Type.F32) embedRows<f32>(op, item, scratch);
  else if (type == Type.F16) embedRows<i16>(op, item, scratch);
  else embedRows<u16>(op, item, scratch);
}

/** Rows of an item of the kernels that work row by row. */
export const ROW_BLOCK: i32 = 16;

function embedRows<T>(op: usize, item: i32, scratch: usize): void {
  const first = number(op, 1) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 2));
  const width = number(op, 3);
  const scale = float(op, 9);
  const positions = pointer(op, 10);
  const positionType = number(op, 11);
  for (let r = first; r < last; r++) {
    const info = pointer(op, 4) + (<usize>r << 4);
    const out = pointer(op, 13) + ((<usize>r * width) << 2);
    if (r < number(op, 5)) copyFloats(out, pointer(op, 7) + ((<usize>(r - number(op, 6)) * width) << 2), width);
    else if (sizeof<T>() == 1) {
      clearFloats(out, width);
      addCodes(out, pointer(op, 8), load<u32>(info), number(op, 0), width, scale, scratch);
    } else {
      const from = pointer(op, 8) + <usize>load<u32>(info) * width * sizeof<T>();
      for (let i = 0; i < width; i++) {
        store<f32>(out + (<usize>i << 2), widen<T>(from + i * sizeof<T>()) * scale);
      }
    }
    if (!positions) continue;
    const place = load<i32>(info, 4) + number(op, 12);
    const position = <usize>place * width;
    if (isCodes(positionType)) addCodes(out, positions, place, positionType, width, 1, scratch);
    else if (positionType == Type.F32) addStored<f32>(out, positions + position * 4, width);
    else if (positionType == Type.F16) addStored<i16>(out, positions + position * 2, width);
    else addStored<u16>(out, positions + position * 2, width);
  }
}

/** to += scale · row of a table of codes. */
function addCodes(to: usize, table: usize, r: u32, type: i32, width: i32, scale: f32, scratch: usize): void {
  const from = table + <usize>r * codeRowBytes(type, width);
  for (let start = 0; start < width; start += LONG_STRETCH) {
    const n = min(LONG_STRETCH, width - start);
    widenCodes(scratch, from, type, width, start, n);
    for (let i = 0; i < n; i++) {
      const at = scratch + (<usize>i << 2);
      store<f32>(at, load<f32>(at) * scale);
    }
    addFloats(to + (<usize>start << 2), scratch, n);
  }
}

function addStored<T>(to: usize, from: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    store<f32>(to, load<f32>(to) + widen<T>(from));
    to += 4;
    from += sizeof<T>();
  }
}
