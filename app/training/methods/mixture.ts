/**
 * @file A mixture of words (SuperPos, arXiv 2406.05279): every row is a weighted sum of the same real embeddings. It starts as
 * the words it starts from, each with a weight of 1 in its own row; the weights are a reading of the prompt.
 */
import * as tf from '@tensorflow/tfjs-core';
import { TrainingError } from '../errors';
import { embedTokens, ordinaryTokens, startTokens } from '../initialise';
import type { Method } from './method';

/** Real embeddings that are mixed. */
const MIXED = 128;

export const mixture: Method = {
  parameters: ({ virtualTokens }) => ({ weights: [virtualTokens, MIXED] }),
  constants: ({ virtualTokens, hidden }) => ({
    start: [virtualTokens, MIXED],
    embeddings: [MIXED, hidden],
    rms: [],
  }),
  async start(engine, settings, source) {
    const { virtualTokens } = settings;
    if (settings.initialiser === 'file') {
      throw new TrainingError(
        'A mixture of words starts from words; an imported prompt is none.',
        'Choose another start, or another method.',
      );
    }
    const words = await startTokens(engine, settings, source);
    const drawn = ordinaryTokens(engine.spec.vocabSize, settings.seed, source);
    const mixed = [...new Set([...words, ...drawn])].slice(0, MIXED);
    // A vocabulary of fewer tokens: the last ones stand twice.
    const tokens = Int32Array.from({ length: MIXED }, (_, i) => mixed[i % mixed.length]);
    const start = new Float32Array(virtualTokens * MIXED);
    words.forEach((id, row) => {
      start[row * MIXED + tokens.indexOf(id)] = 1;
    });
    return {
      parameters: { weights: new Float32Array(virtualTokens * MIXED) },
      constants: {
        start,
        embeddings: await embedTokens(engine, tokens),
        rms: Float32Array.of(source.elementRms),
      },
    };
  },
  rows({ weights }, { start, embeddings, rms }) {
    // Steps of all weights of a row, at random, move an element by about the learning rate.
    const unit = tf.div(1 / Math.sqrt(MIXED), rms);
    return tf.matMul(tf.add(start, tf.mul(weights, unit)) as tf.Tensor2D, embeddings as tf.Tensor2D);
  },
};
