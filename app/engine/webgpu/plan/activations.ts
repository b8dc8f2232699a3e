/** @file The activation buffers of a plan: which layers have their own, which share. */
import type { ModelSpec } from '../../spec';
import type { GpuMemory } from '../memory';
import type { Capacity } from './capacity';

/**
 * - `train`: what the backward pass needs is kept
 * - `forward`: nothing is kept, layers share all buffers
 * - `decode`: keys and values are kept, later rows attend to them
 */
export type PlanMode = 'train' | 'forward' | 'decode';

/**
 * What training keeps of the forward pass, from most memory to least: everything; all but the MLP's inner rows, computed
 * once more; each layer's input only, the rest computed once more.
 */
export type Saving = 'all' | 'mlp' | 'layers';

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
  inner: GPUBuffer;
  mlpRaw: GPUBuffer | null;
  mlpPostStats: GPUBuffer | null;
  output: GPUBuffer;
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

/** Every layer's buffers. Layers share those that nothing reads after the layer. */
export function makeLayerBuffers(
  memory: GpuMemory,
  spec: ModelSpec,
  capacity: Capacity,
  mode: PlanMode,
  saving: Saving,
): LayerBuffers[] {
  const { hidden, layers } = spec;
  const width = widths(spec);
  const keepInput = mode === 'train';
  const keepAttention = mode === 'train' && saving !== 'layers';
  const keepInner = mode === 'train' && saving === 'all';
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
    const input = made[i - 1]?.output ?? buffer('input', capacity.rows, hidden, keepInput);
    const qkv = buffer('qkv', capacity.rows, width.qkv, keepAttention || mode === 'decode');
    const stats = (name: string, statRows: number) => buffer(name, statRows, 2, keepAttention);
    const post = (name: string) => (spec.postNorms ? buffer(name, rows, hidden, keepAttention) : null);
    const postStats = (name: string) => (spec.postNorms ? stats(name, rows) : null);
    made.push({
      input,
      residual: last ? buffer('residual', rows, hidden, true) : input,
      attentionStats: stats('attention stats', capacity.rows),
      raw: spec.queryKeyNorm ? buffer('raw', capacity.rows, width.qkv, keepAttention) : qkv,
      qkv,
      mixed: buffer('mixed', rows, width.mixed, keepAttention),
      logSums: buffer('log sums', rows, spec.heads, keepAttention),
      attentionRaw: post('attention raw'),
      attentionPostStats: postStats('attention post stats'),
      middle: buffer('middle', rows, hidden, keepAttention),
      mlpStats: stats('mlp stats', rows),
      inner: buffer('inner', rows, width.inner, keepInner),
      mlpRaw: post('mlp raw'),
      mlpPostStats: postStats('mlp post stats'),
      // Without a backward pass the input is not needed once the layer is through.
      output: last
        ? buffer('output', rows, hidden, true)
        : keepInput
          ? buffer('output', rows, hidden, true)
          : input,
    });
  });
  return made;
}
