/** @file The buffers of the backward pass: gradients of activations, which layers share. */
import type { Capacity } from '../../capacity';
import type { ModelSpec } from '../../spec';
import type { GpuMemory } from '../memory';
import { widths } from './activations';

export interface BackwardBuffers {
  /** Gradient of the residual stream: of active rows, and of slots in the last layer. */
  rows: GPUBuffer;
  slots: GPUBuffer;
  /** Through a norm after attention or MLP, where the family has these. */
  post: GPUBuffer | null;
  inner: GPUBuffer;
  mixed: GPUBuffer;
  /** (log-sum-exp, Δ) of queries and heads. */
  stats: GPUBuffer;
  qkv: GPUBuffer;
  /** Partial gradients of prompts' keys and values, `[jobs, 2, K, d]`. */
  partials: GPUBuffer;
  prefix: GPUBuffer | null;
}

export function makeBackwardBuffers(memory: GpuMemory, spec: ModelSpec, capacity: Capacity): BackwardBuffers {
  const width = widths(spec);
  const rows = (name: string, elements: number, count = capacity.rows) =>
    memory.storage(`gradient of ${name}`, count * elements * 4);
  return {
    rows: rows('rows', spec.hidden),
    slots: rows('slots', spec.hidden, capacity.slots),
    post: spec.postNorms ? rows('post-norm', spec.hidden) : null,
    inner: rows('inner', width.inner),
    mixed: rows('mixed', width.mixed),
    stats: rows('log sums', 2 * spec.heads),
    qkv: rows('qkv', width.qkv),
    partials: rows('prompt keys and values, a sequence each', width.keysValues, capacity.jobs),
    prefix:
      capacity.prefixRows > 0
        ? rows('prefix', width.keysValues * spec.layers.length, capacity.prefixRows)
        : null,
  };
}
