/** @file Prompt tuning (Lester et al. 2021): the vectors themselves. */
import type * as tf from '@tensorflow/tfjs-core';
import { startVectors } from '../initialise';
import type { Method } from './method';

export const prompt: Method = {
  parameters: ({ virtualTokens, hidden }) => ({ vectors: [virtualTokens, hidden] }),
  constants: () => ({}),
  async start(engine, settings, source) {
    return { parameters: { vectors: await startVectors(engine, settings, source) }, constants: {} };
  },
  rows: ({ vectors }) => vectors as tf.Tensor2D,
};
