/** @file What can be wrong with a model's files, said so that a person can act on it. */
import { FormatError } from '../formats/errors';
import { readable } from '../formats/readable';
import { unforeseen } from '../formats/words';

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
  /** It asks for more than is read or can be held. */
  | 'tooLarge'
  /** The model is sound, and this program cannot run it. */
  | 'unsupported'
  | 'missingTensor'
  | 'wrongShape'
  /** What the browser keeps could not be read, written or deleted. */
  | 'storage'
  /** Nobody foresaw what went wrong: a gap in the checks. */
  | 'unforeseen';

/** A failure to load a model. `message` says what was expected and what was found, `hint` what to do. */
export class ModelError extends Error {
  override readonly name = 'ModelError';

  constructor(
    readonly kind: ModelErrorKind,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(readable(message), options);
  }
}

/**
 * What reading threw, in words: errors of a model and the reason of an abort stay as they are, a format's become a
 * model's, and what nobody foresaw is said as far as it can be.
 * @param what what was being read, for the beginning of a sentence
 */
export function asModelError(error: unknown, what: string, signal?: AbortSignal): unknown {
  if (error instanceof ModelError || (signal?.aborted && error === signal.reason)) return error;
  const { kind, message, hint, cause } = error instanceof FormatError ? error : unforeseen(what, error);
  const known = kind === 'otherFormat' ? 'wrongContent' : kind;
  return new ModelError(known, message, hint, { cause: error instanceof FormatError ? error : cause });
}
