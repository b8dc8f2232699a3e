/** @file Tokens that are found in a text before anything else happens to it: `added_tokens` of a tokenizer.json. */
import { z } from 'zod';
import type { Normalize } from './parts';
import { malformed } from './parts';
import { pattern, RUST_WORD, WHITE_SPACE } from './unicode';

export interface AddedToken {
  id: number;
  content: string;
  /** Only where no letter touches it. */
  single_word: boolean;
  /** White space before it belongs to it. */
  lstrip: boolean;
  rstrip: boolean;
  /** It is looked for in the normalized text. */
  normalized: boolean;
  /** Stands for no text. */
  special: boolean;
}

const flag = z.boolean().nullish();

export const addedTokenSchema = z
  .looseObject({
    id: z.number().int().nonnegative(),
    content: z.string(),
    single_word: flag,
    lstrip: flag,
    rstrip: flag,
    normalized: flag,
    special: flag,
  })
  .transform(
    ({ id, content, single_word, lstrip, rstrip, normalized, special }): AddedToken => ({
      id,
      content,
      single_word: single_word ?? false,
      lstrip: lstrip ?? false,
      rstrip: rstrip ?? false,
      special: special ?? false,
      normalized: normalized ?? !(special ?? false),
    }),
  );

/** A part of a text: some of it, or an added token with the white space that belongs to it. */
export type Found = { text: string; start: number } | { id: number; start: number };

/** Tokens that begin with one character. */
interface Alike {
  byText: Map<string, AddedToken>;
  /** Of their texts, the longest first. */
  lengths: number[];
}

/** Finds tokens in a text; the longest wins where several begin at one place. */
export class TokenFinder {
  private readonly byFirst = new Map<string, Alike>();
  private readonly anyFirst: RegExp | null;

  /** @param normalize What tokens go through before they are looked for. */
  constructor(tokens: readonly AddedToken[], normalize: Normalize | null) {
    for (const token of tokens) {
      const text = normalize ? normalize(token.content) : token.content;
      if (text === '') continue;
      const first = String.fromCodePoint(text.codePointAt(0) as number);
      const alike = this.byFirst.get(first) ?? { byText: new Map(), lengths: [] };
      this.byFirst.set(first, alike);
      // Of two that look alike, the first counts.
      if (!alike.byText.has(text)) alike.byText.set(text, token);
    }
    for (const alike of this.byFirst.values()) {
      const lengths = new Set([...alike.byText.keys()].map(({ length }) => length));
      alike.lengths = [...lengths].sort((a, b) => b - a);
    }
    const firsts = [...this.byFirst.keys()].map((char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
    this.anyFirst = firsts.length > 0 ? pattern(`[${firsts.join('')}]`, 'g') : null;
  }

  split(text: string): Found[] {
    const first = this.anyFirst;
    if (!first || text === '') return [{ text, start: 0 }];
    const parts: Found[] = [];
    let done = 0;
    let from = 0;
    for (;;) {
      first.lastIndex = from;
      const candidate = first.exec(text);
      if (!candidate) break;
      const at = candidate.index;
      const found = this.tokenAt(text, at, candidate[0]);
      if (!found) {
        from = at + candidate[0].length;
        continue;
      }
      const { token } = found;
      let start = at;
      let end = at + found.length;
      from = end;
      if (token.single_word && (wordEnds(text, start) || wordStarts(text, end))) continue;
      if (token.lstrip) start = Math.max(spaceBefore(text, start), done);
      if (token.rstrip) end = spaceAfter(text, end);
      if (start > done) parts.push({ text: text.slice(done, start), start: done });
      parts.push({ id: token.id, start: Math.max(done, start) });
      done = Math.max(done, end);
    }
    if (done < text.length) parts.push({ text: text.slice(done), start: done });
    return parts;
  }

  private tokenAt(text: string, at: number, first: string): { token: AddedToken; length: number } | null {
    const { byText, lengths } = this.byFirst.get(first) as Alike;
    for (const length of lengths) {
      const token = byText.get(text.slice(at, at + length));
      if (token) return { token, length };
    }
    return null;
  }
}

const word = pattern(`^${RUST_WORD}`);
const lastWord = pattern(`${RUST_WORD}$`);
const space = pattern(WHITE_SPACE);

function wordEnds(text: string, at: number): boolean {
  return lastWord.test(text.slice(Math.max(0, at - 2), at));
}

function wordStarts(text: string, at: number): boolean {
  return word.test(text.slice(at, at + 2));
}

function spaceBefore(text: string, at: number): number {
  let start = at;
  while (start > 0 && space.test(text[start - 1])) start--;
  return start;
}

function spaceAfter(text: string, at: number): number {
  let end = at;
  while (end < text.length && space.test(text[end])) end++;
  return end;
}

/** @throws ModelError where two tokens want one id. */
export function checkIds(tokens: readonly AddedToken[]): void {
  const contents = new Map<number, string>();
  for (const { id, content } of tokens) {
    const other = contents.get(id);
    if (other !== undefined && other !== content) {
      throw malformed(
        `the added tokens “${other.slice(0, 40)}” and “${content.slice(0, 40)}” have one id, ${id}`,
      );
    }
    contents.set(id, content);
  }
}
