/** @file Bytes of a text file to a string: byte-order marks, UTF-8, UTF-16, else Windows-1252; anything binary is refused. */
import { DataError } from './errors';

export interface Decoded {
  text: string;
  /** What had to be assumed, for the person. */
  notes: string[];
}

/** First bytes of files that people drop by mistake. */
const BINARY_KINDS: { magic: number[]; name: string; hint: string }[] = [
  {
    magic: [0x50, 0x4b, 0x03, 0x04],
    name: 'a zip archive (Excel and Word files are zips too)',
    hint: 'From a spreadsheet, save as CSV (UTF-8); from a zip, drop the file inside it.',
  },
  {
    magic: [0xd0, 0xcf, 0x11, 0xe0],
    name: 'an old Excel or Word file',
    hint: 'Save it as CSV (UTF-8) first.',
  },
  { magic: [0x1f, 0x8b], name: 'a gzip archive', hint: 'Unpack it and drop the file inside.' },
  { magic: [0x28, 0xb5, 0x2f, 0xfd], name: 'a zstd archive', hint: 'Unpack it and drop the file inside.' },
  { magic: [0x25, 0x50, 0x44, 0x46], name: 'a PDF', hint: 'Copy its text into a TXT or CSV file.' },
  {
    magic: [0x53, 0x51, 0x4c, 0x69, 0x74, 0x65, 0x20],
    name: 'an SQLite database',
    hint: 'Export the table as CSV.',
  },
  { magic: [0x41, 0x52, 0x52, 0x4f, 0x57, 0x31], name: 'an Arrow file', hint: 'Save it as Parquet or CSV.' },
  { magic: [0x89, 0x50, 0x4e, 0x47], name: 'an image', hint: 'A dataset is a file of text.' },
  { magic: [0xff, 0xd8, 0xff], name: 'an image', hint: 'A dataset is a file of text.' },
];

const FORMATS = 'A dataset is a text file (CSV, TSV, JSON, JSONL or TXT) or Parquet.';

/** Characters 0x80–0x9f of Windows-1252; the five that it leaves undefined stay as they are. */
const WINDOWS_1252 = '€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ';

/** @throws DataError when the bytes are not text. */
export function decodeText(name: string, bytes: Uint8Array): Decoded {
  for (const { magic, name: kind, hint } of BINARY_KINDS) {
    if (magic.every((byte, i) => bytes[i] === byte)) {
      throw new DataError(`“${name}” is ${kind}, not a text file.`, { hint });
    }
  }
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return decodeUtf16(name, bytes, 'utf-16le', []);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return decodeUtf16(name, bytes, 'utf-16be', []);
  const guessed = guessUtf16(bytes);
  if (guessed) {
    const little = guessed === 'utf-16le' ? 'little-endian' : 'big-endian';
    return decodeUtf16(name, bytes, guessed, [
      `The file has no byte-order mark; it was read as UTF-16, ${little}.`,
    ]);
  }
  const nul = bytes.indexOf(0);
  if (nul >= 0) {
    throw new DataError(`“${name}” is a binary file: byte ${nul + 1} is zero, which no text has.`, {
      hint: FORMATS,
    });
  }
  try {
    // Drops a UTF-8 byte-order mark.
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), notes: [] };
  } catch {
    return decodeDamagedUtf8(bytes) ?? decodeWindows1252(name, bytes);
  }
}

function decodeUtf16(name: string, bytes: Uint8Array, encoding: string, notes: string[]): Decoded {
  try {
    return { text: new TextDecoder(encoding, { fatal: true }).decode(bytes), notes };
  } catch (cause) {
    throw new DataError(`“${name}” starts like UTF-16 text but is not valid UTF-16.`, {
      hint: 'Save it again as UTF-8.',
      cause,
    });
  }
}

/** Mostly Latin text in UTF-16 has a zero in every other byte, and none in the others. */
function guessUtf16(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | null {
  const pairs = Math.min(bytes.length >> 1, 2048);
  if (pairs < 4 || bytes.length % 2 !== 0) return null;
  let even = 0;
  let odd = 0;
  for (let i = 0; i < pairs; i++) {
    if (bytes[2 * i] === 0) even++;
    if (bytes[2 * i + 1] === 0) odd++;
  }
  if (even === 0 && odd > 0.7 * pairs) return 'utf-16le';
  if (odd === 0 && even > 0.7 * pairs) return 'utf-16be';
  return null;
}

/** UTF-8 with a few broken bytes, as cut or concatenated files have; null when most of what is not ASCII is broken. */
function decodeDamagedUtf8(bytes: Uint8Array): Decoded | null {
  const text = new TextDecoder('utf-8').decode(bytes);
  const broken = text.match(/\ufffd/g)?.length ?? 0;
  const special = text.match(/[^\0-\x7f]/g)?.length ?? 0;
  if (broken > special / 10) return null;
  const line = text.slice(0, text.indexOf('\ufffd')).split('\n').length;
  return {
    text,
    notes: [
      `${broken === 1 ? '1 character is' : `${broken} characters are`} not valid UTF-8 (first: line ${line}) and became “\ufffd”.`,
    ],
  };
}

function decodeWindows1252(name: string, bytes: Uint8Array): Decoded {
  const sample = bytes.subarray(0, 65536);
  let controls = 0;
  for (const byte of sample) {
    if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d && byte !== 0x0c) controls++;
  }
  if (controls > sample.length / 100) {
    throw new DataError(`“${name}” is a binary file: it is full of control characters.`, { hint: FORMATS });
  }
  return {
    // Some versions of Node decode Windows-1252 as Latin-1; their control characters are put right here.
    text: new TextDecoder('windows-1252')
      .decode(bytes)
      .replace(/[\u0080-\u009f]/g, (c) => WINDOWS_1252[c.charCodeAt(0) - 0x80]),
    notes: [
      'The file is not valid UTF-8; it was read as Windows-1252. If accents look wrong, save it as UTF-8.',
    ],
  };
}
