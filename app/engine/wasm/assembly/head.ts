/** @file What is made of logits: losses and their gradient in place, and the nearest rows of a table. */
import { float, number, pointer, row } from './records';
import { exp4, loadSome, max4, storeSome, sum4, tanh4, zero } from './vectors';

/** Summed as floats before the sum goes on in double precision. */
const BLOCK: i32 = 512;

/**
 * One slot's logits: softcap in place, then for each label that the slot predicts three numbers (Σ e^(z − max), max − z of the
 * label, 1 where it is the first choice); then in place the gradient of the losses' weighted sum, where it is wanted.
 * Slots, vocabulary, logits, first slot, slot table (first label, labels, weight, 0), labels (token, prompt), scores, softcap
 * (0 for none), whether the gradient is wanted.
 */
export function losses(op: usize, item: i32): void {
  const vocabulary = number(op, 1);
  const z = row(pointer(op, 2), vocabulary, 0, item);
  const slot = pointer(op, 4) + (<usize>(number(op, 3) + item) << 4);
  const firstLabel = load<i32>(slot);
  const labels = load<i32>(slot, 4);
  const weight = load<f32>(slot, 8);
  const cap = float(op, 7);
  if (cap > 0) softcap(z, vocabulary, cap);
  let most = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= vocabulary; i += 4) most = f32x4.max(most, v128.load(z + (<usize>i << 2)));
  let top = max4(most);
  for (; i < vocabulary; i++) top = max(top, load<f32>(z + (<usize>i << 2)));
  let choice = 0;
  while (choice < vocabulary && load<f32>(z + (<usize>choice << 2)) != top) choice++;
  const total = <f32>sumOfExponentials(z, vocabulary, top);
  for (let label = firstLabel; label < firstLabel + labels; label++) {
    const token = load<i32>(pointer(op, 5) + (<usize>label << 3));
    const score = pointer(op, 6) + <usize>(label * 12);
    store<f32>(score, total);
    store<f32>(score, top - load<f32>(z + (<usize>token << 2)), 4);
    store<f32>(score, token == choice ? 1 : 0, 8);
  }
  if (number(op, 8) == 0) return;
  gradient(z, vocabulary, cap, top, (weight * <f32>labels) / total);
  for (let label = firstLabel; label < firstLabel + labels; label++) {
    const token = load<i32>(pointer(op, 5) + (<usize>label << 3));
    const at = z + (<usize>token << 2);
    // The logit is overwritten, but the label's score tells it.
    const value = (top - load<f32>(pointer(op, 6) + <usize>(label * 12), 4)) / cap;
    store<f32>(at, load<f32>(at) - weight * (cap > 0 ? 1 - value * value : 1));
  }
}

function sumOfExponentials(z: usize, n: i32, top: f32): f64 {
  const from = f32x4.splat(top);
  let total: f64 = 0;
  let i = 0;
  while (i < n) {
    const end = min(i + BLOCK, n);
    let s = zero();
    for (; i + 4 <= end; i += 4) s = f32x4.add(s, exp4(f32x4.sub(v128.load(z + (<usize>i << 2)), from)));
    total += <f64>sum4(s);
    for (; i < end; i++) {
      const e = exp4(f32x4.splat(load<f32>(z + (<usize>i << 2)) - top));
      total += <f64>f32x4.extract_lane(e, 0);
    }
  }
  return total;
}

/** z = scale · e^(z − top), times the softcap's slope where there is one. */
function gradient(z: usize, n: i32, cap: f32, top: f32, scale: f32): void {
  const from = f32x4.splat(top);
  const factor = f32x4.splat(scale);
  const inverse = f32x4.splat(cap > 0 ? 1 / cap : 0);
  const one = f32x4.splat(1);
  for (let i = 0; i < n; i += 4) {
    const at = z + (<usize>i << 2);
    const x = loadSome(at, n - i);
    const t = f32x4.mul(x, inverse);
    const p = f32x4.mul(factor, exp4(f32x4.sub(x, from)));
    storeSome(at, f32x4.mul(p, f32x4.sub(one, f32x4.mul(t, t))), n - i);
  }
}

function softcap(z: usize, n: i32, cap: f32): void {
  const inverse = f32x4.splat(1 / cap);
  const scale = f32x4.splat(cap);
  for (let i = 0; i < n; i += 4) {
    const at = z + (<usize>i << 2);
    storeSome(at, f32x4.mul(scale, tanh4(f32x4.mul(loadSome(at, n - i), inverse))), n - i);
  }
}

/**
 * The k nearest rows of a table to a vector, nearest first; of equals the first. Item: a vector.
 * Rows of the table, k, Euclidean (else cosine), products with the table, squares of its rows, squares of the vectors, values, ids.
 */
export function nearest(op: usize, item: i32): void {
  const rows = number(op, 0);
  const k = number(op, 1);
  const euclidean = number(op, 2) != 0;
  const products = row(pointer(op, 3), rows, 0, item);
  const own = load<f32>(pointer(op, 5) + (<usize>item << 2));
  const values = row(pointer(op, 6), k, 0, item);
  const ids = row(pointer(op, 7), k, 0, item);
  let found = 0;
  for (let r = 0; r < rows; r++) {
    const at = <usize>r << 2;
    const product = load<f32>(products + at);
    const square = load<f32>(pointer(op, 4) + at);
    // Largest is nearest, whatever the metric.
    const score: f32 = euclidean
      ? 2 * product - own - square
      : product / max(sqrt<f32>(own) * sqrt<f32>(square), 1e-12);
    if (found == k && !(score > load<f32>(values + (<usize>(k - 1) << 2)))) continue;
    let place = found < k ? found++ : k - 1;
    for (; place > 0 && score > load<f32>(values + (<usize>(place - 1) << 2)); place--) {
      store<f32>(values + (<usize>place << 2), load<f32>(values + (<usize>(place - 1) << 2)));
      store<i32>(ids + (<usize>place << 2), load<i32>(ids + (<usize>(place - 1) << 2)));
    }
    store<f32>(values + (<usize>place << 2), score);
    store<i32>(ids + (<usize>place << 2), r);
  }
  if (!euclidean) return;
  for (let i = 0; i < found; i++) {
    const at = values + (<usize>i << 2);
    store<f32>(at, sqrt<f32>(max<f32>(-load<f32>(at), 0)));
  }
}
