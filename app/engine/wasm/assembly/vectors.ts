/**
 * @file Four floats at a time: what the kernels are written with. Widening of stored weights, sums over lanes, and exp, tanh
 * and the normal distribution to about two units in the last place (polynomials fitted for these ranges, errors below 1e-8).
 */

/** a · b + c, rounded once where the build has fused multiply-add. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

@inline
export function zero(): v128 {
  return f32x4.splat(0);
}

/** The sum of four lanes. */
@inline
export function sum4(x: v128): f32 {
  const pairs = f32x4.add(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return f32x4.extract_lane(pairs, 0) + f32x4.extract_lane(pairs, 1);
}

@inline
export function max4(x: v128): f32 {
  const pairs = f32x4.max(x, v128.shuffle<f32>(x, x, 2, 3, 0, 1));
  return max(f32x4.extract_lane(pairs, 0), f32x4.extract_lane(pairs, 1));
}

/*
 * Weights as stored. A type parameter stands for the number format: f32 for F32, u16 for BF16, i16 for F16.
 */

/** Four consecutive stored numbers as floats. */
@inline
export function widen4<T>(at: usize): v128 {
  if (isFloat<T>()) return v128.load(at);
  const bits = v128.load_ext<u16>(at);
  if (!isSigned<T>()) return i32x4.shl(bits, 16);
  // Exponent and fraction moved into place are 2⁻¹¹² times the number, subnormal ones too; infinite ones get their exponent back.
  const sign = i32x4.shl(v128.and(bits, i32x4.splat(0x8000)), 16);
  const magnitude = v128.and(bits, i32x4.splat(0x7fff));
  const scaled = f32x4.mul(i32x4.shl(magnitude, 13), f32x4.splat(reinterpret<f32>(0x77800000)));
  const infinite = v128.and(i32x4.gt_u(magnitude, i32x4.splat(0x7bff)), i32x4.splat(0x7f800000));
  return v128.or(v128.or(scaled, infinite), sign);
}

/** Stores four by four numbers, rows as columns, in the left or right half of four rows of a panel. */
@inline
export function storeTransposed(to: usize, a: v128, b: v128, c: v128, d: v128): void {
  const ab = v128.shuffle<f32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<f32>(c, d, 0, 4, 1, 5);
  v128.store(to, v128.shuffle<f32>(ab, cd, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(ab, cd, 2, 3, 6, 7), 32);
  const ab2 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd2 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab2, cd2, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(ab2, cd2, 2, 3, 6, 7), 96);
}

/** One stored number as a float. */
@inline
export function widen<T>(at: usize): f32 {
  if (isFloat<T>()) return load<f32>(at);
  if (!isSigned<T>()) return reinterpret<f32>((<u32>load<u16>(at)) << 16);
  const bits = <u32>load<u16>(at);
  const magnitude = bits & 0x7fff;
  const scaled = reinterpret<u32>(reinterpret<f32>(magnitude << 13) * reinterpret<f32>(0x77800000));
  const infinite: u32 = magnitude > 0x7bff ? 0x7f800000 : 0;
  return reinterpret<f32>(scaled | infinite | ((bits & 0x8000) << 16));
}

/** Adding it rounds a float to a whole number, which then stands in the lowest bits. */
const ROUNDER: f32 = 12582912;

/** e^x; 0 below −87.3, where floats become subnormal, and no more than e^88 above. */
@inline
export function exp4(x: v128): v128 {
  const vanishes = f32x4.lt(x, f32x4.splat(-87.3));
  const bounded = f32x4.min(f32x4.max(x, f32x4.splat(-87.3)), f32x4.splat(88.0));
  const rounded = madd(bounded, f32x4.splat(1.4426950408889634), f32x4.splat(ROUNDER));
  const n = f32x4.sub(rounded, f32x4.splat(ROUNDER));
  // ln 2 in two parts, so that nothing of x is lost.
  let r = madd(n, f32x4.splat(-0.693359375), bounded);
  r = madd(n, f32x4.splat(2.12194440054690583e-4), r);
  let p = f32x4.splat(1.0 / 5040.0);
  p = madd(p, r, f32x4.splat(1.0 / 720.0));
  p = madd(p, r, f32x4.splat(1.0 / 120.0));
  p = madd(p, r, f32x4.splat(1.0 / 24.0));
  p = madd(p, r, f32x4.splat(1.0 / 6.0));
  p = madd(p, r, f32x4.splat(0.5));
  p = madd(p, r, f32x4.splat(1.0));
  p = madd(p, r, f32x4.splat(1.0));
  // n moved into the exponent, of which 127 is 0.
  const power = i32x4.add(i32x4.shl(rounded, 23), i32x4.splat(127 << 23));
  return v128.andnot(f32x4.mul(p, power), vanishes);
}

@inline
export function tanh4(x: v128): v128 {
  const magnitude = f32x4.abs(x);
  // Near 0 a polynomial keeps what 1 − e^… would lose.
  const u = f32x4.mul(x, x);
  let p = f32x4.splat(-0.005468267947435379);
  p = madd(p, u, f32x4.splat(0.02041519246995449));
  p = madd(p, u, f32x4.splat(-0.05366528034210205));
  p = madd(p, u, f32x4.splat(0.1333041489124298));
  p = madd(p, u, f32x4.splat(-0.3333323001861572));
  const near = madd(f32x4.mul(p, u), x, x);
  const e = exp4(f32x4.mul(magnitude, f32x4.splat(-2)));
  const far = f32x4.div(f32x4.sub(f32x4.splat(1), e), f32x4.add(f32x4.splat(1), e));
  const signed = v128.or(far, v128.and(x, i32x4.splat(0x80000000)));
  return v128.bitselect(near, signed, f32x4.lt(magnitude, f32x4.splat(0.65)));
}

/** 1 / (1 + e^−x) */
@inline
export function sigmoid4(x: v128): v128 {
  return f32x4.div(f32x4.splat(1), f32x4.add(f32x4.splat(1), exp4(f32x4.neg(x))));
}

/** The normal distribution up to x, where `bell` is e^(−x²/2). */
@inline
export function normal4(x: v128, bell: v128): v128 {
  const z = f32x4.mul(f32x4.abs(x), f32x4.splat(0.7071067811865476));
  const t = f32x4.div(f32x4.splat(1), madd(z, f32x4.splat(0.5), f32x4.splat(1)));
  let p = f32x4.splat(0.036317646503448486);
  p = madd(p, t, f32x4.splat(-0.19429641962051392));
  p = madd(p, t, f32x4.splat(0.389894962310791));
  p = madd(p, t, f32x4.splat(-0.3022671341896057));
  p = madd(p, t, f32x4.splat(-0.009902390651404858));
  p = madd(p, t, f32x4.splat(0.027801621705293655));
  p = madd(p, t, f32x4.splat(0.0580889992415905));
  p = madd(p, t, f32x4.splat(0.1847008466720581));
  p = madd(p, t, f32x4.splat(0.24533586204051971));
  p = madd(p, t, f32x4.splat(0.28223681449890137));
  p = madd(p, t, f32x4.splat(0.2820891737937927));
  // Half of erfc(|x| / √2).
  const half = f32x4.mul(f32x4.mul(f32x4.mul(p, t), bell), f32x4.splat(0.5));
  return v128.bitselect(half, f32x4.sub(f32x4.splat(1), half), f32x4.lt(x, zero()));
}

/** Σ a·b over n floats. */
export function dot(a: usize, b: usize, n: i32): f32 {
  let s0 = zero();
  let s1 = zero();
  let i = 0;
  for (; i + 8 <= n; i += 8) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    s1 = madd(v128.load(a, 16), v128.load(b, 16), s1);
    a += 32;
    b += 32;
  }
  if (i + 4 <= n) {
    s0 = madd(v128.load(a), v128.load(b), s0);
    a += 16;
    b += 16;
    i += 4;
  }
  let sum = sum4(f32x4.add(s0, s1));
  for (; i < n; i++) {
    sum += load<f32>(a) * load<f32>(b);
    a += 4;
    b += 4;
  }
  return sum;
}

/** to += from, over n floats. */
export function addFloats(to: usize, from: usize, n: i32): void {
  let i = 0;
  for (; i + 4 <= n; i += 4) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    to += 16;
    from += 16;
  }
  for (; i < n; i++) {
    store<f32>(to, load<f32>(to) + load<f32>(from));
    to += 4;
    from += 4;
  }
}

/** Fewer floats than this are copied here: a browser's own copy takes its time to begin. */
const MANY: i32 = 256;

export function copyFloats(to: usize, from: usize, n: i32): void {
  if (n >= MANY) {
    memory.copy(to, from, <usize>n << 2);
    return;
  }
  let i = n;
  for (; i >= 4; i -= 4) {
    v128.store(to, v128.load(from));
    to += 16;
    from += 16;
  }
  for (; i > 0; i--) {
    store<f32>(to, load<f32>(from));
    to += 4;
    from += 4;
  }
}

export function clearFloats(to: usize, n: i32): void {
  if (n >= MANY) {
    memory.fill(to, 0, <usize>n << 2);
    return;
  }
  let i = n;
  for (; i >= 4; i -= 4) {
    v128.store(to, zero());
    to += 16;
  }
  for (; i > 0; i--) {
    store<f32>(to, 0);
    to += 4;
  }
}

/** Four floats of which only the first `count` are there to be read; the others are 0. */
@inline
export function loadSome(at: usize, count: i32): v128 {
  if (count >= 4) return v128.load(at);
  let x = zero();
  if (count > 0) x = f32x4.replace_lane(x, 0, load<f32>(at));
  if (count > 1) x = f32x4.replace_lane(x, 1, load<f32>(at, 4));
  if (count > 2) x = f32x4.replace_lane(x, 2, load<f32>(at, 8));
  return x;
}

/** Stores the first `count` of four floats. */
@inline
export function storeSome(at: usize, x: v128, count: i32): void {
  if (count >= 4) {
    v128.store(at, x);
    return;
  }
  if (count > 0) store<f32>(at, f32x4.extract_lane(x, 0));
  if (count > 1) store<f32>(at, f32x4.extract_lane(x, 1), 4);
  if (count > 2) store<f32>(at, f32x4.extract_lane(x, 2), 8);
}
