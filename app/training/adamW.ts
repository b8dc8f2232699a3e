/**
 * @file AdamW (Loshchilov & Hutter 2019) over the prompt variable: the same update as `torch.optim.AdamW`,
 * after clipping as `torch.nn.utils.clip_grad_norm_` does it.
 */
import * as tf from '@tensorflow/tfjs-core';

export interface AdamWOptions {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Decoupled: p ← p − lr · weightDecay · p before the step. */
  weightDecay: number;
  /** Largest norm of the gradient; 0 for no clipping. */
  clipNorm: number;
}

export const ADAMW_DEFAULTS: AdamWOptions = {
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  weightDecay: 0,
  clipNorm: 0,
};

/** The moments on the host, row-major, and how many updates they have seen. */
export interface AdamWState {
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  updates: number;
}

/** The optimizer of one parameter. It owns two tensors of the parameter's shape; dispose it. */
export class AdamW {
  private readonly options: AdamWOptions;
  private readonly firstMoment: tf.Variable;
  private readonly secondMoment: tf.Variable;
  private updates: number;

  /** Starts with moments of zero, or from a state exported before. */
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
    const { beta1, beta2, epsilon, weightDecay, clipNorm } = this.options;
    this.updates += 1;
    const stepSize = learningRate / (1 - beta1 ** this.updates);
    const rootCorrection = Math.sqrt(1 - beta2 ** this.updates);
    return tf.tidy(() => {
      const norm = tf.sqrt(tf.sum(tf.square(gradient))) as tf.Scalar;
      const g =
        clipNorm > 0 ? tf.mul(gradient, tf.minimum(tf.div(clipNorm, tf.add(norm, 1e-6)), 1)) : gradient;
      const m = tf.add(this.firstMoment, tf.mul(tf.sub(g, this.firstMoment), 1 - beta1));
      const v = tf.add(tf.mul(this.secondMoment, beta2), tf.mul(tf.square(g), 1 - beta2));
      const denominator = tf.add(tf.div(tf.sqrt(v), rootCorrection), epsilon);
      const decayed = weightDecay > 0 ? tf.mul(parameter, 1 - learningRate * weightDecay) : parameter;
      parameter.assign(tf.sub(decayed, tf.mul(tf.div(m, denominator), stepSize)));
      this.firstMoment.assign(m);
      this.secondMoment.assign(v);
      return norm;
    });
  }

  /** The moments as they are now; updates made while they are being read do not change what is returned. */
  async export(): Promise<AdamWState> {
    const updates = this.updates;
    const moments = [tf.clone(this.firstMoment), tf.clone(this.secondMoment)];
    try {
      const [first, second] = await Promise.all(moments.map((moment) => moment.data()));
      // A backend may hand out its own memory: copy.
      return { firstMoment: Float32Array.from(first), secondMoment: Float32Array.from(second), updates };
    } finally {
      tf.dispose(moments);
    }
  }

  dispose(): void {
    tf.dispose([this.firstMoment, this.secondMoment]);
  }
}
