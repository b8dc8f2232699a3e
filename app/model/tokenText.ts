/** @file What a single token stands for, exactly, whatever the tokenizer writes in its vocabulary. */

import { byteOf, exactTextOf } from './tokenizer/bytes';

/** The writing of tokens in a vocabulary. */
export type TokenWriting = 'byteLevel' | 'metaspace' | 'plain';

/** The writing that a tokenizer.json's decoder undoes. */
export function tokenWriting(decoder: unknown): TokenWriting {
  const text = JSON.stringify(decoder ?? null);
  if (text.includes('"ByteLevel"')) return 'byteLevel';
  if (text.includes('"Metaspace"') || text.includes('▁')) return 'metaspace';
  return 'plain';
}

/** Text of one token as its vocabulary writes it; bytes that are no whole character come as `<0xNN>`. */
export function tokenText(token: string, writing: TokenWriting): string {
  if (writing === 'plain') return token;
  if (writing === 'byteLevel') {
    const bytes = Array.from(token, byteOf);
    // A token from outside the byte alphabet can only have been meant as it is.
    return bytes.includes(undefined) ? token : bytesText(Uint8Array.from(bytes as number[]));
  }
  const byte = /^<0x([0-9A-F]{2})>$/i.exec(token);
  if (byte) return bytesText(Uint8Array.of(Number.parseInt(byte[1], 16)));
  return token.replaceAll('▁', ' ');
}

/** UTF-8 text, and `<0xNN>` for every byte that belongs to no whole character. */
function bytesText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; ) {
    const length = characterBytes(bytes[at]);
    const char = length === 0 ? null : exactTextOf(bytes.subarray(at, at + length));
    text += char ?? `<0x${bytes[at].toString(16).toUpperCase().padStart(2, '0')}>`;
    at += char === null ? 1 : length;
  }
  return text;
}

/** Bytes of the UTF-8 character that a byte begins; 0 where it begins none. */
function characterBytes(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 0;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 0;
}
