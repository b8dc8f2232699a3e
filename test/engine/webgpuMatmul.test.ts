/** @file Products of the WebGPU engine against plain JavaScript: every division among threads, on random ragged shapes. */
import { afterAll, describe, expect, it } from 'vitest';
import { isQuantised } from '../../app/engine/quantised';
import type { Activation, StoredType } from '../../app/engine/spec';
import { FEW_ROWS, fewRowsMatmul, type Matmul, matmul } from '../../app/engine/webgpu/kernels/matmul';
import type { MatmulShape } from '../../app/engine/webgpu/kernels/product';
import { DEFAULT_TILE, type MatmulTile } from '../../app/engine/webgpu/kernels/tile';
import {
  countsResource,
  expectUntouched,
  openTestGpu,
  Random,
  relativeError,
  runKernel,
  SMALL_TILE,
  store,
} from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** Through workgroup memory: more terms at a time than some sums have, and fewer. */
const SHALLOW_TILE: MatmulTile = { rows: 4, fours: 1, threads: [8, 8], depth: 8 };
const DEEP_TILE: MatmulTile = { rows: 2, fours: 2, threads: [4, 4], depth: 32 };

interface Case {
  form: 'NT' | 'NN';
  weight: StoredType;
  inner: number;
  outer: number;
  /** `few` for the division for few rows. */
  tile: MatmulTile | 'few';
}

const cases: Case[] = [
  { form: 'NT', weight: 'F32', inner: 20, outer: 68, tile: DEFAULT_TILE },
  { form: 'NT', weight: 'F16', inner: 20, outer: 68, tile: SMALL_TILE },
  { form: 'NT', weight: 'BF16', inner: 10, outer: 37, tile: DEFAULT_TILE },
  { form: 'NN', weight: 'F32', inner: 37, outer: 10, tile: DEFAULT_TILE },
  { form: 'NN', weight: 'F16', inner: 68, outer: 20, tile: DEFAULT_TILE },
  { form: 'NN', weight: 'BF16', inner: 68, outer: 20, tile: SMALL_TILE },
  { form: 'NT', weight: 'F32', inner: 44, outer: 68, tile: SHALLOW_TILE },
  { form: 'NT', weight: 'BF16', inner: 4, outer: 4, tile: SHALLOW_TILE },
  { form: 'NT', weight: 'F16', inner: 13, outer: 37, tile: SHALLOW_TILE },
  { form: 'NT', weight: 'F16', inner: 100, outer: 20, tile: DEEP_TILE },
  { form: 'NN', weight: 'F32', inner: 44, outer: 68, tile: SHALLOW_TILE },
  { form: 'NN', weight: 'BF16', inner: 37, outer: 11, tile: SHALLOW_TILE },
  { form: 'NN', weight: 'F16', inner: 100, outer: 36, tile: DEEP_TILE },
  { form: 'NT', weight: 'F32', inner: 300, outer: 36, tile: 'few' },
  { form: 'NT', weight: 'BF16', inner: 21, outer: 7, tile: 'few' },
  { form: 'NT', weight: 'q8/32/f32', inner: 100, outer: 36, tile: DEFAULT_TILE },
  { form: 'NT', weight: 'q4/32/f16+offset', inner: 68, outer: 37, tile: SHALLOW_TILE },
  { form: 'NT', weight: 'q4/16/f16', inner: 37, outer: 20, tile: SMALL_TILE },
  { form: 'NN', weight: 'q8/16/f16+offset', inner: 37, outer: 50, tile: DEFAULT_TILE },
  { form: 'NN', weight: 'q4/64/f32+offset', inner: 68, outer: 132, tile: DEEP_TILE },
  { form: 'NN', weight: 'q4/32/f32', inner: 20, outer: 31, tile: SHALLOW_TILE },
  { form: 'NT', weight: 'q4/32/f32+offset', inner: 300, outer: 36, tile: 'few' },
];

function divide(shape: MatmulShape, tile: Case['tile']): { product: Matmul; ranges: [number, number][] } {
  if (tile === 'few') {
    return {
      product: fewRowsMatmul(shape),
      ranges: [
        [0, 1],
        [2, FEW_ROWS - 1],
        [5, FEW_ROWS],
      ],
    };
  }
  return {
    product: matmul(shape, tile),
    ranges: [
      [0, 1],
      [3, 7],
      [1, 67],
    ],
  };
}

/** x · W (NN) or x · Wᵀ (NT) of some rows, in f64. */
function plainProduct(
  form: 'NT' | 'NN',
  x: Float32Array,
  w: Float32Array,
  inner: number,
  outer: number,
): Float64Array {
  const rows = x.length / inner;
  const y = new Float64Array(rows * outer);
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < outer; j++) {
      for (let k = 0; k < inner; k++) {
        y[i * outer + j] += x[i * inner + k] * w[form === 'NT' ? j * inner + k : k * outer + j];
      }
    }
  }
  return y;
}

describe.skipIf(missing)(`matmul${missing}`, () => {
  it.each(cases)(
    '$form of $weight weights, $inner to $outer, $tile',
    async ({ form, weight, inner, outer, tile }) => {
      const random = new Random(inner);
      const w = store(random.floats(outer * inner), weight, form === 'NT' ? inner : outer);
      const biasType = isQuantised(weight) ? 'F32' : weight;
      const bias = store(random.floats(outer), biasType);
      const withBias = form === 'NT';
      const { product, ranges } = divide(
        { form, weight, inner, outer, bias: withBias ? biasType : null, add: 'residual', domain: 'active' },
        tile,
      );
      for (const [start, count] of ranges) {
        const rows = start + count + 2;
        const x = random.floats(rows * inner);
        const residual = random.floats(rows * outer);
        const plain = plainProduct(
          form,
          x.slice(start * inner, (start + count) * inner),
          w.values,
          inner,
          outer,
        );
        const want = plain.map(
          (value, i) => value + residual[start * outer + i] + (withBias ? bias.values[i % outer] : 0),
        );
        const [y] = await runKernel(
          gpu,
          product.kernel,
          [
            countsResource({ activeStart: start, activeEnd: start + count }),
            { input: x },
            { input: w.data },
            ...(withBias ? [{ input: bias.data }] : []),
            { input: residual },
            { output: rows * outer },
          ],
          product.groups(count),
        );
        expect(relativeError(y.slice(start * outer, (start + count) * outer), want)).toBeLessThan(1e-6);
        expectUntouched(y, start * outer, (start + count) * outer);
      }
    },
  );
});

const exact: Record<Activation, (x: number) => number> = {
  relu: (x) => Math.max(x, 0),
  silu: (x) => x / (1 + Math.exp(-x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
};

describe.skipIf(missing)(`products with an activation${missing}`, () => {
  it.each([
    ['relu', false, 36, DEFAULT_TILE],
    ['silu', true, 70, SHALLOW_TILE],
    ['gelu', true, 36, DEFAULT_TILE],
    ['geluTanh', false, 40, DEEP_TILE],
    ['silu', true, 36, 'few'],
  ] as [Activation, boolean, number, Case['tile']][])(
    '%s, gated: %s, width %i, %o',
    async (activation, gated, width, tile) => {
      const hidden = 20;
      const random = new Random(5);
      const innerWidth = gated ? 2 * width : width;
      const w = store(random.floats(innerWidth * hidden, 0.5), 'F16');
      const biases = random.floats(innerWidth);
      // Far out, where exp and tanh overflow.
      biases[0] = 200;
      biases[1] = -200;
      const bias = store(biases, 'F32');
      const act = exact[activation];
      const mlp = { activation, gated };
      const shape = { weight: 'F16', add: null, domain: 'slots' } as const;
      const forward = {
        ...shape,
        form: 'NT',
        inner: hidden,
        outer: width,
        bias: 'F32',
        mlp: { ...mlp, keep: true },
      } as const;
      const { product, ranges } = divide(forward, tile);
      const rows = ranges[2][1];
      const x = random.floats(rows * hidden);
      const inner = Float32Array.from(
        plainProduct('NT', x, w.values, hidden, innerWidth),
        (value, i) => value + bias.values[i % innerWidth],
      );
      const gateAt = (i: number) => Math.floor(i / width) * innerWidth + (i % width);
      const upOf = (i: number) => (gated ? inner[gateAt(i) + width] : 1);
      const activated = Float64Array.from(
        { length: rows * width },
        (_, i) => act(inner[gateAt(i)]) * upOf(i),
      );
      const counts = countsResource({ slots: rows });
      const inputs = [counts, { input: x }, { input: w.data }, { input: bias.data }];
      const [keptInner, found] = await runKernel(
        gpu,
        product.kernel,
        [...inputs, { output: inner.length + 3 }, { output: rows * width + 3 }],
        product.groups(rows),
      );
      expect(relativeError(keptInner.slice(0, inner.length), inner)).toBeLessThan(1e-6);
      expect(relativeError(found.slice(0, rows * width), activated)).toBeLessThan(2e-6);
      expectUntouched(keptInner, 0, inner.length);
      expectUntouched(found, 0, rows * width);
      const bare = divide({ ...forward, mlp }, tile).product;
      const [alone] = await runKernel(
        gpu,
        bare.kernel,
        [...inputs, { output: rows * width }],
        bare.groups(rows),
      );
      expect([...alone]).toEqual([...found.slice(0, rows * width)]);
      if (tile === 'few') return;

      // Backward: dy · W is the gradient of the activated rows.
      const out = store(random.floats(hidden * width), 'F16');
      const backward = matmul({ ...shape, form: 'NN', inner: hidden, outer: width, bias: null, mlp }, tile);
      const dActivated = plainProduct('NN', x, out.values, hidden, width);
      const step = 1e-4;
      const slope = (at: number) => (act(at + step) - act(at - step)) / (2 * step);
      const want = new Float64Array(inner.length);
      dActivated.forEach((gradient, i) => {
        want[gateAt(i)] = gradient * upOf(i) * slope(inner[gateAt(i)]);
        if (gated) want[gateAt(i) + width] = gradient * act(inner[gateAt(i)]);
      });
      const [dInner] = await runKernel(
        gpu,
        backward.kernel,
        [counts, { input: x }, { input: out.data }, { input: inner }, { output: inner.length + 3 }],
        backward.groups(rows),
      );
      expect(relativeError(dInner.slice(0, inner.length), want)).toBeLessThan(1e-5);
      expectUntouched(dInner, 0, inner.length);
    },
  );
});

/** erf by its series, exact to rounding for the arguments used; ±1 far out. */
function erf(x: number): number {
  if (Math.abs(x) > 5) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; n < 120; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
