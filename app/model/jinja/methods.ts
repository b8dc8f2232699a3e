/** @file The methods of Python's strings and lists. */

import { bounded, equal, isTrue, iterate, unsafe } from './basics';
import { JinjaError } from './errors';
import { formatBraces, type Lookup } from './format';
import { codePoints, SPACE, textLength, trimEnd, trimStart } from './text';
import { type Arguments, Callable, Dict, Tuple, take, typeName, type Value } from './values';

type Method = (text: string, args: Arguments, look: Lookup) => Value;

/** A method of texts; undefined where there is none of that name. */
export function textMethods(name: string): Method | undefined {
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}

/** The same, bound to a text. */
export function textMethod(text: string, name: string, look: Lookup): Callable | undefined {
  const method = textMethods(name);
  return method && new Callable(name, (args) => method(text, args, look));
}

const LIST_CHANGES = ['append', 'clear', 'pop', 'reverse', 'insert', 'sort', 'extend', 'remove'];

export function listMethod(list: readonly Value[] | Tuple, name: string): Value | undefined {
  const items = list instanceof Tuple ? list.items : list;
  const one = (args: Arguments) => take(name, args, ['value'])('value') as Value;
  switch (name) {
    case 'count':
      return new Callable(name, (args) => BigInt(items.filter((each) => equal(each, one(args))).length));
    case 'index':
      return new Callable(name, (args) => {
        const at = items.findIndex((each) => equal(each, one(args)));
        if (at < 0) throw new JinjaError('The value is not in the list');
        return BigInt(at);
      });
  }
  if (list instanceof Tuple) return undefined;
  if (name === 'copy') return new Callable(name, () => [...items]);
  return LIST_CHANGES.includes(name) ? unsafe(name) : undefined;
}

const onlySpace = new RegExp(`^[${SPACE}]+$`);
/** Where `splitlines` divides. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they end lines
const lineBreaks = /\r\n|[\n-\r\x1c-\x1e\x85\u2028\u2029]/;

/** `strip` and its like: without characters, white space; with them, any of them. */
export function strip(text: string, characters: Value | undefined, sides: 'both' | 'left' | 'right'): string {
  const left = sides !== 'right';
  const right = sides !== 'left';
  if (characters === undefined || characters === null) {
    const start = left ? trimStart(text) : text;
    return right ? trimEnd(start) : start;
  }
  const set = new Set(codePoints(asText(characters)));
  const all = codePoints(text);
  let [from, to] = [0, all.length];
  while (left && from < to && set.has(all[from])) from++;
  while (right && to > from && set.has(all[to - 1])) to--;
  return typeof all === 'string' ? all.slice(from, to) : all.slice(from, to).join('');
}

export function asText(value: Value | undefined): string {
  if (typeof value === 'string') return value;
  throw new JinjaError(`expected a text, found ${value === undefined ? 'nothing' : typeName(value)}`);
}

/** A whole number that can be a count or position. */
export function asCount(value: Value | undefined): number {
  if (typeof value === 'boolean' || typeof value === 'bigint') return Number(value);
  throw new JinjaError(`expected a whole number, found ${value === undefined ? 'nothing' : typeName(value)}`);
}

/** A word's first letter large, the others small. */
export function capitalize(text: string): string {
  const [first = '', ...rest] = codePoints(text);
  return large(first) + rest.join('').toLowerCase();
}

/** Letters that are two in one have a form for the beginning of words. */
const DIGRAPHS: Record<string, string> = {
  Ǆ: 'ǅ',
  ǆ: 'ǅ',
  Ǉ: 'ǈ',
  ǉ: 'ǈ',
  Ǌ: 'ǋ',
  ǌ: 'ǋ',
  Ǳ: 'ǲ',
  ǳ: 'ǲ',
};

/** The form of a letter that begins a word: ß becomes Ss. */
function large(letter: string): string {
  if (Object.hasOwn(DIGRAPHS, letter)) return DIGRAPHS[letter];
  const [first = '', ...rest] = letter.toUpperCase();
  return first + (first.toLowerCase() === first ? rest.join('') : rest.join('').toLowerCase());
}

function title(text: string): string {
  return text.replace(
    /([\p{L}\p{Nl}])((?:[\p{L}\p{Nl}]|\p{M}(?!$))*)/gu,
    (_, first: string, rest: string) => large(first) + rest.toLowerCase(),
  );
}

const split =
  (fromEnd: boolean): Method =>
  (text, args) => {
    const named = take('split', args, ['sep?', 'maxsplit?']);
    const separator = named('sep') ?? null;
    const most = named('maxsplit') === undefined ? -1 : asCount(named('maxsplit'));
    const limit = most < 0 ? Number.POSITIVE_INFINITY : most;
    if (separator === null) return splitSpace(text, limit, fromEnd);
    const by = asText(separator);
    if (by === '') throw new JinjaError('empty separator');
    const parts = text.split(by);
    if (parts.length - 1 <= limit) return parts;
    if (fromEnd) {
      return [parts.slice(0, parts.length - limit).join(by), ...parts.slice(parts.length - limit)];
    }
    return [...parts.slice(0, limit), parts.slice(limit).join(by)];
  };

function splitSpace(text: string, limit: number, fromEnd: boolean): string[] {
  const words = [...text.matchAll(new RegExp(`[^${SPACE}]+`, 'g'))];
  const said = words.map(([word]) => word);
  if (words.length <= limit) return said;
  // What is left keeps the white space at its far end.
  if (!fromEnd) return [...said.slice(0, limit), text.slice(words[limit].index)];
  const last = words[words.length - limit - 1];
  return [text.slice(0, last.index + last[0].length), ...said.slice(words.length - limit)];
}

/** `splitlines`. */
export function lines(text: string, keepEnds = false): string[] {
  const found: string[] = [];
  let rest = text;
  while (rest !== '') {
    const end = lineBreaks.exec(rest);
    if (!end) return [...found, rest];
    const after = end.index + end[0].length;
    found.push(rest.slice(0, keepEnds ? after : end.index));
    rest = rest.slice(after);
  }
  return found;
}

const find =
  (owner: string, fromEnd: boolean, needed: boolean): Method =>
  (text, args) => {
    const named = take(owner, args, ['sub', 'start?', 'end?']);
    const [part, offset] = range(text, named('start'), named('end'));
    const wanted = asText(named('sub'));
    const at = offset < 0 ? -1 : fromEnd ? part.lastIndexOf(wanted) : part.indexOf(wanted);
    if (at >= 0) return BigInt(textLength(part.slice(0, at)) + offset);
    if (needed) throw new JinjaError('substring not found');
    return -1n;
  };

/** A part of the text by code points, and where it begins; -1 where the start lies behind the end. */
function range(text: string, start: Value | undefined, end: Value | undefined): [string, number] {
  if ((start ?? null) === null && (end ?? null) === null) return [text, 0];
  const all = codePoints(text);
  const bound = (value: Value | undefined, otherwise: number) => {
    if ((value ?? null) === null) return otherwise;
    const at = asCount(value);
    return at < 0 ? Math.max(0, at + all.length) : at;
  };
  const from = bound(start, 0);
  const part = all.slice(from, Math.min(all.length, bound(end, all.length)));
  const outside = from > all.length || from > bound(end, all.length);
  return [typeof part === 'string' ? part : part.join(''), outside ? -1 : from];
}

const edge =
  (owner: string, test: (text: string, affix: string) => boolean): Method =>
  (text, args) => {
    const named = take(owner, args, ['prefix', 'start?', 'end?']);
    const [part, offset] = range(text, named('start'), named('end'));
    const affix = named('prefix') as Value;
    const affixes = affix instanceof Tuple ? affix.items : [affix];
    return affixes.some((each) => test(part, asText(each)) && offset >= 0);
  };

const pad =
  (owner: string, place: (missing: number, width: number) => number): Method =>
  (text, args) => {
    const named = take(owner, args, ['width', 'fillchar?']);
    const fill = named('fillchar') === undefined ? ' ' : asText(named('fillchar'));
    return padded(text, asCount(named('width')), fill, place);
  };

function padded(
  text: string,
  width: number,
  fill: string,
  place: (missing: number, width: number) => number,
): string {
  if (textLength(fill) !== 1) throw new JinjaError('The fill character must be one character');
  const missing = Math.max(0, width - textLength(text));
  return bounded(width, () => {
    const left = place(missing, width);
    return fill.repeat(left) + text + fill.repeat(missing - left);
  });
}

/** Where Python puts the odd space. */
const inMiddle = (missing: number, width: number) => Math.floor(missing / 2) + (missing & width & 1);

export function center(text: string, width: number): string {
  return padded(text, width, ' ', inMiddle);
}

const partition =
  (fromEnd: boolean): Method =>
  (text, args) => {
    const by = asText(take('partition', args, ['sep'])('sep'));
    if (by === '') throw new JinjaError('empty separator');
    const at = fromEnd ? text.lastIndexOf(by) : text.indexOf(by);
    if (at < 0) return new Tuple(fromEnd ? ['', '', text] : [text, '', '']);
    return new Tuple([text.slice(0, at), by, text.slice(at + by.length)]);
  };

/** `replace`; an empty text is found before every character. */
export function replace(text: string, old: string, fresh: string, count = -1): string {
  if (count < 0) {
    const times = old === '' ? textLength(text) + 1 : text.split(old).length - 1;
    return bounded(text.length + times * Math.max(0, fresh.length - old.length), () =>
      old === ''
        ? [...['', ...codePoints(text)].map((c) => c + fresh)].join('')
        : text.replaceAll(old, fresh),
    );
  }
  if (old === '') {
    const all = ['', ...codePoints(text)];
    return bounded(text.length + Math.min(count, all.length) * fresh.length, () =>
      all.map((char, i) => (i < count ? char + fresh : char)).join(''),
    );
  }
  const parts = text.split(old);
  const done = Math.min(count, parts.length - 1);
  return bounded(text.length + done * fresh.length, () => {
    const head = parts.slice(0, done + 1).join(fresh);
    return [head, ...parts.slice(done + 1)].join(old);
  });
}

const every =
  (pattern: RegExp): Method =>
  (text) =>
    pattern.test(text);

/** Letters that have a large and a small form: some of one kind, none of the other. */
const cased =
  (some: RegExp, none: RegExp): Method =>
  (text) =>
    some.test(text) && !none.test(text);

const UPPER = /\p{Uppercase}/u;
const LOWER = /\p{Lowercase}/u;

/** `title` has changed nothing, and there was something to change. */
function isTitle(text: string): boolean {
  return /[\p{Lu}\p{Ll}\p{Lt}]/u.test(text) && title(text) === text;
}

const methods: Record<string, Method> = {
  capitalize: (text) => capitalize(text),
  casefold: (text) => text.toUpperCase().toLowerCase(),
  center: pad('center', inMiddle),
  count(text, args) {
    const named = take('count', args, ['sub', 'start?', 'end?']);
    const [part, offset] = range(text, named('start'), named('end'));
    if (offset < 0) return 0n;
    const wanted = asText(named('sub'));
    return BigInt(wanted === '' ? textLength(part) + 1 : part.split(wanted).length - 1);
  },
  encode() {
    throw new JinjaError('Bytes are not known here (encode)');
  },
  endswith: edge('endswith', (text, affix) => text.endsWith(affix)),
  expandtabs(text, args) {
    const size = take('expandtabs', args, ['tabsize?'])('tabsize');
    return expandTabs(text, size === undefined ? 8 : asCount(size));
  },
  find: find('find', false, false),
  format: (text, args, look) => formatBraces(text, args, look),
  format_map(text, args, look) {
    const values = take('format_map', args, ['mapping'])('mapping');
    if (!(values instanceof Dict)) throw new JinjaError('format_map needs a dict');
    const named = new Map(values.pairs().map(([key, value]) => [asText(key), value]));
    return formatBraces(text, { positional: [], named }, look);
  },
  index: find('index', false, true),
  isalnum: every(/^[\p{L}\p{N}]+$/u),
  isalpha: every(/^\p{L}+$/u),
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what ASCII is
  isascii: every(/^[\x00-\x7f]*$/),
  isdecimal: every(/^\p{Nd}+$/u),
  isdigit: every(/^[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]+$/u),
  isidentifier: every(/^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Mn}\p{Mc}\p{Nd}\p{Pc}]*$/u),
  islower: cased(LOWER, /[\p{Uppercase}\p{Lt}]/u),
  isnumeric: every(/^\p{N}+$/u),
  isprintable: (text) => !/[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u.test(text),
  isspace: every(onlySpace),
  istitle: isTitle,
  isupper: cased(UPPER, /[\p{Lowercase}\p{Lt}]/u),
  join(text, args) {
    const parts = [...iterate(take('join', args, ['iterable'])('iterable') as Value)].map(asText);
    const size = parts.reduce((sum, part) => sum + part.length + text.length, 0);
    return bounded(size, () => parts.join(text));
  },
  ljust: pad('ljust', () => 0),
  lower: (text) => text.toLowerCase(),
  lstrip: (text, args) => strip(text, take('lstrip', args, ['chars?'])('chars'), 'left'),
  partition: partition(false),
  removeprefix(text, args) {
    const prefix = asText(take('removeprefix', args, ['prefix'])('prefix'));
    return text.startsWith(prefix) ? text.slice(prefix.length) : text;
  },
  removesuffix(text, args) {
    const suffix = asText(take('removesuffix', args, ['suffix'])('suffix'));
    return suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text;
  },
  replace(text, args) {
    const named = take('replace', args, ['old', 'new', 'count?']);
    const count = named('count') === undefined ? -1 : asCount(named('count'));
    return replace(text, asText(named('old')), asText(named('new')), count);
  },
  rfind: find('rfind', true, false),
  rindex: find('rindex', true, true),
  rjust: pad('rjust', (missing) => missing),
  rpartition: partition(true),
  rsplit: split(true),
  rstrip: (text, args) => strip(text, take('rstrip', args, ['chars?'])('chars'), 'right'),
  split: split(false),
  splitlines(text, args) {
    const keep = take('splitlines', args, ['keepends?'])('keepends');
    return lines(text, keep !== undefined && isTrue(keep));
  },
  startswith: edge('startswith', (text, affix) => text.startsWith(affix)),
  strip: (text, args) => strip(text, take('strip', args, ['chars?'])('chars'), 'both'),
  swapcase: (text) =>
    Array.from(text, (char) => (UPPER.test(char) ? char.toLowerCase() : char.toUpperCase())).join(''),
  title,
  upper: (text) => text.toUpperCase(),
  zfill(text, args) {
    const [, sign, rest] = /^([-+]?)([\s\S]*)$/.exec(text) as RegExpExecArray;
    const width = asCount(take('zfill', args, ['width'])('width'));
    return sign + padded(rest, width - sign.length, '0', (missing) => missing);
  },
};

function expandTabs(text: string, size: number): string {
  let column = 0;
  let written = '';
  for (const char of text) {
    if (char === '\t') {
      const spaces = size > 0 ? size - (column % size) : 0;
      written = bounded(written.length + spaces, () => written + ' '.repeat(spaces));
      column += spaces;
    } else {
      written += char;
      column = char === '\n' || char === '\r' ? 0 : column + 1;
    }
  }
  return written;
}
