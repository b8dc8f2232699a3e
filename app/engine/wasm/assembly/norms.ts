/** @file LayerNorm and RMSNorm of rows, and of the heads of queries and keys, forward and backward. */
import { ROW_BLOCK } from './tables';
import { float, number, pointer, row } from './records';
import { addFloats, copyFloats, loadSome, madd, storeSome, sum4, zero } from './vectors';

/** Σ x and Σ x² need two passes for a small variance to be right; both are returned through these. */
let mean: f32 = 0;
let inverse: f32 = 0;

/** Mean (0 for RMS) and 1/σ of n floats. */
function measure(x: usize, n: i32, layer: bool, epsilon: f32): void {
  mean = 0;
  if (layer) {
    let s = zero();
    for (let i = 0; i < n; i += 4) s = f32x4.add(s, loadSome(x + (<usize>i << 2), n - i));
    mean = sum4(s) / <f32>n;
  }
  const middle = f32x4.splat(mean);
  let s = zero();
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    const d = f32x4.sub(v128.load(x + (<usize>i << 2)), middle);
    s = madd(d, d, s);
  }
  let sum = sum4(s);
  for (; i < n; i++) {
    const d = load<f32>(x + (<usize>i << 2)) - mean;
    sum += d * d;
  }
  inverse = 1 / sqrt<f32>(sum / <f32>n + epsilon);
}

/** y = (x − mean) / σ · weight + bias + add, of which bias and add may be missing (0). */
function apply(x: usize, n: i32, weight: usize, bias: usize, add: usize, y: usize): void {
  const middle = f32x4.splat(mean);
  const scale = f32x4.splat(inverse);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const count = n - i;
    let v = f32x4.mul(f32x4.mul(f32x4.sub(loadSome(x + at, count), middle), scale), loadSome(weight + at, count));
    if (bias) v = f32x4.add(v, loadSome(bias + at, count));
    if (add) v = f32x4.add(v, loadSome(add + at, count));
    storeSome(y + at, v, count);
  }
}

/**
 * dx = add + the gradient through a norm, for one row: r·(γ∘dy − x̂·mean(γ∘dy∘x̂)), a LayerNorm's less mean(γ∘dy)·r as well.
 * dx may be dy or add.
 */
function applyBackward(
  x: usize,
  n: i32,
  layer: bool,
  middle: f32,
  r: f32,
  weight: usize,
  dy: usize,
  add: usize,
  dx: usize,
): void {
  const m = f32x4.splat(middle);
  const scale = f32x4.splat(r);
  let along = zero();
  let total = zero();
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const count = n - i;
    const g = f32x4.mul(loadSome(dy + at, count), loadSome(weight + at, count));
    // Lanes that are not there hold 0 in g, so what they hold in x̂ does not count.
    const hat = f32x4.mul(f32x4.sub(loadSome(x + at, count), m), scale);
    along = madd(g, hat, along);
    total = f32x4.add(total, g);
  }
  const share = f32x4.splat(sum4(along) / <f32>n);
  const shift = f32x4.splat(layer ? sum4(total) / <f32>n : 0);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2;
    const count = n - i;
    const g = f32x4.mul(loadSome(dy + at, count), loadSome(weight + at, count));
    const hat = f32x4.mul(f32x4.sub(loadSome(x + at, count), m), scale);
    let v = f32x4.mul(scale, f32x4.sub(f32x4.sub(g, f32x4.mul(hat, share)), shift));
    if (add) v = f32x4.add(v, loadSome(add + at, count));
    storeSome(dx + at, v, count);
  }
}

/**
 * y[r] = norm(x[r]) + add[r]; mean and 1/σ of every row are kept.
 * Layer norm (else RMS), first row, last, width, ε, x, which row of x, weight, bias, add, y, stats (two floats a row).
 */
export function norm(op: usize, item: i32): void {
  const layer = number(op, 0) != 0;
  const first = number(op, 1) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 2));
  const width = number(op, 3);
  const add = pointer(op, 9);
  for (let r = first; r < last; r++) {
    const x = row(pointer(op, 5), width, pointer(op, 6), r);
    const stats = pointer(op, 11) + (<usize>r << 3);
    measure(x, width, layer, float(op, 4));
    store<f32>(stats, mean);
    store<f32>(stats, inverse, 4);
    const sum = add ? row(add, width, 0, r) : 0;
    apply(x, width, pointer(op, 7), pointer(op, 8), sum, row(pointer(op, 10), width, 0, r));
  }
}

/**
 * dx[r] = add[r] + the gradient of norm at dy[r].
 * Layer norm (else RMS), first row, last, width, dy, x, which row of x, weight, stats, add (or 0), dx.
 */
export function normBackward(op: usize, item: i32): void {
  const layer = number(op, 0) != 0;
  const first = number(op, 1) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 2));
  const width = number(op, 3);
  const add = pointer(op, 9);
  for (let r = first; r < last; r++) {
    const stats = pointer(op, 8) + (<usize>r << 3);
    applyBackward(
      row(pointer(op, 5), width, pointer(op, 6), r),
      width,
      layer,
      load<f32>(stats),
      load<f32>(stats, 4),
      pointer(op, 7),
      row(pointer(op, 4), width, 0, r),
      add ? row(add, width, 0, r) : 0,
      row(pointer(op, 10), width, 0, r),
    );
  }
}

/**
 * Queries and keys of a row, in place: norm of each head (where there are weights), then rotation by the row's position.
 * What was before the norm is kept in `raw`.
 * First row, last, x, stride, heads with the first weight, heads with the second, head size, first weight, second (0 for no norm),
 * layer norm (else RMS), ε, raw (stride as x), row table, which row of it, table of cosines and sines (0 for no rotation), dimensions.
 */
export function heads(op: usize, item: i32): void {
  const first = number(op, 0) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 1));
  const size = number(op, 6);
  const ahead = number(op, 4);
  const all = ahead + number(op, 5);
  const layer = number(op, 9) != 0;
  for (let r = first; r < last; r++) {
    const at = row(pointer(op, 2), number(op, 3), 0, r);
    const raw = row(pointer(op, 11), number(op, 3), 0, r);
    const turns = turnsOf(op, r);
    for (let head = 0; head < all; head++) {
      const offset = <usize>(head * size) << 2;
      const weight = pointer(op, head < ahead ? 7 : 8);
      if (weight) {
        memory.copy(raw + offset, at + offset, <usize>size << 2);
        measure(at + offset, size, layer, float(op, 10));
        apply(at + offset, size, weight, 0, 0, at + offset);
      }
      if (turns) rotate(at + offset, turns, number(op, 15) >> 1, 1);
    }
  }
}

/** The gradient through `heads`, in place; the same record, with x the gradient. */
export function headsBackward(op: usize, item: i32): void {
  const first = number(op, 0) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 1));
  const size = number(op, 6);
  const ahead = number(op, 4);
  const all = ahead + number(op, 5);
  const layer = number(op, 9) != 0;
  for (let r = first; r < last; r++) {
    const at = row(pointer(op, 2), number(op, 3), 0, r);
    const raw = row(pointer(op, 11), number(op, 3), 0, r);
    const turns = turnsOf(op, r);
    for (let head = 0; head < all; head++) {
      const offset = <usize>(head * size) << 2;
      const weight = pointer(op, head < ahead ? 7 : 8);
      if (turns) rotate(at + offset, turns, number(op, 15) >> 1, -1);
      if (!weight) continue;
      measure(raw + offset, size, layer, float(op, 10));
      applyBackward(raw + offset, size, layer, mean, inverse, weight, at + offset, 0, at + offset);
    }
  }
}

/** Cosines, then sines, of the row's position; 0 where nothing turns. */
@inline
function turnsOf(op: usize, r: i32): usize {
  const table = pointer(op, 14);
  if (!table) return 0;
  const map = pointer(op, 13);
  const index = map ? load<i32>(map + (<usize>r << 2)) : r;
  const position = load<u32>(pointer(op, 12) + (<usize>index << 4), 4);
  return table + ((<usize>position * <usize>number(op, 15)) << 2);
}

/** Turns dimension i with dimension i + half, by the angle or against it. */
function rotate(x: usize, turns: usize, half: i32, direction: f32): void {
  const sines = turns + (<usize>half << 2);
  const upper = x + (<usize>half << 2);
  const way = f32x4.splat(direction);
  let i = 0;
  for (; i + 4 <= half; i += 4) {
    const at = <usize>i << 2;
    const c = v128.load(turns + at);
    const s = f32x4.mul(v128.load(sines + at), way);
    const a = v128.load(x + at);
    const b = v128.load(upper + at);
    v128.store(x + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(upper + at, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
  for (; i < half; i++) {
    const at = <usize>i << 2;
    const c = load<f32>(turns + at);
    const s = load<f32>(sines + at) * direction;
    const a = load<f32>(x + at);
    const b = load<f32>(upper + at);
    store<f32>(x + at, a * c - b * s);
    store<f32>(upper + at, b * c + a * s);
  }
}

/** to[map[r]] += from[r], where no two rows go to one: first row, last, width, from, to, map. */
export function addRows(op: usize, item: i32): void {
  const first = number(op, 0) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 1));
  const width = number(op, 2);
  for (let r = first; r < last; r++) {
    addFloats(row(pointer(op, 4), width, pointer(op, 5), r), row(pointer(op, 3), width, 0, r), width);
  }
}

/** to[r] = from[r], or from[map[r]]: first row, last, width, from, stride, map, to, stride. */
export function copyRows(op: usize, item: i32): void {
  const first = number(op, 0) + item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 1));
  for (let r = first; r < last; r++) {
    const from = row(pointer(op, 3), number(op, 4), pointer(op, 5), r);
    copyFloats(row(pointer(op, 6), number(op, 7), 0, r), from, number(op, 2));
  }
}
