/**
 * @file The forward pass of every family as plain tfjs operations; autodiff makes the backward pass.
 * Shapes: B sequences, n rows each, D hidden, H query heads, K key/value heads, G = H / K, d head size, P past rows.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LayerSpec, ModelSpec } from '../spec';
import { activate, linear, normalize, type Rotation, rotate, rotation, softcap } from './operations';
import type { LayerWeights, ReferenceWeights } from './weights';

/** Keys (rotated) and values of one layer, `[B, K, rows, d]`. */
export type KeysValues = { keys: tf.Tensor; values: tf.Tensor };

export interface Blocks {
  /** Output of the last block, before the final norm, `[B, n, D]`. */
  hidden: tf.Tensor3D;
  /** Of every layer, past rows included. */
  cache: KeysValues[];
}

/**
 * Runs all blocks over x `[B, n, D]`, whose rows have the positions P … P + n - 1 and follow `past`
 * (a prefix, or what generation has computed already), which has the positions 0 … P - 1.
 */
export function runBlocks(
  spec: ModelSpec,
  weights: ReferenceWeights,
  x: tf.Tensor3D,
  past: KeysValues[] | null,
): Blocks {
  const n = x.shape[1];
  const pastRows = past?.[0]?.keys.shape[2] ?? 0;
  const rotations = spec.ropes.map((rope) => rotation(rope, spec.headDim, pastRows, n));
  const masks = new Map<number | null, tf.Tensor2D>();
  for (const { window } of spec.layers) {
    if (!masks.has(window)) masks.set(window, attentionMask(n, pastRows, window, spec.heads / spec.kvHeads));
  }

  let hidden: tf.Tensor = x;
  if (weights.positions && spec.learnedPositionOffset !== null) {
    const first = pastRows + spec.learnedPositionOffset;
    hidden = tf.add(hidden, tf.slice(weights.positions, [first, 0], [n, spec.hidden]));
  }
  const cache: KeysValues[] = [];
  spec.layers.forEach((layer, i) => {
    const w = weights.layers[i];
    const mask = masks.get(layer.window) as tf.Tensor2D;
    const normed = normalize(hidden, w.attentionNorm, spec.norm);
    const attended = attention(spec, layer, w, normed, rotations, mask, past?.[i] ?? null);
    cache.push(attended.cache);
    const attentionOut = w.attentionPostNorm
      ? normalize(attended.output, w.attentionPostNorm, spec.norm)
      : attended.output;
    const residual = tf.add(hidden, attentionOut);
    const mlpInput = normalize(spec.parallelResidual ? hidden : residual, w.mlpNorm, spec.norm);
    const mlpOut = mlp(spec, w, mlpInput);
    hidden = tf.add(residual, w.mlpPostNorm ? normalize(mlpOut, w.mlpPostNorm, spec.norm) : mlpOut);
  });
  return { hidden: hidden as tf.Tensor3D, cache };
}

/** Final norm and head: rows `[m, D]` to logits `[m, V]`. */
export function headLogits(spec: ModelSpec, weights: ReferenceWeights, rows: tf.Tensor2D): tf.Tensor2D {
  const normed = normalize(rows, weights.finalNorm, spec.norm);
  return softcap(linear(normed, weights.head), spec.logitSoftcap) as tf.Tensor2D;
}

/** Grouped-query attention (Ainslie et al. 2023) of normed rows `[B, n, D]`. */
function attention(
  spec: ModelSpec,
  layer: LayerSpec,
  w: LayerWeights,
  x: tf.Tensor,
  rotations: Rotation[],
  mask: tf.Tensor2D,
  past: KeysValues | null,
): { output: tf.Tensor; cache: KeysValues } {
  const { heads, kvHeads, headDim } = spec;
  const [batch, n] = x.shape;
  const groups = heads / kvHeads;
  const qkv = tf.reshape(linear(x, w.qkv), [batch, n, heads + 2 * kvHeads, headDim]);
  let queries: tf.Tensor = tf.slice(qkv, [0, 0, 0, 0], [batch, n, heads, headDim]);
  let keys: tf.Tensor = tf.slice(qkv, [0, 0, heads, 0], [batch, n, kvHeads, headDim]);
  let values: tf.Tensor = tf.slice(qkv, [0, 0, heads + kvHeads, 0], [batch, n, kvHeads, headDim]);
  if (spec.queryKeyNorm && w.queryNorm && w.keyNorm) {
    queries = normalize(queries, w.queryNorm, spec.queryKeyNorm);
    keys = normalize(keys, w.keyNorm, spec.queryKeyNorm);
  }
  if (layer.rope !== null) {
    queries = rotate(queries, rotations[layer.rope]);
    keys = rotate(keys, rotations[layer.rope]);
  }
  keys = tf.transpose(keys, [0, 2, 1, 3]);
  values = tf.transpose(values, [0, 2, 1, 3]);
  if (past) {
    keys = tf.concat([past.keys, keys], 2);
    values = tf.concat([past.values, values], 2);
  }
  // The G query heads of a key head stand one under the other, so one matmul serves them all.
  const stacked = tf.reshape(tf.transpose(queries, [0, 2, 1, 3]), [batch, kvHeads, groups * n, headDim]);
  const scores = tf.mul(tf.matMul(stacked, keys, false, true), spec.attentionScale);
  const weights = tf.softmax(tf.add(softcap(scores, spec.attentionSoftcap), mask));
  const mixed = tf.reshape(tf.matMul(weights, values), [batch, heads, n, headDim]);
  const rows = tf.reshape(tf.transpose(mixed, [0, 2, 1, 3]), [batch, n, heads * headDim]);
  return { output: linear(rows, w.out), cache: { keys, values } };
}

function mlp(spec: ModelSpec, w: LayerWeights, x: tf.Tensor): tf.Tensor {
  const inner = linear(x, w.mlpIn);
  if (!spec.gatedMlp) return linear(activate(inner, spec.activation), w.mlpOut);
  const [gate, up] = tf.split(inner, 2, -1);
  return linear(tf.mul(activate(gate, spec.activation), up), w.mlpOut);
}

/** `[G · n, P + n]`: 0 where a row may look, a large negative number elsewhere; padding lies after the text, so causality hides it. */
function attentionMask(n: number, pastRows: number, window: number | null, groups: number): tf.Tensor2D {
  const columns = pastRows + n;
  const mask = new Float32Array(groups * n * columns);
  for (let group = 0; group < groups; group++) {
    for (let row = 0; row < n; row++) {
      const position = pastRows + row;
      for (let column = 0; column < columns; column++) {
        const visible = column <= position && (window === null || column > position - window);
        if (!visible) mask[(group * n + row) * columns + column] = -1e9;
      }
    }
  }
  return tf.tensor2d(mask, [groups * n, columns]);
}
