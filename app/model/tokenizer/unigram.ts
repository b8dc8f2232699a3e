/** @file Unigram: of all ways to write a piece with the vocabulary's tokens, the one whose scores sum up highest. */

import type { TokenizePiece } from './bpe';
import { byteToken, utf8 } from './bytes';
import { malformed, type Part } from './parts';

/** Steps that one piece may take: more only where tokens without end lie over each other. */
const MOST_STEPS = 100_000_000;
/** What an unknown character costs beyond the least score. */
const UNKNOWN_PENALTY = 10;

interface Node {
  /** By the next UTF-16 unit. */
  next: Map<number, Node> | null;
  /** Of the token that ends here; -1 where none does. */
  id: number;
}

export function createUnigram(part: Part): { tokenize: TokenizePiece; vocab: Map<string, number> } {
  const vocab = new Map<string, number>();
  const scores: number[] = [];
  const root: Node = { next: null, id: -1 };
  part.list('vocab').forEach((entry, id) => {
    const [token, score] = Array.isArray(entry) ? entry : [];
    if (typeof token !== 'string' || typeof score !== 'number') {
      throw malformed(`entry ${id} of the vocabulary is no token with a score`);
    }
    vocab.set(token, id);
    scores.push(score);
  });
  for (const [token, id] of vocab) insert(root, token, id);
  const unknown = part.has('unk_id') ? part.count('unk_id') : null;
  if (unknown !== null && unknown >= scores.length)
    throw malformed('the unknown token is not in the vocabulary');
  const fallback = part.flag('byte_fallback', false);
  const bytes = Array.from({ length: 256 }, (_, byte) => vocab.get(byteToken(byte)));
  const unknownScore =
    scores.reduce((least, score) => Math.min(least, score), Number.POSITIVE_INFINITY) - UNKNOWN_PENALTY;
  const unknownId = (): number => {
    if (unknown === null)
      throw malformed('a text has a character that the vocabulary lacks, and there is no unknown token');
    return unknown;
  };

  const tokenize = (piece: string): number[] => {
    const ids: number[] = [];
    for (const text of bestPath(piece, { root, scores, unknownScore, unknown, unknownId })) {
      const id = vocab.get(text);
      if (id !== undefined) {
        ids.push(id);
        continue;
      }
      const found = fallback ? Array.from(utf8(text), (byte) => bytes[byte]) : [undefined];
      if (found.includes(undefined)) ids.push(unknownId());
      else ids.push(...(found as number[]));
    }
    return ids;
  };
  return { tokenize, vocab };
}

function insert(root: Node, token: string, id: number): void {
  let node = root;
  for (let i = 0; i < token.length; i++) {
    node.next ??= new Map();
    let child = node.next.get(token.charCodeAt(i));
    if (!child) {
      child = { next: null, id: -1 };
      node.next.set(token.charCodeAt(i), child);
    }
    node = child;
  }
  node.id = id;
}

interface Lattice {
  root: Node;
  scores: readonly number[];
  unknownScore: number;
  unknown: number | null;
  unknownId(): number;
}

/** The piece in its best parts; unknown characters in a row are one. */
function bestPath(piece: string, { root, scores, unknownScore, unknown, unknownId }: Lattice): string[] {
  const size = piece.length;
  const best = new Float64Array(size + 1);
  /** Where the best token that ends at a place begins. */
  const starts = new Int32Array(size + 1).fill(-1);
  const ids = new Int32Array(size + 1);
  const offer = (end: number, start: number, id: number, score: number) => {
    if (starts[end] >= 0 && score <= best[end]) return;
    starts[end] = start;
    ids[end] = id;
    best[end] = score;
  };
  let steps = 0;
  for (let start = 0; start < size; ) {
    const width = (piece.codePointAt(start) as number) > 0xffff ? 2 : 1;
    let isCharacter = false;
    let node: Node | undefined = root;
    for (let end = start; end < size; ) {
      node = node?.next?.get(piece.charCodeAt(end++));
      if (!node) break;
      if (++steps > MOST_STEPS) throw malformed('dividing a text by its vocabulary takes too long');
      if (node.id < 0) continue;
      offer(end, start, node.id, best[start] + scores[node.id]);
      if (end - start === width) isCharacter = true;
    }
    if (!isCharacter) offer(start + width, start, unknownId(), best[start] + unknownScore);
    start += width;
  }
  const parts: string[] = [];
  let unknownEnd = -1;
  for (let end = size; end > 0; end = starts[end]) {
    const isUnknown = ids[end] === unknown;
    if (isUnknown && unknownEnd < 0) unknownEnd = end;
    if (!isUnknown) {
      if (unknownEnd >= 0) parts.push(piece.slice(end, unknownEnd));
      unknownEnd = -1;
      parts.push(piece.slice(starts[end], end));
    }
  }
  if (unknownEnd >= 0) parts.push(piece.slice(0, unknownEnd));
  return parts.reverse();
}
