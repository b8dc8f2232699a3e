/** @file The activation buffers of a plan: which layers have their own, which share. */

import type { Capacity } from '../../capacity';
import type { Saving } from '../../engine';
import type { ModelSpec } from '../../spec';
import type { GpuMemory } from '../memory';

/**
 * - `train`: what the backward pass needs is kept
 * - `forward`: nothing is kept, layers share all buffers
 * - `decode`: keys and values are kept, later rows attend to them
 */
export type PlanMode = 'train' | 'forward' | 'decode';

/** An activation and its copy in half precision, `width` elements a row. */
export interface HalfCopy {
  full: GPUBuffer;
  half: GPUBuffer;
  width: number;
}

/** Buffers of one layer. Rows are active rows, in the last layer slots from attention on. */
export interface LayerBuffers {
  input: GPUBuffer;
  /** Input at the slots; last layer only, else the input itself. */
  residual: GPUBuffer;
  attentionStats: GPUBuffer;
  /** Queries, keys and values before norm and rotation, where the model norms them; else the same as `qkv`. */
  raw: GPUBuffer;
  qkv: GPUBuffer;
  mixed: GPUBuffer;
  logSums: GPUBuffer;
  attentionRaw: GPUBuffer | null;
  attentionPostStats: GPUBuffer | null;
  middle: GPUBuffer;
  mlpStats: GPUBuffer;
  /** The MLP's rows before its activation; training only. */
  inner: GPUBuffer | null;
  mlpRaw: GPUBuffer | null;
  mlpPostStats: GPUBuffer | null;
  output: GPUBuffer;
  /** What the backward pass finds in half precision and widens into the buffers that layers share. */
  halves: HalfCopy[];
}

/** Elements a row of the buffers that depend on the family. */
export function widths(spec: ModelSpec) {
  const { heads, kvHeads, headDim, mlpWidth, gatedMlp } = spec;
  return {
    qkv: (heads + 2 * kvHeads) * headDim,
    mixed: heads * headDim,
    keysValues: 2 * kvHeads * headDim,
    inner: gatedMlp ? 2 * mlpWidth : mlpWidth,
  };
}

/**
 * Every layer's buffers. Layers share those that nothing reads after the layer, or that the backward pass makes again.
 *
 * In half precision are the wide ones. The residual stream and what norms read of it stay f32: its largest elements
 * exceed what an f16 holds in some models, and it is the smaller part.
 */
export function makeLayerBuffers(
  memory: GpuMemory,
  spec: ModelSpec,
  capacity: Capacity,
  mode: PlanMode,
  saving: Saving,
): LayerBuffers[] {
  const { hidden, layers } = spec;
  const width = widths(spec);
  const training = mode === 'train';
  const keepStream = training && saving !== 'layers';
  const keepAttention = keepStream && saving !== 'half';
  const keepInner = training && saving === 'all';
  const shared = new Map<string, GPUBuffer>();
  const made: LayerBuffers[] = [];
  layers.forEach((_, i) => {
    const last = i === layers.length - 1;
    const buffer = (name: string, rows: number, elements: number, own: boolean): GPUBuffer => {
      if (own) return memory.storage(`layer ${i} ${name}`, rows * elements * 4);
      const found = shared.get(name) ?? memory.storage(name, capacity.rows * elements * 4);
      shared.set(name, found);
      return found;
    };
    const rows = last ? capacity.slots : capacity.rows;
    const input = made[i - 1]?.output ?? buffer('input', capacity.rows, hidden, training);
    const qkv = buffer('qkv', capacity.rows, width.qkv, keepAttention || mode === 'decode');
    const raw = spec.queryKeyNorm ? buffer('raw', capacity.rows, width.qkv, keepAttention) : qkv;
    const mixed = buffer('mixed', rows, width.mixed, keepAttention);
    const inner = training ? buffer('inner', rows, width.inner, keepInner) : null;
    const stats = (name: string, statRows: number) => buffer(name, statRows, 2, keepStream);
    const post = (name: string) => (spec.postNorms ? buffer(name, rows, hidden, keepStream) : null);
    const postStats = (name: string) => (spec.postNorms ? stats(name, rows) : null);
    const half = (name: string, full: GPUBuffer, elements: number): HalfCopy => ({
      full,
      half: memory.storage(`layer ${i} ${name} in half precision`, capacity.rows * elements * 2),
      width: elements,
    });
    // The last layer's buffers are as it left them when the backward pass begins.
    const halves =
      inner && saving === 'half' && !last
        ? [
            half('qkv', qkv, width.qkv),
            ...(raw === qkv ? [] : [half('raw', raw, width.qkv)]),
            half('mixed', mixed, width.mixed),
            half('inner', inner, width.inner),
          ]
        : [];
    made.push({
      input,
      residual: last ? buffer('residual', rows, hidden, true) : input,
      attentionStats: stats('attention stats', capacity.rows),
      raw,
      qkv,
      mixed,
      logSums: buffer('log sums', rows, spec.heads, keepStream),
      attentionRaw: post('attention raw'),
      attentionPostStats: postStats('attention post stats'),
      middle: buffer('middle', rows, hidden, keepStream),
      mlpStats: stats('mlp stats', rows),
      inner,
      mlpRaw: post('mlp raw'),
      mlpPostStats: postStats('mlp post stats'),
      // Without a backward pass the input is not needed once the layer is through.
      output: last || training ? buffer('output', rows, hidden, true) : input,
      halves,
    });
  });
  return made;
}
