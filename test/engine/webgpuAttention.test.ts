/** @file The attention kernels of the WebGPU engine against attention by its definition, on random ragged batches. */
import { afterAll, describe, expect, it } from 'vitest';
import { NO_SLOT, type StepLayout } from '../../app/engine/layout';
import {
  type AttentionShape,
  attentionGroups,
  attentionKernel,
  qkvWidth,
} from '../../app/engine/webgpu/kernels/attention';
import {
  deltaGroups,
  deltaKernel,
  keyGradientGroups,
  keyGradientKernel,
  promptSumGroups,
  promptSumKernel,
  queryGradientGroups,
  queryGradientKernel,
} from '../../app/engine/webgpu/kernels/attentionBackward';
import {
  threadAttentionKernel,
  threadGroups,
  threadKeyGradientKernel,
  threadPromptGroups,
  threadQueryGradientKernel,
} from '../../app/engine/webgpu/kernels/attentionThreads';
import { ragged } from './raggedBatch';
import {
  countsResource,
  expectUntouched,
  openTestGpu,
  POISON,
  Random,
  type Resource,
  relativeError,
  runKernel,
  sumOf,
} from './webgpuHarness';

const { gpu, missing } = await openTestGpu();

afterAll(() => {
  if (!missing) gpu.device.destroy();
});

interface Given {
  shape: AttentionShape;
  layout: StepLayout;
  qkv: Float32Array;
  dO: Float32Array;
}

/** Output and gradient of queries, keys and values; elements that no kernel writes are poison. */
type Way = (given: Given) => Promise<{ o: Float32Array; dqkv: Float32Array }>;

const blocks: Way = async ({ shape, layout, qkv, dO }) => {
  const { counts } = layout;
  const { heads, kvHeads, headDim, compact } = shape;
  const queries = dO.length / (heads * headDim);
  const tables: Resource[] = [countsResource(counts), { input: layout.sequences }];
  const slotTable: Resource[] = compact ? [{ input: layout.slotRow }] : [];
  const [o, lse] = await runKernel(
    gpu,
    attentionKernel(shape),
    [...tables, ...slotTable, { input: qkv }, { output: dO.length }, { output: queries * heads }],
    attentionGroups(shape)(counts),
  );
  const queryGradient = (rows: 'active' | 'prompt') =>
    runKernel(
      gpu,
      queryGradientKernel(shape, rows),
      [
        ...tables,
        ...[layout.rowInfo, qkv, o, dO, lse].map((input) => ({ input })),
        { output: queries * heads * 2 },
        { output: qkv.length },
      ],
      queryGradientGroups(shape, rows)(counts),
    );
  const keyGradient = (texts: boolean, stats: Float32Array, initial: Float32Array) =>
    runKernel(
      gpu,
      keyGradientKernel(shape, texts),
      [
        ...tables,
        ...slotTable,
        ...[qkv, dO, stats].map((input) => ({ input })),
        { output: counts.jobs * 2 * kvHeads * headDim },
        { output: qkv.length, initial },
      ],
      keyGradientGroups(shape, texts)(counts),
    );
  const [stats, queryPart] = await queryGradient('active');
  const [alone] = await runKernel(
    gpu,
    deltaKernel(shape),
    [tables[0], { input: o }, { input: dO }, { input: lse }, { output: queries * heads * 2 }],
    deltaGroups(shape, queries),
  );
  expect(relativeError(stats, alone)).toBeLessThan(1e-6);
  const [partials, keyPart] = await keyGradient(true, stats, queryPart);
  // The first layer takes queries of prompts and keys of prompts alone.
  const rowWidth = qkvWidth(shape);
  const [, promptQueries] = await queryGradient('prompt');
  const [promptPartials, untouched] = await keyGradient(
    false,
    stats,
    new Float32Array(qkv.length).fill(POISON),
  );
  expect([...promptPartials]).toEqual([...partials]);
  expectUntouched(untouched, 0, 0);
  const ofPrompt = [counts.prefixEnd * rowWidth, counts.promptEnd * rowWidth];
  expect([...promptQueries.slice(...ofPrompt)]).toEqual([...queryPart.slice(...ofPrompt)]);
  expectUntouched(promptQueries, ofPrompt[0], ofPrompt[1]);
  return { o, dqkv: await promptSum(shape, layout, partials, keyPart) };
};

const threads: Way = async ({ shape, layout, qkv, dO }) => {
  const { counts } = layout;
  const { heads, kvHeads, headDim, compact } = shape;
  const queries = dO.length / (heads * headDim);
  const tables: Resource[] = [countsResource(counts), { input: layout.rowInfo }, { input: layout.sequences }];
  const slotTable: Resource[] = compact ? [{ input: layout.slotRow }] : [];
  const [o, lse] = await runKernel(
    gpu,
    threadAttentionKernel(shape),
    [...tables, ...slotTable, { input: qkv }, { output: dO.length }, { output: queries * heads }],
    threadGroups(queries, heads),
  );
  const [stats] = await runKernel(
    gpu,
    deltaKernel(shape),
    [tables[0], { input: o }, { input: dO }, { input: lse }, { output: queries * heads * 2 }],
    deltaGroups(shape, queries),
  );
  const inputs = [qkv, dO, stats].map((input) => ({ input }));
  let dqkv: Float32Array = new Float32Array(qkv.length).fill(POISON);
  const into = (): Resource => ({ output: dqkv.length, initial: dqkv });
  [dqkv] = await runKernel(
    gpu,
    threadQueryGradientKernel(shape, 'active'),
    [...tables, ...inputs, into()],
    threadGroups(counts.activeEnd - counts.activeStart, heads),
  );
  [dqkv] = await runKernel(
    gpu,
    threadKeyGradientKernel(shape, 'text'),
    [...tables, ...slotTable, ...inputs, into()],
    threadGroups(counts.activeEnd - counts.promptEnd, kvHeads),
  );
  const [partials] = await runKernel(
    gpu,
    threadKeyGradientKernel(shape, 'prompt'),
    [...tables, ...slotTable, ...inputs, { output: counts.jobs * 2 * kvHeads * headDim }],
    threadPromptGroups(shape, counts),
  );
  return { o, dqkv: await promptSum(shape, layout, partials, dqkv) };
};

async function promptSum(
  shape: AttentionShape,
  { counts, promptRows }: StepLayout,
  partials: Float32Array,
  initial: Float32Array,
): Promise<Float32Array> {
  const [dqkv] = await runKernel(
    gpu,
    promptSumKernel(shape),
    [countsResource(counts), { input: promptRows }, { input: partials }, { output: initial.length, initial }],
    promptSumGroups(shape, counts.promptEnd),
  );
  return dqkv;
}

/** Texts of one row, of a prime number, and of more than a workgroup has. */
const LONG = [2, 12, 70, 6];
const SHORT = [2, 12, 6];

describe.skipIf(missing)(`attention${missing}`, () => {
  it.each([
    [{ softcap: null, window: null, compact: false, headDim: 8 }, LONG, { blocks, threads }],
    [{ softcap: 2, window: 6, compact: true, headDim: 6 }, LONG, { blocks, threads }],
    [{ softcap: null, window: 4, compact: false, headDim: 20 }, SHORT, { blocks }],
    [{ softcap: null, window: null, compact: true, headDim: 256 }, SHORT, { blocks }],
  ] as [Pick<AttentionShape, 'softcap' | 'window' | 'compact' | 'headDim'>, number[], Record<string, Way>][])(
    'forward and backward: %o, texts of %o',
    async (change, lengths, ways) => {
      const shape: AttentionShape = { heads: 4, kvHeads: 2, scale: 0.4, ...change };
      const { heads, headDim, compact } = shape;
      const random = new Random(21);
      const layout = ragged(lengths);
      const { counts } = layout;
      const rowWidth = qkvWidth(shape);
      const queries = compact ? counts.slots : counts.activeEnd;
      const qkv = random.floats(counts.activeEnd * rowWidth);
      const dO = random.floats(queries * heads * headDim);
      const want = plainAttention(shape, layout, qkv, dO);
      for (const way of Object.values(ways)) {
        const { o, dqkv } = await way({ shape, layout, qkv, dO });
        // Prefix rows are no queries.
        const firstOut = compact ? 0 : counts.prefixEnd * heads * headDim;
        expect(relativeError(o.slice(firstOut), want.o.slice(firstOut))).toBeLessThan(1e-5);
        expectUntouched(o, firstOut, o.length);
        for (let row = 0; row < counts.prefixEnd; row++) {
          const queriesOf = dqkv.subarray(row * rowWidth, row * rowWidth + heads * headDim);
          expectUntouched(queriesOf, 0, 0);
          queriesOf.fill(0);
        }
        expect(relativeError(dqkv, want.dqkv)).toBeLessThan(2e-5);
      }
    },
  );
});

/** Attention and its gradients by their definition, in f64; a query without a slot has no gradient where `compact`. */
function plainAttention(
  shape: AttentionShape,
  layout: StepLayout,
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
