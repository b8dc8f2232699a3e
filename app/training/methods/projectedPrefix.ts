/**
 * @file Prefix tuning through a small network (Li & Liang 2021, PEFT's `prefix_projection`): tanh between two matrices makes what
 * is added to the keys and values it starts from. Its last layer starts at nothing.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import { METHOD_STREAM, startKeysValues } from '../initialise';
import { bottleneck, type Method } from './method';
import { learnedRows, offsetPrefix, prefixConstants, prefixUnits } from './prefix';

const WEIGHT_PACE = 0.1;

export const projectedPrefix: Method = {
  parameters: ({ virtualTokens, hidden, prefixWidth }) => ({
    inputs: [learnedRows(virtualTokens), hidden],
    first: [hidden, bottleneck(hidden)],
    last: [bottleneck(hidden), prefixWidth],
  }),
  constants: (sizes) => ({
    ...prefixConstants(sizes),
    inputs: [learnedRows(sizes.virtualTokens), sizes.hidden],
    first: [sizes.hidden, bottleneck(sizes.hidden)],
    rms: [],
  }),
  async start(engine, settings, source) {
    const { kvHeads, headDim, hidden } = engine.spec;
    const inner = bottleneck(hidden);
    const rows = learnedRows(settings.virtualTokens);
    const start = await startKeysValues(engine, settings, source);
    const width = start.length / settings.virtualTokens;
    const { normal } = createRandom(settings.seed, METHOD_STREAM);
    const deviation = 1 / Math.sqrt(hidden);
    return {
      parameters: {
        inputs: new Float32Array(rows * hidden),
        first: new Float32Array(hidden * inner),
        last: new Float32Array(inner * width),
      },
      constants: {
        start,
        unit: prefixUnits(start, width, kvHeads * headDim, source.elementRms),
        inputs: Float32Array.from({ length: rows * hidden }, () => normal()),
        first: Float32Array.from({ length: hidden * inner }, () => deviation * normal()),
        rms: Float32Array.of(source.elementRms),
      },
    };
  },
  rows(parameters, constants) {
    const { inputs, first, rms } = constants;
    const [hidden, inner] = first.shape;
    const x = tf.add(inputs, tf.div(parameters.inputs, rms)) as tf.Tensor2D;
    const weights = tf.add(first, tf.mul(parameters.first, tf.div(WEIGHT_PACE / Math.sqrt(hidden), rms)));
    const inside = tf.tanh(tf.matMul(x, weights as tf.Tensor2D));
    // A step of all weights together moves a number by about its unit's part.
    return offsetPrefix(constants, tf.matMul(inside, tf.mul(parameters.last, 2 / inner) as tf.Tensor2D));
  },
};
