/** @file The error of this layer: what is wrong with a person's data, where, and what to do about it. */

/** What could not be read or used in a dataset. `message` and `hint` are written for the person. */
export class DataError extends Error {
  override readonly name = 'DataError';
  /** 1-based row (line or record) in the person's file, where there is one. */
  readonly row: number | null;
  /** What to do about it. */
  readonly hint: string | undefined;

  /** The message is preceded by "Row N: " when `row` is given. */
  constructor(message: string, options: { row?: number; hint?: string; cause?: unknown } = {}) {
    super(options.row === undefined ? message : `Row ${options.row}: ${message}`, { cause: options.cause });
    this.row = options.row ?? null;
    this.hint = options.hint;
  }

  /** An error that comes from another worker, whose message already names the row. */
  static worded(said: { message: string; row: number | null; hint: string | undefined }): DataError {
    const prefix = said.row === null ? '' : `Row ${said.row}: `;
    const message = said.message.startsWith(prefix) ? said.message.slice(prefix.length) : said.message;
    return new DataError(message, { row: said.row ?? undefined, hint: said.hint });
  }
}

/** Text of a file quoted in a message: one line, at most `length` characters. */
export function excerpt(text: string, length = 40): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return `“${line.length > length ? `${line.slice(0, length)}…` : line}”`;
}
