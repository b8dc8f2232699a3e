/** @file Lists and dicts as Python prints them, which is how pandas writes them into CSV: `[{'role': 'user', …}]`. */
import { JsonNumber, JsonObject, type JsonValue } from './jsonReader';

const NUMBER = /[-+]?(?:\d[\d_]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/y;
const WORD = /[A-Za-z_]\w*/y;
const WORDS: Record<string, JsonValue> = { None: null, nan: null, inf: null, True: true, False: false };
const ESCAPES: Record<string, string> = {
  n: '\n',
  t: '\t',
  r: '\r',
  b: '\b',
  f: '\f',
  a: '\x07',
  v: '\v',
  '0': '\0',
  '\n': '',
};
const MOST_LEVELS = 200;

/** The value that a text prints, null where it is none. NumPy's arrays, also without their commas, are lists. */
export function readPythonLiteral(text: string): JsonValue | undefined {
  const reader = new Reader(text);
  try {
    const value = reader.value(0);
    return reader.atEnd() ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  atEnd(): boolean {
    this.space();
    return this.at >= this.text.length;
  }

  value(level: number): JsonValue {
    if (level > MOST_LEVELS) throw new SyntaxError('too deep');
    this.space();
    const char = this.text[this.at];
    if (char === '[' || char === '(') return this.list(char === '[' ? ']' : ')', level);
    if (char === '{') return this.dict(level);
    if (char === "'" || char === '"') return this.strings();
    const number = this.match(NUMBER);
    if (number)
      return new JsonNumber(
        number
          .replaceAll('_', '')
          .replace(/^\+/, '')
          .replace(/\.$/, '.0')
          .replace(/^(-?)\./, '$10.'),
      );
    const word = this.match(WORD);
    if (word && Object.hasOwn(WORDS, word)) return WORDS[word];
    if (word === 'array') return this.array(level);
    throw new SyntaxError('no value');
  }

  /** Between elements NumPy writes white space only: texts that follow each other here are two. */
  private list(end: string, level: number): JsonValue[] {
    const list: JsonValue[] = [];
    this.at++;
    while (!this.take(end)) {
      const char = this.peek();
      list.push(char === "'" || char === '"' ? this.string() : this.value(level + 1));
      this.take(',');
    }
    return list;
  }

  private dict(level: number): JsonObject {
    const object = new JsonObject();
    this.at++;
    while (!this.take('}')) {
      const key = this.value(level + 1);
      if (!this.take(':')) throw new SyntaxError('no colon');
      object.set(key instanceof JsonNumber ? key.source : String(key), this.value(level + 1));
      if (!this.take(',') && this.peek() !== '}') throw new SyntaxError('no comma');
    }
    return object;
  }

  /** `array([…], dtype=object)` */
  private array(level: number): JsonValue {
    if (!this.take('(')) throw new SyntaxError('no array');
    const value = this.value(level + 1);
    if (this.take(',')) this.match(/\s*dtype=[^)]*/y);
    if (!this.take(')')) throw new SyntaxError('no end of array');
    return value;
  }

  /** Texts that follow each other are one. */
  private strings(): string {
    let joined = '';
    while (this.peek() === "'" || this.peek() === '"') joined += this.string();
    return joined;
  }

  private string(): string {
    const { text } = this;
    const quote = text[this.at];
    let value = '';
    let from = this.at + 1;
    for (let i = from; i < text.length; i++) {
      if (text[i] === quote) {
        this.at = i + 1;
        return value + text.slice(from, i);
      }
      if (text[i] !== '\\') continue;
      value += text.slice(from, i);
      const code = /^(?:x([\da-f]{2})|u([\da-f]{4})|U([\da-f]{8}))/i.exec(text.slice(i + 1, i + 10));
      if (code) {
        const point = Number.parseInt(code[1] ?? code[2] ?? code[3], 16);
        if (point > 0x10ffff) throw new SyntaxError('no character');
        value += String.fromCodePoint(point);
        i += code[0].length;
      } else {
        const next = text[++i];
        value +=
          ESCAPES[next] ??
          (next === quote || next === '\\' || next === "'" || next === '"' ? next : `\\${next}`);
      }
      from = i + 1;
    }
    throw new SyntaxError('no end of text');
  }

  private space(): void {
    while (/\s/.test(this.text[this.at] ?? '')) this.at++;
  }

  private peek(): string | undefined {
    this.space();
    return this.text[this.at];
  }

  private take(char: string): boolean {
    if (this.peek() !== char) return false;
    this.at++;
    return true;
  }

  private match(pattern: RegExp): string | null {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? null;
    if (found !== null) this.at += found.length;
    return found === '' ? null : found;
  }
}
