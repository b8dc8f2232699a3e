/**
 * @file A template's source as tokens, as jinja2 reads it with `trim_blocks` and `lstrip_blocks`: a line break after a
 * block goes, and so does the white space before one that stands alone at the start of its line.
 */
import { JinjaSyntaxError } from './errors';
import { SPACE, trimEnd, trimStart } from './text';

export type TokenKind =
  | 'data'
  | 'blockStart'
  | 'blockEnd'
  | 'variableStart'
  | 'variableEnd'
  | 'name'
  | 'string'
  | 'integer'
  | 'float'
  | 'operator'
  | 'end';

export interface Token {
  kind: TokenKind;
  text: string;
  line: number;
}

const begin = new RegExp(
  `(?<raw>\\{%([-+]?)[${SPACE}]*raw[${SPACE}]*(?:-%\\}[${SPACE}]*|%\\}))|\\{%([-+]?)|\\{\\{([-+]?)|\\{#([-+]?)`,
  'g',
);
const space = new RegExp(`[${SPACE}]+`, 'y');
const blockEnd = new RegExp(`\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?`, 'y');
const variableEnd = new RegExp(`-\\}\\}[${SPACE}]*|\\}\\}`, 'y');
const commentEnd = new RegExp(`\\+#\\}|-#\\}[${SPACE}]*|#\\}\\n?`, 'g');
const rawEnd = new RegExp(
  `\\{%([-+]?)[${SPACE}]*endraw[${SPACE}]*(?:\\+%\\}|-%\\}[${SPACE}]*|%\\}\\n?)`,
  'g',
);
const float = /(?:\d+_)*\d+(?:(?:\.(?:\d+_)*\d+)?e[+-]?(?:\d+_)*\d+|\.(?:\d+_)*\d+)/iy;
const integer = /0b(?:_?[01])+|0o(?:_?[0-7])+|0x(?:_?[\da-f])+|[1-9](?:_?\d)*|0(?:_?0)*/iy;
const name = /[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}_]*/uy;
const string = /'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\]|\\[\s\S])*"/y;
const operator = /\/\/|\*\*|==|!=|>=|<=|[+\-/*%~[\](){}<>=.:|,;]/y;
const brackets: Record<string, string> = { '(': ')', '[': ']', '{': '}' };

/** @throws JinjaSyntaxError */
export function tokenize(template: string): Token[] {
  const source = template.replace(/\r\n|\r/g, '\n').replace(/\n$/, '');
  const tokens: Token[] = [];
  const lines = new LineCounter(source);
  let at = 0;
  let lineStarts = true;
  const match = (pattern: RegExp, from: number): RegExpExecArray | null => {
    pattern.lastIndex = from;
    return pattern.exec(source);
  };
  const add = (kind: TokenKind, text: string, from: number) =>
    tokens.push({ kind, text, line: lines.at(from) });
  const addData = (text: string, sign: string, isVariable: boolean) => {
    const kept = before(text, sign, isVariable, lineStarts);
    if (kept !== '') add('data', kept, at);
  };
  while (at < source.length) {
    const start = match(begin, at);
    if (!start) {
      add('data', source.slice(at), at);
      break;
    }
    const [whole, , rawSign, blockSign, variableSign, commentSign] = start;
    const sign = rawSign ?? blockSign ?? variableSign ?? commentSign ?? '';
    addData(source.slice(at, start.index), sign, variableSign !== undefined);
    at = start.index + whole.length;
    lineStarts = whole.endsWith('\n');
    if (start.groups?.raw !== undefined) {
      const end = match(rawEnd, at);
      if (!end) throw new JinjaSyntaxError('A raw block does not end', lines.at(start.index));
      addData(source.slice(at, end.index), end[1], false);
      at = end.index + end[0].length;
      lineStarts = end[0].endsWith('\n');
    } else if (commentSign !== undefined) {
      const end = match(commentEnd, at);
      if (!end) throw new JinjaSyntaxError('A comment does not end', lines.at(start.index));
      at = end.index + end[0].length;
      lineStarts = end[0].endsWith('\n');
    } else {
      const isVariable = variableSign !== undefined;
      add(isVariable ? 'variableStart' : 'blockStart', whole, start.index);
      at = expression(isVariable, start.index);
      lineStarts = source[at - 1] === '\n';
    }
  }
  add('end', '', source.length);
  return tokens;

  /** Tokens up to the end of a block or variable. Returns where it ends. */
  function expression(isVariable: boolean, opened: number): number {
    const open: string[] = [];
    let here = at;
    while (here < source.length) {
      const end = open.length === 0 && match(isVariable ? variableEnd : blockEnd, here);
      if (end) {
        add(isVariable ? 'variableEnd' : 'blockEnd', end[0], here);
        return here + end[0].length;
      }
      const blank = match(space, here);
      if (blank) {
        here += blank[0].length;
        continue;
      }
      const [kind, text] = next(here);
      if (kind === 'operator') {
        if (brackets[text] !== undefined) open.push(brackets[text]);
        else if (')]}'.includes(text) && open.pop() !== text) {
          throw new JinjaSyntaxError(`Unexpected “${text}”`, lines.at(here));
        }
      }
      add(kind, text, here);
      here += text.length;
    }
    throw new JinjaSyntaxError('A block does not end', lines.at(opened));
  }

  function next(here: number): [TokenKind, string] {
    const afterDot = source[here - 1] === '.';
    const number = !afterDot && match(float, here);
    if (number) return ['float', number[0]];
    const found = match(integer, here);
    if (found) return ['integer', found[0]];
    const word = match(name, here);
    if (word) return ['name', word[0]];
    const text = match(string, here);
    if (text) return ['string', text[0]];
    const sign = match(operator, here);
    if (sign) return ['operator', sign[0]];
    throw new JinjaSyntaxError(`Unexpected “${source[here]}”`, lines.at(here));
  }
}

/** Text before a tag. */
function before(text: string, sign: string, isVariable: boolean, lineStarts: boolean): string {
  if (sign === '-') return trimEnd(text);
  if (sign === '+' || isVariable) return text;
  const line = text.lastIndexOf('\n') + 1;
  return (line > 0 || lineStarts) && text.length > line && trimStart(text.slice(line)) === ''
    ? text.slice(0, line)
    : text;
}

class LineCounter {
  private line = 1;
  private counted = 0;

  constructor(private readonly source: string) {}

  /** Positions must not go back. */
  at(position: number): number {
    for (; this.counted < position; this.counted++) if (this.source[this.counted] === '\n') this.line++;
    return this.line;
  }
}

/** What a string token stands for, with Python's escapes. */
export function unquote(text: string, line: number): string {
  const pattern =
    /\\(?:\n|([abfnrtv'"\\])|([0-7]{1,3})|x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8})|([xuUN]))/g;
  return text.slice(1, -1).replace(pattern, (_, letter, octal, x, u, long, broken) => {
    if (letter !== undefined) return letters[letter];
    if (octal !== undefined) return String.fromCodePoint(Number.parseInt(octal, 8));
    const code = x ?? u ?? long;
    if (broken !== undefined || (code !== undefined && Number.parseInt(code, 16) > 0x10ffff)) {
      throw new JinjaSyntaxError('A text has an escape that is not known', line);
    }
    return code === undefined ? '' : String.fromCodePoint(Number.parseInt(code, 16));
  });
}

const letters: Record<string, string> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '"': '"',
  '\\': '\\',
};
