/** @file The backward pass of attention, six queries at a time, and the sum of what sequences add to the gradient of prompts' keys and values. */
import {
  before, enter, firstQuery, heads, highest, keys, lowest, mix, packStraight, packTransposed, products, queries, room, size, start, width,
} from './attended';
import { float, number, pointer, row } from './records';
import { COLUMNS, ROWS, setA, sixRows } from './tile';
import { addFloats, clearFloats, copyFloats, dot, exp4, tanh4 } from './vectors';

/**
 * The backward pass of one sequence and key head. Beside what is above:
 * 21 gradient of out (stride as out), 22 of q (stride as q), 23 of k, 24 of v, 25 their stride, 26 of the prompts' keys as each
 * sequence sees them (jobs × key heads · head size), 27 of the values, 28 sequences of prompts' own rows, 29 whether only
 * prompts' gradients are wanted.
 *
 * A prompt's own sequence sees its rows as its own; their gradients too go to the jobs, and are summed with the others.
 */
export function attendBackward(op: usize, item: i32, scratch: usize): void {
  const keyHeads = number(op, 3);
  const sequence = item / keyHeads;
  const keyHead = item % keyHeads;
  enter(op, sequence, keyHead);
  const table = pointer(op, 0) + (<usize>sequence << 5);
  const isPrompt = sequence < number(op, 28);
  const promptOnly = number(op, 29) != 0 && !isPrompt;
  const end = promptOnly ? before : keys;
  const square = (<usize>room * size) << 2;
  const wide = (<usize>room * width) << 2;
  const keyColumns = scratch;
  const valueColumns = keyColumns + square;
  const keyRows = valueColumns + square;
  const keyGradient = keyRows + wide;
  const valueGradient = keyGradient + wide;
  const scores = valueGradient + wide;
  const slopes = scores + ((<usize>room * ROWS) << 2);
  const query = slopes + ((<usize>room * ROWS) << 2);
  const outGradient = query + (<usize>(ROWS * width) << 2);
  const mixed = outGradient + (<usize>(ROWS * width) << 2);
  const list = mixed + (<usize>(ROWS * width) << 2);
  packTransposed(keyColumns, false, 0, end);
  packTransposed(valueColumns, true, 0, end);
  if (!promptOnly) packStraight(keyRows, false, 0, end);
  memory.fill(keyGradient, 0, 2 * wide);
  const group = heads / keyHeads;
  for (let g = 0; g < group; g++) {
    const head = keyHead * group + g;
    for (let i = 0; i < queries; i += ROWS) {
      const last = min(i + ROWS, queries) - 1;
      const low = lowest(i) & ~7;
      const high = min(highest(last), end);
      gather(query, pointer(op, 5), number(op, 6), head, i, last);
      gather(outGradient, pointer(op, 21), number(op, 16), head, i, last);
      const step = <usize>width << 2;
      if (high > low) {
        for (let n = 0; n < ROWS; n++) setA(list, n, query + <usize>n * step);
        products(list, keyColumns, low, high, scores);
        const d = outGradient;
        for (let n = 0; n < ROWS; n++) setA(list, n, d + <usize>n * step);
        products(list, valueColumns, low, high, slopes);
        for (let n = i; n < i + ROWS; n++) {
          const offset = (<usize>(n - i) * room) << 2;
          slopesOf(op, scores + offset, slopes + offset, low, (high + 7) & ~7, n, last, head, d + <usize>(n - i) * step, end);
        }
        for (let c = 0; c < width; c += COLUMNS) {
          const at = (<usize>low * step) + (<usize>c << 2);
          const across = <usize>c << 2;
          sixRows(slopes + (<usize>low << 2), <usize>room << 2, high - low, query + across, step, keyGradient + at, step);
          sixRows(scores + (<usize>low << 2), <usize>room << 2, high - low, d + across, step, valueGradient + at, step);
        }
      }
      if (promptOnly) continue;
      mix(list, slopes, keyRows, low, high, mixed);
      const to = pointer(op, 22) + (<usize>(head * size) << 2);
      for (let n = i; n <= last; n++) {
        copyFloats(row(to, number(op, 6), 0, firstQuery + n), mixed + <usize>(n - i) * step, size);
      }
    }
  }
  const across = <usize>(keyHead * size) << 2;
  const jobStride = <usize>(keyHeads * size) << 2;
  const shared = isPrompt ? keys : before;
  const firstJob = <usize>load<i32>(table, 24) * jobStride + across;
  for (let j = 0; j < shared; j++) {
    const from = (<usize>j * width) << 2;
    const to = firstJob + <usize>j * jobStride;
    copyFloats(pointer(op, 26) + to, keyGradient + from, size);
    copyFloats(pointer(op, 27) + to, valueGradient + from, size);
  }
  if (promptOnly || isPrompt) return;
  for (let j = before; j < keys; j++) {
    const from = (<usize>j * width) << 2;
    const r = start + j - before;
    copyFloats(row(pointer(op, 23) + across, number(op, 25), 0, r), keyGradient + from, size);
    copyFloats(row(pointer(op, 24) + across, number(op, 25), 0, r), valueGradient + from, size);
  }
}

/** Six rows of a head, filled up with zeros to whole panels and six rows. */
function gather(to: usize, base: usize, stride: i32, head: i32, i: i32, last: i32): void {
  clearFloats(to, ROWS * width);
  for (let n = i; n <= last; n++) {
    copyFloats(to + ((<usize>(n - i) * width) << 2), row(base, stride, 0, firstQuery + n) + (<usize>(head * size) << 2), size);
  }
}

/** Of one query: scores become its weights, products of its gradient with the values become the scores' gradient. */
function slopesOf(
  op: usize,
  scores: usize,
  slopes: usize,
  from: i32,
  end: i32,
  n: i32,
  last: i32,
  head: i32,
  gradient: usize,
  bound: i32,
): void {
  if (n > last) {
    clearFloats(scores + (<usize>from << 2), end - from);
    clearFloats(slopes + (<usize>from << 2), end - from);
    return;
  }
  const low = lowest(n);
  const high = min(highest(n), bound);
  const out = row(pointer(op, 15), number(op, 16), 0, firstQuery + n) + (<usize>(head * size) << 2);
  const statistics = pointer(op, 17) + ((<usize>(firstQuery + n) * heads + head) << 3);
  const largest = f32x4.splat(load<f32>(statistics));
  const inverse = f32x4.splat(load<f32>(statistics, 4));
  const along = f32x4.splat(dot(gradient, out, size));
  const cap = float(op, 19);
  const factor = f32x4.splat(float(op, 18));
  const scale = f32x4.splat(cap > 0 ? float(op, 18) / cap : float(op, 18));
  const caps = f32x4.splat(cap);
  const one = f32x4.splat(1);
  for (let j = from; j < end; j += 4) {
    const at = <usize>j << 2;
    let s = f32x4.mul(v128.load(scores + at), scale);
    let slope = factor;
    if (cap > 0) {
      const t = tanh4(s);
      s = f32x4.mul(t, caps);
      slope = f32x4.mul(slope, f32x4.sub(one, f32x4.mul(t, t)));
    }
    const p = f32x4.mul(exp4(f32x4.sub(s, largest)), inverse);
    v128.store(scores + at, p);
    v128.store(slopes + at, f32x4.mul(f32x4.mul(p, f32x4.sub(v128.load(slopes + at), along)), slope));
  }
  for (let j = from; j < end; j++) {
    if (j >= low && j < high) continue;
    store<f32>(scores + (<usize>j << 2), 0);
    store<f32>(slopes + (<usize>j << 2), 0);
  }
}

/**
 * Gradients of prompts' keys and values: the sum over the sequences that saw them, in their order. Item: a row of a prompt or prefix.
 * Prompt rows (first job, jobs between, how many, 0), key heads · head size, jobs' key gradients, value gradients, rows of
 * prefixes, gradient of the prefixes' keys in this layer, of their values, stride, of the rows' keys, values, stride.
 */
export function sumJobs(op: usize, item: i32): void {
  const entry = pointer(op, 0) + (<usize>item << 4);
  const n = number(op, 1);
  const given = item < number(op, 4);
  const stride = number(op, given ? 7 : 10);
  const k = row(pointer(op, given ? 5 : 8), stride, 0, item);
  const v = row(pointer(op, given ? 6 : 9), stride, 0, item);
  clearFloats(k, n);
  clearFloats(v, n);
  let job = load<i32>(entry);
  for (let i = 0; i < load<i32>(entry, 8); i++) {
    addFloats(k, row(pointer(op, 2), n, 0, job), n);
    addFloats(v, row(pointer(op, 3), n, 0, job), n);
    job += load<i32>(entry, 4);
  }
}
