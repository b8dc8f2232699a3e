/**
 * @file Patterns of tokenizer files as a tree. The original reads them with Oniguruma: `^` and `$` are ends of lines, `\h` is
 * a hexadecimal digit, classes stand within classes, quantifiers can be possessive.
 */
import { foldRow } from './regexFold';
import { type Pattern, PatternError } from './regexTree';
import { LONE_WORD, POSIX, property, WHITE_SPACE, WORD } from './unicode';

const MOST_NESTED = 60;
const MOST_REPEATS = 100_000;

interface Flags {
  ignoreCase: boolean;
  dotAll: boolean;
  extended: boolean;
}

/** @throws PatternError */
export function parsePattern(source: string): Pattern {
  return new PatternParser(source).all();
}

const LETTERS: Record<string, string> = {
  a: '\x07',
  e: '\x1b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};
const SHORTHANDS: Record<string, string> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  s: WHITE_SPACE,
  S: `[^${WHITE_SPACE}]`,
  w: WORD,
  W: `[^${WORD}]`,
  h: '[0-9a-fA-F]',
  H: '[^0-9a-fA-F]',
};

/** A character as it stands in a class with the flag `v`. */
export function classLiteral(char: string): string {
  return `\\u{${(char.codePointAt(0) as number).toString(16)}}`;
}

class PatternParser {
  private readonly chars: string[];
  private at = 0;
  private depth = 0;
  private captures = 0;
  private readonly names = new Map<string, number>();

  constructor(source: string) {
    this.chars = Array.from(source);
  }

  all(): Pattern {
    const found = this.choice({ ignoreCase: false, dotAll: false, extended: false });
    if (this.at < this.chars.length) throw new PatternError('a “)” closes nothing');
    return found;
  }

  private get current(): string | undefined {
    return this.chars[this.at];
  }

  private looking(text: string): boolean {
    return this.chars.slice(this.at, this.at + text.length).join('') === text;
  }

  private skip(text: string): boolean {
    const found = this.looking(text);
    if (found) this.at += text.length;
    return found;
  }

  private until(end: string): string {
    const start = this.at;
    while (this.current !== undefined && this.current !== end) this.at++;
    if (this.current === undefined) throw new PatternError(`“${end}” is missing`);
    return this.chars.slice(start, this.at++).join('');
  }

  private choice(outer: Flags): Pattern {
    if (++this.depth > MOST_NESTED) throw new PatternError('something is nested too deeply');
    // A flag set in the midst of a group holds to its end, over `|` too.
    const flags = { ...outer };
    const options = [this.sequence(flags)];
    while (this.skip('|')) options.push(this.sequence(flags));
    this.depth--;
    return options.length === 1 ? options[0] : { kind: 'choice', options };
  }

  private sequence(flags: Flags): Pattern {
    const parts: Pattern[] = [];
    while (this.current !== undefined && this.current !== '|' && this.current !== ')') {
      const atom = this.atom(flags);
      if (atom) parts.push(this.repeated(atom));
    }
    const folded = foldRows(parts);
    return folded.length === 1 ? folded[0] : { kind: 'sequence', parts: folded };
  }

  private repeated(atom: Pattern): Pattern {
    let found = atom;
    for (;;) {
      const bounds = this.quantifier();
      if (!bounds) return found;
      const [least, most, braces] = bounds;
      let mode: 'greedy' | 'lazy' | 'possessive' = 'greedy';
      if (this.skip('?')) mode = 'lazy';
      else if (!braces && this.skip('+')) mode = 'possessive';
      found = { kind: 'repeat', of: found, least, most, mode };
    }
  }

  private quantifier(): [number, number, boolean] | null {
    if (this.skip('*')) return [0, Number.POSITIVE_INFINITY, false];
    if (this.skip('+')) return [1, Number.POSITIVE_INFINITY, false];
    if (this.skip('?')) return [0, 1, false];
    if (this.current !== '{') return null;
    const [whole, least, comma, most] =
      /^\{(\d*)(,?)(\d*)\}/.exec(this.chars.slice(this.at, this.at + 20).join('')) ?? [];
    if (whole === undefined || (least === '' && most === '')) return null;
    this.at += whole.length;
    const from = Number(least || 0);
    const to = comma === '' ? from : most === '' ? Number.POSITIVE_INFINITY : Number(most);
    if (from > MOST_REPEATS || (Number.isFinite(to) && to > MOST_REPEATS)) {
      throw new PatternError(`something is repeated more than ${MOST_REPEATS} times`);
    }
    if (from > to) throw new PatternError(`${whole} has its ends the wrong way round`);
    return [from, to, true];
  }

  /** Null for what matches nothing by itself: a comment, a flag. */
  private atom(flags: Flags): Pattern | null {
    const char = this.chars[this.at++];
    if (flags.extended) {
      if (/\s/.test(char)) return null;
      if (char === '#') {
        while (this.current !== undefined && this.current !== '\n') this.at++;
        return null;
      }
    }
    switch (char) {
      case '(':
        return this.group(flags);
      case '[':
        return { kind: 'class', source: this.bracket(), fold: flags.ignoreCase };
      case '.':
        return { kind: 'class', source: flags.dotAll ? '[\\0-\\u{10ffff}]' : '[^\\n]', fold: false };
      case '^':
        return { kind: 'edge', at: 'lineStart' };
      case '$':
        return { kind: 'edge', at: 'lineEnd' };
      case '\\':
        return this.escape(flags);
      case '*':
      case '+':
      case '?':
        throw new PatternError(`“${char}” repeats nothing`);
    }
    return this.literal(char, flags);
  }

  private literal(char: string, flags: Flags): Pattern {
    return { kind: 'class', source: classLiteral(char), fold: flags.ignoreCase };
  }

  private group(flags: Flags): Pattern | null {
    if (!this.skip('?')) return this.capture(flags);
    if (this.skip(':')) return this.closed(flags);
    if (this.skip('=')) return { kind: 'look', of: this.closed(flags), behind: false, negated: false };
    if (this.skip('!')) return { kind: 'look', of: this.closed(flags), behind: false, negated: true };
    if (this.skip('<=')) return { kind: 'look', of: this.closed(flags), behind: true, negated: false };
    if (this.skip('<!')) return { kind: 'look', of: this.closed(flags), behind: true, negated: true };
    if (this.skip('>')) return { kind: 'atomic', of: this.closed(flags) };
    if (this.skip('#')) {
      this.until(')');
      return null;
    }
    if (this.skip('<') || this.skip("'")) {
      const name = this.until(this.chars[this.at - 1] === '<' ? '>' : "'");
      this.names.set(name, this.captures + 1);
      return this.capture(flags);
    }
    return this.flagGroup(flags);
  }

  private capture(flags: Flags): Pattern {
    const index = ++this.captures;
    return { kind: 'capture', of: this.closed(flags), index };
  }

  private closed(flags: Flags): Pattern {
    const found = this.choice(flags);
    if (!this.skip(')')) throw new PatternError('a “(” is not closed');
    return found;
  }

  /** `(?i:…)`, or `(?i)` for the rest of the group. */
  private flagGroup(flags: Flags): Pattern | null {
    const start = this.at;
    const inner = { ...flags };
    let on = true;
    for (;;) {
      const char = this.chars[this.at++];
      if (char === '-') on = false;
      else if (char === 'i') inner.ignoreCase = on;
      else if (char === 'm') inner.dotAll = on;
      else if (char === 'x') inner.extended = on;
      else if (char === ':') return this.closed(inner);
      else if (char === ')') {
        Object.assign(flags, inner);
        return null;
      } else {
        const name = this.chars.slice(start, this.at).join('');
        throw new PatternError(`the group “(?${name}” is not known`);
      }
    }
  }

  private escape(flags: Flags): Pattern {
    const char = this.chars[this.at++];
    if (char === undefined) throw new PatternError('the end is a lone “\\”');
    const edges: Record<string, Extract<Pattern, { kind: 'edge' }>['at']> = {
      A: 'textStart',
      z: 'textEnd',
      Z: 'lastLine',
      b: 'word',
      B: 'noWord',
    };
    if (edges[char]) return { kind: 'edge', at: edges[char] };
    if (char === 'w') return { kind: 'class', source: LONE_WORD, fold: false };
    if (char === 'W') return { kind: 'class', source: `[^${LONE_WORD}]`, fold: false };
    if (char === 'R') {
      const newLine: Pattern = {
        kind: 'sequence',
        parts: [this.literal('\r', flags), this.literal('\n', flags)],
      };
      const one: Pattern = { kind: 'class', source: '[\\n-\\r\\x85\\u2028\\u2029]', fold: false };
      return { kind: 'atomic', of: { kind: 'choice', options: [newLine, one] } };
    }
    if (char === 'k' && this.skip('<')) {
      const name = this.until('>');
      return this.reference(this.names.get(name) ?? Number(name));
    }
    if (/[1-9]/.test(char)) {
      const digits = /^\d*/.exec(this.chars.slice(this.at, this.at + 3).join(''))?.[0] ?? '';
      this.at += digits.length;
      return this.reference(Number(char + digits));
    }
    if (/[GKXgkyYNO]/.test(char)) throw new PatternError(`“\\${char}” is not known`);
    this.at--;
    const source = this.classEscape();
    // What stands for many characters keeps to their case.
    return { kind: 'class', source, fold: flags.ignoreCase && isLiteral(source) };
  }

  private reference(index: number): Pattern {
    if (!(index >= 1 && index <= this.captures))
      throw new PatternError('a reference is to a group that is not there');
    return { kind: 'reference', index };
  }

  /** What stands after `\` and means one character. */
  private classEscape(): string {
    const char = this.chars[this.at++];
    if (char === undefined) throw new PatternError('the end is a lone “\\”');
    if (SHORTHANDS[char]) return SHORTHANDS[char];
    if (char === 'p' || char === 'P') {
      if (!this.skip('{')) throw new PatternError(`“\\${char}” needs a name in braces`);
      const negated = this.skip('^') !== (char === 'P');
      const name = this.until('}');
      const found = property(name);
      if (found === null) throw new PatternError(`the property “${name}” is not known`);
      return negated ? `[^${found}]` : found;
    }
    if (LETTERS[char]) return classLiteral(LETTERS[char]);
    if (char === 'x' || char === 'u') {
      const braces = char === 'x' && this.skip('{');
      const digits = braces
        ? this.until('}')
        : (/^[\da-f]+/i.exec(this.chars.slice(this.at, this.at + (char === 'x' ? 2 : 4)).join(''))?.[0] ??
          '');
      if (!braces) this.at += digits.length;
      const code = Number.parseInt(digits, 16);
      if (!/^[\da-f]+$/i.test(digits) || !(code <= 0x10ffff) || (char === 'u' && digits.length < 4)) {
        throw new PatternError(`“\\${char}${digits}” is no character`);
      }
      return classLiteral(String.fromCodePoint(code));
    }
    if (char === '0') {
      const digits = /^[0-7]{0,2}/.exec(this.chars.slice(this.at, this.at + 2).join(''))?.[0] ?? '';
      this.at += digits.length;
      return classLiteral(String.fromCodePoint(Number.parseInt(`0${digits}`, 8)));
    }
    if (/[cCM]/.test(char)) throw new PatternError(`“\\${char}” is not known`);
    return classLiteral(char);
  }

  /** A class after its `[`, with classes within it and `&&`. */
  private bracket(): string {
    if (++this.depth > MOST_NESTED) throw new PatternError('something is nested too deeply');
    const negated = this.skip('^');
    const operands: string[] = [];
    let members: string[] = [];
    const isFirst = () => operands.length === 0 && members.length === 0;
    const close = () => {
      operands.push(`[${members.join('')}]`);
      members = [];
    };
    for (;;) {
      const char = this.current;
      if (char === undefined) throw new PatternError('a “[” is not closed');
      if (char === ']' && !isFirst()) break;
      if (this.skip('&&')) {
        close();
        continue;
      }
      members.push(this.classMember());
    }
    this.at++;
    close();
    this.depth--;
    const both = operands.length === 1 ? operands[0] : `[${operands.join('&&')}]`;
    return negated ? `[^${both}]` : both;
  }

  private classMember(): string {
    if (this.skip('[:')) {
      const negated = this.skip('^');
      const name = this.until(':');
      if (!this.skip(']') || !Object.hasOwn(POSIX, name)) {
        throw new PatternError(`the class “[:${name}:]” is not known`);
      }
      return negated ? `[^${POSIX[name]}]` : POSIX[name];
    }
    if (this.skip('[')) return this.bracket();
    const from = this.classCharacter();
    if (!this.looking('-') || this.chars[this.at + 1] === ']' || this.chars[this.at + 1] === undefined) {
      return from;
    }
    if (!isLiteral(from)) return from;
    this.at++;
    if (this.current === '[') return `${from}${classLiteral('-')}`;
    const to = this.classCharacter();
    if (!isLiteral(to)) return `${from}${classLiteral('-')}${to}`;
    if (codeOf(from) > codeOf(to)) throw new PatternError('a class has a range the wrong way round');
    return `${from}-${to}`;
  }

  private classCharacter(): string {
    const char = this.chars[this.at++];
    if (char !== '\\') return classLiteral(char);
    if (this.current === 'b') {
      this.at++;
      return classLiteral('\b');
    }
    return this.classEscape();
  }
}

/** Letters in a row whose case does not count may be written as one. */
function foldRows(parts: readonly Pattern[]): Pattern[] {
  const found: Pattern[] = [];
  let row: string[] = [];
  const flush = () => {
    found.push(...foldRow(row, (char) => ({ kind: 'class', source: classLiteral(char), fold: true })));
    row = [];
  };
  for (const part of parts) {
    if (part.kind === 'class' && part.fold && isLiteral(part.source)) {
      row.push(String.fromCodePoint(codeOf(part.source)));
    } else {
      flush();
      found.push(part);
    }
  }
  flush();
  return found;
}

function isLiteral(source: string): boolean {
  return source.startsWith('\\u{');
}

function codeOf(literal: string): number {
  return Number.parseInt(literal.slice(3, -1), 16);
}
