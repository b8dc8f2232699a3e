/** @file What the recording of a plan works with: the model, the buffers, and short forms of the common dispatches. */

import type { Capacity } from '../../capacity';
import type { Saving } from '../../engine';
import type { Counts } from '../../layout';
import type { ModelSpec } from '../../spec';
import type { Recorder } from '../dispatches';
import type {
  GpuLayer,
  GpuLinear,
  GpuMatrix,
  GpuNorm,
  GpuTensor,
  GpuWeights,
  MatrixPart,
} from '../gpuWeights';
import type { AttentionShape } from '../kernels/attention';
import { FEW_ROWS, fewRowsMatmul, matmul } from '../kernels/matmul';
import { normBackwardKernel, normKernel } from '../kernels/norm';
import type { MatmulShape } from '../kernels/product';
import type { HeadShape } from '../kernels/rotary';
import type { MatmulTile } from '../kernels/tile';
import { type Domain, domainSize } from '../kernels/wgsl';
import type { Groups } from '../limits';
import type { PlanMode } from './activations';
import type { PlanBuffers } from './buffers';
import type { AttentionWay } from './source';

/** No workgroups: the dispatch is passed over. */
const NONE: Groups = [0, 0, 0];

export interface PlanContext extends PlanBuffers {
  mode: PlanMode;
  saving: Saving;
  spec: ModelSpec;
  weights: GpuWeights;
  headParts: MatrixPart[];
  embeddingParts: MatrixPart[];
  capacity: Capacity;
  tile: MatmulTile;
  attention: AttentionWay;
  recorder: Recorder;
}

export function isLast(context: PlanContext, layer: number): boolean {
  return layer === context.spec.layers.length - 1;
}

/** The rows of a layer from attention's output on. */
export function domainOf(context: PlanContext, layer: number): Domain {
  return isLast(context, layer) ? 'slots' : 'active';
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

export function bindings(...tensors: (GpuTensor | GpuMatrix | null)[]): GPUBufferBinding[] {
  return tensors.filter((tensor) => tensor !== null).map((tensor) => tensor.binding);
}

/** A product with a weight, given what its kernel binds after the counts. */
export function product(
  { recorder, tables, tile, mode }: PlanContext,
  shape: MatmulShape,
  resources: readonly (GPUBuffer | GPUBufferBinding)[],
  rows: (counts: Counts) => number = rowsOf(shape.domain),
): void {
  const bound = [tables.counts, ...resources];
  // Generation brings one row at a time after the first step.
  const few = mode === 'decode' && shape.form === 'NT' ? FEW_ROWS : 0;
  const many = matmul(shape, tile);
  recorder.add(many.kernel, bound, (counts) => (rows(counts) > few ? many.groups(rows(counts)) : NONE));
  if (few === 0) return;
  const one = fewRowsMatmul(shape);
  recorder.add(one.kernel, bound, (counts) => {
    const count = rows(counts);
    return count > 0 && count <= few ? one.groups(count) : NONE;
  });
}

function forwardShape(domain: Domain, layer: GpuLinear): MatmulShape {
  return {
    form: 'NT',
    inner: layer.in,
    outer: layer.out,
    weight: layer.weight.dtype,
    bias: layer.bias?.dtype ?? null,
    add: null,
    domain,
  };
}

function backwardShape(domain: Domain, layer: GpuLinear): MatmulShape {
  return {
    form: 'NN',
    inner: layer.out,
    outer: layer.in,
    weight: layer.weight.dtype,
    bias: null,
    add: null,
    domain,
  };
}

/** y = x · Wᵀ + bias (+ residual). */
export function linear(
  context: PlanContext,
  domain: Domain,
  x: GPUBuffer,
  layer: GpuLinear,
  y: GPUBuffer,
  residual: GPUBuffer | null = null,
): void {
  product(context, { ...forwardShape(domain, layer), add: residual ? 'residual' : null }, [
    x,
    ...bindings(layer.weight, layer.bias),
    ...(residual ? [residual] : []),
    y,
  ]);
}

/** The MLP's first product with its activation; the inner rows before it are stored where `inner` is given. */
export function activatedLinear(
  context: PlanContext,
  domain: Domain,
  x: GPUBuffer,
  layer: GpuLinear,
  inner: GPUBuffer | null,
  activated: GPUBuffer,
): void {
  const { mlpWidth, gatedMlp: gated, activation } = context.spec;
  const mlp = { activation, gated, keep: inner !== null };
  product(context, { ...forwardShape(domain, layer), outer: mlpWidth, mlp }, [
    x,
    ...bindings(layer.weight, layer.bias),
    ...(inner ? [inner] : []),
    activated,
  ]);
}

/** dx = dy · W. */
export function linearBackward(
  context: PlanContext,
  domain: Domain,
  dy: GPUBuffer,
  layer: GpuLinear,
  dx: GPUBuffer,
): void {
  product(context, backwardShape(domain, layer), [dy, layer.weight.binding, dx]);
}

/** The MLP's second product and its activation, backward: the gradient of the inner rows. */
export function activatedLinearBackward(
  context: PlanContext,
  domain: Domain,
  dy: GPUBuffer,
  layer: GpuLinear,
  inner: GPUBuffer,
  dInner: GPUBuffer,
): void {
  const { gatedMlp: gated, activation } = context.spec;
  product(context, { ...backwardShape(domain, layer), mlp: { activation, gated } }, [
    dy,
    layer.weight.binding,
    inner,
    dInner,
  ]);
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
