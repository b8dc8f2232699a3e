/** @file What can be wrong with a model's files, said so that a person can act on it. */

export type ModelErrorKind =
  /** A file that should be there is not. */
  | 'missingFile'
  /** The server could not be reached, or broke off. */
  | 'network'
  /** The browser has no connection. */
  | 'offline'
  /** The server is there, and does not let other sites' pages read its files. */
  | 'blocked'
  /** An access token is missing, or is not accepted. */
  | 'unauthorized'
  /** The server refuses: often a licence that has not been accepted. */
  | 'forbidden'
  /** There is no such model, or no such revision of it. */
  | 'notFound'
  | 'rateLimited'
  /** A fault at the server. */
  | 'server'
  /** Something other than the file arrived, such as a web page. */
  | 'wrongContent'
  /** The file is not the one that its publisher names. */
  | 'wrongHash'
  /** The file was replaced while it was read. */
  | 'changed'
  /** The file ends too early. */
  | 'truncated'
  /** The file is there and whole, but says something that cannot be. */
  | 'malformed'
  /** The model is sound, and this program cannot run it. */
  | 'unsupported'
  | 'missingTensor'
  | 'wrongShape'
  /** What the browser keeps could not be read, written or deleted. */
  | 'storage';

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
