/** @file What can be wrong with a file of a known format, for the layer that reads it to say in its own terms. */
import { readable } from './readable';

export type FormatErrorKind =
  /** The file ends too early. */
  | 'truncated'
  /** The file says something that cannot be. */
  | 'malformed'
  /** The file is something else altogether. */
  | 'otherFormat'
  /** It is sound as far as is known, and asks for more than is read. */
  | 'tooLarge'
  /** Nobody foresaw what went wrong: a gap in the checks. */
  | 'unforeseen';

/** A file that is not what its format says. `message` names the file and tells expected and found, `hint` what to do. */
export class FormatError extends Error {
  override readonly name = 'FormatError';

  constructor(
    readonly kind: FormatErrorKind,
    message: string,
    readonly hint: string,
    options?: ErrorOptions,
  ) {
    super(readable(message), options);
  }
}
