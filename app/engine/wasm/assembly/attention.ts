/**
 * @file Attention over packed rows. A text's row sees the keys of its prompt (rows computed once for all texts, or a prefix that is
 * given) and those of its own text up to itself, or the last `window` of both. Six queries at a time; nothing larger than
 * six rows of scores exists. The backward pass (`attentionBackward.ts`) makes the scores again.
 */
import {
  enter, firstQuery, heads, highest, keyAt, lowest, mix, packStraight, packTransposed, products, queries, room, size, valueAt, width,
} from './attended';
import { float, number, pointer, row } from './records';
import { ROWS, setA } from './tile';
import { clearFloats, copyFloats, dot, exp4, madd, max4, tanh4, sum4, zero } from './vectors';

/** Queries of an item: a long text is shared among threads. */
export const QUERY_BLOCK: i32 = 96;

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
