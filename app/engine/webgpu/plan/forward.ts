/**
 * @file Records the forward pass. The last layer needs queries, output and MLP only at the rows that predict a
 * label, the slots: from its attention on it runs over these alone.
 */
import { attentionGroups, attentionKernel } from '../kernels/attention';
import { activateKernel, mlpGroups } from '../kernels/mlp';
import { headGroups, rotaryKernel, touchedHeads } from '../kernels/rotary';
import { elementGroups, embedKernel, gatherKernel, prefixKernel } from '../kernels/rows';
import { domainSize } from '../kernels/wgsl';
import { widths } from './activations';
import {
  attentionShape,
  bindings,
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
  recorder.add(
    attentionKernel(attentionShape(context, layer)),
    [
      tables.counts,
      tables.rowInfo,
      tables.sequences,
      ...(last ? [tables.slotRow] : []),
      buffers.qkv,
      buffers.mixed,
      buffers.logSums,
    ],
    (counts) => attentionGroups(domainSize(domain, counts), spec.heads),
  );
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

/** The MLP's input rows up to its inner rows before activation. */
export function recordMlpInner(context: PlanContext, layer: number): void {
  const { spec, layers, scratch } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const domain = isLast(context, layer) ? 'slots' : 'active';
  const input = spec.parallelResidual ? buffers.residual : buffers.middle;
  norm(context, domain, input, weights.mlpNorm, scratch.normed, buffers.mlpStats);
  linear(context, domain, scratch.normed, weights.mlpIn, buffers.inner);
}

function recordMlpOutput(context: PlanContext, layer: number): void {
  const { spec, recorder, tables, layers, scratch } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const domain = isLast(context, layer) ? 'slots' : 'active';
  recorder.add(
    activateKernel({ width: spec.mlpWidth, gated: spec.gatedMlp, activation: spec.activation, domain }),
    [tables.counts, buffers.inner, scratch.activated],
    (counts) => mlpGroups(spec.mlpWidth, domainSize(domain, counts)),
  );
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

export function recordLayer(context: PlanContext, layer: number): void {
  recordQueriesKeysValues(context, layer);
  recordAttention(context, layer);
  recordMlpInner(context, layer);
  recordMlpOutput(context, layer);
}

/** What the backward pass of a layer reads, computed once more from the layer's input: all but its output. */
export function recordLayerAgain(context: PlanContext, layer: number): void {
  recordQueriesKeysValues(context, layer);
  recordAttention(context, layer);
  recordMlpInner(context, layer);
}
