/** @file What the recording of a plan works with: the model, the buffers, and short forms of the common dispatches. */
import type { ModelSpec } from '../../spec';
import type { Recorder } from '../dispatches';
import type { GpuLayer, GpuLinear, GpuNorm, GpuTensor, GpuWeights, MatrixPart } from '../gpuWeights';
import type { AttentionShape } from '../kernels/attention';
import { type MatmulShape, type MatmulTile, matmul } from '../kernels/matmul';
import { normBackwardKernel, normKernel } from '../kernels/norm';
import type { HeadShape } from '../kernels/rotary';
import { type Counts, type Domain, domainSize } from '../kernels/wgsl';
import type { LayerBuffers } from './activations';
import type { Capacity } from './capacity';
import type { Tables } from './tables';

/** Buffers that hold something only for a moment. */
export interface Scratch {
  /** `[rows, hidden]`: normed rows, or the gradient of these. */
  normed: GPUBuffer;
  /** `[rows, F]`: activated rows, or the gradient of these. */
  activated: GPUBuffer;
}

export interface PlanContext {
  spec: ModelSpec;
  weights: GpuWeights;
  headParts: MatrixPart[];
  embeddingParts: MatrixPart[];
  capacity: Capacity;
  tile: MatmulTile;
  recorder: Recorder;
  tables: Tables;
  layers: LayerBuffers[];
  scratch: Scratch;
  /** Given keys and values `[prefix rows, layers · 2 · K · d]`, where the plan has prefix rows. */
  prefix: GPUBuffer | null;
}

export function isLast(context: PlanContext, layer: number): boolean {
  return layer === context.spec.layers.length - 1;
}

export function attentionShape({ spec }: PlanContext, layer: number): AttentionShape {
  return {
    heads: spec.heads,
    kvHeads: spec.kvHeads,
    headDim: spec.headDim,
    scale: spec.attentionScale,
    softcap: spec.attentionSoftcap,
    window: spec.layers[layer].window,
    compact: layer === spec.layers.length - 1,
  };
}

export function headShape({ spec, weights }: PlanContext, layer: number, domain: Domain): HeadShape {
  const { rope } = spec.layers[layer];
  const { queryNorm, keyNorm } = weights.layers[layer];
  return {
    heads: spec.heads,
    kvHeads: spec.kvHeads,
    headDim: spec.headDim,
    ropeDims: rope === null ? 0 : spec.ropes[rope].dims,
    norm:
      spec.queryKeyNorm && queryNorm && keyNorm
        ? { spec: spec.queryKeyNorm, query: queryNorm.weight.dtype, key: keyNorm.weight.dtype }
        : null,
    domain,
  };
}

/** What a rotary kernel binds after the counts. */
export function headResources(context: PlanContext, layer: number): (GPUBuffer | GPUBufferBinding)[] {
  const { rope } = context.spec.layers[layer];
  const { queryNorm, keyNorm } = context.weights.layers[layer];
  const normed = context.spec.queryKeyNorm && queryNorm && keyNorm;
  return [
    context.tables.rowInfo,
    ...(rope === null ? [] : [context.tables.turns[rope]]),
    ...(normed ? [queryNorm.weight.binding, keyNorm.weight.binding, context.layers[layer].raw] : []),
  ];
}

export function rowsOf(domain: Domain) {
  return (counts: Counts) => domainSize(domain, counts);
}

export function bindings(...tensors: (GpuTensor | null)[]): GPUBufferBinding[] {
  return tensors.filter((tensor) => tensor !== null).map((tensor) => tensor.binding);
}

/** y = x · Wᵀ + bias (+ residual). */
export function linear(
  { recorder, tables, tile }: PlanContext,
  domain: Domain,
  x: GPUBuffer,
  layer: GpuLinear,
  y: GPUBuffer,
  residual: GPUBuffer | null = null,
): void {
  const shape: MatmulShape = {
    form: 'NT',
    inner: layer.in,
    outer: layer.out,
    weight: layer.weight.dtype,
    bias: layer.bias?.dtype ?? null,
    add: residual ? 'residual' : null,
    domain,
  };
  const rows = rowsOf(domain);
  const { kernel, groups } = matmul(shape, tile);
  recorder.add(
    kernel,
    [tables.counts, x, ...bindings(layer.weight, layer.bias), ...(residual ? [residual] : []), y],
    (counts) => groups(rows(counts)),
  );
}

/** dx = dy · W. */
export function linearBackward(
  { recorder, tables, tile }: PlanContext,
  domain: Domain,
  dy: GPUBuffer,
  layer: GpuLinear,
  dx: GPUBuffer,
): void {
  const shape: MatmulShape = {
    form: 'NN',
    inner: layer.out,
    outer: layer.in,
    weight: layer.weight.dtype,
    bias: null,
    add: null,
    domain,
  };
  const rows = rowsOf(domain);
  const { kernel, groups } = matmul(shape, tile);
  recorder.add(kernel, [tables.counts, dy, layer.weight.binding, dx], (counts) => groups(rows(counts)));
}

/** y = norm(x) (+ residual), keeping each row's mean and 1/σ. */
export function norm(
  { spec, recorder, tables }: PlanContext,
  domain: Domain,
  x: GPUBuffer,
  weights: GpuNorm,
  y: GPUBuffer,
  stats: GPUBuffer,
  residual: GPUBuffer | null = null,
): void {
  const kernel = normKernel({
    width: spec.hidden,
    norm: spec.norm,
    weight: weights.weight.dtype,
    bias: weights.bias?.dtype ?? null,
    domain,
    residual: residual !== null,
  });
  const rows = rowsOf(domain);
  recorder.add(
    kernel,
    [tables.counts, x, ...bindings(weights.weight, weights.bias), ...(residual ? [residual] : []), y, stats],
    (counts) => [rows(counts), 1, 1],
  );
}

/** The gradient through a norm: set as dx, added to it, or added to the gradient of the row's slot. */
export function normBackward(
  { spec, recorder, tables }: PlanContext,
  domain: Domain,
  x: GPUBuffer,
  weights: GpuNorm,
  stats: GPUBuffer,
  dy: GPUBuffer,
  dx: GPUBuffer,
  into: 'set' | 'add' | { slots: GPUBuffer },
): void {
  const kernel = normBackwardKernel({
    width: spec.hidden,
    norm: spec.norm,
    weight: weights.weight.dtype,
    domain,
    into: typeof into === 'string' ? into : 'addToSlots',
  });
  const rows = rowsOf(domain);
  recorder.add(
    kernel,
    [
      tables.counts,
      x,
      weights.weight.binding,
      stats,
      dy,
      ...(typeof into === 'string' ? [] : [tables.rowInfo, into.slots]),
      dx,
    ],
    (counts) => [rows(counts), 1, 1],
  );
}

export function layerWeights(context: PlanContext, layer: number): GpuLayer {
  return context.weights.layers[layer];
}
