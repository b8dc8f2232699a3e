/** @file Checks of the data options that a person or a saved session brings. */
import { DataError } from './errors';
import type { DataOptions } from './types';

/** Fewer leave no room for a word and its context. */
export const MIN_TOKENS = 4;

/** @throws DataError naming the option, its range and what was found. */
export function checkOptions(options: DataOptions): void {
  if (options.kind !== 'inputTarget' && options.kind !== 'plainText') {
    throw new DataError(`The kind of data must be inputTarget or plainText, not ${String(options.kind)}.`);
  }
  if (typeof options.chat !== 'boolean' || typeof options.systemText !== 'string') {
    throw new DataError(
      'The data options must say whether texts go through the chat template (chat, systemText).',
    );
  }
  if (!Number.isInteger(options.maxTokens) || options.maxTokens < MIN_TOKENS) {
    throw new DataError(
      `The longest example must be a whole number of tokens from ${MIN_TOKENS}, not ${options.maxTokens}.`,
    );
  }
  if (!(options.validationShare >= 0 && options.validationShare <= 0.9)) {
    throw new DataError(`The validation share must be between 0 and 0.9, not ${options.validationShare}.`);
  }
  if (!Number.isSafeInteger(options.splitSeed)) {
    throw new DataError(`The split seed must be a whole number, not ${options.splitSeed}.`);
  }
}
