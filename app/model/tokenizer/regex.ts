/**
 * @file Finds what a tokenizer file's pattern means. Most patterns become JavaScript's own, which are fast; one whose
 * repetitions stand within each other could be tried for ever, and is matched here within bounds.
 */

import { folded } from './regexFold';
import { matcher } from './regexMatcher';
import { parsePattern } from './regexSyntax';
import { type Pattern, PatternError } from './regexTree';
import { LONE_WORD, pattern } from './unicode';

export { PatternError } from './regexTree';

/** The first match at or after a place, as `[start, end]` in UTF-16 units; null where there is none. */
export type Find = (text: string, from: number) => readonly [number, number] | null;

const MOST_LENGTH = 20_000;
/** Repetitions without end in a row that JavaScript may try with each other. */
const MOST_IN_A_ROW = 2;
/** And other choices, as a power of two. */
const MOST_CHOICES = 16;

/** @throws PatternError when the pattern is none, or says what is not known here. */
export function compilePattern(source: string): Find {
  if (source.length > MOST_LENGTH) throw new PatternError(`more than ${MOST_LENGTH} characters stand`);
  const tree = parsePattern(source);
  const ways = waysOf(tree);
  if (ways.endless > MOST_IN_A_ROW || ways.choices > MOST_CHOICES) return matcher(tree);
  let expression: RegExp;
  try {
    expression = pattern(write(tree, { atoms: 0 }), 'g');
  } catch {
    return matcher(tree);
  }
  return (text, from) => {
    expression.lastIndex = from;
    let match = expression.exec(text);
    // JavaScript finds nothing, which is a match of some patterns, within a character too.
    while (match && isWithin(text, match.index)) {
      expression.lastIndex = match.index + 1;
      match = expression.exec(text);
    }
    return match && [match.index, match.index + match[0].length];
  };
}

/** Whether a place is between the two halves of a character. */
function isWithin(text: string, at: number): boolean {
  const low = text.charCodeAt(at);
  const high = text.charCodeAt(at - 1);
  return low >= 0xdc00 && low < 0xe000 && high >= 0xd800 && high < 0xdc00;
}

/** A pattern for a text as it stands. */
export function literalPattern(text: string): Find {
  return (within, from) => {
    const at = within.indexOf(text, from);
    return at < 0 ? null : [at, at + text.length];
  };
}

/** How many ways a pattern may have to match the same text. */
interface Ways {
  /** Repetitions without end, one after another. */
  endless: number;
  /** Of all other choices, as a power of two. */
  choices: number;
}

/** Repetitions up to here count as choices. */
const FEW = 10;
const NEVER_ENDING: Ways = { endless: Number.POSITIVE_INFINITY, choices: 0 };

function waysOf(tree: Pattern): Ways {
  switch (tree.kind) {
    case 'sequence':
      return tree.parts
        .map(waysOf)
        .reduce(
          (sum, part) => ({ endless: sum.endless + part.endless, choices: sum.choices + part.choices }),
          { endless: 0, choices: 0 },
        );
    case 'choice': {
      const options = tree.options.map(waysOf);
      return {
        endless: Math.max(...options.map(({ endless }) => endless)),
        choices: Math.log2(options.length) + Math.max(...options.map(({ choices }) => choices)),
      };
    }
    case 'repeat': {
      const { endless, choices } = waysOf(tree.of);
      if (tree.most <= FEW) {
        const times = Math.max(1, tree.most);
        return { endless: endless * times, choices: choices * times + Math.log2(tree.most - tree.least + 1) };
      }
      if (endless > 0 || choices > 0) return NEVER_ENDING;
      return { endless: tree.least === tree.most ? 0 : 1, choices: 0 };
    }
    case 'look':
    case 'atomic':
    case 'capture':
      return waysOf(tree.of);
    case 'reference':
      return { endless: 1, choices: 0 };
    default:
      return { endless: 0, choices: 0 };
  }
}

/** JavaScript's pattern of a tree. */
function write(tree: Pattern, state: { atoms: number }): string {
  switch (tree.kind) {
    case 'class':
      return tree.fold ? folded(tree.source) : tree.source;
    case 'sequence':
      return tree.parts.map((part) => write(part, state)).join('');
    case 'choice':
      return `(?:${tree.options.map((option) => write(option, state)).join('|')})`;
    case 'repeat': {
      const of = `(?:${write(tree.of, state)})`;
      const most = Number.isFinite(tree.most) ? tree.most : '';
      const repeated = `${of}{${tree.least},${most}}`;
      if (tree.mode === 'possessive') return atomic(repeated, state);
      return tree.mode === 'lazy' ? `${repeated}?` : repeated;
    }
    case 'look':
      return `(?${tree.behind ? '<' : ''}${tree.negated ? '!' : '='}${write(tree.of, state)})`;
    case 'atomic':
      return atomic(write(tree.of, state), state);
    case 'capture':
      return `(?<g${tree.index}>${write(tree.of, state)})`;
    case 'reference':
      return `\\k<g${tree.index}>`;
    case 'edge':
      return EDGES[tree.at];
  }
}

const EDGES: Record<Extract<Pattern, { kind: 'edge' }>['at'], string> = {
  textStart: '(?<![\\0-\\u{10ffff}])',
  textEnd: '(?![\\0-\\u{10ffff}])',
  lastLine: '(?=\\n?(?![\\0-\\u{10ffff}]))',
  // Not after a line break that ends the text.
  lineStart: '(?:(?<![\\0-\\u{10ffff}])|(?<=\\n)(?=[\\0-\\u{10ffff}]))',
  lineEnd: '(?=\\n|(?![\\0-\\u{10ffff}]))',
  word: `(?:(?<=${LONE_WORD})(?!${LONE_WORD})|(?<!${LONE_WORD})(?=${LONE_WORD}))`,
  noWord: `(?:(?<=${LONE_WORD})(?=${LONE_WORD})|(?<!${LONE_WORD})(?!${LONE_WORD}))`,
};

/** What has matched is not tried otherwise: a look ahead keeps its first match. */
function atomic(source: string, state: { atoms: number }): string {
  const name = `a${state.atoms++}`;
  return `(?:(?=(?<${name}>${source}))\\k<${name}>)`;
}
