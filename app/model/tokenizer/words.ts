/** @file Models whose tokens are words or beginnings and ends of them: WordPiece and WordLevel. */
import type { TokenizePiece } from './bpe';
import { malformed, type Part } from './parts';

/** A piece as the longest tokens that fit, from the left; as the unknown token where some of it fits none. */
export function createWordPiece(part: Part, vocab: ReadonlyMap<string, number>): TokenizePiece {
  const prefix = part.text('continuing_subword_prefix', '##');
  const most = part.count('max_input_chars_per_word', 100);
  const unknown = unknownId(part, vocab);
  const longest = [...vocab.keys()].reduce((length, token) => Math.max(length, token.length), 0);
  return (piece) => {
    const chars = Array.from(piece);
    if (chars.length > most) return [unknown()];
    const ids: number[] = [];
    for (let start = 0; start < chars.length; ) {
      let end = Math.min(chars.length, start + longest);
      let id: number | undefined;
      for (; end > start && id === undefined; end--) {
        id = vocab.get((start > 0 ? prefix : '') + chars.slice(start, end).join(''));
      }
      if (id === undefined) return [unknown()];
      ids.push(id);
      start = end + 1;
    }
    return ids;
  };
}

export function createWordLevel(part: Part, vocab: ReadonlyMap<string, number>): TokenizePiece {
  const unknown = unknownId(part, vocab);
  return (piece) => [vocab.get(piece) ?? unknown()];
}

function unknownId(part: Part, vocab: ReadonlyMap<string, number>): () => number {
  const token = part.text('unk_token', '[UNK]');
  return () => {
    const id = vocab.get(token);
    if (id === undefined) throw malformed(`the unknown token “${token}” is not in the vocabulary`);
    return id;
  };
}
