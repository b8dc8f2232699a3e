/**
 * @file Every buffer of a step, laid out in one block of memory. Without a block the same code says how many bytes it would be.
 * R rows, S slots, D hidden, Q query width, K key width, F MLP width.
 */
import type { Capacity } from '../capacity';
import type { Saving } from '../engine';
import type { ModelSpec } from '../spec';
import { roundUp, scratchBytes } from './scratch';

/** What training can keep here, from least work to most. */
export const WASM_SAVINGS = ['all', 'mlp', 'layers'] as const satisfies Saving[];
export type WasmSaving = (typeof WASM_SAVINGS)[number];

/** Logits at one time. */
export const LOGIT_BYTES = 64 * 2 ** 20;

export interface StepOptions {
  mode: 'train' | 'forward';
  saving: WasmSaving;
  threads: number;
  logitBytes?: number;
}

/** Addresses of what a layer keeps for its backward pass. In the last layer, rows are slots but for keys and values. */
export interface LayerBuffers {
  /** `[R, D]`, also in the last layer */
  input: number;
  attentionStats: number;
  /** `[R, Q + 2K]`; the last layer has them apart: `[S, Q]` and `[R, 2K]` */
  qkv: number;
  q: number;
  kv: number;
  /** As the heads were before their norm; null parts as above. */
  rawQkv: number;
  rawQ: number;
  rawKv: number;
  /** Attention's output `[R, Q]`, largest score and 1 / Σ of each head `[R, H, 2]` */
  mixed: number;
  softmax: number;
  /** Before the norm after attention. */
  attentionOut: number;
  attentionPostStats: number;
  /** `[R, D]` after attention */
  middle: number;
  mlpStats: number;
  /** `[R, F]` or `[R, 2F]` */
  mlpIn: number;
  mlpOut: number;
  mlpPostStats: number;
}

export interface StepBuffers {
  /** Of the tables, by their names in `StepLayout`. */
  rowInfo: number;
  sequences: number;
  slotRow: number;
  slotTargets: number;
  targets: number;
  promptRows: number;
  /** Of each of the specification's rotations, `[positions, dims]`: cosines, then sines. */
  turns: number[];
  /** Vectors of prompts `[prompt rows, D]`, given keys and values `[prefix rows, layers · 2K]`. */
  prompts: number;
  prefixes: number;
  layers: LayerBuffers[];
  normed: number;
  activated: number;
  /** `[S, D]`: the last layer's output, that normed, its gradient */
  output: number;
  outputNormed: number;
  outputStats: number;
  logits: number;
  /** Slots whose logits are there at a time. */
  logitRows: number;
  /** Labels × 3. */
  scores: number;
  gradients: GradientBuffers | null;
  scratch: number;
  scratchBytes: number;
}

export interface GradientBuffers {
  output: number;
  /** Of a layer's input `[R, D]`, of what is normed, of the activated, of attention's output, of queries, keys and values. */
  stream: number;
  normed: number;
  activated: number;
  mixed: number;
  qkv: number;
  q: number;
  kv: number;
  /** Of prompts' keys and values, as each sequence sees them. */
  jobKeys: number;
  jobValues: number;
  prefixes: number;
}

export interface Widths {
  queries: number;
  keys: number;
  qkv: number;
  mlpIn: number;
  /** Of a row of given keys and values. */
  prefix: number;
}

export function widthsOf(spec: ModelSpec): Widths {
  const queries = spec.heads * spec.headDim;
  const keys = spec.kvHeads * spec.headDim;
  return {
    queries,
    keys,
    qkv: queries + 2 * keys,
    mlpIn: (spec.gatedMlp ? 2 : 1) * spec.mlpWidth,
    prefix: spec.layers.length * 2 * keys,
  };
}

/** Bytes of all buffers of a step. */
export function stepBytes(spec: ModelSpec, capacity: Capacity, options: StepOptions): number {
  return layOut(spec, capacity, options, 0).bytes;
}

/** Buffers one behind the other from address `at`. */
export function layOut(
  spec: ModelSpec,
  capacity: Capacity,
  { mode, saving, threads, logitBytes = LOGIT_BYTES }: StepOptions,
  at: number,
): { buffers: StepBuffers; bytes: number } {
  let end = at;
  /** `count` words; 0 of none. */
  const words = (count: number): number => {
    const place = end;
    end += roundUp(4 * count, 64);
    return count === 0 ? 0 : place;
  };
  const { rows, slots, promptRows, prefixRows } = capacity;
  const { hidden, mlpWidth, heads, headDim } = spec;
  const { queries, keys, qkv, mlpIn, prefix } = widthsOf(spec);
  const train = mode === 'train';

  const attentionPart = (n: number, last: boolean) => {
    const raw = spec.queryKeyNorm ? 1 : 0;
    return {
      attentionStats: words(2 * rows),
      qkv: last ? 0 : words(rows * qkv),
      q: last ? words(n * queries) : 0,
      kv: last ? words(rows * 2 * keys) : 0,
      rawQkv: last ? 0 : words(raw * rows * qkv),
      rawQ: last ? words(raw * n * queries) : 0,
      rawKv: last ? words(raw * rows * 2 * keys) : 0,
      mixed: words(n * queries),
      softmax: words(n * heads * 2),
      attentionOut: words(spec.postNorms ? n * hidden : 0),
      attentionPostStats: words(spec.postNorms ? 2 * n : 0),
      middle: words(n * hidden),
      mlpStats: words(2 * n),
    };
  };
  const mlpPart = (n: number) => ({
    mlpIn: words(n * mlpIn),
    mlpOut: words(spec.postNorms ? n * hidden : 0),
    mlpPostStats: words(spec.postNorms ? 2 * n : 0),
  });
  const makeLayers = (): LayerBuffers[] => {
    const inputs = train ? null : [words(rows * hidden), words(rows * hidden)];
    const sharedAttention = train && saving !== 'layers' ? null : attentionPart(rows, false);
    const sharedMlp = train && saving === 'all' ? null : mlpPart(rows);
    return spec.layers.map((_, i) => {
      const last = i === spec.layers.length - 1;
      return {
        input: inputs ? inputs[i % 2] : words(rows * hidden),
        ...(last ? attentionPart(slots, true) : (sharedAttention ?? attentionPart(rows, false))),
        ...(last ? mlpPart(slots) : (sharedMlp ?? mlpPart(rows))),
      };
    });
  };
  const logitRows = Math.max(1, Math.min(slots, Math.floor(logitBytes / (4 * spec.vocabSize))));
  const keysRoom = capacity.positions;
  const scratchEach = scratchBytes(headDim, keysRoom, train);
  const buffers: StepBuffers = {
    rowInfo: words(rows * 4),
    sequences: words(capacity.sequences * 8),
    slotRow: words(slots),
    slotTargets: words(slots * 4),
    targets: words(capacity.labels * 2),
    promptRows: words(promptRows * 4),
    turns: spec.ropes.map(({ dims }) => words(capacity.positions * dims)),
    prompts: words(promptRows * hidden),
    prefixes: words(prefixRows * prefix),
    layers: makeLayers(),
    normed: words(rows * hidden),
    activated: words(rows * mlpWidth),
    output: words(slots * hidden),
    outputNormed: words(slots * hidden),
    outputStats: words(slots * 2),
    logits: words(logitRows * spec.vocabSize),
    logitRows,
    scores: words(capacity.labels * 3),
    gradients: train
      ? {
          output: words(slots * hidden),
          stream: words(rows * hidden),
          normed: words(rows * hidden),
          activated: words(rows * mlpWidth),
          mixed: words(rows * queries),
          qkv: words(rows * qkv),
          q: words(slots * queries),
          kv: words(rows * 2 * keys),
          jobKeys: words(capacity.jobs * keys),
          jobValues: words(capacity.jobs * keys),
          prefixes: words(prefixRows * prefix),
        }
      : null,
    scratch: words((threads * scratchEach) / 4),
    scratchBytes: scratchEach,
  };
  return { buffers, bytes: end - at };
}
