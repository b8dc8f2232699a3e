/** @file The smaller kernels of the WebGPU engine against plain JavaScript, on ragged shapes; outputs are poisoned first. */
import { afterAll, describe, expect, it } from 'vitest';
import type { NormSpec } from '../../app/engine/spec';
import { halfGroups, halfKernel } from '../../app/engine/webgpu/kernels/half';
import { crossEntropyKernel, lossKernel } from '../../app/engine/webgpu/kernels/head';
import { normBackwardKernel, normKernel } from '../../app/engine/webgpu/kernels/norm';
import { headGroups, rotaryBackwardKernel, rotaryKernel } from '../../app/engine/webgpu/kernels/rotary';
import {
  countsResource,
  expectUntouched,
  openTestGpu,
  Random,
  type Resource,
  relativeError,
  runKernel,
  store,
  sumOf,
} from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

afterAll(() => {
  if (!missing) gpu.device.destroy();
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

describe.skipIf(missing)(`half precision${missing}`, () => {
  it('keeps 11 bits of several matrices, and the largest number of what is too large', async () => {
    const widths = [7, 40];
    const rows = 5;
    const random = new Random(51);
    const full = widths.map((width) => random.floats(8 * width, 3));
    full[1][0] = 1e30;
    const counts = countsResource({ activeStart: 2, activeEnd: rows });
    const groups = halfGroups(40, rows);
    const halves = await runKernel(
      gpu,
      halfKernel(widths, 'half'),
      [counts, ...full.flatMap((input) => [{ input }, { output: input.length / 2 }])],
      groups,
    );
    const back = await runKernel(
      gpu,
      halfKernel(widths, 'full'),
      [counts, ...halves.flatMap((input) => [{ output: input.length * 2 }, { input }])],
      groups,
    );
    expect(back[1][0]).toBe(65504);
    back[1][0] = full[1][0] = 0;
    widths.forEach((width, n) => {
      const used = rows * width;
      expect(relativeError(back[n].slice(0, used), full[n].slice(0, used))).toBeLessThan(2 ** -11);
      // Elements go in fours.
      expectUntouched(back[n], 0, Math.ceil(used / 4) * 4);
    });
  });
});
