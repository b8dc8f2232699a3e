/** @file What goes wrong with prompt files, in words for the person. */
import { FormatError } from '../formats/errors';
import { readable } from '../formats/readable';
import { unforeseen } from '../formats/words';

/** A prompt file that cannot be used or written. `message` says what was expected and found, `hint` what to do. */
export class PromptError extends Error {
  override readonly name = 'PromptError';

  constructor(
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(readable(message), options);
  }
}

/**
 * What `read` returns. A FormatError becomes a PromptError with the same message and hint, and what nobody foresaw is
 * said as far as it can be.
 * @param what what was being read, for the beginning of a sentence
 */
export function asPromptError<T>(read: () => T, what = 'The prompt'): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof PromptError) throw error;
    const worded = error instanceof FormatError ? error : unforeseen(what, error);
    throw new PromptError(worded.message, worded.hint, { cause: worded });
  }
}
