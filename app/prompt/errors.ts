/** @file What goes wrong with prompt files, in words for the person. */
import { FormatError } from '../formats/errors';

/** A prompt file that cannot be used or written. `message` says what was expected and found, `hint` what to do. */
export class PromptError extends Error {
  override readonly name = 'PromptError';

  constructor(
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** What `read` returns; its FormatError becomes a PromptError with the same message and hint. */
export function asPromptError<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FormatError) throw new PromptError(error.message, error.hint, { cause: error });
    throw error;
  }
}
