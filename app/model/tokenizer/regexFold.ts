/** @file Letters that are two or three in their other case: where case does not count, ß is ss and ﬁ is fi. */
import type { Pattern } from './regexTree';
import { pattern } from './unicode';

/** The letters that a text of several small ones can be written as. */
let ligatures: Map<string, string[]> | null = null;

function knownLigatures(): Map<string, string[]> {
  if (!ligatures) {
    ligatures = new Map();
    for (let code = 0x80; code < 0x20000; code++) {
      const char = String.fromCodePoint(code);
      const small = smallLetters(char);
      if (small) ligatures.set(small, [...(ligatures.get(small) ?? []), char]);
    }
  }
  return ligatures;
}

/** Small letters that one letter stands for; null where it is one. */
function smallLetters(char: string): string | null {
  const small = char.toUpperCase().toLowerCase();
  return Array.from(small).length > 1 ? small : null;
}

/** Characters in a row whose case does not count, with what may stand for several of them. */
export function foldRow(chars: readonly string[], literal: (char: string) => Pattern): Pattern[] {
  const parts: Pattern[] = [];
  for (let at = 0; at < chars.length; at++) {
    const small = smallLetters(chars[at]);
    const three = chars
      .slice(at, at + 3)
      .join('')
      .toLowerCase();
    const pair = chars
      .slice(at, at + 2)
      .join('')
      .toLowerCase();
    const row = [three, pair].find((each) => Array.from(each).length > 1 && knownLigatures().has(each));
    if (small) {
      const one = (knownLigatures().get(small) ?? []).map(literal);
      parts.push({
        kind: 'choice',
        options: [...one, { kind: 'sequence', parts: Array.from(small, literal) }],
      });
    } else if (row !== undefined) {
      const length = Array.from(row).length;
      const apart: Pattern = { kind: 'sequence', parts: chars.slice(at, at + length).map(literal) };
      parts.push({ kind: 'choice', options: [...(knownLigatures().get(row) ?? []).map(literal), apart] });
      at += length - 1;
    } else parts.push(literal(chars[at]));
  }
  return parts;
}

const foldedClasses = new Map<string, string>();

/** A class that has the other case of its characters too: JavaScript has no flag for a part of a pattern. */
export function folded(source: string): string {
  let found = foldedClasses.get(source);
  if (found === undefined) {
    const test = pattern(`^${source}$`, 'i');
    const ranges: string[] = [];
    let start = -1;
    for (let code = 0; code <= 0x110000; code++) {
      const isIn =
        code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) && test.test(String.fromCodePoint(code));
      if (isIn && start < 0) start = code;
      if (!isIn && start >= 0) {
        ranges.push(`\\u{${start.toString(16)}}-\\u{${(code - 1).toString(16)}}`);
        start = -1;
      }
    }
    found = `[${ranges.join('')}]`;
    foldedClasses.set(source, found);
  }
  return found;
}
