/** @file A model's weights as f32 tensors in the shape the reference engine multiplies by. */
import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor, ModelSpec, ModelWeights, NormSpec } from '../spec';
import { widened } from '../weightStream';
import type { Linear, Norm } from './operations';

export interface LayerWeights {
  attentionNorm: Norm;
  qkv: Linear;
  queryNorm: Norm | null;
  keyNorm: Norm | null;
  out: Linear;
  attentionPostNorm: Norm | null;
  mlpNorm: Norm;
  mlpIn: Linear;
  mlpOut: Linear;
  mlpPostNorm: Norm | null;
}

export interface ReferenceWeights {
  /** `[V, D]`, already scaled: a row is what the first block receives. */
  embedding: tf.Tensor2D;
  positions: tf.Tensor2D | null;
  layers: LayerWeights[];
  finalNorm: Norm;
  head: Linear;
}

/** Uploads every weight, widened to f32. @throws Error naming a canonical tensor that is missing. */
export function uploadWeights(spec: ModelSpec, weights: ModelWeights): ReferenceWeights {
  const stored = (name: string): HostTensor => {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`The model's weights lack “${name}”.`);
    return tensor;
  };
  const vector = (name: string): tf.Tensor1D => tf.tensor1d(widened(stored(name)));
  const matrix = (name: string): tf.Tensor2D => {
    const { shape } = stored(name);
    return tf.tensor2d(widened(stored(name)), [shape[0], shape[1]]);
  };
  const optional = <T>(name: string, read: (name: string) => T): T | null =>
    weights.has(name) ? read(name) : null;
  const linear = (name: string): Linear => ({
    weight: tf.tidy(() => tf.transpose(matrix(`${name}.weight`)) as tf.Tensor2D),
    bias: optional(`${name}.bias`, vector),
  });
  const norm = (name: string, { weightOffset }: NormSpec = spec.norm): Norm => ({
    weight: tf.tidy(() => tf.add(vector(`${name}.weight`), weightOffset) as tf.Tensor1D),
    bias: optional(`${name}.bias`, vector),
  });
  const optionalNorm = (name: string, normSpec: NormSpec | null = spec.norm): Norm | null =>
    normSpec && weights.has(`${name}.weight`) ? norm(name, normSpec) : null;

  return {
    embedding: tf.tidy(() => tf.mul(matrix('embed.tokens'), spec.embedScale) as tf.Tensor2D),
    positions: optional('embed.positions', matrix),
    layers: spec.layers.map((_, i) => ({
      attentionNorm: norm(`layers.${i}.attention.norm`),
      qkv: linear(`layers.${i}.attention.qkv`),
      queryNorm: optionalNorm(`layers.${i}.attention.queryNorm`, spec.queryKeyNorm),
      keyNorm: optionalNorm(`layers.${i}.attention.keyNorm`, spec.queryKeyNorm),
      out: linear(`layers.${i}.attention.out`),
      attentionPostNorm: optionalNorm(`layers.${i}.attention.postNorm`),
      mlpNorm: norm(`layers.${i}.mlp.norm`),
      mlpIn: linear(`layers.${i}.mlp.in`),
      mlpOut: linear(`layers.${i}.mlp.out`),
      mlpPostNorm: optionalNorm(`layers.${i}.mlp.postNorm`),
    })),
    finalNorm: norm('final.norm'),
    head: spec.tiedHead
      ? {
          weight: tf.tidy(() => tf.transpose(matrix('embed.tokens')) as tf.Tensor2D),
          bias: optional('head.bias', vector),
        }
      : linear('head'),
  };
}
