/** @file Where JSON breaks: browsers differ in what they say of the place, and some say nothing. */
import { excerpt } from './errors';

export interface JsonFault {
  /** 1-based. */
  line: number;
  /** "expected a value, found “}”". */
  message: string;
}

type Expectation = 'value' | 'value or ]' | 'key' | 'key or }' | 'colon' | 'comma';

const WORDS: Record<Expectation, string> = {
  value: 'a value',
  'value or ]': 'a value or “]”',
  key: 'a key in double quotes',
  'key or }': 'a key in double quotes or “}”',
  colon: '“:”',
  comma: '“,” or the closing bracket',
};

const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
const SPACE = /[ \t\n\r]*/y;

/** The first place where the text stops being JSON; null when it is JSON to its end. */
export function findJsonFault(text: string): JsonFault | null {
  const open: ('{' | '[')[] = [];
  let expected: Expectation | 'end' = 'value';
  let at = 0;
  const fault = (found = describeAt(text, at)): JsonFault => ({
    line: lineAt(text, at),
    message: `expected ${expected === 'end' ? 'the end of the file' : WORDS[expected]}, found ${found}`,
  });
  const afterValue = (): Expectation | 'end' => (open.length === 0 ? 'end' : 'comma');
  for (;;) {
    at = matchEnd(SPACE, text, at) ?? at;
    const char = text[at];
    if (char === undefined) return expected === 'end' ? null : fault('the end of the text');
    if (expected === 'colon') {
      if (char !== ':') return fault();
      expected = 'value';
      at++;
    } else if (expected === 'comma') {
      const within = open[open.length - 1];
      if (char === ',') expected = within === '{' ? 'key' : 'value';
      else if (char === (within === '{' ? '}' : ']')) {
        open.pop();
        expected = afterValue();
      } else return fault();
      at++;
    } else if (expected === 'key' || expected === 'key or }') {
      if (char === '}' && expected === 'key or }') {
        open.pop();
        expected = afterValue();
        at++;
        continue;
      }
      const end = char === '"' ? stringEnd(text, at) : null;
      if (char === '"' && end === null)
        return fault(`an unfinished or invalid text, ${excerpt(text.slice(at, at + 60))}`);
      if (end === null) return fault();
      at = end;
      expected = 'colon';
    } else if (expected === 'end') {
      return fault();
    } else if (char === '{' || char === '[') {
      open.push(char);
      expected = char === '{' ? 'key or }' : 'value or ]';
      at++;
    } else if (char === ']' && expected === 'value or ]') {
      open.pop();
      expected = afterValue();
      at++;
    } else {
      const end = char === '"' ? stringEnd(text, at) : matchEnd(SCALAR, text, at);
      if (end === null) {
        return fault(
          char === '"' ? `an unfinished or invalid text, ${excerpt(text.slice(at, at + 60))}` : undefined,
        );
      }
      at = end;
      expected = afterValue();
    }
  }
}

function matchEnd(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}

/** Past the closing quote of the text that opens at `at`; null when it breaks or never closes. */
function stringEnd(text: string, at: number): number | null {
  for (let i = at + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x22) return i + 1;
    if (code < 0x20) return null;
    if (code !== 0x5c) continue;
    i++;
    if (text[i] === 'u') {
      if (!/^[\da-f]{4}$/i.test(text.slice(i + 1, i + 5))) return null;
      i += 4;
    } else if (!'"\\/bfnrt'.includes(text[i] ?? ' ')) return null;
  }
  return null;
}

function lineAt(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

function describeAt(text: string, at: number): string {
  const word = /^[\w.+'-]+/.exec(text.slice(at, at + 40));
  return excerpt(word ? word[0] : text[at]);
}
