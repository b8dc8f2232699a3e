/** @file What every sound artefact fulfils, whether it comes from a run or from a file. */

import type { ModelIdentity } from '../model/identity';
import { PromptError } from './errors';
import type { PromptArtefact } from './types';

/** Numbers a prefix takes for each virtual token: keys and values of every layer. */
export function prefixWidth(model: Pick<ModelIdentity, 'layers' | 'kvHeads' | 'headDim'>): number {
  return model.layers * 2 * model.kvHeads * model.headDim;
}

/** "prompt" or "prefix" with its shape, for messages. */
export function describeShape(artefact: Pick<PromptArtefact, 'virtualTokens' | 'width'>): string {
  return `[${artefact.virtualTokens}, ${artefact.width}]`;
}

/**
 * Returns the artefact when its shape and its values are sound.
 * @throws PromptError on an empty shape, a length that does not match it, or a value that is not finite
 */
export function checkSound(artefact: PromptArtefact, source: string): PromptArtefact {
  const { virtualTokens, width, values } = artefact;
  if (
    !Number.isSafeInteger(virtualTokens) ||
    !Number.isSafeInteger(width) ||
    virtualTokens < 1 ||
    width < 1
  ) {
    throw new PromptError(
      `Expected at least one virtual token of at least one number, ${source} has the shape ${describeShape(artefact)}.`,
      'Choose a file with a trained prompt.',
    );
  }
  if (values.length !== virtualTokens * width) {
    throw new PromptError(
      `Expected ${virtualTokens * width} numbers for the shape ${describeShape(artefact)}, ${source} has ${values.length}.`,
      'Save the prompt again, or choose another file.',
    );
  }
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) {
    throw new PromptError(
      `Expected finite numbers, ${source} has ${values[bad]} at virtual token ${Math.floor(bad / width) + 1}, dimension ${(bad % width) + 1}.`,
      'The run that made this prompt diverged: train again with a lower learning rate.',
    );
  }
  return artefact;
}
