/** @file What every part of the interpreter asks of values: truth, items, length, equality, and how large they may become. */
import { JinjaError } from './errors';
import { codePoints, textLength } from './text';
import { Dict, DictView, Range, Thing, Tuple, typeName, Undefined, type Value } from './values';

/** Characters or items that one operation may make. */
export const MOST_ITEMS = 2 ** 24;

export function isTrue(value: Value): boolean {
  if (typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.length > 0;
  if (value instanceof Tuple) return value.items.length > 0;
  if (value instanceof Dict) return value.size > 0;
  if (value instanceof Undefined) return false;
  if (value instanceof Thing) return value.size() !== 0;
  return Boolean(value) || Number.isNaN(value);
}

/** The items of what can be gone through. */
export function iterate(value: Value): Iterable<Value> {
  if (Array.isArray(value)) return value;
  if (typeof value === 'string') return codePoints(value);
  if (value instanceof Tuple) return value.items;
  if (value instanceof Dict) return value.keys();
  if (value instanceof Undefined) return [];
  const items = value instanceof Thing ? value.iterate() : null;
  if (!items) throw new JinjaError(`'${typeName(value)}' object is not iterable`);
  return items;
}

/** Whether `iterate` would find items. */
export function canIterate(value: Value): boolean {
  if (value instanceof Thing) return value.iterate() !== null;
  return value !== null && !['boolean', 'bigint', 'number'].includes(typeof value);
}

export function lengthOf(value: Value): bigint {
  if (typeof value === 'string') return BigInt(textLength(value));
  if (Array.isArray(value)) return BigInt(value.length);
  if (value instanceof Tuple) return BigInt(value.items.length);
  if (value instanceof Dict) return BigInt(value.size);
  if (value instanceof Undefined) return 0n;
  const size = value instanceof Thing ? value.size() : null;
  if (size === null) throw new JinjaError(`object of type '${typeName(value)}' has no len()`);
  return BigInt(size);
}

/** A number, or null for what is none. */
export function numberOf(value: Value): bigint | number | null {
  if (typeof value === 'boolean') return BigInt(value);
  return typeof value === 'bigint' || typeof value === 'number' ? value : null;
}

export function equal(a: Value, b: Value): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b;
  const [x, y] = [numberOf(a), numberOf(b)];
  // Of two types of number, JavaScript compares the values.
  // biome-ignore lint/suspicious/noDoubleEquals: 1n == 1
  if (x !== null && y !== null) return x == y;
  if (Array.isArray(a)) return Array.isArray(b) && equalItems(a, b);
  if (a instanceof Tuple) return b instanceof Tuple && equalItems(a.items, b.items);
  if (a instanceof Dict) {
    if (!(b instanceof Dict) || a.size !== b.size) return false;
    return a.pairs().every(([key, value]) => {
      const other = b.get(key);
      return other !== undefined && equal(value, other);
    });
  }
  if (a instanceof Undefined) return b instanceof Undefined;
  if (a instanceof Range && b instanceof Range) return equalItems(a.iterate(), b.iterate());
  if (a instanceof DictView && b instanceof DictView && a.typeName === b.typeName) {
    return a.typeName !== 'dict_values' && equalItems(a.iterate(), b.iterate());
  }
  return a === b;
}

function equalItems(a: readonly Value[], b: readonly Value[]): boolean {
  return a.length === b.length && a.every((item, i) => equal(item, b[i]));
}

/** @throws JinjaError where a template makes something enormous. */
export function checkSize(size: number): void {
  if (size > MOST_ITEMS) throw new JinjaError(`The template makes a text or list of more than ${MOST_ITEMS}`);
}

/** @throws as `checkSize` */
export function bounded<T>(size: number, make: () => T): T {
  checkSize(size);
  return make();
}

/** Items by position; null for what has none. */
export function sequence(value: Value): readonly Value[] | string | null {
  if (typeof value === 'string') return codePoints(value);
  if (Array.isArray(value)) return value;
  if (value instanceof Tuple) return value.items;
  return value instanceof Thing ? value.sequence() : null;
}

/** What transformers forbids a template to do. */
export function unsafe(name: string): Undefined {
  return new Undefined(`A template must not change a value that it is given (${name})`);
}
