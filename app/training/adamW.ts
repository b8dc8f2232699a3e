/**
 * @file AdamW (Loshchilov & Hutter 2019) over the prompt variable: the same update as `torch.optim.AdamW`,
 * after clipping as `torch.nn.utils.clip_grad_norm_` does it.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { AdamWScalars, AdamWTensors, AdamWUpdate } from '../engine/engine';

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: p ← p − lr · weightDecay · p before the step. */
  weightDecay: number;
  /** Largest norm of the gradient; 0 for no clipping. */
  clipNorm: number;
  /** What computes an update; an engine may have a kernel for it. */
  update: AdamWUpdate;
}

export const ADAMW_DEFAULTS: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 0,
  update: composedUpdate,
};

/** The moments on the host, row-major, and how many updates they have seen. */
export interface AdamWState {
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  updates: number;
}

/** The optimizer of one parameter. It owns two tensors of the parameter's shape; dispose it. */
export class AdamW {
  readonly firstMoment: tf.Variable;
  readonly secondMoment: tf.Variable;
  private readonly options: AdamWOptions;
  private updates: number;

  /** Starts with moments of zero, or from others. */
  constructor(shape: number[], options: Partial<AdamWOptions> = {}, state?: AdamWState) {
    this.options = { ...ADAMW_DEFAULTS, ...options };
    const moment = (values: Float32Array | undefined): tf.Variable =>
      tf.tidy(() => tf.variable(values ? tf.tensor(values.slice(), shape) : tf.zeros(shape), false));
    this.firstMoment = moment(state?.firstMoment);
    this.secondMoment = moment(state?.secondMoment);
    this.updates = state?.updates ?? 0;
  }

  /**
   * Moves the parameter against its gradient (same shape) and returns the gradient's norm before clipping,
   * a scalar that the caller disposes. Nothing is read back to the host.
   */
  apply(parameter: tf.Variable, gradient: tf.Tensor, learningRate: number): tf.Scalar {
    const { beta1, beta2, epsilon, weightDecay, clipNorm, update } = this.options;
    this.updates += 1;
    const scalars: AdamWScalars = {
      beta1,
      beta2,
      epsilon,
      clipNorm,
      stepSize: learningRate / (1 - beta1 ** this.updates),
      rootCorrection: Math.sqrt(1 - beta2 ** this.updates),
      decay: 1 - learningRate * weightDecay,
    };
    return tf.tidy(() => {
      const { firstMoment, secondMoment } = this;
      const after = update({ parameter, firstMoment, secondMoment }, gradient, scalars);
      parameter.assign(after.parameter);
      firstMoment.assign(after.firstMoment);
      secondMoment.assign(after.secondMoment);
      return after.norm;
    });
  }

  dispose(): void {
    tf.dispose([this.firstMoment, this.secondMoment]);
  }
}

/** The update in tfjs operations, for every backend. */
export function composedUpdate(
  { parameter, firstMoment, secondMoment }: AdamWTensors,
  gradient: tf.Tensor,
  { beta1, beta2, epsilon, clipNorm, stepSize, rootCorrection, decay }: AdamWScalars,
): AdamWTensors & { norm: tf.Scalar } {
  const norm = tf.sqrt(tf.sum(tf.square(gradient))) as tf.Scalar;
  const g = clipNorm > 0 ? tf.mul(gradient, tf.minimum(tf.div(clipNorm, tf.add(norm, 1e-6)), 1)) : gradient;
  const m = tf.add(firstMoment, tf.mul(tf.sub(g, firstMoment), 1 - beta1));
  const v = tf.add(tf.mul(secondMoment, beta2), tf.mul(tf.square(g), 1 - beta2));
  const denominator = tf.add(tf.div(tf.sqrt(v), rootCorrection), epsilon);
  const decayed = decay === 1 ? parameter : tf.mul(parameter, decay);
  return {
    parameter: tf.sub(decayed, tf.mul(tf.div(m, denominator), stepSize)),
    firstMoment: m,
    secondMoment: v,
    norm,
  };
}
