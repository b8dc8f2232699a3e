/** @file Texts out of files, fit to be shown: short, and without invisible signs. */

/** Characters of a message: a name in a file may be a million long. */
const MOST_MESSAGE = 600;
/** Of the words of others. */
const MOST_SAID = 240;

/** A text that may hold anything out of a file, fit to be shown: cut in its middle, control signs replaced. */
export function readable(text: string, most = MOST_MESSAGE): string {
  const half = Math.floor((most - 3) / 2);
  const cut = text.length <= most ? text : `${text.slice(0, half)} … ${text.slice(-half)}`;
  return cut.replace(/[\t\n\r]+/g, ' ').replace(/\p{Cc}|\p{Cs}/gu, '�');
}

/** A text of a file in quotation marks. */
export function quoted(text: string): string {
  return `“${readable(text, 80)}”`;
}

/**
 * What a browser, a driver or a library says of a failure, as a quotation to end our own words with: ` (the browser says “…”)`.
 * '' where it says nothing.
 */
export function quotedSaying(cause: unknown, who = 'the browser'): string {
  const text = cause instanceof Error ? cause.message : String(cause ?? '');
  const said = readable(text.trim().replace(/[.\s]+$/, ''), MOST_SAID).replace(/\s+/g, ' ');
  return said === '' ? '' : ` (${who} says “${said}”)`;
}

/** A list of names out of a file: the first few, and how many more. */
export function listed(names: readonly string[], most = 5): string {
  const shown = names.slice(0, most).map((name) => readable(name, 80));
  const more = names.length - shown.length;
  return shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}
