/** @file How a text is divided before the model sees it: the `pre_tokenizer` of a tokenizer.json. */
import { toLetters } from './bytes';
import { metaspaceOf } from './metaspace';
import type { Part } from './parts';
import { type Find, literalPattern } from './regex';
import { BEHAVIORS, divide } from './split';
import { BERT_PUNCTUATION, pattern, RUST_WORD, SCRIPTS, WHITE_SPACE } from './unicode';

/** A part of a text on its way. */
export interface Piece {
  text: string;
  /** Nothing of the whole text stands before it. */
  first: boolean;
}

export type Divide = (pieces: readonly Piece[]) => Piece[];

export interface PreTokenizer {
  divide: Divide;
  /** Each piece's bytes are to be written as letters afterwards. */
  letters: boolean;
}

/** A pre-tokenizer; where bytes as letters come last, they are left to who keeps pieces. */
export function createPreTokenizer(part: Part): PreTokenizer {
  const steps = flat(part);
  const last = steps.at(-1);
  const letters = last?.type === 'ByteLevel';
  const all = steps.flatMap((step, i) => {
    if (step.type !== 'ByteLevel') return [create(step)];
    const words = byteLevelWords(step);
    return letters && i === steps.length - 1 ? [words] : [words, eachText(toLetters)];
  });
  return { divide: (pieces) => all.reduce((each, step) => step(each), pieces as Piece[]), letters };
}

function flat(part: Part): Part[] {
  return part.type === 'Sequence' ? part.parts('pretokenizers').flatMap(flat) : [part];
}

function create(part: Part): Divide {
  switch (part.type) {
    case 'BertPreTokenizer': {
      const spaces = dividing(classPattern(`${WHITE_SPACE}`), 'Removed');
      const signs = dividing(classPattern(BERT_PUNCTUATION), 'Isolated');
      return (pieces) => signs(spaces(pieces));
    }
    case 'CharDelimiterSplit':
      return dividing(literalPattern(character(part, 'delimiter')), 'Removed');
    case 'Digits': {
      const individual = part.flag('individual_digits', false);
      return dividing(classPattern('\\p{N}'), individual ? 'Isolated' : 'Contiguous');
    }
    case 'FixedLength':
      return fixedLength(part);
    case 'Metaspace':
      return metaspace(part);
    case 'Punctuation':
      return dividing(classPattern(BERT_PUNCTUATION), part.choice('behavior', BEHAVIORS, 'Isolated'));
    case 'Split':
      return dividing(part.pattern(), part.choice('behavior', BEHAVIORS), part.flag('invert', false));
    case 'UnicodeScripts':
      return byScript;
    case 'Whitespace':
      return dividing(classPattern(`${RUST_WORD}+|[^${RUST_WORD}${WHITE_SPACE}]+`), 'Removed', true);
    case 'WhitespaceSplit':
      return dividing(classPattern(WHITE_SPACE), 'Removed');
  }
  throw part.refused();
}

function classPattern(source: string): Find {
  const expression = pattern(source, 'g');
  return (text, from) => {
    expression.lastIndex = from;
    const match = expression.exec(text);
    return match && [match.index, match.index + match[0].length];
  };
}

function dividing(find: Find, ...how: [Parameters<typeof divide>[2], boolean?]): Divide {
  return (pieces) => {
    const divided: Piece[] = [];
    for (const { text, first } of pieces) {
      for (const { start, end } of divide(text, find, ...how)) {
        divided.push({ text: text.slice(start, end), first: first && start === 0 });
      }
    }
    return divided;
  };
}

function eachText(change: (text: string) => string): Divide {
  return (pieces) => pieces.map(({ text, first }) => ({ text: change(text), first }));
}

/** How GPT-2 divides text. */
const gpt2Words = classPattern(
  [
    "'s|'t|'re|'ve|'m|'ll|'d",
    ' ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+',
    '\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+',
  ].join('|'),
);

function byteLevelWords(part: Part): Divide {
  const prefix = part.flag('add_prefix_space', true);
  const spaced = eachText((text) => (prefix && !text.startsWith(' ') ? ` ${text}` : text));
  if (!part.flag('use_regex', true)) return spaced;
  const words = dividing(gpt2Words, 'Isolated');
  return prefix ? (pieces) => words(spaced(pieces)) : words;
}

function metaspace(part: Part): Divide {
  const { replacement, scheme, split } = metaspaceOf(part);
  const divided = dividing(literalPattern(replacement), 'MergedWithNext');
  return (pieces) => {
    const marked = pieces.map(({ text, first }) => {
      const written = text.replaceAll(' ', replacement);
      const prepends = scheme === 'always' || (scheme === 'first' && first);
      return { text: prepends && !written.startsWith(replacement) ? replacement + written : written, first };
    });
    return split ? divided(marked) : marked;
  };
}

function fixedLength(part: Part): Divide {
  const length = part.count('length', 5);
  if (length === 0) throw part.refused('with length 0');
  return (pieces) =>
    pieces.flatMap(({ text, first }) => {
      const chars = Array.from(text);
      const count = Math.ceil(chars.length / length);
      return Array.from({ length: count }, (_, i) => ({
        text: chars.slice(i * length, (i + 1) * length).join(''),
        first: first && i === 0,
      }));
    });
}

function character(part: Part, key: string): string {
  const char = part.text(key);
  if (Array.from(char).length !== 1) throw part.wrong(key, 'one character');
  return char;
}

const scriptTests = SCRIPTS.flatMap((name) => {
  try {
    return [[name, pattern(`^\\p{Script=${name}}$`)] as const];
  } catch {
    // A script that this browser's Unicode does not know yet.
    return [];
  }
});
const scripts = new Map<string, string>();

/** The script of a character as SentencePiece sees it: Japanese in one, spaces in any. */
function scriptOf(char: string): string {
  let script = scripts.get(char);
  if (script === undefined) {
    script = scriptTests.find(([, test]) => test.test(char))?.[0] ?? 'Unknown';
    if (char === ' ') script = 'any';
    else if (char === 'ー' || script === 'Hiragana' || script === 'Katakana') script = 'Han';
    scripts.set(char, script);
  }
  return script;
}

/** Spaces before the first letter are lost, as in the original. */
function byScript(pieces: readonly Piece[]): Piece[] {
  return pieces.flatMap(({ text, first }) => {
    const starts: number[] = [];
    let last: string | null = null;
    let at = 0;
    for (const char of text) {
      const script = scriptOf(char);
      if (script !== 'any') {
        if (script !== last) starts.push(at);
        last = script;
      }
      at += char.length;
    }
    return starts.map((start, i) => ({
      text: text.slice(start, starts[i + 1] ?? text.length),
      first: first && start === 0,
    }));
  });
}
