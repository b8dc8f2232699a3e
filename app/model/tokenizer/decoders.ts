/** @file How tokens become text again: the `decoder` of a tokenizer.json. */
import { exactTextOf, fromLetters, textOf } from './bytes';
import { metaspaceOf } from './metaspace';
import { replaceAll } from './normalizers';
import type { Part } from './parts';

/** Tokens to the pieces that are joined in the end. */
export type Decode = (tokens: readonly string[]) => string[];

export function createDecoder(part: Part): Decode {
  switch (part.type) {
    case 'Sequence': {
      const all = part.parts('decoders').map(createDecoder);
      return (tokens) => all.reduce((each, decode) => decode(each), [...tokens]);
    }
    case 'ByteLevel':
      return (tokens) => [textOf(Uint8Array.from(tokens.flatMap(fromLetters)))];
    case 'ByteFallback':
      return byteFallback;
    case 'Fuse':
      return (tokens) => [tokens.join('')];
    case 'Replace': {
      const find = part.pattern();
      const content = part.text('content');
      return (tokens) => tokens.map((token) => replaceAll(token, find, content));
    }
    case 'Strip': {
      const content = part.text('content');
      if (Array.from(content).length !== 1) throw part.wrong('content', 'one character');
      const [start, stop] = [part.count('start'), part.count('stop')];
      return (tokens) => tokens.map((token) => strip(token, content, start, stop));
    }
    case 'Metaspace': {
      const { replacement, scheme } = metaspaceOf(part);
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(replacement, i === 0 && scheme !== 'never' ? '' : ' '));
    }
    case 'WordPiece': {
      const prefix = part.text('prefix', '##');
      const cleanup = part.flag('cleanup', true);
      return (tokens) =>
        tokens.map((token, i) => {
          const joined =
            i === 0 ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
          return cleanup ? cleanUp(joined) : joined;
        });
    }
    case 'BPEDecoder': {
      const suffix = part.text('suffix', '</w>');
      return (tokens) =>
        tokens.map((token, i) => token.replaceAll(suffix, i === tokens.length - 1 ? '' : ' '));
    }
    case 'CTC':
      return ctc(part);
  }
  throw part.refused();
}

const byteName = /^<0x([\da-fA-F]{2})>$/;

/** Runs of bytes as text; bytes that are none, one U+FFFD each. */
function byteFallback(tokens: readonly string[]): string[] {
  const pieces: string[] = [];
  let bytes: number[] = [];
  const flush = () => {
    if (bytes.length === 0) return;
    const text = exactTextOf(Uint8Array.from(bytes));
    if (text === null) pieces.push(...bytes.map(() => '\uFFFD'));
    else pieces.push(text);
    bytes = [];
  };
  for (const token of tokens) {
    const byte = byteName.exec(token);
    if (byte) bytes.push(Number.parseInt(byte[1], 16));
    else {
      flush();
      pieces.push(token);
    }
  }
  flush();
  return pieces;
}

function strip(token: string, content: string, start: number, stop: number): string {
  const chars = Array.from(token);
  let from = 0;
  while (from < Math.min(start, chars.length) && chars[from] === content) from++;
  let to = chars.length;
  while (chars.length - to < stop && to > from && chars[to - 1] === content) to--;
  return chars.slice(from, to).join('');
}

/** English as it is written, out of words with spaces between them. */
function cleanUp(text: string): string {
  return text
    .replaceAll(' .', '.')
    .replaceAll(' ?', '?')
    .replaceAll(' !', '!')
    .replaceAll(' ,', ',')
    .replaceAll(" ' ", "'")
    .replaceAll(" n't", "n't")
    .replaceAll(" 'm", "'m")
    .replaceAll(' do not', " don't")
    .replaceAll(" 's", "'s")
    .replaceAll(" 've", "'ve")
    .replaceAll(" 're", "'re");
}

function ctc(part: Part): Decode {
  const pad = part.text('pad_token', '<pad>');
  const delimiter = part.text('word_delimiter_token', '|');
  const cleanup = part.flag('cleanup', true);
  return (tokens) =>
    tokens
      .filter((token, i) => token !== tokens[i - 1])
      .map((token) => {
        const bare = token.replaceAll(pad, '');
        return cleanup ? cleanUp(bare).replaceAll(delimiter, ' ') : bare;
      })
      .filter((token) => token !== '');
}
