/** @file Python's two ways of filling texts: `'%s-%d' % (a, b)` and `'{}:{x}'.format(a, x=b)`. */

import { isTrue, numberOf } from './basics';
import { JinjaError } from './errors';
import { floatText, repr, str, textLength } from './text';
import { type Arguments, Dict, orElse, Tuple, typeName, Undefined, type Value } from './values';

const MOST_WIDTH = 10_000;
const directive = /%(?:\(([^)]*)\))?([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+)?)?([\s\S])?/g;

/** `text % value`. @throws JinjaError where values and directives do not fit. */
export function formatPercent(text: string, value: Value): string {
  const values = value instanceof Tuple ? [...value.items] : [value];
  let used = 0;
  let byName = false;
  const next = (): Value => {
    if (used >= values.length) throw new JinjaError('not enough arguments for format string');
    return values[used++];
  };
  const number = (part: string | undefined) => (part === '*' ? Number(str(next())) : Number(part ?? 0));
  const result = text.replace(directive, (whole, name, flags: string, width, precision, kind = '') => {
    if (kind === '%') return '%';
    const wide = limited(number(width));
    const digits = precision !== undefined || whole.includes('.') ? limited(number(precision)) : null;
    let given: Value;
    if (name === undefined) given = next();
    else {
      byName = true;
      if (!(value instanceof Dict)) throw new JinjaError('format requires a mapping');
      given = orElse(value.get(name), () => missingKey(name));
    }
    return pad(converted(kind, given, digits, flags), {
      width: wide,
      align: flags.includes('-') ? '<' : flags.includes('0') && !'sra'.includes(kind) ? '=' : '>',
      fill: flags.includes('0') && !flags.includes('-') && !'sra'.includes(kind) ? '0' : ' ',
    });
  });
  const named = byName || value instanceof Dict || Array.isArray(value) || value instanceof Undefined;
  if (!named && used < values.length) throw new JinjaError('not all arguments converted during formatting');
  return result;
}

function missingKey(name: string): never {
  throw new JinjaError(`KeyError: '${name}'`);
}

function limited(width: number): number {
  if (width > MOST_WIDTH) throw new JinjaError('A text is to be padded too far');
  return width;
}

function converted(kind: string, value: Value, digits: number | null, flags: string): string {
  const cut = (text: string) => (digits === null ? text : Array.from(text).slice(0, digits).join(''));
  if (kind === 's') return cut(str(value));
  if (kind === 'r' || kind === 'a') return cut(repr(value));
  if (kind === 'c') {
    if (typeof value === 'string' && textLength(value) === 1) return value;
    if (typeof value === 'bigint' && value >= 0n && value < 0x110000n)
      return String.fromCodePoint(Number(value));
    throw new JinjaError('%c requires an int or a unicode character');
  }
  if (value instanceof Undefined) value.fail();
  const number = numberOf(value);
  const sign = flags.includes('+') ? '+' : flags.includes(' ') ? ' ' : '';
  if (number === null)
    throw new JinjaError(`%${kind} format: a real number is required, not ${typeName(value)}`);
  if ('diu'.includes(kind))
    return signed(
      whole(number)
        .toString()
        .replace(/^(-?)/, (s) => s),
      sign,
      digits,
    );
  if ('xXo'.includes(kind)) {
    if (typeof number !== 'bigint') throw new JinjaError(`%${kind} format: an integer is required`);
    const text = number.toString(kind === 'o' ? 8 : 16);
    const prefix = flags.includes('#') ? `0${kind}` : '';
    const written = text.replace(/^-?/, (minus) => minus + prefix);
    return signed(kind === 'X' ? written.toUpperCase() : written, sign, null);
  }
  if ('eEfFgG'.includes(kind))
    return signed(floatFormat(Number(number), kind, digits ?? 6, flags.includes('#')), sign, null);
  throw new JinjaError(`unsupported format character '${kind}'`);
}

function whole(number: bigint | number): bigint {
  if (typeof number === 'bigint') return number;
  if (!Number.isFinite(number)) throw new JinjaError('cannot convert float to integer');
  return BigInt(Math.trunc(number));
}

function signed(text: string, sign: string, digits: number | null): string {
  const negative = text.startsWith('-');
  const bare = (negative ? text.slice(1) : text).padStart(digits ?? 0, '0');
  return (negative ? '-' : sign) + bare;
}

/** A float in one of the formats e, f and g. */
function floatFormat(value: number, kind: string, precision: number, alternative: boolean): string {
  const upper = kind === kind.toUpperCase();
  let text: string;
  if (!Number.isFinite(value)) text = floatText(value);
  else if (kind === 'f' || kind === 'F') text = fixed(value, precision);
  else if (kind === 'e' || kind === 'E') text = exponential(value, precision);
  else {
    const digits = Math.max(1, precision);
    const exponent = value === 0 ? 0 : Number(value.toExponential(digits - 1).split('e')[1]);
    text =
      exponent < -4 || exponent >= digits
        ? exponential(value, digits - 1)
        : fixed(value, digits - 1 - exponent);
    if (!alternative) text = text.replace(/(\.\d*?)0+(?=$|e)/, '$1').replace(/\.(?=$|e)/, '');
  }
  return upper ? text.toUpperCase() : text;
}

function exponential(value: number, digits: number): string {
  return value.toExponential(Math.min(100, digits)).replace(/e([+-])(\d)$/, 'e$10$2');
}

/** Exactly rounded, half to even on the float's true value, as C does; JavaScript's `toFixed` is exact below 1e21. */
export function fixed(value: number, digits: number): string {
  const places = Math.min(100, digits);
  if (Math.abs(value) >= 1e21) {
    return BigInt(value).toString() + (places > 0 ? `.${'0'.repeat(places)}` : '');
  }
  const text = value.toFixed(places);
  // An exact half: JavaScript rounds up, C to even.
  const scaled = Math.abs(value) * 10 ** places;
  const half = places <= 3 && scaled < 2 ** 50 && scaled % 1 === 0.5 && isExact(value, places);
  if (half && Math.floor(scaled) % 2 === 0) {
    const down = (Math.floor(scaled) / 10 ** places).toFixed(places);
    return (value < 0 ? '-' : '') + down;
  }
  return Object.is(value, -0) ? `-${text}` : text;
}

/** Whether the value is a multiple of a power of a half that makes the tie real. */
function isExact(value: number, places: number): boolean {
  return Number.isInteger(value * 2 ** (places + 1));
}

function pad(text: string, { width, align, fill }: { width: number; align: string; fill: string }): string {
  const missing = width - textLength(text);
  if (missing <= 0) return text;
  if (align === '<') return text + fill.repeat(missing);
  if (align === '^') {
    const left = missing >> 1;
    return fill.repeat(left) + text + fill.repeat(missing - left);
  }
  if (align === '=') {
    const sign = /^[-+ ]?(?:0[xXob])?/.exec(text)?.[0] ?? '';
    return sign + fill.repeat(missing) + text.slice(sign.length);
  }
  return fill.repeat(missing) + text;
}

/** What a field's path is followed with: the interpreter's own `value.name` and `value[key]`. */
export interface Lookup {
  attribute(value: Value, name: string): Value;
  item(value: Value, at: Value): Value;
}

/** `text.format(…)`. @throws JinjaError */
export function formatBraces(text: string, args: Arguments, look: Lookup, depth = 0): string {
  if (depth > 2) throw new JinjaError('Max string recursion exceeded');
  let automatic = 0;
  let written = '';
  for (let at = 0; at < text.length; ) {
    const char = text[at];
    if (char !== '{' && char !== '}') {
      written += char;
      at++;
    } else if (text[at + 1] === char) {
      written += char;
      at += 2;
    } else if (char === '}') throw new JinjaError("Single '}' encountered in format string");
    else {
      const end = fieldEnd(text, at);
      const [, name, conversion, spec = ''] =
        /^([^!:]*)(?:!([\s\S]))?(?::([\s\S]*))?$/.exec(text.slice(at + 1, end)) ?? [];
      if (name === undefined) throw new JinjaError('A field of a format string is not understood');
      const first = /^[^.[]*/.exec(name)?.[0] ?? '';
      const key = first === '' ? String(automatic++) : first;
      const start = /^\d+$/.test(key) ? args.positional[Number(key)] : args.named.get(key);
      if (start === undefined) throw new JinjaError(`There is no value for the field {${key}}`);
      const value = follow(start, name.slice(first.length), look);
      const filled = spec.includes('{')
        ? formatBraces(
            spec.replaceAll('{}', () => `{${automatic++}}`),
            args,
            look,
            depth + 1,
          )
        : spec;
      written += formatValue(
        conversion === 'r' ? repr(value) : conversion === 's' ? str(value) : value,
        filled,
      );
      at = end + 1;
    }
  }
  return written;
}

function fieldEnd(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '{') depth++;
    else if (text[at] === '}' && --depth === 0) return at;
  }
  throw new JinjaError("expected '}' before end of string");
}

/** `.name` and `[key]` after a field's name. */
function follow(start: Value, path: string, look: Lookup): Value {
  let value = start;
  for (const [, name, key] of path.matchAll(/\.([^.[]+)|\[([^\]]+)\]/g)) {
    if (name !== undefined) value = look.attribute(value, name);
    else value = look.item(value, /^\d+$/.test(key) ? BigInt(key) : key);
    if (value instanceof Undefined) value.fail();
  }
  return value;
}

const formatSpec = /^(?:([\s\S])?([<>=^]))?([-+ ])?(#)?(0)?(\d+)?([,_])?(?:\.(\d+))?([a-zA-Z%])?$/u;

/** `format(value, spec)`. */
function formatValue(value: Value, spec: string): string {
  if (spec === '') return str(value);
  const parts = formatSpec.exec(spec);
  if (!parts) throw new JinjaError(`Invalid format specifier '${spec}'`);
  const [, fill = ' ', align, sign = '-', alternative, zero, width = '0', group, precision, kind] = parts;
  const shape = (text: string, usual: string) =>
    pad(text, {
      width: limited(Number(width)),
      align: align ?? (zero ? '=' : usual),
      fill: align ? (parts[1] ?? ' ') : zero ? '0' : fill,
    });
  if (typeof value === 'string') {
    if (kind !== undefined && kind !== 's') throw new JinjaError(`Unknown format code '${kind}' for a text`);
    return shape(
      precision === undefined ? value : Array.from(value).slice(0, Number(precision)).join(''),
      '<',
    );
  }
  const number = numberOf(value);
  if (number === null) {
    throw new JinjaError(`unsupported format string passed to ${typeName(value)}.__format__`);
  }
  const places = precision === undefined ? 6 : limited(Number(precision));
  let text: string;
  if (kind === '%') text = `${fixed(Number(number) * 100, places)}%`;
  else if (kind !== undefined && 'eEfFgG'.includes(kind)) {
    text = floatFormat(Number(number), kind, places, alternative !== undefined);
  } else if (typeof number === 'bigint') {
    const base = { b: 2, o: 8, x: 16, X: 16 }[kind ?? 'd'] ?? 10;
    if (kind !== undefined && !'bdoxXn'.includes(kind)) throw new JinjaError(`Unknown format code '${kind}'`);
    text = number
      .toString(base)
      .replace(/^-?/, (minus) => minus + (alternative && base !== 10 ? `0${kind}` : ''));
    if (kind === 'X') text = text.toUpperCase();
  } else if (kind === undefined) {
    text = precision === undefined ? floatText(number) : floatFormat(number, 'g', places, false);
  } else throw new JinjaError(`Unknown format code '${kind}'`);
  if (group) text = text.replace(/^-?\d+/, (digits) => digits.replace(/\B(?=(\d{3})+$)/g, group));
  const plus = sign !== '-' && !text.startsWith('-') ? sign : '';
  return shape(plus + text, '>');
}

/** Used by filters that take a yes or no. */
export function flag(value: Value | undefined): boolean {
  return value !== undefined && isTrue(value);
}
