/** @file Records attention and its backward pass, in either of the ways that the adapter may be faster with. */
import { attentionGroups, attentionKernel } from '../kernels/attention';
import {
  deltaGroups,
  deltaKernel,
  keyGradientGroups,
  keyGradientKernel,
  promptSumGroups,
  promptSumKernel,
  queryGradientGroups,
  queryGradientKernel,
} from '../kernels/attentionBackward';
import {
  threadAttentionKernel,
  threadGroups,
  threadKeyGradientKernel,
  threadPromptGroups,
  threadQueryGradientKernel,
} from '../kernels/attentionThreads';
import { domainSize } from '../kernels/wgsl';
import type { BackwardBuffers } from './backwardBuffers';
import { attentionShape, domainOf, isLast, type PlanContext } from './context';

/** From queries, keys and values to the mixed values, before the output projection. */
export function recordAttentionMix(context: PlanContext, layer: number): void {
  const { recorder, tables, layers, spec } = context;
  const { qkv, mixed, logSums } = layers[layer];
  const shape = attentionShape(context, layer);
  const slotRow = isLast(context, layer) ? [tables.slotRow] : [];
  const results = [qkv, mixed, logSums];
  if (context.attention === 'blocks') {
    recorder.add(
      attentionKernel(shape),
      [tables.counts, tables.sequences, ...slotRow, ...results],
      attentionGroups(shape),
    );
    return;
  }
  const domain = domainOf(context, layer);
  recorder.add(
    threadAttentionKernel(shape),
    [tables.counts, tables.rowInfo, tables.sequences, ...slotRow, ...results],
    (counts) => threadGroups(domainSize(domain, counts), spec.heads),
  );
}

/**
 * From the gradient of the mixed values to that of queries, keys and values. The first layer needs it for prompts' rows alone, to
 * whose keys and values the queries of texts contribute all the same.
 */
export function recordAttentionBackward(
  context: PlanContext,
  gradients: BackwardBuffers,
  layer: number,
): void {
  const { recorder, tables } = context;
  const shape = attentionShape(context, layer);
  if (context.attention === 'blocks') recordBlocks(context, gradients, layer);
  else recordThreads(context, gradients, layer);
  recorder.add(
    promptSumKernel(shape),
    [tables.counts, tables.promptRows, gradients.partials, gradients.qkv],
    (counts) => promptSumGroups(shape, counts.promptEnd),
  );
}

function recordDelta(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const { recorder, tables, layers } = context;
  const { mixed, logSums } = layers[layer];
  const shape = attentionShape(context, layer);
  const domain = domainOf(context, layer);
  recorder.add(
    deltaKernel(shape),
    [tables.counts, mixed, gradients.mixed, logSums, gradients.stats],
    (counts) => deltaGroups(shape, domainSize(domain, counts)),
  );
}

function recordBlocks(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const { recorder, tables, layers } = context;
  const { qkv, mixed, logSums } = layers[layer];
  const { mixed: dMixed, stats, partials, qkv: dqkv } = gradients;
  const shape = attentionShape(context, layer);
  const first = layer === 0;
  const queries = first ? 'prompt' : 'active';
  if (first) recordDelta(context, gradients, layer);
  recorder.add(
    queryGradientKernel(shape, queries),
    [tables.counts, tables.sequences, tables.rowInfo, qkv, mixed, dMixed, logSums, stats, dqkv],
    queryGradientGroups(shape, queries),
  );
  const slotRow = isLast(context, layer) ? [tables.slotRow] : [];
  recorder.add(
    keyGradientKernel(shape, !first),
    [tables.counts, tables.sequences, ...slotRow, qkv, dMixed, stats, partials, dqkv],
    keyGradientGroups(shape, !first),
  );
}

function recordThreads(context: PlanContext, gradients: BackwardBuffers, layer: number): void {
  const { recorder, tables, layers, spec } = context;
  const shape = attentionShape(context, layer);
  const queries = layer === 0 ? 'prompt' : 'active';
  const inputs = [layers[layer].qkv, gradients.mixed, gradients.stats];
  const rowTables = [tables.counts, tables.rowInfo, tables.sequences];
  const keyTables = [...rowTables, ...(isLast(context, layer) ? [tables.slotRow] : [])];
  recordDelta(context, gradients, layer);
  recorder.add(
    threadQueryGradientKernel(shape, queries),
    [...rowTables, ...inputs, gradients.qkv],
    (counts) => threadGroups(domainSize(queries, counts), spec.heads),
  );
  if (layer > 0) {
    recorder.add(threadKeyGradientKernel(shape, 'text'), [...keyTables, ...inputs, gradients.qkv], (counts) =>
      threadGroups(domainSize('text', counts), spec.kvHeads),
    );
  }
  recorder.add(
    threadKeyGradientKernel(shape, 'prompt'),
    [...keyTables, ...inputs, gradients.partials],
    (counts) => threadPromptGroups(shape, counts),
  );
}
