/** @file What goes wrong with prompt files, in words for the person. */

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
