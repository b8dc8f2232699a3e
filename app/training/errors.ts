/** @file The error of this layer: what is wrong with a run or its settings, and what to do about it. */

/** A failure of a run. `message` and `hint` are written for the person. */
export class TrainingError extends Error {
  override readonly name = 'TrainingError';

  constructor(
    message: string,
    /** What to do about it. */
    readonly hint?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
