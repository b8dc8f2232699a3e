/**
 * @file The backward pass as a list of records: from the slots back to the prompts' rows and prefixes, and to nothing else. No
 * weight has a gradient, and below the first layer's attention texts have none either.
 */
import type { StepLayout } from '../layout';
import { type GradientBuffers, type WasmSaving, widthsOf } from './buffers';
import {
  attentionShape,
  headShapes,
  mlpInput,
  mlpRows,
  rangeOf,
  recordAttention,
  recordMlpIn,
  recordMlpOut,
  type StepSource,
} from './forward';
import type { OpList } from './ops';
import { type Rows, rowsFrom } from './shapes';
import { matrixRows } from './weights';

export interface BackwardSource extends StepSource {
  layout: Pick<StepLayout, 'counts' | 'slotRow'>;
  gradients: GradientBuffers;
  saving: WasmSaving;
}

/** Everything behind the head, whose gradient is in `gradients.output`. */
export function recordBackward(list: OpList, source: BackwardSource): void {
  const { spec, weights, buffers, layout, gradients } = source;
  list.normBackward({
    spec: spec.norm,
    first: 0,
    last: layout.counts.slots,
    width: spec.hidden,
    dy: gradients.output,
    x: buffers.output,
    weight: weights.finalNorm.weight,
    stats: buffers.outputStats,
    dx: gradients.output,
  });
  for (let layer = spec.layers.length - 1; layer >= 0; layer--) {
    recordAgain(list, source, layer);
    if (spec.parallelResidual) {
      recordMixedBackward(list, source, layer);
      recordMlpBackward(list, source, layer);
    } else {
      recordMlpBackward(list, source, layer);
      recordMixedBackward(list, source, layer);
    }
    recordAttentionBackward(list, source, layer);
  }
}

/** What was not kept of a layer is made once more. The last layer is always there. */
function recordAgain(list: OpList, source: BackwardSource, layer: number): void {
  const { spec, saving, buffers } = source;
  if (saving === 'all' || layer === spec.layers.length - 1) return;
  if (saving === 'layers') recordAttention(list, source, layer);
  recordMlpIn(list, source, layer);
  // Where a norm follows, its input is wanted; what it makes of that is the next layer's input, which is kept, as it was.
  if (spec.postNorms) recordMlpOut(list, source, layer, buffers.layers[layer + 1].input);
}

/** The gradient of a layer's output: in the last layer of the slots. */
function outputGradient({ spec, gradients }: BackwardSource, layer: number): number {
  return layer === spec.layers.length - 1 ? gradients.output : gradients.stream;
}

/** Adds to the output's gradient, in place, what comes through the MLP. */
function recordMlpBackward(list: OpList, source: BackwardSource, layer: number): void {
  const { spec, weights, buffers, gradients } = source;
  const { hidden, mlpWidth } = spec;
  const { mlpIn } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { rows, from } = mlpRows(source, layer);
  const stream = outputGradient(source, layer);
  let made = stream;
  if (w.mlpPostNorm) {
    made = gradients.normed;
    list.normBackward({
      spec: spec.norm,
      first: from,
      last: from + rows,
      width: hidden,
      dy: stream,
      x: at.mlpOut,
      weight: w.mlpPostNorm.weight,
      stats: at.mlpPostStats,
      dx: made,
    });
  }
  const activated: Rows = rowsFrom({ at: gradients.activated, stride: mlpWidth }, from);
  const inner: Rows = rowsFrom({ at: at.mlpIn, stride: mlpIn }, from);
  const place = (base: number): Rows => rowsFrom({ at: base, stride: hidden }, from);
  list.matmul({ form: 'NN', rows, weight: w.mlpOut.weight, a: place(made), c: activated });
  list.activationBackward(spec.activation, spec.gatedMlp, rows, mlpWidth, inner.at, activated.at, inner.at);
  list.matmul({ form: 'NN', rows, weight: w.mlpIn.weight, a: inner, c: place(gradients.normed) });
  list.normBackward({
    spec: spec.norm,
    first: from,
    last: from + rows,
    width: hidden,
    dy: gradients.normed,
    ...mlpInput(source, layer),
    weight: w.mlpNorm.weight,
    stats: at.mlpStats,
    add: stream,
    dx: stream,
  });
}

/** From the stream behind attention to what attention mixed. */
function recordMixedBackward(list: OpList, source: BackwardSource, layer: number): void {
  const { spec, weights, buffers, gradients } = source;
  const { hidden } = spec;
  const { queries } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { rows, from } = mlpRows(source, layer);
  let made = outputGradient(source, layer);
  if (w.attentionPostNorm) {
    list.normBackward({
      spec: spec.norm,
      first: from,
      last: from + rows,
      width: hidden,
      dy: made,
      x: at.attentionOut,
      weight: w.attentionPostNorm.weight,
      stats: at.attentionPostStats,
      dx: gradients.normed,
    });
    made = gradients.normed;
  }
  list.matmul({
    form: 'NN',
    rows,
    weight: w.out.weight,
    a: rowsFrom({ at: made, stride: hidden }, from),
    c: rowsFrom({ at: gradients.mixed, stride: queries }, from),
  });
}

/** From what attention mixed to the layer's input, or in the first layer to the prompts'. */
function recordAttentionBackward(list: OpList, source: BackwardSource, layer: number): void {
  const { spec, weights, buffers, layout, gradients, prefixRows } = source;
  const { hidden } = spec;
  const { queries, keys, qkv, prefix } = widthsOf(spec);
  const { counts } = layout;
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { first, last: lastRow, isLast } = rangeOf(source, layer);
  const last = layer === 0 ? counts.promptEnd : lastRow;
  const q: Rows = isLast ? { at: gradients.q, stride: queries } : { at: gradients.qkv, stride: qkv };
  const k: Rows = isLast
    ? { at: gradients.kv, stride: 2 * keys }
    : { at: gradients.qkv + 4 * queries, stride: qkv };
  const v = k.at + 4 * keys;
  list.attendBackward(attentionShape(source, layer), {
    out: gradients.mixed,
    q: q.at,
    k,
    v,
    jobKeys: gradients.jobKeys,
    jobValues: gradients.jobValues,
    promptSequences: counts.promptSequences,
    promptOnly: layer === 0,
  });
  const given = gradients.prefixes + 4 * layer * 2 * keys;
  list.sumJobs({
    promptRows: buffers.promptRows,
    count: counts.promptEnd,
    width: keys,
    jobKeys: gradients.jobKeys,
    jobValues: gradients.jobValues,
    prefixRows,
    prefixKeys: { at: given, stride: prefix },
    prefixValues: given + 4 * keys,
    k,
    v,
  });
  if (last <= first) return;
  // Slots in rows that have a gradient: those of prompts' own rows come first.
  const slots = layer === 0 ? layout.slotRow.filter((row) => row < counts.promptEnd).length : counts.slots;
  for (const shape of headShapes(source, layer)) {
    const isSlots = shape.map !== 0;
    const x = isSlots ? q : isLast ? k : q;
    list.heads({ ...shape, x, last: isSlots ? slots : last }, true);
  }
  const normed: Rows = { at: gradients.normed, stride: hidden };
  const { weight } = w.qkv;
  if (isLast) {
    list.matmul({
      form: 'NN',
      rows: last - first,
      weight: matrixRows(weight, queries, weight.rows),
      a: rowsFrom(k, first),
      c: rowsFrom(normed, first),
    });
    list.matmul({
      form: 'NN',
      rows: slots,
      weight: matrixRows(weight, 0, queries),
      a: q,
      c: normed,
      cMap: buffers.slotRow,
      add: normed,
      addMap: buffers.slotRow,
    });
  } else {
    list.matmul({
      form: 'NN',
      rows: last - first,
      weight,
      a: rowsFrom(q, first),
      c: rowsFrom(normed, first),
    });
  }
  list.normBackward({
    spec: spec.norm,
    first,
    last,
    width: hidden,
    dy: gradients.normed,
    x: at.input,
    weight: w.attentionNorm.weight,
    stats: at.attentionStats,
    add: isLast ? 0 : gradients.stream,
    dx: gradients.stream,
  });
  if (isLast) list.addRows(0, slots, hidden, gradients.output, gradients.stream, buffers.slotRow);
}
