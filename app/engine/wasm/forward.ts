/**
 * @file The forward pass as a list of records: packed rows, prompts' rows once for all their texts. The last layer asks queries,
 * and goes on from there, only in the slots: rows that predict a label.
 */
import type { StepLayout } from '../layout';
import type { ModelSpec } from '../spec';
import { type LayerBuffers, type StepBuffers, widthsOf } from './buffers';
import type { OpList } from './ops';
import { type AttentionShape, type HeadsShape, type Rows, rowsFrom } from './shapes';
import { type Linear, matrixRows, type WasmWeights } from './weights';

/** What a step is made of. */
export interface StepSource {
  spec: ModelSpec;
  weights: WasmWeights;
  buffers: StepBuffers;
  layout: Pick<StepLayout, 'counts'>;
  /** Given keys and values `[rows, layers · 2K]`, which `prefixRows` rows of prompts are taken from. */
  prefixes: number;
  prefixRows: number;
}

export interface LayerRange {
  /** The first and, without it, the last computed row; and the rows that go on after attention. */
  first: number;
  last: number;
  isLast: boolean;
}

export function rangeOf({ spec, layout }: StepSource, layer: number): LayerRange {
  const { activeStart, activeEnd } = layout.counts;
  return { first: activeStart, last: activeEnd, isLast: layer === spec.layers.length - 1 };
}

/** The rows of the model's stream before the first layer. */
export function recordEmbedding(list: OpList, { spec, weights, buffers, layout }: StepSource): void {
  const { activeStart, activeEnd, prefixEnd, promptEnd } = layout.counts;
  list.embed({
    first: activeStart,
    last: activeEnd,
    rowInfo: buffers.rowInfo,
    firstText: promptEnd,
    prompts: buffers.prompts,
    firstPrompt: Math.min(prefixEnd, promptEnd),
    table: weights.embedding,
    scale: spec.embedScale,
    positions: spec.learnedPositionOffset === null ? null : weights.positions,
    positionOffset: spec.learnedPositionOffset ?? 0,
    out: buffers.layers[0].input,
  });
}

/** A layer up to and with attention's addition to the stream: fills `middle`. */
export function recordAttention(list: OpList, source: StepSource, layer: number): void {
  const { spec, weights, buffers, layout } = source;
  const { hidden } = spec;
  const { queries, qkv } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { first, last, isLast } = rangeOf(source, layer);
  const { slots, longestText, longestPrompt } = layout.counts;
  const normed: Rows = { at: buffers.normed, stride: hidden };
  list.norm({
    spec: spec.norm,
    first,
    last,
    width: hidden,
    x: at.input,
    ...w.attentionNorm,
    y: buffers.normed,
    stats: at.attentionStats,
  });
  if (isLast) {
    const rows = w.qkv.weight.rows;
    const part = (from: number, to: number): Linear => ({
      weight: matrixRows(w.qkv.weight, from, to),
      bias: w.qkv.bias ? w.qkv.bias + 4 * from : 0,
    });
    const kv: Rows = { at: at.kv, stride: rows - queries };
    list.matmul({
      form: 'NT',
      rows: last - first,
      ...part(queries, rows),
      a: rowsFrom(normed, first),
      c: rowsFrom(kv, first),
    });
    list.matmul({
      form: 'NT',
      rows: slots,
      ...part(0, queries),
      a: normed,
      aMap: buffers.slotRow,
      c: { at: at.q, stride: queries },
    });
  } else {
    list.matmul({
      form: 'NT',
      rows: last - first,
      ...w.qkv,
      a: rowsFrom(normed, first),
      c: rowsFrom({ at: at.qkv, stride: qkv }, first),
    });
  }
  for (const shape of headShapes(source, layer)) list.heads(shape);
  list.attend(attentionShape(source, layer), Math.max(longestText, longestPrompt));

  const rows = isLast ? slots : last - first;
  const from = isLast ? 0 : first;
  const out: Rows = rowsFrom({ at: at.mixed, stride: queries }, from);
  const stream: Rows = { at: at.input, stride: hidden };
  const residual = isLast ? { add: stream, addMap: buffers.slotRow } : { add: rowsFrom(stream, first) };
  if (w.attentionPostNorm) {
    const made: Rows = { at: at.attentionOut, stride: hidden };
    list.matmul({ form: 'NT', rows, ...w.out, a: out, c: rowsFrom(made, from) });
    // A norm adds rows of its own index: in the slots the stream's come first.
    if (isLast) list.copyRows(0, rows, hidden, stream, { at: at.middle, stride: hidden }, buffers.slotRow);
    list.norm({
      spec: spec.norm,
      first: from,
      last: from + rows,
      width: hidden,
      x: at.attentionOut,
      ...w.attentionPostNorm,
      add: isLast ? at.middle : at.input,
      y: at.middle,
      stats: at.attentionPostStats,
    });
  } else {
    const middle: Rows = rowsFrom({ at: at.middle, stride: hidden }, from);
    list.matmul({ form: 'NT', rows, ...w.out, a: out, c: middle, ...residual });
  }
}

/** A layer's MLP up to what goes into its activation: fills `mlpIn`. */
export function recordMlpIn(list: OpList, source: StepSource, layer: number): void {
  const { spec, weights, buffers, layout } = source;
  const { hidden } = spec;
  const { mlpIn } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { first, last, isLast } = rangeOf(source, layer);
  const rows = isLast ? layout.counts.slots : last - first;
  const from = isLast ? 0 : first;
  list.norm({
    spec: spec.norm,
    first: from,
    last: from + rows,
    width: hidden,
    ...mlpInput(source, layer),
    ...w.mlpNorm,
    y: buffers.normed,
    stats: at.mlpStats,
  });
  list.matmul({
    form: 'NT',
    rows,
    ...w.mlpIn,
    a: rowsFrom({ at: buffers.normed, stride: hidden }, from),
    c: rowsFrom({ at: at.mlpIn, stride: mlpIn }, from),
  });
}

/** The rest of it: adds to the stream, into `out`. */
export function recordMlpOut(list: OpList, source: StepSource, layer: number, out: number): void {
  const { spec, weights, buffers } = source;
  const { hidden, mlpWidth, activation, gatedMlp } = spec;
  const { mlpIn } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { rows, from } = mlpRows(source, layer);
  const activated: Rows = rowsFrom({ at: buffers.activated, stride: mlpWidth }, from);
  const inner = rowsFrom({ at: at.mlpIn, stride: mlpIn }, from).at;
  list.activation(activation, gatedMlp, rows, mlpWidth, inner, activated.at);
  const place = (base: number): Rows => rowsFrom({ at: base, stride: hidden }, from);
  if (w.mlpPostNorm) {
    list.matmul({ form: 'NT', rows, ...w.mlpOut, a: activated, c: place(at.mlpOut) });
    list.norm({
      spec: spec.norm,
      first: from,
      last: from + rows,
      width: hidden,
      x: at.mlpOut,
      ...w.mlpPostNorm,
      add: at.middle,
      y: out,
      stats: at.mlpPostStats,
    });
  } else {
    list.matmul({ form: 'NT', rows, ...w.mlpOut, a: activated, c: place(out), add: place(at.middle) });
  }
}

/** All layers; `afterLayer` may record more behind each. */
export function recordLayers(
  list: OpList,
  source: StepSource,
  afterLayer: (layer: number) => void = () => {},
): void {
  const { buffers } = source;
  buffers.layers.forEach((_, layer) => {
    recordAttention(list, source, layer);
    recordMlpIn(list, source, layer);
    const next: LayerBuffers | undefined = buffers.layers[layer + 1];
    recordMlpOut(list, source, layer, next ? next.input : buffers.output);
    afterLayer(layer);
  });
}

/** Rows that a layer's MLP works on, from which on. */
export function mlpRows(source: StepSource, layer: number): { rows: number; from: number } {
  const { first, last, isLast } = rangeOf(source, layer);
  return isLast ? { rows: source.layout.counts.slots, from: 0 } : { rows: last - first, from: first };
}

/** What the MLP's norm reads: the stream after attention, or before it where both go side by side. */
export function mlpInput({ spec, buffers }: StepSource, layer: number): { x: number; map: number } {
  const at = buffers.layers[layer];
  const isLast = layer === spec.layers.length - 1;
  return spec.parallelResidual
    ? { x: at.input, map: isLast ? buffers.slotRow : 0 }
    : { x: at.middle, map: 0 };
}

/** Norm and rotation of a layer's queries and keys. */
export function headShapes(source: StepSource, layer: number): HeadsShape[] {
  const { spec, weights, buffers, layout } = source;
  const { heads, kvHeads, headDim } = spec;
  const { queries, keys, qkv } = widthsOf(spec);
  const w = weights.layers[layer];
  const at = buffers.layers[layer];
  const { rope } = spec.layers[layer];
  const { first, last, isLast } = rangeOf(source, layer);
  const common = {
    headDim,
    norm: spec.queryKeyNorm,
    rowInfo: buffers.rowInfo,
    turns: rope === null ? 0 : buffers.turns[rope],
    dims: rope === null ? 0 : spec.ropes[rope].dims,
  };
  if (!isLast) {
    const weights: [number, number] = [w.queryNorm, w.keyNorm];
    const x: Rows = { at: at.qkv, stride: qkv };
    return [{ ...common, first, last, x, heads: [heads, kvHeads], weights, raw: at.rawQkv, map: 0 }];
  }
  return [
    {
      ...common,
      first,
      last,
      x: { at: at.kv, stride: 2 * keys },
      heads: [kvHeads, 0],
      weights: [w.keyNorm, 0],
      raw: at.rawKv,
      map: 0,
    },
    {
      ...common,
      first: 0,
      last: layout.counts.slots,
      x: { at: at.q, stride: queries },
      heads: [heads, 0],
      weights: [w.queryNorm, 0],
      raw: at.rawQ,
      map: buffers.slotRow,
    },
  ];
}

export function attentionShape(source: StepSource, layer: number): AttentionShape {
  const { spec, buffers, layout, prefixes, prefixRows } = source;
  const { queries, keys, qkv, prefix } = widthsOf(spec);
  const at = buffers.layers[layer];
  const { isLast } = rangeOf(source, layer);
  const k: Rows = isLast ? { at: at.kv, stride: 2 * keys } : { at: at.qkv + 4 * queries, stride: qkv };
  const given = prefixes + 4 * layer * 2 * keys;
  return {
    sequences: buffers.sequences,
    count: layout.counts.sequences,
    heads: spec.heads,
    keyHeads: spec.kvHeads,
    headDim: spec.headDim,
    q: isLast ? { at: at.q, stride: queries } : { at: at.qkv, stride: qkv },
    k,
    v: k.at + 4 * keys,
    prefix: { keys: given, values: given + 4 * keys, stride: prefix, rows: prefixRows },
    slotRow: isLast ? buffers.slotRow : 0,
    out: { at: at.mixed, stride: queries },
    statistics: at.softmax,
    scale: spec.attentionScale,
    softcap: spec.attentionSoftcap,
    window: spec.layers[layer].window,
  };
}
