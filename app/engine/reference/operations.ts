/**
 * @file The few operations a transformer is made of, in plain tfjs. Two have a gradient of their own, because
 * tfjs's is slow (matmul with transposeB takes a scalar path) or missing on wasm (gather).
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Activation, NormSpec, RopeSpec } from '../spec';

export interface Linear {
  /** `[in, out]`: the transpose of what checkpoints hold, which tfjs multiplies faster. */
  weight: tf.Tensor2D;
  bias: tf.Tensor1D | null;
}

/** x `[..., in]` to `[..., out]`. The weight is frozen: only the input has a gradient, dy · Wᵀ. */
export function linear(x: tf.Tensor, { weight, bias }: Linear): tf.Tensor {
  const [width, out] = weight.shape;
  const product = tf.customGrad((rows, save) => {
    (save as tf.GradSaveFunc)([weight]);
    return {
      value: tf.matMul(rows as tf.Tensor2D, weight),
      gradFunc: (dy, [saved]) => tf.matMul(dy as tf.Tensor2D, tf.transpose(saved)),
    };
  })(tf.reshape(x, [-1, width]));
  const y = bias ? tf.add(product, bias) : product;
  return tf.reshape(y, [...x.shape.slice(0, -1), out]);
}

/** Rows of x `[n, D]`; the gradient scatters back. Indices must be distinct. */
export function gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D): tf.Tensor2D {
  const [n, width] = x.shape;
  return tf.customGrad((rows, save) => {
    (save as tf.GradSaveFunc)([indices]);
    return {
      value: tf.gather(rows as tf.Tensor2D, indices),
      gradFunc: (dy, [saved]) => tf.scatterND(tf.expandDims(saved, 1), dy as tf.Tensor2D, [n, width]),
    };
  })(x) as tf.Tensor2D;
}

export interface Norm {
  weight: tf.Tensor1D;
  bias: tf.Tensor1D | null;
}

/** LayerNorm or RMSNorm over the last axis. */
export function normalize(x: tf.Tensor, norm: Norm, { kind, epsilon }: NormSpec): tf.Tensor {
  const centred = kind === 'layer' ? tf.sub(x, tf.mean(x, -1, true)) : x;
  const meanSquare = tf.mean(tf.square(centred), -1, true);
  const scaled = tf.mul(tf.mul(centred, tf.rsqrt(tf.add(meanSquare, epsilon))), norm.weight);
  return norm.bias ? tf.add(scaled, norm.bias) : scaled;
}

const GELU_TANH_FACTOR = Math.sqrt(2 / Math.PI);

export function activate(x: tf.Tensor, activation: Activation): tf.Tensor {
  switch (activation) {
    case 'silu':
      return tf.mul(x, tf.sigmoid(x));
    case 'relu':
      return tf.relu(x);
    case 'gelu':
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
    case 'geluTanh': {
      const cubed = tf.mul(tf.mul(x, x), x);
      const inner = tf.mul(tf.add(x, tf.mul(cubed, 0.044715)), GELU_TANH_FACTOR);
      return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1));
    }
  }
}

/** Cosines and sines of the positions `start … start + n - 1`, `[n, 1, headDim]`; unrotated dimensions turn by 0. */
export interface Rotation {
  cos: tf.Tensor;
  sin: tf.Tensor;
  /** `[headDim, headDim]`: x · turn is x with its rotated halves swapped and the first negated. */
  turn: Linear;
}

export function rotation(rope: RopeSpec, headDim: number, start: number, n: number): Rotation {
  const half = rope.dims / 2;
  const cos = new Float32Array(n * headDim).fill(1);
  const sin = new Float32Array(n * headDim);
  for (let row = 0; row < n; row++) {
    for (let i = 0; i < half; i++) {
      const angle = (start + row) * rope.inverseFrequencies[i];
      for (const d of [i, i + half]) {
        cos[row * headDim + d] = Math.cos(angle);
        sin[row * headDim + d] = Math.sin(angle);
      }
    }
  }
  const turn = new Float32Array(headDim * headDim);
  for (let i = 0; i < half; i++) {
    turn[(i + half) * headDim + i] = -1;
    turn[i * headDim + i + half] = 1;
  }
  return {
    cos: tf.tensor(cos, [n, 1, headDim]),
    sin: tf.tensor(sin, [n, 1, headDim]),
    turn: { weight: tf.tensor2d(turn, [headDim, headDim]), bias: null },
  };
}

/** Rotary position embedding of x `[B, n, heads, headDim]` (Su et al. 2021, half-split form). */
export function rotate(x: tf.Tensor, { cos, sin, turn }: Rotation): tf.Tensor {
  return tf.add(tf.mul(x, cos), tf.mul(linear(x, turn), sin));
}

/** cap · tanh(x / cap), or x where there is no cap. */
export function softcap(x: tf.Tensor, cap: number | null): tf.Tensor {
  return cap === null ? x : tf.mul(tf.tanh(tf.div(x, cap)), cap);
}
