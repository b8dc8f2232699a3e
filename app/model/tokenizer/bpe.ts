/** @file Byte-pair encoding: characters of a piece, merged two by two in the order that the file lists. */
import { byteToken, utf8 } from './bytes';
import { LeastHeap } from './leastHeap';
import { malformed, type Part } from './parts';

/** Ids of a piece of text. */
export type TokenizePiece = (piece: string) => number[];

interface Merge {
  rank: number;
  id: number;
}

/** A place in a piece, in a chain from left to right. */
interface Symbol {
  id: number;
  before: number;
  after: number;
}

export function createBpe(part: Part, vocab: ReadonlyMap<string, number>): TokenizePiece {
  if (part.has('dropout') && part.raw('dropout') !== 0) {
    throw part.refused('with dropout, which makes other tokens of a text each time,');
  }
  const prefix = part.text('continuing_subword_prefix', '');
  const suffix = part.text('end_of_word_suffix', '');
  const fuse = part.flag('fuse_unk', false);
  const fallback = part.flag('byte_fallback', false);
  const whole = part.flag('ignore_merges', false);
  const unknown = part.has('unk_token') ? part.text('unk_token') : null;
  const base = largest(vocab) + 1;
  const merges = readMerges(part, vocab, prefix, base);
  const bytes = Array.from({ length: 256 }, (_, byte) => vocab.get(byteToken(byte)));

  const unknownId = (): number => {
    const id = unknown === null ? undefined : vocab.get(unknown);
    if (id === undefined) throw malformed(`the unknown token “${unknown}” is not in the vocabulary`);
    return id;
  };

  const symbolsOf = (piece: string): number[] => {
    const ids: number[] = [];
    let waiting: number | null = null;
    const chars = Array.from(piece);
    chars.forEach((char, i) => {
      const text = (i > 0 ? prefix : '') + char + (i === chars.length - 1 ? suffix : '');
      const id = vocab.get(text);
      if (id !== undefined) {
        if (waiting !== null) ids.push(waiting);
        waiting = null;
        ids.push(id);
        return;
      }
      if (fallback) {
        const found = Array.from(utf8(text), (byte) => bytes[byte]);
        if (!found.includes(undefined)) {
          ids.push(...(found as number[]));
          return;
        }
      }
      // Without a token for the unknown, a character is left out.
      if (unknown === null) return;
      if (waiting !== null && !fuse) ids.push(waiting);
      waiting = unknownId();
    });
    if (waiting !== null) ids.push(waiting);
    return ids;
  };

  return (piece) => {
    if (piece === '') return [];
    const id = whole ? vocab.get(piece) : undefined;
    return id !== undefined ? [id] : mergeAll(symbolsOf(piece), merges, base);
  };
}

function largest(vocab: ReadonlyMap<string, number>): number {
  let most = 0;
  for (const id of vocab.values()) most = Math.max(most, id);
  return most;
}

function readMerges(
  part: Part,
  vocab: ReadonlyMap<string, number>,
  prefix: string,
  base: number,
): ReadonlyMap<number, Merge> {
  const merges = new Map<number, Merge>();
  let rank = 0;
  for (const line of part.list('merges')) {
    if (typeof line === 'string' && line.startsWith('#version')) continue;
    const pair = typeof line === 'string' ? line.split(' ') : line;
    if (!Array.isArray(pair) || pair.length !== 2 || !pair.every((each) => typeof each === 'string')) {
      throw malformed(`merge ${rank + 1} is no pair of tokens`);
    }
    const [left, right] = pair as [string, string];
    const made = left + (prefix !== '' ? right.slice(prefix.length) : right);
    const [a, b, id] = [left, right, made].map((token) => {
      const found = vocab.get(token);
      if (found !== undefined) return found;
      throw malformed(
        `merge ${rank + 1} needs the token “${token.slice(0, 60)}”, which the vocabulary lacks`,
      );
    });
    merges.set(a * base + b, { rank: rank++, id });
  }
  return merges;
}

/** Pieces of fewer symbols are searched through for their best merge; longer ones keep an ordered heap. */
const SHORT = 24;

function mergeAll(ids: number[], merges: ReadonlyMap<number, Merge>, base: number): number[] {
  if (ids.length < 2) return ids;
  return ids.length <= SHORT ? mergeShort(ids, merges, base) : mergeLong(ids, merges, base);
}

function mergeShort(ids: number[], merges: ReadonlyMap<number, Merge>, base: number): number[] {
  const found: (Merge | undefined)[] = [];
  for (let i = 0; i + 1 < ids.length; i++) found.push(merges.get(ids[i] * base + ids[i + 1]));
  for (;;) {
    let best = -1;
    let merge: Merge | undefined;
    for (let i = 0; i < found.length; i++) {
      const each = found[i];
      if (each && (!merge || each.rank < merge.rank)) {
        best = i;
        merge = each;
      }
    }
    if (!merge) return ids;
    ids.splice(best, 2, merge.id);
    found.splice(best, 1);
    if (best > 0) found[best - 1] = merges.get(ids[best - 1] * base + ids[best]);
    if (best < found.length) found[best] = merges.get(ids[best] * base + ids[best + 1]);
  }
}

function mergeLong(ids: number[], merges: ReadonlyMap<number, Merge>, base: number): number[] {
  const symbols: Symbol[] = ids.map((id, i) => ({
    id,
    before: i - 1,
    after: i + 1 < ids.length ? i + 1 : -1,
  }));
  /** By rank, then by place. */
  const heap = new LeastHeap();
  const width = ids.length;
  const offer = (at: number) => {
    const next = at < 0 ? -1 : symbols[at].after;
    const merge = next < 0 ? undefined : merges.get(symbols[at].id * base + symbols[next].id);
    if (merge) heap.push(merge.rank * width + at);
  };
  for (let i = 0; i < ids.length; i++) offer(i);
  for (let least = heap.pop(); least !== undefined; least = heap.pop()) {
    const at = least % width;
    const symbol = symbols[at];
    if (symbol.id < 0 || symbol.after < 0) continue;
    const next = symbols[symbol.after];
    const merge = merges.get(symbol.id * base + next.id);
    // Another merge may have come before this one.
    if (!merge || merge.rank !== Math.floor(least / width)) continue;
    symbol.id = merge.id;
    next.id = -1;
    symbol.after = next.after;
    if (symbol.after >= 0) symbols[symbol.after].before = at;
    offer(symbol.before);
    offer(at);
  }
  return symbols.filter(({ id }) => id >= 0).map(({ id }) => id);
}
