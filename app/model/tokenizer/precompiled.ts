/**
 * @file SentencePiece's own table of replacements, as `Precompiled` carries it: a double array that maps the bytes of
 * characters to texts.
 */
import { textOf, utf8 } from './bytes';
import { malformed, type Normalize, type Part } from './parts';

/** Bytes of a cluster of characters that is looked up whole. */
const CLUSTER_BYTES = 6;

export function precompiled(part: Part): Normalize {
  const bytes = decodeBase64(part);
  if (bytes.length < 4) throw malformed('the normalizer “Precompiled” has no table');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = view.getUint32(0, true);
  if (size % 4 !== 0 || 4 + size > bytes.length)
    throw malformed('the table of the normalizer “Precompiled” is cut short');
  const units = Uint32Array.from({ length: size / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const texts = bytes.subarray(4 + size);
  if (!('Segmenter' in Intl)) throw part.refused('', 'this browser cannot tell where characters end');
  const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' });
  const known = new Map<string, string | null>();
  const lookUp = (text: string): string | null => {
    let found = known.get(text);
    if (found === undefined) {
      const at = firstPrefix(units, utf8(text));
      found = at === null ? null : textAt(texts, at);
      if (known.size < 100_000) known.set(text, found);
    }
    return found;
  };
  return (text) => {
    let written = '';
    for (const { segment } of segmenter.segment(text)) {
      const whole = utf8(segment).length < CLUSTER_BYTES ? lookUp(segment) : null;
      if (whole !== null) written += whole;
      else for (const char of segment) written += lookUp(char) ?? char;
    }
    return written;
  };
}

function decodeBase64(part: Part): Uint8Array {
  try {
    return Uint8Array.from(atob(part.text('precompiled_charsmap')), (char) => char.charCodeAt(0));
  } catch (cause) {
    throw malformed('the table of the normalizer “Precompiled” is not readable', cause);
  }
}

/** The value of the shortest key that the bytes begin with; null where there is none. */
function firstPrefix(units: Uint32Array, bytes: Uint8Array): number | null {
  const offset = (unit: number) => (unit >>> 10) << ((unit & 0x200) >>> 6);
  let node = 0;
  if (units.length === 0) return null;
  node ^= offset(units[0]);
  for (const byte of bytes) {
    if (byte === 0) return null;
    node ^= byte;
    const unit = units[node];
    if (unit === undefined || (unit & 0x800000ff) >>> 0 !== byte) return null;
    node ^= offset(unit);
    if ((unit >>> 8) & 1) return (units[node] ?? 0) & 0x7fffffff;
  }
  return null;
}

/** Up to the zero that ends it. */
function textAt(texts: Uint8Array, start: number): string {
  const end = texts.indexOf(0, start);
  return textOf(texts.subarray(start, end < 0 ? texts.length : end));
}
