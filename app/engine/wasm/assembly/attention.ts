/**
 * @file Attention over packed rows. A text's row sees the keys of its prompt (rows computed once for all texts, or a prefix that is
 * given) and those of its own text up to itself, or the last `window` of both. Six queries at a time; nothing larger than
 * six rows of scores exists. The backward pass makes the scores again.
 */
import { float, number, pointer, row } from './records';
import { ADDRESSES, COLUMNS, ROWS, setA, setC, sixRows, tile } from './tile';
import { addFloats, clearFloats, copyFloats, dot, exp4, madd, max4, sum4, tanh4, zero } from './vectors';

/** Queries of an item of the forward pass: a long text is shared among threads. */
export const QUERY_BLOCK: i32 = 96;

/*
 * The first words of both kernels' records:
 * 0 sequences (table), 1 how many, 2 heads, 3 key heads, 4 head size, 5 q, 6 its stride, 7 k, 8 v, 9 their stride,
 * 10 prefix keys of this layer, 11 prefix values, 12 their stride, 13 rows of prefixes, 14 rows of the slots (0: every row is a
 * query), 15 out, 16 its stride, 17 statistics, 18 scale, 19 softcap (0: none), 20 window (0: none),
 * forward: 21 blocks of queries a sequence; backward: see there.
 */

/** What a thread works on. */
let heads: i32 = 0;
let size: i32 = 0;
/** Head size, filled up to whole panels. */
let width: i32 = 0;
let start: i32 = 0;
let before: i32 = 0;
let keys: i32 = 0;
/** Keys, filled up to whole panels. */
let room: i32 = 0;
let queries: i32 = 0;
/** Index of the first query among all, and its row. */
let firstQuery: i32 = 0;
let slots: usize = 0;
/** Of the prompt's keys and values, and of the own ones: the first, and bytes from one to the next. */
let promptKey: usize = 0;
let promptValue: usize = 0;
let promptStride: usize = 0;
let ownKey: usize = 0;
let ownValue: usize = 0;
let ownStride: usize = 0;
let window: i32 = 0;

function enter(op: usize, sequence: i32, keyHead: i32): void {
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
function keyAt(j: i32): usize {
  return j < before ? promptKey + <usize>j * promptStride : ownKey + <usize>(j - before) * ownStride;
}

@inline
function valueAt(j: i32): usize {
  return j < before ? promptValue + <usize>j * promptStride : ownValue + <usize>(j - before) * ownStride;
}

/** The keys that query i sees are `lowest(i)` up to, without it, `highest(i)`. */
@inline
function highest(i: i32): i32 {
  return before + (slots ? load<i32>(slots + (<usize>(firstQuery + i) << 2)) - start : i) + 1;
}

@inline
function lowest(i: i32): i32 {
  return window ? max(0, highest(i) - window) : 0;
}

/** Panels of eight keys (or values) as columns: to[panel][dimension][8]; those behind the last are 0. */
function packTransposed(to: usize, values: bool, from: i32, end: i32): void {
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
  const there = i32x4.lt_s(i32x4(0, 1, 2, 3), i32x4.splat(count));
  let d = 0;
  for (; d + 4 <= size; d += 4) {
    const a = v128.load(x0);
    const b = v128.load(x1);
    const c = v128.load(x2);
    const e = v128.load(x3);
    const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
    const ce = v128.shuffle<f32>(c, e, 0, 4, 1, 5);
    v128.store(to, v128.and(v128.shuffle<f32>(ab, ce, 0, 1, 4, 5), there));
    v128.store(to, v128.and(v128.shuffle<f32>(ab, ce, 2, 3, 6, 7), there), 32);
    const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const ce2 = v128.shuffle<f32>(c, e, 2, 6, 3, 7);
    v128.store(to, v128.and(v128.shuffle<f32>(ab2, ce2, 0, 1, 4, 5), there), 64);
    v128.store(to, v128.and(v128.shuffle<f32>(ab2, ce2, 2, 3, 6, 7), there), 96);
    x0 += 16;
    x1 += 16;
    x2 += 16;
    x3 += 16;
    to += 128;
  }
  for (; d < size; d++) {
    const x = f32x4(load<f32>(x0), load<f32>(x1), load<f32>(x2), load<f32>(x3));
    v128.store(to, v128.and(x, there));
    x0 += 4;
    x1 += 4;
    x2 += 4;
    x3 += 4;
    to += 32;
  }
}

/** Panels of eight dimensions as columns: to[panel][key][8]. */
function packStraight(to: usize, values: bool, from: i32, end: i32): void {
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
function products(list: usize, panels: usize, from: i32, end: i32, to: usize): void {
  const step = <usize>room << 2;
  for (let i = 0; i < ROWS; i++) setC(list, i, to + <usize>i * step);
  for (let j = from; j < end; j += COLUMNS) {
    tile(list, size, panels + ((<usize>(j >> 3) * size) << 5), <usize>j << 2, false);
  }
}

/** to[i][0 … width - 1] = Σ weights[i][j] · straight[j] over keys from, …, end - 1; rows of `to` are `width` apart. */
function mix(list: usize, weights: usize, straight: usize, from: i32, end: i32, to: usize): void {
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

/** Bytes of scratch for `attend`, beside which `attendBackward` needs more: see `ops.ts`, which says the same. */

/** The forward pass: out[query] per head, and the largest score and 1 / Σ of every query and head. */
export function attend(op: usize, item: i32, scratch: usize): void {
  const blocks = number(op, 21);
  const keyHeads = number(op, 3);
  const block = item % blocks;
  const keyHead = (item / blocks) % keyHeads;
  enter(op, item / (blocks * keyHeads), keyHead);
  const firstOfBlock = block * QUERY_BLOCK;
  const lastOfBlock = min(firstOfBlock + QUERY_BLOCK, queries);
  if (firstOfBlock >= lastOfBlock) return;
  const from = lowest(firstOfBlock) & ~7;
  const end = highest(lastOfBlock - 1);
  if (queries == 1) {
    attendOne(op, keyHead, from, scratch);
    return;
  }
  const columns = scratch;
  const straight = columns + ((<usize>room * size) << 2);
  const scores = straight + ((<usize>room * width) << 2);
  const mixed = scores + ((<usize>room * ROWS) << 2);
  const list = mixed + ((<usize>ROWS * width) << 2);
  packTransposed(columns, false, from, end);
  packStraight(straight, true, from, end);
  const group = heads / keyHeads;
  for (let g = 0; g < group; g++) {
    const head = keyHead * group + g;
    const q = pointer(op, 5) + (<usize>(head * size) << 2);
    const out = pointer(op, 15) + (<usize>(head * size) << 2);
    for (let i = firstOfBlock; i < lastOfBlock; i += ROWS) {
      const last = min(i + ROWS, lastOfBlock) - 1;
      const low = lowest(i) & ~7;
      const high = highest(last);
      const stride = number(op, 6);
      for (let n = 0; n < ROWS; n++) setA(list, n, row(q, stride, 0, firstQuery + min(i + n, last)));
      products(list, columns, low, high, scores);
      for (let n = i; n <= last; n++) {
        const at = scores + ((<usize>(n - i) * room) << 2);
        const statistics = pointer(op, 17) + ((<usize>(firstQuery + n) * heads + head) << 3);
        softmax(op, at, low, (high + 7) & ~7, lowest(n), highest(n), statistics);
      }
      mix(list, scores, straight, low, high, mixed);
      for (let n = i; n <= last; n++) {
        const inverse = f32x4.splat(load<f32>(pointer(op, 17) + ((<usize>(firstQuery + n) * heads + head) << 3), 4));
        const x = mixed + ((<usize>(n - i) * width) << 2);
        for (let d = 0; d < width; d += 4) {
          const at = x + (<usize>d << 2);
          v128.store(at, f32x4.mul(v128.load(at), inverse));
        }
        copyFloats(row(out, number(op, 16), 0, firstQuery + n), x, size);
      }
    }
  }
}

/** e^(score − largest) of the visible keys, 0 for those beside them up to whole panels; keeps the largest and 1 / Σ. */
function softmax(op: usize, at: usize, from: i32, end: i32, low: i32, high: i32, statistics: usize): void {
  const cap = float(op, 19);
  const scale = f32x4.splat(cap > 0 ? float(op, 18) / cap : float(op, 18));
  const caps = f32x4.splat(cap);
  let most = f32x4.splat(-Infinity);
  for (let j = from; j < end; j += 4) {
    const x = at + (<usize>j << 2);
    let s = f32x4.mul(v128.load(x), scale);
    if (cap > 0) s = f32x4.mul(tanh4(s), caps);
    v128.store(x, s);
    if (j >= low && j + 4 <= high) most = f32x4.max(most, s);
  }
  let top = max4(most);
  for (let j = low; j < high && (j & 3) != 0; j++) top = max(top, load<f32>(at + (<usize>j << 2)));
  for (let j = max(low, high & ~3); j < high; j++) top = max(top, load<f32>(at + (<usize>j << 2)));
  const largest = f32x4.splat(top);
  for (let j = from; j < low; j++) store<f32>(at + (<usize>j << 2), -Infinity);
  for (let j = high; j < end; j++) store<f32>(at + (<usize>j << 2), -Infinity);
  let sum = zero();
  for (let j = from; j < end; j += 4) {
    const x = at + (<usize>j << 2);
    const e = exp4(f32x4.sub(v128.load(x), largest));
    v128.store(x, e);
    sum = f32x4.add(sum, e);
  }
  store<f32>(statistics, top);
  store<f32>(statistics, 1 / sum4(sum), 4);
}

/** One query, as when tokens are generated: keys and values are read where they are. */
function attendOne(op: usize, keyHead: i32, from: i32, scratch: usize): void {
  const group = heads / number(op, 3);
  const high = highest(0);
  for (let g = 0; g < group; g++) {
    const head = keyHead * group + g;
    const offset = <usize>(head * size) << 2;
    const q = row(pointer(op, 5) + offset, number(op, 6), 0, firstQuery);
    const out = row(pointer(op, 15) + offset, number(op, 16), 0, firstQuery);
    const statistics = pointer(op, 17) + ((<usize>firstQuery * heads + head) << 3);
    for (let j = from; j < high; j++) store<f32>(scratch + (<usize>j << 2), dot(q, keyAt(j), size));
    softmax(op, scratch, from, (high + 7) & ~7, lowest(0), high, statistics);
    clearFloats(out, size);
    const inverse = load<f32>(statistics, 4);
    for (let j = lowest(0); j < high; j++) {
      addScaled(out, valueAt(j), load<f32>(scratch + (<usize>j << 2)) * inverse, size);
    }
  }
}

/** to += factor · from */
function addScaled(to: usize, from: usize, factor: f32, n: i32): void {
  const f = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, madd(f, v128.load(from), v128.load(to)));
    to += 16;
    from += 16;
  }
  for (; i < n; i++) {
    store<f32>(to, load<f32>(to) + factor * load<f32>(from));
    to += 4;
    from += 4;
  }
}

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
