/** @file Bytes of a text file to a string: byte-order marks, UTF-8, UTF-16, else the encoding that fits best, or the one asked for. */
import { decodeLabel, ENCODINGS, encodingName, rankEncodings } from './encodings';
import { DataError } from './errors';
import type { TextEncoding } from './types';

export interface Decoded {
  text: string;
  encoding: TextEncoding;
  /** What had to be assumed, for the person. */
  notes: string[];
}

const FORMATS =
  'A dataset is a text file (CSV, TSV, JSON, JSONL or TXT), Parquet, Arrow or an Excel workbook.';

/**
 * The text of a file, without byte-order marks, also those inside that joining files leaves.
 * @param asked An encoding to read it in, whatever it looks like.
 * @throws DataError when the bytes are not text.
 */
export function decodeText(name: string, bytes: Uint8Array, asked?: string): Decoded {
  const decoded = asked === undefined ? guess(name, bytes) : decodeAs(name, bytes, asked);
  if (!decoded.text.includes('\ufeff')) return decoded;
  return { ...decoded, text: decoded.text.replace(/(^|[\r\n])\ufeff+/g, '$1') };
}

/** Reads the text in the encoding that a person has chosen. */
function decodeAs(name: string, bytes: Uint8Array, asked: string): Decoded {
  if (!ENCODINGS.includes(asked)) {
    throw new DataError(`“${asked}” is no encoding that is read.`, {
      hint: `Choose one of ${ENCODINGS.map(encodingName).join(', ')}.`,
    });
  }
  refuseBinary(name, bytes, asked.startsWith('utf-16'));
  const text = decodeLabel(bytes, asked);
  const broken = count(text, /\ufffd/g);
  const notes =
    broken > 0 ? [`${characters(broken)} not valid ${encodingName(asked)} and became “\ufffd”.`] : [];
  const others = ENCODINGS.filter((label) => label !== asked);
  return { text, encoding: { chosen: asked, candidates: [asked, ...others] }, notes };
}

function guess(name: string, bytes: Uint8Array): Decoded {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) {
    if (bytes[2] === 0 && bytes[3] === 0) {
      throw new DataError(`“${name}” is UTF-32 text, which is not read.`, {
        hint: 'Save it again as UTF-8.',
      });
    }
    return decodeUtf16(name, bytes, 'utf-16le', []);
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeUtf16(name, bytes, 'utf-16be', []);
  const guessed = guessUtf16(bytes);
  if (guessed) {
    const little = guessed === 'utf-16le' ? 'little-endian' : 'big-endian';
    return decodeUtf16(name, bytes, guessed, [
      `The file has no byte-order mark; it was read as UTF-16, ${little}.`,
    ]);
  }
  refuseBinary(name, bytes, false);
  try {
    // Drops a UTF-8 byte-order mark.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, encoding: { chosen: 'utf-8', candidates: ['utf-8'] }, notes: [] };
  } catch {
    return decodeDamagedUtf8(bytes) ?? decodeLegacy(name, bytes);
  }
}

function refuseBinary(name: string, bytes: Uint8Array, zerosAllowed: boolean): void {
  const nul = zerosAllowed ? -1 : bytes.indexOf(0);
  if (nul >= 0) {
    throw new DataError(`“${name}” is a binary file: byte ${nul + 1} is zero, which no text has.`, {
      hint: FORMATS,
    });
  }
}

function decodeUtf16(name: string, bytes: Uint8Array, encoding: string, notes: string[]): Decoded {
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return { text, encoding: { chosen: encoding, candidates: [encoding] }, notes };
  } catch (cause) {
    throw new DataError(`“${name}” starts like UTF-16 text but is not valid UTF-16.`, {
      hint: 'Save it again as UTF-8.',
      cause,
    });
  }
}

/** Line breaks, spaces and separators of UTF-16 have a zero byte, all on the same side of their pair. */
function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const pairs = Math.min(bytes.length >> 1, 1 << 16);
  if (pairs < 4 || bytes.length % 2 !== 0) return null;
  let even = 0;
  let odd = 0;
  let breaks = 0;
  for (let i = 0; i < pairs; i++) {
    const [first, second] = [bytes[2 * i], bytes[2 * i + 1]];
    if (first === 0) even++;
    if (second === 0) odd++;
    if (first + second === 0x0a && first * second === 0) breaks++;
  }
  const zeros = even + odd;
  // Mostly Latin text, or another with at least a line break.
  if (zeros <= 0.7 * pairs && (breaks === 0 || zeros < pairs / 50)) return null;
  if (even === 0 && odd > 0) return 'utf-16le';
  if (odd === 0 && even > 0) return 'utf-16be';
  return null;
}

/** UTF-8 with a few broken bytes, as cut or concatenated files have; null when most of what is not ASCII is broken. */
function decodeDamagedUtf8(bytes: Uint8Array): Decoded | null {
  const text = new TextDecoder('utf-8').decode(bytes);
  const broken = count(text, /\ufffd/g);
  const special = count(text, /[^\0-\x7f]/g);
  if (broken > special / 10) return null;
  const line = text.slice(0, text.indexOf('\ufffd')).split('\n').length;
  return {
    text,
    encoding: { chosen: 'utf-8', candidates: ['utf-8', ...rankEncodings(bytes)] },
    notes: [`${characters(broken)} not valid UTF-8 (first: line ${line}) and became “\ufffd”.`],
  };
}

function decodeLegacy(name: string, bytes: Uint8Array): Decoded {
  const sample = bytes.subarray(0, 65536);
  let controls = 0;
  for (const byte of sample) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c) controls++;
  }
  if (controls > sample.length / 100) {
    throw new DataError(`“${name}” is a binary file: it is full of control characters.`, { hint: FORMATS });
  }
  const candidates = rankEncodings(bytes);
  const chosen = candidates[0];
  const others = ENCODINGS.filter((label) => !candidates.includes(label));
  return {
    text: decodeLabel(bytes, chosen),
    encoding: { chosen, candidates: [...candidates, ...others] },
    notes: [
      `The file is not UTF-8; it was read as ${encodingName(chosen)}. If letters look wrong, choose another encoding, or save it as UTF-8.`,
    ],
  };
}

function characters(count: number): string {
  return count === 1 ? '1 character is' : `${count} characters are`;
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
