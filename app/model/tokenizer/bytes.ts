/** @file Bytes as letters: GPT-2's alphabet, and UTF-8 back again. */

const encoder = new TextEncoder();
const lossy = new TextDecoder('utf-8', { ignoreBOM: true });
const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });

/** Printable Latin-1 bytes stand for themselves, the others follow from U+0100 on. */
const letters: string[] = [];
const byteOfLetter = new Map<string, number>();
for (let byte = 0, others = 0; byte < 256; byte++) {
  const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const letter = String.fromCodePoint(printable ? byte : 256 + others++);
  letters.push(letter);
  byteOfLetter.set(letter, byte);
}

export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of bytes, with U+FFFD for what is none; a byte-order mark is kept. */
export function textOf(bytes: Uint8Array): string {
  return lossy.decode(bytes);
}

/** The text of bytes; null where they are none. */
export function exactTextOf(bytes: Uint8Array): string | null {
  try {
    return strict.decode(bytes);
  } catch {
    return null;
  }
}

/** Each byte of the text as a letter. */
export function toLetters(text: string): string {
  let written = '';
  for (const byte of encoder.encode(text)) written += letters[byte];
  return written;
}

/** The byte that a letter stands for. */
export function byteOf(letter: string): number | undefined {
  return byteOfLetter.get(letter);
}

/** The bytes of letters; of a text with others, its own. */
export function fromLetters(text: string): number[] {
  const bytes = Array.from(text, (letter) => byteOfLetter.get(letter));
  return bytes.includes(undefined) ? [...encoder.encode(text)] : (bytes as number[]);
}

/** How a vocabulary names a byte that stands for itself. */
export function byteToken(byte: number): string {
  return `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`;
}
