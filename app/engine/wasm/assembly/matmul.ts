/**
 * @file Products with frozen weights, which stay as they are stored: both x·Wᵀ and dy·W take panels of eight columns that are
 * widened and packed once for all rows of a block. Every output is one sum over the inner dimension in one order,
 * whatever the blocks, so results do not depend on the number of threads.
 */
import { codeRowBytes, isCodes, LONG_STRETCH, STRETCH, widenCodes } from './codes';
import { packCodeColumns, packCodes, packColumns, packRows } from './packing';
import { number, pointer, row, Type } from './records';
import { ADDRESSES, COLUMNS, ROWS, setA, setC, tile } from './tile';
import { copyFloats, dot, madd, sum4, widen, widen4, zero } from './vectors';

/** Most of the inner dimension at a time: six rows and a panel of it stay in the first cache. */
const DEPTH: i32 = 384;

/**
 * c[r] = a[r] · Wᵀ or a[r] · W, plus bias, plus add[r].
 * Form (0 for Wᵀ, 1 for W), type, rows, columns, depth, a, its stride, W, its stride, c, its stride, bias, add, its stride,
 * columns and rows of an item, and tables that say which rows of a, c and add belong to r. Strides in elements; 0 for none.
 */
export function matmul(op: usize, item: i32, scratch: usize): void {
  const type = number(op, 1);
  // As a type parameter, u8 stands for all types of codes.
  if (isCodes(type)) product<u8>(op, item, scratch, number(op, 0) != 0);
  else if (number(op, 0) == 0) {
    if (type == Type.F32) product<f32>(op, item, scratch, false);
    else if (type == Type.F16) product<i16>(op, item, scratch, false);
    else product<u16>(op, item, scratch, false);
  } else {
    if (type == Type.F32) product<f32>(op, item, scratch, true);
    else if (type == Type.F16) product<i16>(op, item, scratch, true);
    else product<u16>(op, item, scratch, true);
  }
}

function product<T>(op: usize, item: i32, scratch: usize, straight: bool): void {
  const rows = number(op, 2);
  const columns = number(op, 3);
  const depth = number(op, 4);
  const w = pointer(op, 7);
  const type = number(op, 1);
  const width = number(op, 8);
  const wStride = sizeof<T>() == 1 ? codeRowBytes(type, width) : <usize>width * sizeof<T>();
  const columnBlock = number(op, 14);
  const rowBlock = number(op, 15);
  const columnBlocks = (columns + columnBlock - 1) / columnBlock;
  const firstColumn = (item % columnBlocks) * columnBlock;
  const lastColumn = min(firstColumn + columnBlock, columns);
  const firstRow = (item / columnBlocks) * rowBlock;
  const lastRow = min(firstRow + rowBlock, rows);
  const parts = max(1, (depth + DEPTH - 1) / DEPTH);
  let part = (depth + parts - 1) / parts;
  if (sizeof<T>() == 1) part = (part + STRETCH - 1) & ~(STRETCH - 1);
  for (let start = 0; start == 0 || start < depth; start += part) {
    const n = min(part, depth - start);
    let panel = scratch;
    if (sizeof<T>() == 1 && straight) {
      panel = packCodes(panel, w + <usize>start * wStride, wStride, type, width, firstColumn, lastColumn, n);
    } else for (let column = firstColumn; column < lastColumn; column += COLUMNS) {
      const count = min(COLUMNS, lastColumn - column);
      if (sizeof<T>() == 1) {
        const room = scratch + <usize>((columnBlock / COLUMNS) * n * 32);
        packCodeColumns(panel, w + <usize>column * wStride, wStride, type, width, start, n, count, room);
      } else if (straight) packRows<T>(panel, w + <usize>start * wStride + <usize>column * sizeof<T>(), wStride, n, count);
      else packColumns<T>(panel, w + <usize>column * wStride + <usize>start * sizeof<T>(), wStride, n, count);
      panel += <usize>n * 32;
    }
    blockRows(op, firstRow, lastRow, firstColumn, lastColumn, start, n, scratch, panel);
  }
}

/**
 * Six rows at a time over the packed panels. Behind them is room for two lists of addresses, a tile that is copied in and out where
 * columns are missing, and a row that takes the place of those that are not there.
 */
function blockRows(
  op: usize,
  firstRow: i32,
  lastRow: i32,
  firstColumn: i32,
  lastColumn: i32,
  start: i32,
  n: i32,
  panels: usize,
  room: usize,
): void {
  const a = pointer(op, 5) + (<usize>start << 2);
  const aStride = number(op, 6);
  const c = pointer(op, 9);
  const cStride = number(op, 10);
  const aMap = pointer(op, 16);
  const cMap = pointer(op, 17);
  const begins = start == 0 && (pointer(op, 11) != 0 || pointer(op, 12) != 0);
  const adds = start > 0 || begins;
  const edge = room + ADDRESSES;
  const spare = edge + ADDRESSES;
  const nowhere = spare + ROWS * COLUMNS * 4 - (<usize>firstColumn << 2);
  for (let i = 0; i < ROWS; i++) setC(edge, i, spare + <usize>(i * COLUMNS * 4));
  for (let r = firstRow; r < lastRow; r += ROWS) {
    const count = min(ROWS, lastRow - r);
    for (let i = 0; i < ROWS; i++) {
      const at = row(a, aStride, aMap, r + min(i, count - 1));
      setA(room, i, at);
      setA(edge, i, at);
      setC(room, i, i < count ? row(c, cStride, cMap, r + i) : nowhere);
    }
    if (begins) {
      for (let i = r; i < r + count; i++) begin(op, i, row(c, cStride, cMap, i), firstColumn, lastColumn);
    }
    let panel = panels;
    for (let column = firstColumn; column < lastColumn; column += COLUMNS) {
      const at = <usize>column << 2;
      const columns = lastColumn - column;
      if (columns >= COLUMNS) tile(room, n, panel, at, adds);
      else {
        for (let i = 0; i < count; i++) {
          copyFloats(spare + <usize>(i * COLUMNS * 4), row(c, cStride, cMap, r + i) + at, columns);
        }
        tile(edge, n, panel, 0, adds);
        for (let i = 0; i < count; i++) {
          copyFloats(row(c, cStride, cMap, r + i) + at, spare + <usize>(i * COLUMNS * 4), columns);
        }
      }
      panel += <usize>n * 32;
    }
  }
}

/** What a row is before the product is added: bias plus add, or either, or 0. */
function begin(op: usize, r: i32, c: usize, firstColumn: i32, lastColumn: i32): void {
  const bias = pointer(op, 11);
  const add = pointer(op, 12);
  const from = add ? row(add, number(op, 13), pointer(op, 18), r) : 0;
  let column = firstColumn;
  for (; column + 4 <= lastColumn; column += 4) {
    const at = <usize>column << 2;
    let x = bias ? v128.load(bias + at) : zero();
    if (from) x = f32x4.add(x, v128.load(from + at));
    v128.store(c + at, x);
  }
  for (; column < lastColumn; column++) {
    const at = <usize>column << 2;
    let x: f32 = bias ? load<f32>(bias + at) : 0;
    if (from) x += load<f32>(from + at);
    store<f32>(c + at, x);
  }
}

/** Columns of an item of `fewRows`. */
export const FEW_COLUMNS: i32 = 64;

/** The same as `matmul` with Wᵀ for so few rows that packing would cost more than it gains: W is read once, row by row. */
export function fewRows(op: usize, item: i32, scratch: usize): void {
  const type = number(op, 1);
  if (isCodes(type)) fewCodes(op, item, scratch);
  else if (type == Type.F32) fewProduct<f32>(op, item);
  else if (type == Type.F16) fewProduct<i16>(op, item);
  else fewProduct<u16>(op, item);
}

function fewProduct<T>(op: usize, item: i32): void {
  const rows = number(op, 2);
  const columns = number(op, 3);
  const depth = number(op, 4);
  const a = pointer(op, 5);
  const aStride = number(op, 6);
  const w = pointer(op, 7);
  const wStride = <usize>number(op, 8) * sizeof<T>();
  const c = pointer(op, 9);
  const cStride = number(op, 10);
  const bias = pointer(op, 11);
  const add = pointer(op, 12);
  const aMap = pointer(op, 16);
  const cMap = pointer(op, 17);
  const last = min((item + 1) * FEW_COLUMNS, columns);
  for (let column = item * FEW_COLUMNS; column < last; column++) {
    const at = <usize>column << 2;
    const from = w + <usize>column * wStride;
    for (let r = 0; r < rows; r++) {
      let x = stored<T>(row(a, aStride, aMap, r), from, depth);
      if (bias) x += load<f32>(bias + at);
      if (add) x += load<f32>(row(add, number(op, 13), pointer(op, 18), r) + at);
      store<f32>(row(c, cStride, cMap, r) + at, x);
    }
  }
}

/** As `fewProduct` with a W of codes: a stretch of its row is widened once for all rows. */
function fewCodes(op: usize, item: i32, scratch: usize): void {
  const rows = number(op, 2);
  const columns = number(op, 3);
  const depth = number(op, 4);
  const a = pointer(op, 5);
  const aStride = number(op, 6);
  const type = number(op, 1);
  const wStride = codeRowBytes(type, depth);
  const c = pointer(op, 9);
  const cStride = number(op, 10);
  const bias = pointer(op, 11);
  const add = pointer(op, 12);
  const aMap = pointer(op, 16);
  const cMap = pointer(op, 17);
  const last = min((item + 1) * FEW_COLUMNS, columns);
  for (let column = item * FEW_COLUMNS; column < last; column++) {
    const at = <usize>column << 2;
    const from = pointer(op, 7) + <usize>column * wStride;
    for (let start = 0; start == 0 || start < depth; start += LONG_STRETCH) {
      const n = min(LONG_STRETCH, depth - start);
      widenCodes(scratch, from, type, depth, start, n);
      for (let r = 0; r < rows; r++) {
        let x = dot(row(a, aStride, aMap, r) + (<usize>start << 2), scratch, n);
        const to = row(c, cStride, cMap, r) + at;
        if (start > 0) x += load<f32>(to);
        else {
          if (bias) x += load<f32>(bias + at);
          if (add) x += load<f32>(row(add, number(op, 13), pointer(op, 18), r) + at);
        }
        store<f32>(to, x);
      }
    }
  }
}

/** Σ a·w over n floats and as many stored numbers. */
function stored<T>(a: usize, w: usize, n: i32): f32 {
  if (isFloat<T>()) return dot(a, w, n);
  let s0 = zero();
  let s1 = zero();
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    s0 = madd(v128.load(a), widen4<T>(w), s0);
    s1 = madd(v128.load(a, 16), widen4<T>(w + 4 * sizeof<T>()), s1);
    a += 32;
    w += 8 * sizeof<T>();
  }
  let sum = sum4(f32x4.add(s0, s1));
  for (; i < n; i++) {
    sum += load<f32>(a) * widen<T>(w);
    a += 4;
    w += sizeof<T>();
  }
  return sum;
}
