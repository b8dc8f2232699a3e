/**
 * @file A JSON reader that keeps what `JSON.parse` loses: numbers as written, keys in the order of the file, the place
 * of a fault. It reads the words that Python writes for missing numbers, and counts them.
 */
import { excerpt } from './errors';

/** A number as the file writes it: 1.10 and 9007199254740993 stay themselves. */
export class JsonNumber {
  constructor(readonly source: string) {}
}

/** Keys in the file's order, each once; of a repeated key the last value counts, as in `JSON.parse`. */
export class JsonObject {
  readonly keys: string[] = [];
  readonly values: JsonValue[] = [];
  /** Only once there are many keys. */
  private places: Map<string, number> | null = null;

  set(key: string, value: JsonValue): void {
    const at = this.indexOf(key);
    if (at >= 0) {
      this.values[at] = value;
      return;
    }
    this.places?.set(key, this.keys.length);
    this.keys.push(key);
    this.values.push(value);
  }

  get(key: string): JsonValue | undefined {
    const at = this.indexOf(key);
    return at < 0 ? undefined : this.values[at];
  }

  private indexOf(key: string): number {
    if (this.keys.length < MANY_KEYS) return this.keys.indexOf(key);
    this.places ??= new Map(this.keys.map((known, i) => [known, i]));
    return this.places.get(key) ?? -1;
  }
}

export type JsonValue = string | boolean | null | JsonNumber | JsonValue[] | JsonObject;

/** What is wrong with JSON, at which character of the text. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault';

  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

const MANY_KEYS = 24;
/** Nobody's rows go deeper, and everything that handles them later must not run out of stack. */
const MOST_LEVELS = 500;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.+-])/y;
const WORD = /[-+]?[A-Za-z]+(?![\w.+-])/y;
/** How Python (and pandas, and JavaScript by mistake) writes what is no number or nothing. */
const MISSING = new Set(['NaN', 'nan', 'Infinity', '-Infinity', 'inf', '-inf', 'None', 'undefined']);

export class JsonReader {
  /** The next character to be read. */
  at: number;
  /** Values such as NaN, Infinity and None that were read as null. */
  missing = 0;

  constructor(
    readonly text: string,
    start = 0,
    private readonly end = text.length,
  ) {
    this.at = start;
  }

  /** Passes white space, byte-order marks (joined files have them in the middle) and record separators. */
  skipSpace(): void {
    const { text, end } = this;
    for (; this.at < end; this.at++) {
      const code = text.charCodeAt(this.at);
      if (
        code !== 0x20 &&
        code !== 0x0a &&
        code !== 0x0d &&
        code !== 0x09 &&
        code !== 0xfeff &&
        code !== 0x1e
      ) {
        return;
      }
    }
  }

  /** Whether only white space is left. */
  atEnd(): boolean {
    this.skipSpace();
    return this.at >= this.end;
  }

  /** Passes a character if it comes next. */
  take(char: string): boolean {
    this.skipSpace();
    if (this.at >= this.end || this.text[this.at] !== char) return false;
    this.at++;
    return true;
  }

  /** The next value. @throws JsonFault */
  value(level = 0, expected = 'a value'): JsonValue {
    this.skipSpace();
    if (level > MOST_LEVELS) {
      throw new JsonFault(`lists and objects are nested more than ${MOST_LEVELS} levels deep`, this.at);
    }
    const code = this.at < this.end ? this.text.charCodeAt(this.at) : -1;
    if (code === 0x22) return this.string();
    if (code === 0x7b) return this.object(level);
    if (code === 0x5b) return this.list(level);
    return this.scalar(expected);
  }

  /** Reads the elements of a list one by one, so that the caller can pause between them. @throws JsonFault */
  *elements(level = 0): Generator<JsonValue> {
    this.at++;
    if (this.take(']')) return;
    for (let first = true; ; first = false) {
      yield this.value(level + 1, first ? 'a value or “]”' : 'a value');
      if (this.take(',')) continue;
      if (this.take(']')) return;
      throw this.fault('“,” or the closing bracket');
    }
  }

  private list(level: number): JsonValue[] {
    const list: JsonValue[] = [];
    this.at++;
    if (this.take(']')) return list;
    for (;;) {
      list.push(this.value(level + 1, list.length === 0 ? 'a value or “]”' : 'a value'));
      if (this.take(',')) continue;
      if (this.take(']')) return list;
      throw this.fault('“,” or the closing bracket');
    }
  }

  private object(level: number): JsonObject {
    const object = new JsonObject();
    this.at++;
    if (this.take('}')) return object;
    for (let first = true; ; first = false) {
      this.skipSpace();
      if (this.at >= this.end || this.text[this.at] !== '"') {
        throw this.fault(first ? 'a key in double quotes or “}”' : 'a key in double quotes');
      }
      const key = this.string();
      if (!this.take(':')) throw this.fault('“:”');
      object.set(key, this.value(level + 1));
      if (this.take(',')) continue;
      if (this.take('}')) return object;
      throw this.fault('“,” or the closing bracket');
    }
  }

  private string(): string {
    const { text, end } = this;
    const start = this.at;
    let escaped = false;
    for (let i = start + 1; i < end; i++) {
      const code = text.charCodeAt(i);
      if (code === 0x22) {
        this.at = i + 1;
        if (!escaped) return text.slice(start + 1, i);
        try {
          return JSON.parse(text.slice(start, i + 1)) as string;
        } catch {
          throw this.badText(start);
        }
      }
      if (code === 0x5c) {
        escaped = true;
        i++;
      } else if (code < 0x20) break;
    }
    throw this.badText(start);
  }

  private badText(start: number): JsonFault {
    const shown = excerpt(this.text.slice(start, start + 60));
    return new JsonFault(`expected a complete text, found an unfinished or invalid text, ${shown}`, start);
  }

  private scalar(expected: string): JsonValue {
    const { text, at } = this;
    NUMBER.lastIndex = at;
    if (NUMBER.test(text) && NUMBER.lastIndex <= this.end) {
      this.at = NUMBER.lastIndex;
      return new JsonNumber(text.slice(at, this.at));
    }
    WORD.lastIndex = at;
    if (WORD.test(text) && WORD.lastIndex <= this.end) {
      const word = text.slice(at, WORD.lastIndex);
      const value = this.word(word);
      if (value !== undefined) {
        this.at += word.length;
        return value;
      }
    }
    throw this.fault(expected);
  }

  private word(word: string): JsonValue | undefined {
    if (word === 'true' || word === 'True') return true;
    if (word === 'false' || word === 'False') return false;
    if (word === 'null') return null;
    if (!MISSING.has(word)) return undefined;
    this.missing++;
    return null;
  }

  /** Of what stands where something else was expected. */
  fault(expected: string): JsonFault {
    return new JsonFault(`expected ${expected}, found ${this.describeNext()}`, this.at);
  }

  private describeNext(): string {
    if (this.at >= this.end) return 'the end of the text';
    const word = /^[\w.+'-]+/.exec(this.text.slice(this.at, this.at + 40));
    return excerpt(word ? word[0] : this.text[this.at]);
  }
}

/** 1-based line of a place in a text. */
export function lineAt(text: string, at: number): number {
  let line = 1;
  for (let i = text.indexOf('\n'); i >= 0 && i < at; i = text.indexOf('\n', i + 1)) line++;
  return line;
}

/** Compact JSON of a value, numbers as written. */
export function jsonText(value: JsonValue): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'boolean') return String(value);
  if (value instanceof JsonNumber) return value.source;
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`;
  return `{${value.keys.map((key, i) => `${JSON.stringify(key)}:${jsonText(value.values[i])}`).join(',')}}`;
}

/** The text of a cell: strings as they are, numbers as written, nothing for null, lists and objects as JSON. */
export function cellOf(value: JsonValue | undefined): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  return jsonText(value);
}

export function isNested(value: JsonValue | undefined): value is JsonValue[] | JsonObject {
  return Array.isArray(value) || value instanceof JsonObject;
}
