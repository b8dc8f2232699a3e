/** @file How Python prints values, and its strings as sequences of code points. */
import { Dict, Thing, Tuple, Undefined, type Value } from './values';

/** What `\s`, `strip()` and `isspace()` mean in Python. */
export const SPACE = '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000';

const isSpace = new RegExp(`^[${SPACE}]$`);

/** The text without white space before it. In steps: a pattern for an end would be tried from every space. */
export function trimStart(text: string): string {
  let at = 0;
  while (at < text.length && isSpace.test(text[at])) at++;
  return text.slice(at);
}

/** The text without white space after it. */
export function trimEnd(text: string): string {
  let at = text.length;
  while (at > 0 && isSpace.test(text[at - 1])) at--;
  return text.slice(0, at);
}

const surrogate = /[\ud800-\udfff]/;

/** The text as it is indexed: by code points. */
export function codePoints(text: string): readonly string[] | string {
  return surrogate.test(text) ? Array.from(text) : text;
}

export function textLength(text: string): number {
  return codePoints(text).length;
}

/** `str(value)`. */
export function str(value: Value): string {
  if (typeof value === 'string') return value;
  return value instanceof Undefined ? '' : repr(value);
}

/** `repr(value)`. */
export function repr(value: Value): string {
  if (typeof value === 'string') return reprText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return floatText(value);
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (value === null) return 'None';
  if (Array.isArray(value)) return `[${value.map(repr).join(', ')}]`;
  if (value instanceof Tuple) {
    return value.items.length === 1 ? `(${repr(value.items[0])},)` : `(${value.items.map(repr).join(', ')})`;
  }
  if (value instanceof Dict) {
    return `{${value
      .pairs()
      .map(([key, item]) => `${repr(key)}: ${repr(item)}`)
      .join(', ')}}`;
  }
  return value instanceof Thing ? value.repr(repr) : 'Undefined';
}

/** A float as Python writes it: shortest digits, an exponent from 1e16 and below 1e-4. */
export function floatText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.0';
  const [mantissa, power] = value.toExponential().split('e');
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    return `${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
  }
  const digits = mantissa.replace(/[-.]/g, '');
  const sign = value < 0 ? '-' : '';
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0');
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`;
}

const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u;
const named: Record<string, string> = { '\n': '\\n', '\r': '\\r', '\t': '\\t', '\\': '\\\\' };

function reprText(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  let written = '';
  for (const char of text) {
    if (char === quote) written += `\\${char}`;
    else if (named[char] !== undefined) written += named[char];
    else if (unprintable.test(char)) written += escaped(char.codePointAt(0) as number);
    else written += char;
  }
  return quote + written + quote;
}

function escaped(code: number): string {
  const hex = code.toString(16);
  if (code < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
