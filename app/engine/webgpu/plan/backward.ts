/**
 * @file Records the backward pass: gradients with respect to the rows only, no weight has one. The first layer needs
 * nothing for text rows but what their queries give to the prompt's keys and values.
 */
import { headGroups, rotaryBackwardKernel } from '../kernels/rotary';
import { elementGroups, prefixKernel } from '../kernels/rows';
import { domainSize } from '../kernels/wgsl';
import { widths } from './activations';
import { recordAttentionBackward } from './attention';
import type { BackwardBuffers } from './backwardBuffers';
import {
  activatedLinearBackward,
  domainOf,
  headResources,
  headShape,
  isLast,
  layerWeights,
  linearBackward,
  normBackward,
  type PlanContext,
} from './context';
import { prefixShape, recordHalves, recordLayerAgain, recordMlpInner } from './forward';

/** All layers, from the gradient of the slots (`gradients.slots`) to that of the first layer's prompt rows and of prefixes. */
export function recordBackward(context: PlanContext, gradients: BackwardBuffers): void {
  const { saving } = context;
  for (let layer = context.spec.layers.length - 1; layer >= 0; layer--) {
    // The last layer's buffers are still as the forward pass left them.
    if (!isLast(context, layer)) {
      if (saving === 'layers') recordLayerAgain(context, layer);
      if (saving === 'mlp') recordMlpInner(context, layer);
      if (saving === 'half') recordHalves(context, layer, 'full');
    }
    recordLayerBackward(context, gradients, layer);
  }
}

function recordLayerBackward(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  // With the residuals in parallel, attention's output has the gradient of the layer's output,
  // which the MLP's norm adds to; else of the sum.
  if (context.spec.parallelResidual) {
    recordOutputBackward(context, gradients, layer);
    recordMlpBackward(context, gradients, layer);
  } else {
    recordMlpBackward(context, gradients, layer);
    recordOutputBackward(context, gradients, layer);
  }
  recordAttentionBackward(context, gradients, layer);
  recordProjectionBackward(context, gradients, layer);
}

function recordMlpBackward(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const { spec, layers, scratch } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  const domain = domainOf(context, layer);
  const stream = isLast(context, layer) ? gradients.slots : gradients.rows;
  let output = stream;
  if (gradients.post && buffers.mlpRaw && buffers.mlpPostStats && weights.mlpPostNorm) {
    output = gradients.post;
    normBackward(
      context,
      domain,
      buffers.mlpRaw,
      weights.mlpPostNorm,
      buffers.mlpPostStats,
      stream,
      output,
      'set',
    );
  }
  // Training keeps the inner rows, or has made them once more.
  activatedLinearBackward(
    context,
    domain,
    output,
    weights.mlpOut,
    buffers.inner as GPUBuffer,
    gradients.inner,
  );
  linearBackward(context, domain, gradients.inner, weights.mlpIn, scratch.normed);
  const input = spec.parallelResidual ? buffers.residual : buffers.middle;
  normBackward(context, domain, input, weights.mlpNorm, buffers.mlpStats, scratch.normed, stream, 'add');
}

/** The gradient of attention's mixed values. */
function recordOutputBackward(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const buffers = context.layers[layer];
  const weights = layerWeights(context, layer);
  const domain = domainOf(context, layer);
  const stream = isLast(context, layer) ? gradients.slots : gradients.rows;
  let output = stream;
  if (gradients.post && buffers.attentionRaw && buffers.attentionPostStats && weights.attentionPostNorm) {
    output = gradients.post;
    normBackward(
      context,
      domain,
      buffers.attentionRaw,
      weights.attentionPostNorm,
      buffers.attentionPostStats,
      stream,
      output,
      'set',
    );
  }
  linearBackward(context, domain, output, weights.out, gradients.mixed);
}

/** From the gradient of queries, keys and values to that of the layer's input. */
function recordProjectionBackward(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const { spec, recorder, tables, layers, scratch } = context;
  const buffers = layers[layer];
  const weights = layerWeights(context, layer);
  if (gradients.prefix) {
    recorder.add(
      prefixKernel(prefixShape(context, layer), 'prefix'),
      [tables.counts, gradients.qkv, gradients.prefix],
      (counts) => elementGroups(widths(spec).keysValues, counts.prefixEnd),
    );
  }
  const domain = layer === 0 ? 'prompt' : 'active';
  const shape = headShape(context, layer, domain);
  if (shape.norm || shape.ropeDims > 0) {
    recorder.add(
      rotaryBackwardKernel(shape),
      [tables.counts, ...headResources(context, layer), gradients.qkv],
      (counts) => headGroups(spec.heads + spec.kvHeads, domainSize(domain, counts)),
    );
  }
  linearBackward(context, domain, gradients.qkv, weights.qkv, scratch.normed);
  normBackward(
    context,
    domain,
    buffers.input,
    weights.attentionNorm,
    buffers.attentionStats,
    scratch.normed,
    gradients.rows,
    isLast(context, layer) ? { slots: gradients.slots } : 'add',
  );
}
