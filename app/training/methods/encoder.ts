/**
 * @file P-tuning's encoder (Liu et al. 2021): a small network over learned inputs makes the vectors. Its last layer starts at
 * nothing and adds to the words it starts from, so that the first prompt is these words.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import { METHOD_STREAM, startVectors } from '../initialise';
import { bottleneck, type Method } from './method';

const WEIGHT_PACE = 0.1;

export const encoder: Method = {
  parameters: ({ virtualTokens, hidden }) => ({
    inputs: [virtualTokens, hidden],
    first: [hidden, bottleneck(hidden)],
    last: [bottleneck(hidden), hidden],
    bias: [1, hidden],
  }),
  constants: ({ virtualTokens, hidden }) => ({
    start: [virtualTokens, hidden],
    first: [hidden, bottleneck(hidden)],
    rms: [],
  }),
  async start(engine, settings, source) {
    const { hidden } = engine.spec;
    const inner = bottleneck(hidden);
    const { normal } = createRandom(settings.seed, METHOD_STREAM);
    const deviation = Math.sqrt(2 / hidden);
    return {
      parameters: {
        inputs: new Float32Array(settings.virtualTokens * hidden),
        first: new Float32Array(hidden * inner),
        last: new Float32Array(inner * hidden),
        bias: new Float32Array(hidden),
      },
      constants: {
        start: await startVectors(engine, settings, source),
        first: Float32Array.from({ length: hidden * inner }, () => deviation * normal()),
        rms: Float32Array.of(source.elementRms),
      },
    };
  },
  rows(parameters, { start, first, rms }) {
    const [hidden, inner] = first.shape;
    const pace = WEIGHT_PACE * Math.sqrt(2 / hidden);
    const inputs = tf.div(tf.add(start, parameters.inputs), rms) as tf.Tensor2D;
    const weights = tf.add(first, tf.mul(parameters.first, tf.div(pace, rms))) as tf.Tensor2D;
    const inside = tf.relu(tf.matMul(inputs, weights));
    // A step of all weights together moves an element by about the learning rate.
    const made = tf.matMul(inside, tf.mul(parameters.last, 2 / inner) as tf.Tensor2D);
    return tf.add(start, tf.add(made, parameters.bias)) as tf.Tensor2D;
  },
};
