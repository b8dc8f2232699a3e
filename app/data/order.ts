/** @file Which examples a step trains on. Every batch follows from seed, step and batch size alone, so a run resumes exactly. */
import { createRandom } from '../formats/random';

export interface ExampleOrder {
  /**
   * Indices of the examples of a step, `[batchSize]`; steps count from 0. Epochs follow one another without a gap:
   * a batch may end one and begin the next, and each epoch holds every example once.
   */
  batch(step: number): number[];
}

/** @throws RangeError when there is no example or the batch size is not a positive integer. */
export function createOrder(examples: number, batchSize: number, seed: number): ExampleOrder {
  if (!Number.isInteger(examples) || examples < 1) {
    throw new RangeError(`An order needs at least one example, not ${examples}.`);
  }
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new RangeError(`The batch size must be a positive integer, not ${batchSize}.`);
  }
  let cachedEpoch = -1;
  let cached = new Uint32Array(0);
  const permutation = (epoch: number): Uint32Array => {
    if (epoch !== cachedEpoch) {
      // Stream 0 belongs to whoever uses the seed directly (the split, an initialiser).
      cached = createRandom(seed, epoch + 1).shuffle(Uint32Array.from({ length: examples }, (_, i) => i));
      cachedEpoch = epoch;
    }
    return cached;
  };
  return {
    batch(step) {
      if (!Number.isInteger(step) || step < 0) throw new RangeError(`A step is 0, 1, 2, …, not ${step}.`);
      const start = step * batchSize;
      return Array.from({ length: batchSize }, (_, i) => {
        const position = start + i;
        return permutation(Math.floor(position / examples))[position % examples];
      });
    },
  };
}
