/**
 * @file What a sequence's rows see, for both passes of attention: where its keys and values lie, packed into panels, and products with those.
 * One sequence and key head at a time, in this module's own words; each thread has its own.
 */
import { number, pointer } from './records';
import { COLUMNS, ROWS, setA, setC, tile } from './tile';
import { clearFloats, copyFloats, storeTransposed, zero } from './vectors';

/*
 * The first words of both kernels' records:
 * 0 sequences (table), 1 how many, 2 heads, 3 key heads, 4 head size, 5 q, 6 its stride, 7 k, 8 v, 9 their stride,
 * 10 prefix keys of this layer, 11 prefix values, 12 their stride, 13 rows of prefixes, 14 rows of the slots (0: every row is a
 * query), 15 out, 16 its stride, 17 statistics, 18 scale, 19 softcap (0: none), 20 window (0: none),
 * forward: 21 blocks of queries a sequence; backward: see there.
 */

/** What a thread works on. */
export let heads: i32 = 0;
export let size: i32 = 0;
/** Head size, filled up to whole panels. */
export let width: i32 = 0;
export let start: i32 = 0;
export let before: i32 = 0;
export let keys: i32 = 0;
/** Keys, filled up to whole panels. */
export let room: i32 = 0;
export let queries: i32 = 0;
/** Index of the first query among all, and its row. */
export let firstQuery: i32 = 0;
let slots: usize = 0;
/** Of the prompt's keys and values, and of the own ones: the first, and bytes from one to the next. */
let promptKey: usize = 0;
let promptValue: usize = 0;
let promptStride: usize = 0;
let ownKey: usize = 0;
let ownValue: usize = 0;
let ownStride: usize = 0;
let window: i32 = 0;

export function enter(op: usize, sequence: i32, keyHead: i32): void {
  const at = pointer(op, 0) + (<usize>sequence << 5);
  heads = number(op, 2);
  size = number(op, 4);
  width = (size + COLUMNS - 1) & ~(COLUMNS - 1);
  start = load<i32>(at);
  const length = load<i32>(at, 4);
  const promptStart = load<i32>(at, 8);
  before = load<i32>(at, 12);
  keys = before + length;
  room = (keys + COLUMNS - 1) & ~(COLUMNS - 1);
  slots = pointer(op, 14);
  firstQuery = slots ? load<i32>(at, 16) : start;
  queries = slots ? load<i32>(at, 20) : length;
  window = number(op, 20);
  const head = <usize>(keyHead * size) << 2;
  ownStride = <usize>number(op, 9) << 2;
  ownKey = pointer(op, 7) + head + <usize>start * ownStride;
  ownValue = pointer(op, 8) + head + <usize>start * ownStride;
  if (promptStart < number(op, 13)) {
    promptStride = <usize>number(op, 12) << 2;
    promptKey = pointer(op, 10) + head + <usize>promptStart * promptStride;
    promptValue = pointer(op, 11) + head + <usize>promptStart * promptStride;
  } else {
    promptStride = ownStride;
    promptKey = pointer(op, 7) + head + <usize>promptStart * ownStride;
    promptValue = pointer(op, 8) + head + <usize>promptStart * ownStride;
  }
}

@inline
export function keyAt(j: i32): usize {
  return j < before ? promptKey + <usize>j * promptStride : ownKey + <usize>(j - before) * ownStride;
}

@inline
export function valueAt(j: i32): usize {
  return j < before ? promptValue + <usize>j * promptStride : ownValue + <usize>(j - before) * ownStride;
}

/** The keys that query i sees are `lowest(i)` up to, without it, `highest(i)`. */
@inline
export function highest(i: i32): i32 {
  return before + (slots ? load<i32>(slots + (<usize>(firstQuery + i) << 2)) - start : i) + 1;
}

@inline
export function lowest(i: i32): i32 {
  return window ? max(0, highest(i) - window) : 0;
}

/** Panels of eight keys (or values) as columns: to[panel][dimension][8]; those behind the last are 0. */
export function packTransposed(to: usize, values: bool, from: i32, end: i32): void {
  for (let j = from; j < end; j += 4) {
    const at = to + ((<usize>(j >> 3) * size) << 5) + (<usize>(j & 4) << 2);
    const last = end - 1;
    packFour(
      at,
      values ? valueAt(j) : keyAt(j),
      values ? valueAt(min(j + 1, last)) : keyAt(min(j + 1, last)),
      values ? valueAt(min(j + 2, last)) : keyAt(min(j + 2, last)),
      values ? valueAt(min(j + 3, last)) : keyAt(min(j + 3, last)),
      end - j,
    );
  }
  if (((end - 1) & 7) >= 4) return;
  const at = to + ((<usize>((end - 1) >> 3) * size) << 5) + 16;
  for (let d = 0; d < size; d++) v128.store(at + (<usize>d << 5), zero());
}

/** Four of them, of which only the first `count` are there. */
function packFour(to: usize, x0: usize, x1: usize, x2: usize, x3: usize, count: i32): void {
  const none = zero();
  let at: usize = 0;
  const whole = <usize>(size & ~3) << 2;
  for (; at < whole; at += 16) {
    storeTransposed(
      to,
      v128.load(x0 + at),
      count > 1 ? v128.load(x1 + at) : none,
      count > 2 ? v128.load(x2 + at) : none,
      count > 3 ? v128.load(x3 + at) : none,
    );
    to += 128;
  }
  for (const end = <usize>size << 2; at < end; at += 4) {
    store<f32>(to, load<f32>(x0 + at));
    store<f32>(to, count > 1 ? load<f32>(x1 + at) : 0, 4);
    store<f32>(to, count > 2 ? load<f32>(x2 + at) : 0, 8);
    store<f32>(to, count > 3 ? load<f32>(x3 + at) : 0, 12);
    to += 32;
  }
}

/** Panels of eight dimensions as columns: to[panel][key][8]. */
export function packStraight(to: usize, values: bool, from: i32, end: i32): void {
  for (let j = from; j < end; j++) {
    const x = values ? valueAt(j) : keyAt(j);
    for (let d = 0; d < width; d += COLUMNS) {
      const at = to + ((<usize>(d >> 3) * room + j) << 5);
      if (d + COLUMNS <= size) {
        v128.store(at, v128.load(x + (<usize>d << 2)));
        v128.store(at, v128.load(x + (<usize>d << 2), 16), 16);
      } else {
        clearFloats(at, COLUMNS);
        copyFloats(at, x + (<usize>d << 2), size - d);
      }
    }
  }
}

/** to[i][j] = a[i] · column j, in steps of eight columns, for the six rows of a in the list; rows of `to` are `room` apart. */
export function products(list: usize, panels: usize, from: i32, end: i32, to: usize): void {
  const step = <usize>room << 2;
  for (let i = 0; i < ROWS; i++) setC(list, i, to + <usize>i * step);
  for (let j = from; j < end; j += COLUMNS) {
    tile(list, size, panels + ((<usize>(j >> 3) * size) << 5), <usize>j << 2, false);
  }
}

/** to[i][0 … width - 1] = Σ weights[i][j] · straight[j] over keys from, …, end - 1; rows of `to` are `width` apart. */
export function mix(list: usize, weights: usize, straight: usize, from: i32, end: i32, to: usize): void {
  const step = <usize>width << 2;
  const wide = <usize>room << 2;
  for (let i = 0; i < ROWS; i++) {
    setA(list, i, weights + (<usize>from << 2) + <usize>i * wide);
    setC(list, i, to + <usize>i * step);
  }
  for (let d = 0; d < width; d += COLUMNS) {
    tile(list, end - from, straight + ((<usize>(d >> 3) * room + from) << 5), <usize>d << 2, false);
  }
}
