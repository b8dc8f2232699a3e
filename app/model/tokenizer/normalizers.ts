/** @file What happens to a text before it is divided: the `normalizer` of a tokenizer.json. */
import { toLetters } from './bytes';
import { malformed, type Normalize, type Part } from './parts';
import { precompiled } from './precompiled';
import type { Find } from './regex';
import { sections } from './split';
import { pattern } from './unicode';

export function createNormalizer(part: Part): Normalize {
  switch (part.type) {
    case 'Sequence': {
      const all = part.parts('normalizers').map(createNormalizer);
      return (text) => all.reduce((each, normalize) => normalize(each), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD': {
      const form = part.type;
      return (text) => text.normalize(form);
    }
    case 'Lowercase':
      return lower;
    case 'StripAccents':
      return (text) => text.replace(mark, '');
    case 'Strip': {
      const left = part.flag('strip_left', true);
      const right = part.flag('strip_right', true);
      return (text) => strip(text, left, right);
    }
    case 'Replace': {
      const find = part.pattern();
      const content = part.text('content');
      return (text) => replaceAll(text, find, content);
    }
    case 'Prepend': {
      const prefix = part.text('prepend');
      return (text) => (text === '' ? text : prefix + text);
    }
    case 'ByteLevel':
      return toLetters;
    case 'Nmt':
      return (text) => text.replace(nmtDropped, '').replace(nmtSpace, ' ');
    case 'Precompiled':
      return precompiled(part);
    case 'BertNormalizer':
      return bert(part);
  }
  throw part.refused();
}

const mark = pattern('\\p{M}', 'g');
const space = pattern('\\p{White_Space}');
// SentencePiece's clean-up for translation: control characters go, odd spaces become plain ones.
const nmtDropped = pattern('[\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x8f\\x9f]', 'g');
const nmtSpace = pattern('[\\t\\n\\f\\r\\u1680\\u200b-\\u200f\\u2028\\u2029\\u2581\\ufeff\\ufffd]', 'g');

/** Letter by letter, as Rust's library does it: no final form of sigma. */
function lower(text: string): string {
  const small = text.toLowerCase();
  return small.includes('ς') ? Array.from(text, (char) => char.toLowerCase()).join('') : small;
}

function strip(text: string, left: boolean, right: boolean): string {
  let [from, to] = [0, text.length];
  while (left && from < to && space.test(text[from])) from++;
  while (right && to > from && space.test(text[to - 1])) to--;
  return text.slice(from, to);
}

/** How much longer than before a text may become. */
const MOST_GROWTH = 16;
const MOST_ADDED = 2 ** 22;

export function replaceAll(text: string, find: Find, content: string): string {
  let written = '';
  for (const { start, end, matched } of sections(text, find)) {
    written += matched ? content : text.slice(start, end);
    if (written.length > MOST_GROWTH * text.length + MOST_ADDED) {
      throw malformed('its replacements make texts longer without end');
    }
  }
  return written;
}

const bertDropped = pattern('[[\\0\\ufffd\\p{Cc}\\p{Cf}\\p{Co}]--[\\t\\n\\r]]', 'g');
const bertSpace = pattern('\\p{White_Space}', 'g');
const chinese = pattern(
  '[\\u4e00-\\u9fff\\u3400-\\u4dbf\\u{20000}-\\u{2a6df}\\u{2a700}-\\u{2b73f}\\u{2b740}-\\u{2b81f}\\u{2b920}-\\u{2ceaf}\\uf900-\\ufaff\\u{2f800}-\\u{2fa1f}]',
  'g',
);
const accent = pattern('\\p{Mn}', 'g');

function bert(part: Part): Normalize {
  const clean = part.flag('clean_text', true);
  const spaced = part.flag('handle_chinese_chars', true);
  const small = part.flag('lowercase', true);
  const bare = part.flag('strip_accents', small);
  return (start) => {
    let text = start;
    if (clean) text = text.replace(bertDropped, '').replace(bertSpace, ' ');
    if (spaced) text = text.replace(chinese, ' $& ');
    if (bare) text = text.normalize('NFD').replace(accent, '');
    return small ? lower(text) : text;
  };
}
