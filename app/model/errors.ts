/** @file What can be wrong with a model's files, said so that a person can act on it. */

export type ModelErrorKind =
  /** A file that should be there is not. */
  | 'missingFile'
  /** The file could not be fetched. */
  | 'network'
  /** Something other than the file arrived, such as a web page. */
  | 'wrongContent'
  /** The file ends too early. */
  | 'truncated'
  /** The file is there and whole, but says something that cannot be. */
  | 'malformed'
  /** The model is sound, and this program cannot run it. */
  | 'unsupported'
  | 'missingTensor'
  | 'wrongShape';

/** A failure to load a model. `message` says what was expected and what was found, `hint` what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';

  constructor(
    readonly kind: ModelErrorKind,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
