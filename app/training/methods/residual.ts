/**
 * @file Residual prompt tuning (Razdaibiedina et al. 2023): P + LayerNorm(W_up · relu(W_down · P)), one network for all rows. Its
 * gain starts at nothing, so that the first prompt is the words it starts from.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import { METHOD_STREAM, startVectors } from '../initialise';
import { bottleneck, layerNorm, type Method } from './method';

/** A step moves a weight of the network by this part of what it would move a vector's element, both against their size. */
const WEIGHT_PACE = 0.1;

export const residual: Method = {
  parameters: ({ virtualTokens, hidden }) => ({
    vectors: [virtualTokens, hidden],
    down: [hidden, bottleneck(hidden)],
    up: [bottleneck(hidden), hidden],
    gain: [1, hidden],
    shift: [1, hidden],
  }),
  constants: ({ hidden }) => ({
    down: [hidden, bottleneck(hidden)],
    up: [bottleneck(hidden), hidden],
    rms: [],
  }),
  async start(engine, settings, source) {
    const { hidden } = engine.spec;
    const inner = bottleneck(hidden);
    const { normal } = createRandom(settings.seed, METHOD_STREAM);
    const weights = (width: number) => {
      const deviation = Math.sqrt(2 / width);
      return Float32Array.from({ length: hidden * inner }, () => deviation * normal());
    };
    return {
      parameters: {
        vectors: await startVectors(engine, settings, source),
        down: new Float32Array(hidden * inner),
        up: new Float32Array(inner * hidden),
        gain: new Float32Array(hidden),
        shift: new Float32Array(hidden),
      },
      constants: { down: weights(hidden), up: weights(inner), rms: Float32Array.of(source.elementRms) },
    };
  },
  rows(parameters, { down, up, rms }) {
    const { vectors, gain, shift } = parameters;
    const { hidden, inner } = { hidden: down.shape[0], inner: down.shape[1] as number };
    const weight = (base: tf.Tensor, offset: tf.Tensor, width: number) =>
      tf.add(base, tf.mul(offset, tf.div(WEIGHT_PACE * Math.sqrt(2 / width), rms))) as tf.Tensor2D;
    // In units of the table's size, so that the network sees numbers of about 1.
    const x = tf.div(vectors, rms) as tf.Tensor2D;
    const inside = tf.relu(tf.matMul(x, weight(down, parameters.down, hidden)));
    const made = layerNorm(tf.matMul(inside, weight(up, parameters.up, inner)));
    return tf.add(vectors, tf.add(tf.mul(made, gain), shift)) as tf.Tensor2D;
  },
};
