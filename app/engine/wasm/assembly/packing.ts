/** @file Panels of a product: eight columns of a weight, widened, one row behind the other, from weights as they are stored. */
import { STRETCH, widenCodes } from './codes';
import { COLUMNS } from './tile';
import { storeTransposed, widen, widen4 } from './vectors';

/** panel[j][i] = w[i][j]: eight rows of W stand as columns; those that are not there are 0. */
export function packColumns<T>(panel: usize, w: usize, wStride: usize, n: i32, count: i32): void {
  if (count < COLUMNS) {
    for (let j = 0; j < n; j++) {
      for (let i = 0; i < COLUMNS; i++) {
        store<f32>(panel + <usize>((j * COLUMNS + i) << 2), i < count ? widen<T>(w + <usize>i * wStride + <usize>j * sizeof<T>()) : 0);
      }
    }
    return;
  }
  let j = 0;
  for (; j + 4 <= n; j += 4) {
    packFour<T>(panel, w, wStride);
    packFour<T>(panel + 16, w + 4 * wStride, wStride);
    w += 4 * sizeof<T>();
    panel += 128;
  }
  for (; j < n; j++) {
    for (let i = 0; i < COLUMNS; i++) store<f32>(panel + <usize>(i << 2), widen<T>(w + <usize>i * wStride));
    w += sizeof<T>();
    panel += 32;
  }
}

/** Four by four of them. */
@inline
function packFour<T>(panel: usize, w: usize, wStride: usize): void {
  storeTransposed(panel, widen4<T>(w), widen4<T>(w + wStride), widen4<T>(w + 2 * wStride), widen4<T>(w + 3 * wStride));
}

/** panel[j][i] = w[j][i]: eight columns of W as they are. */
export function packRows<T>(panel: usize, w: usize, wStride: usize, n: i32, count: i32): void {
  for (let j = 0; j < n; j++) {
    if (count >= COLUMNS) {
      v128.store(panel, widen4<T>(w));
      v128.store(panel, widen4<T>(w + 4 * sizeof<T>()), 16);
    } else {
      for (let i = 0; i < COLUMNS; i++) {
        store<f32>(panel + <usize>(i << 2), i < count ? widen<T>(w + i * sizeof<T>()) : 0);
      }
    }
    w += wStride;
    panel += 32;
  }
}

/** As `packColumns` of rows of codes, from element `start` on. */
export function packCodeColumns(
  panel: usize,
  w: usize,
  wStride: usize,
  type: i32,
  width: i32,
  start: i32,
  n: i32,
  count: i32,
  room: usize,
): void {
  const rowBytes: usize = STRETCH * 4;
  for (let j = 0; j < n; j += STRETCH) {
    const length = min(STRETCH, n - j);
    for (let i = 0; i < count; i++) {
      widenCodes(room + <usize>i * rowBytes, w + <usize>i * wStride, type, width, start + j, length);
    }
    packColumns<f32>(panel, room, rowBytes, length, count);
    panel += <usize>length * 32;
  }
}

/** As `packRows` of rows of codes, for all panels of a block of columns, which begins at a multiple of 16. @returns where the panels end */
export function packCodes(
  panels: usize,
  w: usize,
  wStride: usize,
  type: i32,
  width: i32,
  firstColumn: i32,
  lastColumn: i32,
  n: i32,
): usize {
  const columns = lastColumn - firstColumn;
  const panelBytes = <usize>n * 32;
  const end = panels + <usize>((columns + COLUMNS - 1) / COLUMNS) * panelBytes;
  for (let j = 0; j < n; j++) {
    widenCodes(end, w, type, width, firstColumn, columns);
    // Numbers beyond the last column go into a tile's columns that are not there.
    let from = end;
    for (let panel = panels + (<usize>j << 5); panel < end; panel += panelBytes) {
      v128.store(panel, v128.load(from));
      v128.store(panel, v128.load(from, 16), 16);
      from += 32;
    }
    w += wStride;
  }
  return end;
}
