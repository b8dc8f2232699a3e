/** @file Each kernel of the WebGPU engine against plain JavaScript, on random ragged shapes; outputs are poisoned first. */
import { afterAll, describe, expect, it } from 'vitest';
import type { Activation, NormSpec, WeightType } from '../../app/engine/spec';
import {
  type AttentionShape,
  attentionGroups,
  attentionKernel,
} from '../../app/engine/webgpu/kernels/attention';
import {
  deltaKernel,
  keyGradientKernel,
  promptSumGroups,
  promptSumKernel,
  queryGradientKernel,
} from '../../app/engine/webgpu/kernels/attentionBackward';
import { crossEntropyKernel, lossKernel } from '../../app/engine/webgpu/kernels/head';
import { DEFAULT_TILE, type MatmulTile, matmul } from '../../app/engine/webgpu/kernels/matmul';
import { activateBackwardKernel, activateKernel, mlpGroups } from '../../app/engine/webgpu/kernels/mlp';
import { normBackwardKernel, normKernel } from '../../app/engine/webgpu/kernels/norm';
import { headGroups, rotaryBackwardKernel, rotaryKernel } from '../../app/engine/webgpu/kernels/rotary';
import { layoutStep, NO_SLOT } from '../../app/engine/webgpu/layout';
import {
  countsResource,
  type Gpu,
  openGpu,
  POISON,
  Random,
  type Resource,
  relativeError,
  runKernel,
  SMALL_TILE,
  store,
} from './webgpuHarness';

const opened = await openGpu();
const missing = typeof opened === 'string' ? `: skipped, ${opened}` : '';
const gpu = opened as Gpu;

afterAll(() => {
  if (!missing) gpu.device.destroy();
});

/** Elements before `from` and after `to` must be as they were. */
function expectUntouched(values: Float32Array, from: number, to: number): void {
  expect([...values.slice(0, from), ...values.slice(to)].every((value) => value === POISON)).toBe(true);
}

describe.skipIf(missing)(`matmul${missing}`, () => {
  const cases: { form: 'NT' | 'NN'; weight: WeightType; inner: number; outer: number; tile: MatmulTile }[] = [
    { form: 'NT', weight: 'F32', inner: 20, outer: 68, tile: DEFAULT_TILE },
    { form: 'NT', weight: 'F16', inner: 20, outer: 68, tile: SMALL_TILE },
    { form: 'NT', weight: 'BF16', inner: 10, outer: 37, tile: DEFAULT_TILE },
    { form: 'NN', weight: 'F32', inner: 37, outer: 10, tile: DEFAULT_TILE },
    { form: 'NN', weight: 'F16', inner: 68, outer: 20, tile: DEFAULT_TILE },
    { form: 'NN', weight: 'BF16', inner: 68, outer: 20, tile: SMALL_TILE },
  ];
  it.each(cases)(
    '$form of $weight weights, $inner to $outer',
    async ({ form, weight, inner, outer, tile }) => {
      const random = new Random(inner);
      const [wRows, wColumns] = form === 'NT' ? [outer, inner] : [inner, outer];
      const w = store(random.floats(wRows * wColumns), weight);
      const bias = store(random.floats(outer), weight);
      const withBias = form === 'NT';
      const { kernel, groups } = matmul(
        { form, weight, inner, outer, bias: withBias ? weight : null, add: 'residual', domain: 'active' },
        tile,
      );
      for (const [start, count] of [
        [0, 1],
        [3, 7],
        [1, 67],
      ]) {
        const rows = start + count + 2;
        const x = random.floats(rows * inner);
        const residual = random.floats(rows * outer);
        const want = residual.slice(start * outer, (start + count) * outer);
        for (let i = 0; i < count; i++) {
          for (let j = 0; j < outer; j++) {
            let sum = withBias ? bias.values[j] : 0;
            for (let k = 0; k < inner; k++) {
              const wAt = form === 'NT' ? j * inner + k : k * outer + j;
              sum += x[(start + i) * inner + k] * w.values[wAt];
            }
            want[i * outer + j] += sum;
          }
        }
        const [y] = await runKernel(
          gpu,
          kernel,
          [
            countsResource({ activeStart: start, activeEnd: start + count }),
            { input: x },
            { input: w.data },
            ...(withBias ? [{ input: bias.data }] : []),
            { input: residual },
            { output: rows * outer },
          ],
          groups(count),
        );
        expect(relativeError(y.slice(start * outer, (start + count) * outer), want)).toBeLessThan(1e-6);
        expectUntouched(y, start * outer, (start + count) * outer);
      }
    },
  );
});

describe.skipIf(missing)(`norms${missing}`, () => {
  it.each([
    { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
    { kind: 'rms', epsilon: 1e-6, weightOffset: 1 },
  ] as NormSpec[])('$kind forward and backward', async (norm) => {
    const width = 67;
    const rows = 5;
    const random = new Random(3);
    const x = random.floats(rows * width, 3);
    const dy = random.floats(rows * width);
    const weight = store(random.floats(width), 'F16');
    const bias = store(random.floats(width), 'F16');
    const layered = norm.kind === 'layer';
    const y = new Float32Array(rows * width);
    const dx = new Float32Array(rows * width);
    for (let row = 0; row < rows; row++) {
      const at = (i: number) => x[row * width + i];
      const mean = layered ? sumOf(width, at) / width : 0;
      const r = 1 / Math.sqrt(sumOf(width, (i) => (at(i) - mean) ** 2) / width + norm.epsilon);
      const gamma = (i: number) => weight.values[i] + norm.weightOffset;
      const g = (i: number) => gamma(i) * dy[row * width + i];
      const normed = (i: number) => (at(i) - mean) * r;
      const meanProduct = sumOf(width, (i) => g(i) * normed(i)) / width;
      const meanGradient = layered ? sumOf(width, g) / width : 0;
      for (let i = 0; i < width; i++) {
        y[row * width + i] = normed(i) * gamma(i) + (layered ? bias.values[i] : 0);
        dx[row * width + i] = r * (g(i) - normed(i) * meanProduct - meanGradient);
      }
    }
    const shape = { width, norm, weight: 'F16', domain: 'active' } as const;
    const counts = countsResource({ activeStart: 0, activeEnd: rows });
    const [found, stats] = await runKernel(
      gpu,
      normKernel({ ...shape, bias: layered ? 'F16' : null, residual: false }),
      [
        counts,
        { input: x },
        { input: weight.data },
        ...(layered ? [{ input: bias.data }] : []),
        { output: (rows + 1) * width },
        { output: rows * 2 },
      ],
      [rows, 1, 1],
    );
    expect(relativeError(found.slice(0, rows * width), y)).toBeLessThan(2e-6);
    expectUntouched(found, 0, rows * width);
    const before = random.floats(rows * width);
    const [gradient] = await runKernel(
      gpu,
      normBackwardKernel({ ...shape, into: 'add' }),
      [
        counts,
        { input: x },
        { input: weight.data },
        { input: stats },
        { input: dy },
        { output: rows * width, initial: before },
      ],
      [rows, 1, 1],
    );
    expect(
      relativeError(
        gradient.map((value, i) => value - before[i]),
        dx,
      ),
    ).toBeLessThan(1e-5);
  });
});

describe.skipIf(missing)(`activations${missing}`, () => {
  const exact: Record<Activation, (x: number) => number> = {
    relu: (x) => Math.max(x, 0),
    silu: (x) => x / (1 + Math.exp(-x)),
    gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
    geluTanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  };
  it.each([
    ['relu', false],
    ['silu', true],
    ['gelu', true],
    ['geluTanh', false],
  ] as [Activation, boolean][])('%s, gated: %s', async (activation, gated) => {
    const width = 70;
    const rows = 3;
    const random = new Random(5);
    const inner = random.floats(rows * width * (gated ? 2 : 1), 4);
    // Far out, where exp and tanh overflow.
    inner[0] = 200;
    inner[1] = -200;
    const dy = random.floats(rows * width);
    const act = exact[activation];
    const step = 1e-4;
    const slope = (x: number) => (act(x + step) - act(x - step)) / (2 * step);
    const y = new Float32Array(rows * width);
    const dx = new Float32Array(inner.length);
    for (let row = 0; row < rows; row++) {
      for (let i = 0; i < width; i++) {
        const at = row * width + i;
        const gateAt = gated ? row * 2 * width + i : at;
        const gate = inner[gateAt];
        const up = gated ? inner[gateAt + width] : 1;
        y[at] = act(gate) * up;
        dx[gateAt] = dy[at] * up * slope(gate);
        if (gated) dx[gateAt + width] = dy[at] * act(gate);
      }
    }
    const shape = { width, gated, activation, domain: 'slots' } as const;
    const counts = countsResource({ slots: rows });
    const groups = mlpGroups(width, rows);
    const [found] = await runKernel(
      gpu,
      activateKernel(shape),
      [counts, { input: inner }, { output: rows * width + 3 }],
      groups,
    );
    expect(relativeError(found.slice(0, rows * width), y)).toBeLessThan(1e-6);
    expectUntouched(found, 0, rows * width);
    const [gradient] = await runKernel(
      gpu,
      activateBackwardKernel(shape),
      [counts, { input: inner }, { input: dy }, { output: inner.length }],
      groups,
    );
    expect(relativeError(gradient, dx)).toBeLessThan(1e-5);
  });
});

describe.skipIf(missing)(`rotation${missing}`, () => {
  it('turns the first dimensions of queries and keys, and its backward pass is its transpose', async () => {
    const shape = { heads: 3, kvHeads: 1, headDim: 10, ropeDims: 6, norm: null, domain: 'active' } as const;
    const rows = 5;
    const width = 50;
    const random = new Random(9);
    const rowInfo = Uint32Array.from({ length: rows * 4 }, (_, i) =>
      i % 4 === 1 ? [4, 0, 2, 7, 1][i >> 2] : 0,
    );
    const angles = random.floats(8 * 3, 3);
    const turns = [...angles].flatMap((angle) => [Math.cos(angle), Math.sin(angle)]);
    const x = random.floats(rows * width);
    const dy = random.floats(rows * width);
    const inputs: Resource[] = [
      countsResource({ activeStart: 0, activeEnd: rows }),
      { input: rowInfo },
      { input: Float32Array.from(turns) },
    ];
    const groups = headGroups(4, rows);
    const [y] = await runKernel(
      gpu,
      rotaryKernel(shape),
      [...inputs, { output: x.length, initial: x }],
      groups,
    );
    const [dx] = await runKernel(
      gpu,
      rotaryBackwardKernel(shape),
      [...inputs, { output: dy.length, initial: dy }],
      groups,
    );
    const want = x.slice();
    for (let row = 0; row < rows; row++) {
      for (let head = 0; head < 4; head++) {
        for (let i = 0; i < 3; i++) {
          const at = row * width + head * 10 + i;
          const angle = angles[rowInfo[row * 4 + 1] * 3 + i];
          want[at] = x[at] * Math.cos(angle) - x[at + 3] * Math.sin(angle);
          want[at + 3] = x[at + 3] * Math.cos(angle) + x[at] * Math.sin(angle);
        }
      }
    }
    expect(relativeError(y, want)).toBeLessThan(1e-6);
    const forward = sumOf(x.length, (i) => y[i] * dy[i]);
    const backward = sumOf(x.length, (i) => x[i] * dx[i]);
    expect(Math.abs(forward - backward)).toBeLessThan(1e-4 * Math.abs(forward) + 1e-4);
  });
});

describe.skipIf(missing)(`attention${missing}`, () => {
  it.each([
    { softcap: null, window: null, compact: false, headDim: 8 },
    { softcap: 2, window: 6, compact: true, headDim: 6 },
  ])('forward and backward: %o', async ({ softcap, window, compact, headDim }) => {
    const shape: AttentionShape = { heads: 4, kvHeads: 2, headDim, scale: 0.4, softcap, window, compact };
    const random = new Random(21);
    // A prompt of 5, a prefix of 3; texts of one row, of a prime number, and of more than a workgroup.
    const lengths = [2, 12, 70, 6];
    const layout = layoutStep(
      [
        { kind: 'prompt', length: 5 },
        { kind: 'prefix', length: 3 },
      ],
      {
        tokenIds: new Int32Array(90),
        isLabel: new Uint8Array(90)
          .fill(1)
          .map((_, i) => (i % 3 === 0 || [1, 13, 83, 89].includes(i) ? 1 : 0)),
        texts: lengths.map((length, i) => ({
          start: lengths.slice(0, i).reduce((sum, n) => sum + n, 0),
          length,
          prompt: i % 2,
        })),
      },
    );
    const { counts } = layout;
    const { heads, kvHeads } = shape;
    const rowWidth = (heads + 2 * kvHeads) * headDim;
    const rows = counts.activeEnd;
    const queries = compact ? counts.slots : rows;
    const qkv = random.floats(rows * rowWidth);
    const dO = random.floats(queries * heads * headDim);
    const want = plainAttention(shape, layout, qkv, dO);
    const tables: Resource[] = [
      countsResource(counts),
      { input: layout.rowInfo },
      { input: layout.sequences },
    ];
    const slotTable: Resource[] = compact ? [{ input: layout.slotRow }] : [];
    const groups = attentionGroups(queries, heads);
    const [o, lse] = await runKernel(
      gpu,
      attentionKernel(shape),
      [...tables, ...slotTable, { input: qkv }, { output: dO.length }, { output: queries * heads }],
      groups,
    );
    // Prefix rows are no queries.
    const firstOut = compact ? 0 : counts.prefixEnd * heads * headDim;
    expect(relativeError(o.slice(firstOut), want.o.slice(firstOut))).toBeLessThan(1e-5);
    expectUntouched(o, firstOut, o.length);
    const [stats] = await runKernel(
      gpu,
      deltaKernel(shape),
      [tables[0], { input: o }, { input: dO }, { input: lse }, { output: queries * heads * 2 }],
      groups,
    );
    const inputs: Resource[] = [{ input: qkv }, { input: dO }, { input: stats }];
    let dqkv: Float32Array = new Float32Array(qkv.length).fill(POISON);
    const into = (): Resource => ({ output: dqkv.length, initial: dqkv });
    [dqkv] = await runKernel(
      gpu,
      queryGradientKernel(shape, 'active'),
      [...tables, ...inputs, into()],
      attentionGroups(rows - counts.activeStart, heads),
    );
    [dqkv] = await runKernel(
      gpu,
      keyGradientKernel(shape, 'text'),
      [...tables, ...slotTable, ...inputs, into()],
      attentionGroups(rows - counts.promptEnd, kvHeads),
    );
    const [partials] = await runKernel(
      gpu,
      keyGradientKernel(shape, 'prompt'),
      [
        ...tables,
        ...slotTable,
        { input: layout.jobs },
        ...inputs,
        { output: counts.jobs * 2 * kvHeads * headDim },
      ],
      attentionGroups(counts.jobs, kvHeads),
    );
    [dqkv] = await runKernel(
      gpu,
      promptSumKernel(shape),
      [tables[0], { input: layout.promptRows }, { input: partials }, into()],
      promptSumGroups(shape, counts.promptEnd),
    );
    for (let row = 0; row < counts.prefixEnd; row++) {
      const queriesOf = dqkv.subarray(row * rowWidth, row * rowWidth + heads * headDim);
      expectUntouched(queriesOf, 0, 0);
      queriesOf.fill(0);
    }
    expect(relativeError(dqkv, want.dqkv)).toBeLessThan(2e-5);
  });
});

describe.skipIf(missing)(`cross-entropy${missing}`, () => {
  it('gives nats, hits, loss and gradient of rows that predict one label or several', async () => {
    const vocab = 131;
    const softcap = 3;
    const random = new Random(31);
    const raw = random.floats(3 * vocab, 2);
    const predicted = [[5], [130, 7, 130], [64]];
    const weight = 0.2;
    const bits = new Uint32Array(Float32Array.of(weight).buffer)[0];
    const slotTargets = Uint32Array.from([0, 1, bits, 0, 1, 3, bits, 0, 4, 1, bits, 0]);
    const targets = Uint32Array.from(predicted.flat().flatMap((token) => [token, 0]));
    const chunk = { uniform: Uint32Array.of(0, 8, 0, 0) };
    const counts = countsResource({ slots: 3, labels: 5 });
    const [gradient, scores] = await runKernel(
      gpu,
      crossEntropyKernel({ vocab, softcap, gradient: true }),
      [
        counts,
        chunk,
        { input: slotTargets },
        { input: targets },
        { output: raw.length, initial: raw },
        { output: 10 },
      ],
      [3, 1, 1],
    );
    const want = new Float32Array(raw.length);
    const nats: number[] = [];
    const hits: number[] = [];
    predicted.forEach((tokens, row) => {
      const logits = Array.from(
        raw.slice(row * vocab, (row + 1) * vocab),
        (x) => softcap * Math.tanh(x / softcap),
      );
      const sum = logits.reduce((total, logit) => total + Math.exp(logit), 0);
      const best = logits.indexOf(Math.max(...logits));
      for (const token of tokens) {
        nats.push(Math.log(sum) - logits[token]);
        hits.push(token === best ? 1 : 0);
      }
      logits.forEach((logit, i) => {
        const n = tokens.filter((token) => token === i).length;
        const slope = 1 - (logit / softcap) ** 2;
        want[row * vocab + i] = weight * ((tokens.length * Math.exp(logit)) / sum - n) * slope;
      });
    });
    expect(relativeError(gradient, want)).toBeLessThan(1e-5);
    expect(
      relativeError(
        scores.filter((_, i) => i % 2 === 0),
        nats,
      ),
    ).toBeLessThan(1e-6);
    expect([...scores.filter((_, i) => i % 2 === 1)]).toEqual(hits);
    const [loss] = await runKernel(
      gpu,
      lossKernel(),
      [counts, { input: targets }, { input: scores }, { output: 2 }],
      [2, 1, 1],
    );
    expect(loss[0]).toBeCloseTo(sumOf(5, (i) => nats[i]) / 5, 5);
    expect(loss[1]).toBe(0);
  });
});

function sumOf(count: number, at: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += at(i);
  return sum;
}

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

/** Attention and its gradients by their definition, in f64; a query without a slot has no gradient where `compact`. */
function plainAttention(
  shape: AttentionShape,
  layout: ReturnType<typeof layoutStep>,
  qkv: Float32Array,
  dO: Float32Array,
): { o: Float32Array; dqkv: Float32Array } {
  const { heads, kvHeads, headDim, scale, softcap, window, compact } = shape;
  const rowWidth = (heads + 2 * kvHeads) * headDim;
  const o = new Float32Array(dO.length).fill(POISON);
  const dqkv = new Float64Array(qkv.length);
  for (let row = layout.counts.activeStart; row < layout.counts.activeEnd; row++) {
    const [, position, sequence, slot] = layout.rowInfo.subarray(row * 4);
    if (compact && slot === NO_SLOT) continue;
    const [start, , promptStart, promptLength] = layout.sequences.subarray(sequence * 8);
    const lowest = window === null ? 0 : Math.max(0, position + 1 - window);
    const keys = Array.from({ length: position + 1 - lowest }, (_, i) => {
      const c = lowest + i;
      return c < promptLength ? promptStart + c : start + c - promptLength;
    });
    for (let head = 0; head < heads; head++) {
      const group = Math.floor(head / (heads / kvHeads));
      const q = row * rowWidth + head * headDim;
      const k = (key: number) => key * rowWidth + (heads + group) * headDim;
      const v = (key: number) => k(key) + kvHeads * headDim;
      const out = ((compact ? slot : row) * heads + head) * headDim;
      const scores = keys.map((key) => {
        const score = scale * sumOf(headDim, (i) => qkv[q + i] * qkv[k(key) + i]);
        return softcap === null ? score : softcap * Math.tanh(score / softcap);
      });
      const total = scores.reduce((sum, score) => sum + Math.exp(score), 0);
      const weights = scores.map((score) => Math.exp(score) / total);
      for (let i = 0; i < headDim; i++) {
        o[out + i] = sumOf(keys.length, (n) => weights[n] * qkv[v(keys[n]) + i]);
      }
      const dWeights = keys.map((key) => sumOf(headDim, (i) => dO[out + i] * qkv[v(key) + i]));
      const mean = sumOf(keys.length, (n) => weights[n] * dWeights[n]);
      keys.forEach((key, n) => {
        const slope = softcap === null ? 1 : 1 - (scores[n] / softcap) ** 2;
        const dScore = weights[n] * (dWeights[n] - mean) * slope * scale;
        for (let i = 0; i < headDim; i++) {
          dqkv[q + i] += dScore * qkv[k(key) + i];
          dqkv[k(key) + i] += dScore * qkv[q + i];
          dqkv[v(key) + i] += weights[n] * dO[out + i];
        }
      });
    }
  }
  return { o, dqkv: Float32Array.from(dqkv) };
}
