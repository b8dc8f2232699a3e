/** @file The activations of the MLP and their derivatives, plain and gated. */
import { ROW_BLOCK } from './tables';
import { number, pointer, row } from './records';
import { exp4, loadSome, madd, normal4, sigmoid4, storeSome, tanh4, zero } from './vectors';

/** The same numbers in `../ops.ts`. */
const enum Kind {
  GELU = 0,
  GELU_TANH = 1,
  SILU = 2,
  RELU = 3,
}

// √(2/π) and the factor of the cube, as GPT-2 has them.
const OUTER: f32 = 0.7978845608028654;
const CUBE: f32 = 0.044715;

/** What an activation and its derivative share, and takes the time: the sigmoid, the normal distribution or the tangent. */
@inline
function core(kind: i32, x: v128): v128 {
  if (kind == Kind.SILU) return sigmoid4(x);
  if (kind == Kind.RELU) return v128.and(f32x4.splat(1), f32x4.gt(x, zero()));
  if (kind == Kind.GELU) return normal4(x, bell(x));
  return tanh4(inner(x));
}

/** The activation, of which `c` is the core. */
@inline
function activate(kind: i32, x: v128, c: v128): v128 {
  if (kind == Kind.RELU) return f32x4.max(x, zero());
  if (kind != Kind.GELU_TANH) return f32x4.mul(x, c);
  return f32x4.mul(f32x4.mul(x, f32x4.splat(0.5)), f32x4.add(c, f32x4.splat(1)));
}

/** Its derivative. */
@inline
function derivative(kind: i32, x: v128, c: v128): v128 {
  const one = f32x4.splat(1);
  if (kind == Kind.SILU) return f32x4.mul(c, madd(x, f32x4.sub(one, c), one));
  if (kind == Kind.RELU) return c;
  if (kind == Kind.GELU) return madd(f32x4.mul(x, bell(x)), f32x4.splat(0.3989422804014327), c);
  const slope = f32x4.mul(
    f32x4.splat(OUTER),
    madd(f32x4.mul(x, x), f32x4.splat(3 * CUBE), one),
  );
  const half = f32x4.splat(0.5);
  const bent = f32x4.mul(f32x4.mul(x, half), f32x4.mul(f32x4.sub(one, f32x4.mul(c, c)), slope));
  return madd(half, f32x4.add(c, one), bent);
}

@inline
function bell(x: v128): v128 {
  return exp4(f32x4.mul(f32x4.mul(x, x), f32x4.splat(-0.5)));
}

@inline
function inner(x: v128): v128 {
  return f32x4.mul(f32x4.splat(OUTER), f32x4.mul(x, madd(f32x4.mul(x, x), f32x4.splat(CUBE), f32x4.splat(1))));
}

/** y = act(x), or act(gate) · up of x = [gate, up]: kind, gated, rows, width of y, x, y. */
export function activation(op: usize, item: i32): void {
  const kind = number(op, 0);
  if (kind == Kind.SILU) forward(op, item, Kind.SILU);
  else if (kind == Kind.RELU) forward(op, item, Kind.RELU);
  else if (kind == Kind.GELU) forward(op, item, Kind.GELU);
  else forward(op, item, Kind.GELU_TANH);
}

@inline
function forward(op: usize, item: i32, kind: i32): void {
  const gated = number(op, 1) != 0;
  const width = number(op, 3);
  const first = item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 2));
  for (let r = first; r < last; r++) {
    const x = row(pointer(op, 4), gated ? 2 * width : width, 0, r);
    const y = row(pointer(op, 5), width, 0, r);
    const up = gated ? x + (<usize>width << 2) : 0;
    const whole = <usize>(width & ~3) << 2;
    for (let at: usize = 0; at < whole; at += 16) {
      const v = v128.load(x + at);
      let made = activate(kind, v, core(kind, v));
      if (gated) made = f32x4.mul(made, v128.load(up + at));
      v128.store(y + at, made);
    }
    const count = width & 3;
    if (count == 0) continue;
    const v = loadSome(x + whole, count);
    let made = activate(kind, v, core(kind, v));
    if (gated) made = f32x4.mul(made, loadSome(up + whole, count));
    storeSome(y + whole, made, count);
  }
}

/** dx of `activation`, which may take the place of x: kind, gated, rows, width of y, x, dy, dx. */
export function activationBackward(op: usize, item: i32): void {
  const kind = number(op, 0);
  if (kind == Kind.SILU) backward(op, item, Kind.SILU);
  else if (kind == Kind.RELU) backward(op, item, Kind.RELU);
  else if (kind == Kind.GELU) backward(op, item, Kind.GELU);
  else backward(op, item, Kind.GELU_TANH);
}

@inline
function backward(op: usize, item: i32, kind: i32): void {
  const gated = number(op, 1) != 0;
  const width = number(op, 3);
  const first = item * ROW_BLOCK;
  const last = min(first + ROW_BLOCK, number(op, 2));
  for (let r = first; r < last; r++) {
    const stride = gated ? 2 * width : width;
    const x = row(pointer(op, 4), stride, 0, r);
    const dy = row(pointer(op, 5), width, 0, r);
    const dx = row(pointer(op, 6), stride, 0, r);
    const second = <usize>width << 2;
    const whole = <usize>(width & ~3) << 2;
    for (let at: usize = 0; at < whole; at += 16) {
      const v = v128.load(x + at);
      const g = v128.load(dy + at);
      const c = core(kind, v);
      const bent = f32x4.mul(derivative(kind, v, c), g);
      if (gated) {
        const up = v128.load(x + second + at);
        v128.store(dx + second + at, f32x4.mul(activate(kind, v, c), g));
        v128.store(dx + at, f32x4.mul(bent, up));
      } else v128.store(dx + at, bent);
    }
    const count = width & 3;
    if (count == 0) continue;
    const v = loadSome(x + whole, count);
    const g = loadSome(dy + whole, count);
    const c = core(kind, v);
    const bent = f32x4.mul(derivative(kind, v, c), g);
    if (gated) {
      const up = loadSome(x + second + whole, count);
      storeSome(dx + second + whole, f32x4.mul(activate(kind, v, c), g), count);
      storeSome(dx + whole, f32x4.mul(bent, up), count);
    } else storeSome(dx + whole, bent, count);
  }
}
