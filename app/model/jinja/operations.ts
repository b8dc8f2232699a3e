/** @file What operators, comparisons and subscripts do with values, as in Python. */
import type { BinaryOperator, CompareOperator } from './ast';
import { bounded, checkSize, equal, iterate, numberOf, sequence, unsafe } from './basics';
import { JinjaError } from './errors';
import { formatPercent } from './format';
import { listMethod, textMethod } from './methods';
import { str } from './text';
import {
  Callable,
  Dict,
  DictView,
  hash,
  orElse,
  Thing,
  Tuple,
  typeName,
  Undefined,
  type Value,
} from './values';

/** Bits of a whole number. */
const MOST_BITS = 2 ** 14;

/** Below 0, 0 or above, as for sorting; texts by code points. @throws JinjaError for what has no order. */
export function order(a: Value, b: Value, operator = '<'): number {
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) {
    if (x < y) return -1;
    // NaN is neither below, above nor equal.
    return x > y ? 1 : equal(x, y) ? 0 : Number.NaN;
  }
  if (typeof a === 'string' && typeof b === 'string') return orderTexts(a, b);
  const [left, right] = [a, b].map((each) => (each instanceof Tuple ? each.items : each));
  if (Array.isArray(left) && Array.isArray(right) && Array.isArray(a) === Array.isArray(b)) {
    const differs = left.findIndex((item, i) => i < right.length && !equal(item, right[i]));
    return differs < 0 ? left.length - right.length : order(left[differs], right[differs], operator);
  }
  for (const each of [a, b]) if (each instanceof Undefined) each.fail();
  throw new JinjaError(
    `'${operator}' not supported between instances of '${typeName(a)}' and '${typeName(b)}'`,
  );
}

function orderTexts(a: string, b: string): number {
  if (a === b) return 0;
  const [x, y] = [Array.from(a), Array.from(b)];
  for (let i = 0; i < x.length && i < y.length; i++) {
    if (x[i] !== y[i]) return (x[i].codePointAt(0) as number) - (y[i].codePointAt(0) as number);
  }
  return x.length - y.length;
}

export function compare(operator: CompareOperator, a: Value, b: Value): boolean {
  switch (operator) {
    case '==':
      return equal(a, b);
    case '!=':
      return !equal(a, b);
    case 'in':
      return contains(b, a);
    case 'not in':
      return !contains(b, a);
    case '<':
      return order(a, b, operator) < 0;
    case '<=':
      return order(a, b, operator) <= 0;
    case '>':
      return order(a, b, operator) > 0;
    case '>=':
      return order(a, b, operator) >= 0;
  }
}

export function contains(whole: Value, part: Value): boolean {
  if (typeof whole === 'string') {
    if (typeof part === 'string') return whole.includes(part);
    throw new JinjaError(`'in <string>' requires string as left operand, not ${typeName(part)}`);
  }
  if (whole instanceof Dict) return whole.has(part);
  for (const item of iterate(whole)) if (equal(item, part)) return true;
  return false;
}

export function calculate(operator: BinaryOperator, a: Value, b: Value): Value {
  if (operator === '+' && typeof a === 'string' && typeof b === 'string') {
    checkSize(a.length + b.length);
    return a + b;
  }
  if (operator === '%' && typeof a === 'string') return formatPercent(a, b);
  for (const each of [a, b]) if (each instanceof Undefined) each.fail();
  const [x, y] = [numberOf(a), numberOf(b)];
  if (x !== null && y !== null) {
    if (typeof x === 'bigint' && typeof y === 'bigint') return wholeNumbers(operator, x, y);
    return floats(operator, Number(x), Number(y));
  }
  if (operator === '+') {
    if (Array.isArray(a) && Array.isArray(b)) return bounded(a.length + b.length, () => [...a, ...b]);
    if (a instanceof Tuple && b instanceof Tuple) {
      return bounded(a.items.length + b.items.length, () => new Tuple([...a.items, ...b.items]));
    }
  }
  if (operator === '*') {
    if (typeof x === 'bigint') return repeat(b, x, a);
    if (typeof y === 'bigint') return repeat(a, y, b);
  }
  throw new JinjaError(`unsupported operand type(s) for ${operator}: '${typeName(a)}' and '${typeName(b)}'`);
}

function wholeNumbers(operator: BinaryOperator, x: bigint, y: bigint): Value {
  if (y === 0n && ['/', '//', '%'].includes(operator)) throw new JinjaError('division by zero');
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      if (bits(x) + bits(y) > MOST_BITS) throw new JinjaError('A number becomes too large');
      return x * y;
    case '/':
      return Number(x) / Number(y);
    case '//':
      return (x - floorRest(x, y)) / y;
    case '%':
      return floorRest(x, y);
    case '**':
      if (y < 0n) return floats(operator, Number(x), Number(y));
      if (Number(y) * bits(x) > MOST_BITS) throw new JinjaError('A number becomes too large');
      return x ** y;
  }
}

/** The rest that has the divisor's sign. */
function floorRest(x: bigint, y: bigint): bigint {
  const rest = x % y;
  return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
}

function bits(x: bigint): number {
  return x.toString(16).length * 4;
}

function floats(operator: BinaryOperator, x: number, y: number): number {
  if (y === 0 && ['/', '//', '%'].includes(operator)) throw new JinjaError('division by zero');
  const rest = () => {
    const found = x % y;
    return found !== 0 && found < 0 !== y < 0 ? found + y : found;
  };
  switch (operator) {
    case '+':
      return x + y;
    case '-':
      return x - y;
    case '*':
      return x * y;
    case '/':
      return x / y;
    case '//':
      return Math.floor((x - rest()) / y + 0.5);
    case '%':
      return rest();
    case '**':
      if (x === 0 && y < 0) throw new JinjaError('zero to a negative power');
      if (x < 0 && !Number.isInteger(y)) throw new JinjaError('Complex numbers are not known here');
      return x ** y;
  }
}

function repeat(value: Value, times: bigint, count: Value): Value {
  const n = times < 0n ? 0 : Number(times);
  if (typeof value === 'string') return bounded(value.length * n, () => value.repeat(n));
  const items = value instanceof Tuple ? value.items : value;
  if (!Array.isArray(items)) {
    throw new JinjaError(`unsupported operand type(s) for *: '${typeName(value)}' and '${typeName(count)}'`);
  }
  return bounded(items.length * n, () => {
    const all = Array.from({ length: n }, () => items as Value[]).flat();
    return value instanceof Tuple ? new Tuple(all) : all;
  });
}

export function negate(operator: '-' | '+', value: Value): Value {
  if (value instanceof Undefined) value.fail();
  const number = numberOf(value);
  if (number === null) throw new JinjaError(`bad operand type for unary ${operator}: '${typeName(value)}'`);
  return operator === '-' ? -number : number;
}

/** `value.name`: an attribute or method first, then a key. */
export function attribute(value: Value, name: string): Value {
  if (value instanceof Undefined) value.fail();
  const own = ownAttribute(value, name);
  if (own !== undefined) return own;
  const found = key(value, name);
  return found === undefined ? missing(value, name) : found;
}

/** `value[key]`: a key or position first, then an attribute. */
export function item(value: Value, at: Value): Value {
  if (value instanceof Undefined) value.fail();
  const found = key(value, at);
  if (found !== undefined) return found;
  return orElse(typeof at === 'string' ? ownAttribute(value, at) : undefined, () => missing(value, at));
}

function missing(value: Value, name: Value): Undefined {
  const what =
    typeof name === 'string'
      ? `'${typeName(value)} object' has no attribute '${name}'`
      : `${typeName(value)} object has no element ${str(name)}`;
  return new Undefined(what);
}

/** How what is named in a format is found. */
export const look = { attribute, item };

/** An attribute or method that Python's own class has. */
export function ownAttribute(value: Value, name: string): Value | undefined {
  if (name.startsWith('_')) return undefined;
  if (value instanceof Thing) return value.attribute(name);
  if (value instanceof Dict) return dictMethod(value, name);
  if (typeof value === 'string') return textMethod(value, name, look);
  if (Array.isArray(value) || value instanceof Tuple) return listMethod(value, name);
  return undefined;
}

/** What stands under a key or at a position; undefined where nothing does. */
function key(value: Value, at: Value): Value | undefined {
  if (value instanceof Dict) {
    try {
      return value.get(at);
    } catch {
      // A list is no key.
      return undefined;
    }
  }
  const position = typeof at === 'boolean' ? BigInt(at) : at;
  if (typeof position !== 'bigint') return undefined;
  const items = sequence(value);
  if (items === null) return undefined;
  return items[Number(position < 0n ? BigInt(items.length) + position : position)];
}

/** `value[start:stop:step]`. */
export function slice(value: Value, bounds: readonly (Value | null)[]): Value {
  if (value instanceof Undefined) value.fail();
  const items = sequence(value);
  if (items === null) throw new JinjaError(`'${typeName(value)}' object cannot be sliced`);
  const [from, to, by] = [0, 1, 2].map((i) => {
    const bound = bounds[i] ?? null;
    if (bound === null) return null;
    const number = typeof bound === 'boolean' ? BigInt(bound) : bound;
    if (typeof number !== 'bigint') throw new JinjaError('slice indices must be integers or None');
    return Number(number);
  });
  const step = by ?? 1;
  if (step === 0) throw new JinjaError('slice step cannot be zero');
  const length = items.length;
  const clamp = (at: number) => {
    const positive = at < 0 ? at + length : at;
    return step > 0 ? Math.min(Math.max(positive, 0), length) : Math.min(Math.max(positive, -1), length - 1);
  };
  const start = from === null ? (step > 0 ? 0 : length - 1) : clamp(from);
  const stop = to === null ? (step > 0 ? length : -1) : clamp(to);
  const taken: Value[] = [];
  for (let i = start; step > 0 ? i < stop : i > stop; i += step) taken.push(items[i]);
  if (typeof value === 'string') return taken.join('');
  return value instanceof Tuple ? new Tuple(taken) : taken;
}

const MUTATING = ['clear', 'pop', 'popitem', 'setdefault', 'update'];

function dictMethod(dict: Dict, name: string): Value | undefined {
  const method = (call: Callable['call']) => new Callable(name, call);
  switch (name) {
    case 'keys':
    case 'values':
    case 'items':
      return method(() => new DictView(`dict_${name}`, dict));
    case 'get':
      return method(({ positional: [at, otherwise = null], named }) => {
        if (at === undefined || named.size > 0) throw new JinjaError('get needs a key');
        hash(at);
        return orElse(dict.get(at), () => otherwise);
      });
    case 'copy':
      return method(() => new Dict(dict.pairs()));
  }
  return MUTATING.includes(name) ? unsafe(name) : undefined;
}
