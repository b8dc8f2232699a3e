/** @file jinja2's filters for texts and numbers, and `tojson` as transformers has it. Those of lists are in `listFilters.ts`. */

import { bounded, canIterate, isTrue, iterate, lengthOf, numberOf } from './basics';
import { JinjaError } from './errors';
import { fixed, flag, formatPercent } from './format';
import { jsonText } from './jsonText';
import { listFilters } from './listFilters';
import { asCount, asText, capitalize, center, lines, replace, strip } from './methods';
import { ownAttribute } from './operations';
import type { Filter } from './runtime';
import { repr, SPACE, str, textLength } from './text';
import { Dict, orElse, Tuple, take, typeName, Undefined, type Value } from './values';

const ofText =
  (change: (text: string) => Value): Filter =>
  (_, value) =>
    change(str(value));

const length: Filter = (_, value) => lengthOf(value);

const byDefault: Filter = (_, value, args) => {
  const named = take('default', args, ['default_value?', 'boolean?']);
  const replaces = value instanceof Undefined || (flag(named('boolean')) && !isTrue(value));
  return replaces ? orElse(named('default_value'), () => '') : value;
};

const escapes: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};
const escapeHtml = ofText((text) => text.replace(/[&<>"']/g, (char) => escapes[char]));

const unknown =
  (name: string): Filter =>
  () => {
    throw new JinjaError(`The filter “${name}” is not known here`);
  };

export const filters: Record<string, Filter> = {
  ...listFilters,
  abs(_, value) {
    const number = numberOf(value);
    if (number === null) throw new JinjaError(`bad operand type for abs(): '${typeName(value)}'`);
    return number < 0 ? -number : number;
  },
  attr(_, value, args) {
    const name = asText(take('attr', args, ['name'])('name'));
    return orElse(
      ownAttribute(value, name),
      () => new Undefined(`'${typeName(value)} object' has no attribute '${name}'`),
    );
  },
  capitalize: ofText(capitalize),
  center: (_, value, args) => {
    const width = take('center', args, ['width?'])('width');
    return center(str(value), width === undefined ? 80 : asCount(width));
  },
  count: length,
  d: byDefault,
  default: byDefault,
  e: escapeHtml,
  escape: escapeHtml,
  filesizeformat: unknown('filesizeformat'),
  float(_, value, args) {
    const named = take('float', args, ['default?']);
    return floatOf(value) ?? orElse(named('default'), () => 0);
  },
  forceescape: escapeHtml,
  format(_, value, { positional, named }) {
    if (positional.length > 0 && named.size > 0) {
      throw new JinjaError("can't handle positional and keyword arguments at the same time");
    }
    return formatPercent(str(value), named.size > 0 ? new Dict(named) : new Tuple(positional));
  },
  indent(_, value, args) {
    const named = take('indent', args, ['width?', 'first?', 'blank?']);
    const width = orElse(named('width'), () => 4n);
    const indention =
      typeof width === 'string' ? width : ' '.repeat(Math.min(1000, Math.max(0, asCount(width))));
    const all = lines(`${asText(value)}\n`);
    return bounded(str(value).length + all.length * indention.length, () => {
      const indented = all.map((line, i) =>
        i > 0 && (line !== '' || flag(named('blank'))) ? indention + line : line,
      );
      return (flag(named('first')) ? indention : '') + indented.join('\n');
    });
  },
  int(_, value, args) {
    const named = take('int', args, ['default?', 'base?']);
    const base = named('base') === undefined ? 10 : asCount(named('base'));
    return intOf(value, base) ?? orElse(named('default'), () => 0n);
  },
  length,
  lower: ofText((text) => text.toLowerCase()),
  pprint(_, value) {
    const text = repr(value);
    if (text.length > 78 || value instanceof Dict)
      throw new JinjaError('“pprint” of long values is not known here');
    return text;
  },
  replace(_, value, args) {
    const named = take('replace', args, ['old', 'new', 'count?']);
    const count = named('count') ?? null;
    return replace(
      str(value),
      str(named('old') as Value),
      str(named('new') as Value),
      count === null ? -1 : asCount(count),
    );
  },
  round(_, value, args) {
    const named = take('round', args, ['precision?', 'method?']);
    const number = numberOf(value);
    if (number === null) throw new JinjaError(`type ${typeName(value)} doesn't define __round__ method`);
    const places = named('precision') === undefined ? 0 : asCount(named('precision'));
    return rounded(number, places, named('method') ?? 'common');
  },
  safe: ofText((text) => text),
  string: ofText((text) => text),
  striptags: ofText((text) =>
    without(without(text, '<!--', '-->'), '<', '>')
      .replace(new RegExp(`[${SPACE}]+`, 'g'), ' ')
      .trim()
      .replace(/&(amp|lt|gt|quot|#34|#39);/g, (_, name: string) => entities[name]),
  ),
  title: ofText((text) =>
    text
      .split(new RegExp(`([-${SPACE}({\\[<]+)`))
      .map((word) => (word === '' ? '' : upperFirst(word)))
      .join(''),
  ),
  tojson(_, value, args) {
    const named = take('tojson', args, ['ensure_ascii?', 'indent?', 'separators?', 'sort_keys?']);
    const indent = named('indent') ?? null;
    const separators = named('separators') ?? null;
    const pair = separators === null ? null : [...iterate(separators)].map(asText);
    if (pair && pair.length !== 2) throw new JinjaError('tojson needs two separators');
    return jsonText(value, {
      ascii: flag(named('ensure_ascii')),
      indent:
        indent === null || typeof indent === 'string'
          ? indent
          : ' '.repeat(Math.min(1000, Math.max(0, asCount(indent)))),
      separators: pair ? [pair[0], pair[1]] : [indent === null ? ', ' : ',', ': '],
      sortKeys: flag(named('sort_keys')),
    });
  },
  trim: (_, value, args) => strip(str(value), take('trim', args, ['chars?'])('chars'), 'both'),
  truncate(_, value, args) {
    const named = take('truncate', args, ['length?', 'killwords?', 'end?', 'leeway?']);
    const most = named('length') === undefined ? 255 : asCount(named('length'));
    const end = named('end') === undefined ? '...' : asText(named('end'));
    const leeway = (named('leeway') ?? null) === null ? 5 : asCount(named('leeway'));
    if (typeof value !== 'string' && lengthOf(value) <= most + leeway) return value;
    const text = Array.from(asText(value));
    if (most < textLength(end)) throw new JinjaError(`expected length >= ${textLength(end)}, got ${most}`);
    if (text.length <= most + leeway) return text.join('');
    const kept = text.slice(0, most - textLength(end)).join('');
    if (flag(named('killwords'))) return kept + end;
    const space = kept.lastIndexOf(' ');
    return (space < 0 ? kept : kept.slice(0, space)) + end;
  },
  upper: ofText((text) => text.toUpperCase()),
  urlencode(_, value) {
    const quote = (part: Value) =>
      encodeURIComponent(str(part)).replace(
        /[!'()*]/g,
        (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
      );
    if (typeof value === 'string' || !canIterate(value)) return quote(value).replaceAll('%2F', '/');
    const pairs =
      value instanceof Dict ? value.pairs() : [...iterate(value)].map((each) => [...iterate(each)]);
    return pairs
      .map((pair) => {
        if (pair.length !== 2) throw new JinjaError('urlencode needs pairs');
        return `${quote(pair[0])}=${quote(pair[1])}`.replaceAll('%20', '+');
      })
      .join('&');
  },
  urlize: unknown('urlize'),
  wordcount: ofText((text) => BigInt(text.match(/[\p{L}\p{N}_]+/gu)?.length ?? 0)),
  wordwrap: unknown('wordwrap'),
  xmlattr: unknown('xmlattr'),
};

/** The text without what stands between two marks, and without these. */
function without(text: string, open: string, close: string): string {
  let kept = '';
  let at = 0;
  for (;;) {
    const start = text.indexOf(open, at);
    const end = start < 0 ? -1 : text.indexOf(close, start);
    if (end < 0) return kept + text.slice(at);
    kept += text.slice(at, start);
    at = end + close.length;
  }
}

const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#34': '"',
  '#39': "'",
};

function upperFirst(word: string): string {
  const [first, ...rest] = word;
  return first.toUpperCase() + rest.join('').toLowerCase();
}

/** `float(value)`; null where Python finds no number. */
function floatOf(value: Value): number | null {
  if (value instanceof Undefined) value.fail();
  const number = numberOf(value);
  if (number !== null) return Number(number);
  if (typeof value !== 'string') return null;
  const text = strip(value, undefined, 'both').replace(/(?<=\d)_(?=\d)/g, '');
  if (/^[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?$/i.test(text)) return Number(text);
  const special = /^([-+]?)(inf|infinity|nan)$/i.exec(text);
  if (!special) return null;
  if (special[2].toLowerCase() === 'nan') return Number.NaN;
  return special[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** `int(value)`, as jinja2 helps itself with `int(float(value))`. */
function intOf(value: Value, base: number): bigint | null {
  if (typeof value === 'string') {
    const text = strip(value, undefined, 'both')
      .replace(/(?<=[\da-z])_(?=[\da-z])/gi, '')
      .toLowerCase();
    const [, sign, digits] = /^([-+]?)(?:0[box](?=[\da-f]))?([\da-z]+)$/.exec(text) ?? [];
    const prefix = /^[-+]?0([box])/.exec(text)?.[1] as 'b' | 'o' | 'x' | undefined;
    const named = prefix && { b: 2, o: 8, x: 16 }[prefix];
    const allowed = !prefix || base === 0 || base === named;
    const found = digits && allowed ? parseDigits(digits, prefix ? (named as number) : base || 10) : null;
    if (found !== null) return sign === '-' ? -found : found;
  }
  const float = floatOf(value);
  if (typeof value === 'bigint') return value;
  return float === null || !Number.isFinite(float) ? null : BigInt(Math.trunc(float));
}

function parseDigits(digits: string, base: number): bigint | null {
  if (digits.length > 4300) return null;
  let found = 0n;
  for (const digit of digits) {
    const worth = Number.parseInt(digit, 36);
    if (!(worth < base)) return null;
    found = found * BigInt(base) + BigInt(worth);
  }
  return found;
}

function rounded(number: bigint | number, places: number, method: Value): Value {
  if (method === 'ceil' || method === 'floor') {
    const scale = 10 ** places;
    return Math[method](Number(number) * scale) / scale;
  }
  if (method !== 'common') throw new JinjaError('method must be common, ceil or floor');
  if (typeof number === 'bigint') {
    if (places >= 0) return number;
    const unit = 10n ** BigInt(Math.min(4000, -places));
    const half = number < 0n ? -unit / 2n : unit / 2n;
    return ((number + half) / unit) * unit;
  }
  return places < 0 ? Math.round(number * 10 ** places) / 10 ** places : Number(fixed(number, places));
}
