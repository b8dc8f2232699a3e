/**
 * @file Records the forward pass. The last layer needs queries, output and MLP only at the rows that predict a
 * label, the slots: from its attention on it runs over these alone.
 */
import { halfGroups, halfKernel } from '../kernels/half';
import { headGroups, rotaryKernel, touchedHeads } from '../kernels/rotary';
import { elementGroups, embedKernel, gatherKernel, prefixKernel } from '../kernels/rows';
import { domainSize } from '../kernels/wgsl';
import { widths } from './activations';
import { recordAttentionMix } from './attention';
import {
  activatedLinear,
  bindings,
  domainOf,
  headResources,
  headShape,
  isLast,
  layerWeights,
  linear,
  norm,
  type PlanContext,
} from './context';

/** Embeddings of texts, and positions, into the first layer's input, where the prompts' vectors are already. */
export function recordEmbedding(context: PlanContext): void {
  const { spec, weights, recorder, tables, layers, embeddingParts } = context;
  const positions =
    weights.positions && spec.learnedPositionOffset !== null
      ? { dtype: weights.positions.dtype, offset: spec.learnedPositionOffset }
      : null;
  for (const part of embeddingParts) {
    const kernel = embedKernel({
      hidden: spec.hidden,
      scale: spec.embedScale,
      table: weights.embedding.dtype,
      positions,
      firstToken: part.firstRow,
      tokens: part.rows,
    });
    recorder.add(
      kernel,
      [
        tables.counts,
        tables.rowInfo,
        part.binding,
        ...(positions ? bindings(weights.positions) : []),
        layers[0].input,
      ],
      (counts) => elementGroups(spec.hidden, domainSize('active', counts)),
    );
  }
}

/** Queries, keys and values of a layer, normed and rotated, with those of prefixes put in place. */
export function recordQueriesKeysValues(context: PlanContext, layer: number): void {
  const { spec, recorder, tables, layers, scratch, prefix } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const width = widths(spec);
  norm(context, 'active', buffers.input, weights.attentionNorm, scratch.normed, buffers.attentionStats);
  linear(context, 'active', scratch.normed, weights.qkv, buffers.raw);
  const shape = headShape(context, layer, 'active');
  if (shape.norm || shape.ropeDims > 0) {
    recorder.add(
      rotaryKernel(shape),
      [tables.counts, ...headResources(context, layer), buffers.qkv],
      (counts) => headGroups(touchedHeads(shape), domainSize('active', counts)),
    );
  }
  if (prefix) {
    recorder.add(
      prefixKernel(prefixShape(context, layer), 'keysValues'),
      [tables.counts, prefix, buffers.qkv],
      (counts) => elementGroups(width.keysValues, counts.prefixEnd),
    );
  }
}

/** Where the keys and values of a layer lie in rows of `qkv` and in rows of a prefix. */
export function prefixShape({ spec }: PlanContext, layer: number) {
  const width = widths(spec);
  return {
    width: width.keysValues,
    stride: width.qkv,
    offset: width.mixed,
    prefixStride: spec.layers.length * width.keysValues,
    prefixOffset: layer * width.keysValues,
  };
}

/** Attention and its output projection: `middle` is the residual stream between attention and MLP. */
export function recordAttention(context: PlanContext, layer: number): void {
  const { spec, recorder, tables, layers } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const last = isLast(context, layer);
  const domain = last ? 'slots' : 'active';
  if (last) {
    recorder.add(
      gatherKernel(spec.hidden),
      [tables.counts, tables.slotRow, buffers.input, buffers.residual],
      (counts) => elementGroups(spec.hidden, counts.slots),
    );
  }
  recordAttentionMix(context, layer);
  if (buffers.attentionRaw && buffers.attentionPostStats && weights.attentionPostNorm) {
    linear(context, domain, buffers.mixed, weights.out, buffers.attentionRaw);
    norm(
      context,
      domain,
      buffers.attentionRaw,
      weights.attentionPostNorm,
      buffers.middle,
      buffers.attentionPostStats,
      buffers.residual,
    );
  } else {
    linear(context, domain, buffers.mixed, weights.out, buffers.middle, buffers.residual);
  }
}

/** The MLP's inner rows before its activation, as the backward pass reads them: once more. */
export function recordMlpInner(context: PlanContext, layer: number): void {
  const { scratch } = context;
  const { inner } = context.layers[layer];
  recordMlpNorm(context, layer);
  if (inner)
    linear(context, domainOf(context, layer), scratch.normed, layerWeights(context, layer).mlpIn, inner);
}

function recordMlpNorm(context: PlanContext, layer: number): void {
  const buffers = context.layers[layer];
  const input = context.spec.parallelResidual ? buffers.residual : buffers.middle;
  const { mlpNorm } = layerWeights(context, layer);
  norm(context, domainOf(context, layer), input, mlpNorm, context.scratch.normed, buffers.mlpStats);
}

function recordMlp(context: PlanContext, layer: number): void {
  const { layers, scratch, saving } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const domain = domainOf(context, layer);
  recordMlpNorm(context, layer);
  // What is made once more anyway need not be stored; the last layer's is not.
  const again = (saving === 'mlp' || saving === 'layers') && !isLast(context, layer);
  const inner = again ? null : buffers.inner;
  activatedLinear(context, domain, scratch.normed, weights.mlpIn, inner, scratch.activated);
  if (buffers.mlpRaw && buffers.mlpPostStats && weights.mlpPostNorm) {
    linear(context, domain, scratch.activated, weights.mlpOut, buffers.mlpRaw);
    norm(
      context,
      domain,
      buffers.mlpRaw,
      weights.mlpPostNorm,
      buffers.output,
      buffers.mlpPostStats,
      buffers.middle,
    );
  } else {
    linear(context, domain, scratch.activated, weights.mlpOut, buffers.output, buffers.middle);
  }
}

/** What a layer keeps in half precision, packed after the forward pass or widened before the backward pass. */
export function recordHalves(
  { recorder, tables, layers }: PlanContext,
  layer: number,
  to: 'half' | 'full',
): void {
  const { halves } = layers[layer];
  if (halves.length === 0) return;
  const widest = Math.max(...halves.map(({ width }) => width));
  recorder.add(
    halfKernel(
      halves.map(({ width }) => width),
      to,
    ),
    [tables.counts, ...halves.flatMap(({ full, half }) => [full, half])],
    (counts) => halfGroups(widest, counts.activeEnd),
  );
}

export function recordLayer(context: PlanContext, layer: number): void {
  recordQueriesKeysValues(context, layer);
  recordAttention(context, layer);
  recordMlp(context, layer);
  recordHalves(context, layer, 'half');
}

/** What the backward pass of a layer reads, computed once more from the layer's input: all but its output. */
export function recordLayerAgain(context: PlanContext, layer: number): void {
  recordQueriesKeysValues(context, layer);
  recordAttention(context, layer);
  recordMlpInner(context, layer);
}
