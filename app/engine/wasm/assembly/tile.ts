/** @file The two loops in which almost all the arithmetic happens, each on twelve sums that stay in registers. */
import { madd, zero } from './vectors';

/** Rows and columns of a tile. */
export const ROWS: i32 = 6;
export const COLUMNS: i32 = 8;

/** Bytes of a list of a tile's addresses: six rows of a, then six of c. */
export const ADDRESSES: usize = 48;

/** Writes into such a list the address of row i of a, or of c. */
@inline
export function setA(list: usize, i: i32, address: usize): void {
  store<usize>(list + (<usize>i << 2), address);
}

@inline
export function setC(list: usize, i: i32, address: usize): void {
  store<usize>(list + (<usize>i << 2), address, 24);
}

/** Writes eight sums of a row, or adds them to what is there. */
@inline
function put(to: usize, first: v128, second: v128, add: bool): void {
  v128.store(to, add ? f32x4.add(first, v128.load(to)) : first);
  v128.store(to, add ? f32x4.add(second, v128.load(to, 16)) : second, 16);
}

/**
 * c[i][0 … 7] (+)= Σ a[i][j] · panel[j][0 … 7] over j < n, for six rows, c's at `across` bytes behind the addresses in the list. A panel is
 * `[n, 8]` floats without gaps. The sums begin at nothing and meet what is in c once, at the end: carried along from the start, a large c would
 * round every term of a long sum. Where there are fewer than six rows, any readable address does for a, and any writable one for c.
 *
 * Two things look improvable and are not: unrolled, the loop's registers no longer suffice; and addresses that came as parameters would be
 * widened to 64 bits at every access. Either costs browsers a fifth of the speed.
 */
export function tile(list: usize, n: i32, panel: usize, across: usize, add: bool): void {
  let a0 = load<usize>(list, 0);
  let a1 = load<usize>(list, 4);
  let a2 = load<usize>(list, 8);
  let a3 = load<usize>(list, 12);
  let a4 = load<usize>(list, 16);
  let a5 = load<usize>(list, 20);
  let s00 = zero();
  let s01 = zero();
  let s10 = zero();
  let s11 = zero();
  let s20 = zero();
  let s21 = zero();
  let s30 = zero();
  let s31 = zero();
  let s40 = zero();
  let s41 = zero();
  let s50 = zero();
  let s51 = zero();
  for (let j = n; j > 0; j--) {
    const b0 = v128.load(panel);
    const b1 = v128.load(panel, 16);
    let x: v128;
    x = v128.load_splat<f32>(a0);
    s00 = madd(x, b0, s00);
    s01 = madd(x, b1, s01);
    x = v128.load_splat<f32>(a1);
    s10 = madd(x, b0, s10);
    s11 = madd(x, b1, s11);
    x = v128.load_splat<f32>(a2);
    s20 = madd(x, b0, s20);
    s21 = madd(x, b1, s21);
    x = v128.load_splat<f32>(a3);
    s30 = madd(x, b0, s30);
    s31 = madd(x, b1, s31);
    x = v128.load_splat<f32>(a4);
    s40 = madd(x, b0, s40);
    s41 = madd(x, b1, s41);
    x = v128.load_splat<f32>(a5);
    s50 = madd(x, b0, s50);
    s51 = madd(x, b1, s51);
    a0 += 4;
    a1 += 4;
    a2 += 4;
    a3 += 4;
    a4 += 4;
    a5 += 4;
    panel += 32;
  }
  put(load<usize>(list, 24) + across, s00, s01, add);
  put(load<usize>(list, 28) + across, s10, s11, add);
  put(load<usize>(list, 32) + across, s20, s21, add);
  put(load<usize>(list, 36) + across, s30, s31, add);
  put(load<usize>(list, 40) + across, s40, s41, add);
  put(load<usize>(list, 44) + across, s50, s51, add);
}

/**
 * c[j][0 … 7] += Σ s[i][j] · q[i][0 … 7] over six rows i, for j from 0 to n. `sRow`, `qRow` and `cRow` are bytes from row to row.
 */
export function sixRows(s: usize, sRow: usize, n: i32, q: usize, qRow: usize, c: usize, cRow: usize): void {
  const s0 = s;
  const s1 = s + 1 * sRow;
  const s2 = s + 2 * sRow;
  const s3 = s + 3 * sRow;
  const s4 = s + 4 * sRow;
  const s5 = s + 5 * sRow;
  const q00 = v128.load(q);
  const q01 = v128.load(q, 16);
  const q10 = v128.load(q + 1 * qRow);
  const q11 = v128.load(q + 1 * qRow, 16);
  const q20 = v128.load(q + 2 * qRow);
  const q21 = v128.load(q + 2 * qRow, 16);
  const q30 = v128.load(q + 3 * qRow);
  const q31 = v128.load(q + 3 * qRow, 16);
  const q40 = v128.load(q + 4 * qRow);
  const q41 = v128.load(q + 4 * qRow, 16);
  const q50 = v128.load(q + 5 * qRow);
  const q51 = v128.load(q + 5 * qRow, 16);
  const end = <usize>n << 2;
  for (let at: usize = 0; at < end; at += 4) {
    let sum0 = v128.load(c);
    let sum1 = v128.load(c, 16);
    let x: v128;
    x = v128.load_splat<f32>(s0 + at);
    sum0 = madd(x, q00, sum0);
    sum1 = madd(x, q01, sum1);
    x = v128.load_splat<f32>(s1 + at);
    sum0 = madd(x, q10, sum0);
    sum1 = madd(x, q11, sum1);
    x = v128.load_splat<f32>(s2 + at);
    sum0 = madd(x, q20, sum0);
    sum1 = madd(x, q21, sum1);
    x = v128.load_splat<f32>(s3 + at);
    sum0 = madd(x, q30, sum0);
    sum1 = madd(x, q31, sum1);
    x = v128.load_splat<f32>(s4 + at);
    sum0 = madd(x, q40, sum0);
    sum1 = madd(x, q41, sum1);
    x = v128.load_splat<f32>(s5 + at);
    sum0 = madd(x, q50, sum0);
    sum1 = madd(x, q51, sum1);
    v128.store(c, sum0);
    v128.store(c, sum1, 16);
    c += cRow;
  }
}
