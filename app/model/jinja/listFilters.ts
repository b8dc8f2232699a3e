/** @file jinja2's filters for what can be gone through. */

import { bounded, equal, isTrue, iterate, sequence } from './basics';
import { JinjaError } from './errors';
import { flag } from './format';
import { asCount, asText } from './methods';
import { calculate, order } from './operations';
import { attributeGetter, type Filter, type Runtime } from './runtime';
import { codePoints, str } from './text';
import {
  type Arguments,
  Callable,
  Dict,
  Generator,
  hash,
  orElse,
  Tuple,
  take,
  typeName,
  Undefined,
  type Value,
} from './values';

const ignoreCase = (value: Value): Value => (typeof value === 'string' ? value.toLowerCase() : value);

/** The value by which an item is sorted or compared. */
function keyOf(attribute: Value | undefined, caseSensitive: boolean): (value: Value) => Value {
  const get = attributeGetter(attribute ?? null);
  return caseSensitive ? get : (value) => ignoreCase(get(value));
}

const extreme =
  (name: 'min' | 'max'): Filter =>
  (_, value, args) => {
    const named = take(name, args, ['case_sensitive?', 'attribute?']);
    const key = keyOf(named('attribute'), flag(named('case_sensitive')));
    const [first, ...rest] = iterate(value);
    if (first === undefined) return new Undefined('No aggregated item, sequence was empty.');
    let best = first;
    for (const item of rest) {
      const by = order(key(item), key(best));
      if (name === 'min' ? by < 0 : by > 0) best = item;
    }
    return best;
  };

/** `select` and its like. */
const chosen =
  (wanted: boolean, ofAttribute: boolean): Filter =>
  (runtime, value, args) =>
    new Generator(choose(runtime, value, args, wanted, ofAttribute));

function* choose(
  runtime: Runtime,
  value: Value,
  { positional, named }: Arguments,
  wanted: boolean,
  ofAttribute: boolean,
): Iterable<Value> {
  if (!isTrue(value)) return;
  if (ofAttribute && positional.length === 0) throw new JinjaError('Missing parameter for attribute name');
  const get = ofAttribute ? attributeGetter(positional[0]) : (item: Value) => item;
  const [name, ...rest] = positional.slice(ofAttribute ? 1 : 0);
  for (const item of iterate(value)) {
    runtime.step();
    const subject = get(item);
    const holds =
      name === undefined ? isTrue(subject) : runtime.test(asText(name), subject, { positional: rest, named });
    if (holds === wanted) yield item;
  }
}

function* mapped(runtime: Runtime, value: Value, { positional, named }: Arguments): Iterable<Value> {
  if (!isTrue(value)) return;
  const attribute = named.get('attribute');
  let change: (item: Value) => Value;
  if (positional.length === 0 && attribute !== undefined) {
    const unknown = [...named.keys()].find((name) => name !== 'attribute' && name !== 'default');
    if (unknown !== undefined) throw new JinjaError(`Unexpected keyword argument '${unknown}'`);
    change = attributeGetter(attribute, named.get('default'));
  } else {
    const [name, ...rest] = positional;
    if (name === undefined) throw new JinjaError('map requires a filter argument');
    change = (item) => runtime.filter(asText(name), item, { positional: rest, named });
  }
  for (const item of iterate(value)) {
    runtime.step();
    yield change(item);
  }
}

export const listFilters: Record<string, Filter> = {
  batch(_, value, args) {
    const named = take('batch', args, ['linecount', 'fill_with?']);
    const size = asCount(named('linecount'));
    if (size < 1) throw new JinjaError('batch needs a size above 0');
    const fill = named('fill_with') ?? null;
    const items = [...iterate(value)];
    const batches: Value[][] = [];
    for (let at = 0; at < items.length; at += size) batches.push(items.slice(at, at + size));
    const last = batches.at(-1);
    if (last && fill !== null) {
      bounded(size, () => last.push(...Array<Value>(size - last.length).fill(fill)));
    }
    return new Generator(batches);
  },
  dictsort(_, value, args) {
    const named = take('dictsort', args, ['case_sensitive?', 'by?', 'reverse?']);
    const by = named('by') ?? 'key';
    if (by !== 'key' && by !== 'value') throw new JinjaError('You can only sort by either "key" or "value"');
    if (!(value instanceof Dict)) throw new JinjaError(`'${typeName(value)}' has no items`);
    const read = (pair: Value) => (pair as Tuple).items[by === 'key' ? 0 : 1];
    const key = flag(named('case_sensitive')) ? read : (pair: Value) => ignoreCase(read(pair));
    return sorted(
      value.pairs().map((pair) => new Tuple(pair)),
      key,
      flag(named('reverse')),
    );
  },
  first(_, value) {
    const [first] = iterate(value);
    return orElse(first, () => new Undefined('No first item, sequence was empty.'));
  },
  groupby(_, value, args) {
    const named = take('groupby', args, ['attribute', 'default?', 'case_sensitive?']);
    const sensitive = flag(named('case_sensitive'));
    const get = attributeGetter(named('attribute') as Value, named('default'));
    const key = sensitive ? get : (item: Value) => ignoreCase(get(item));
    const groups: { key: Value; items: Value[] }[] = [];
    for (const item of sorted([...iterate(value)], key, false)) {
      const last = groups.at(-1);
      if (last && equal(last.key, key(item))) last.items.push(item);
      else groups.push({ key: key(item), items: [item] });
    }
    return groups.map(({ items }) => new Tuple([get(items[0]), items]));
  },
  items(_, value) {
    if (value instanceof Undefined) return new Generator([]);
    if (!(value instanceof Dict)) throw new JinjaError('Can only get item pairs from a mapping.');
    return new Generator(value.pairs().map((pair) => new Tuple(pair)));
  },
  join(runtime, value, args) {
    const named = take('join', args, ['d?', 'attribute?']);
    const get = attributeGetter(named('attribute') ?? null);
    const parts = [...iterate(value)].map((item) => str(get(item)));
    const between = named('d') === undefined ? '' : str(named('d') as Value);
    const size = parts.reduce((sum, part) => sum + part.length + between.length, 0);
    runtime.step();
    return bounded(size, () => parts.join(between));
  },
  last(_, value) {
    const items = value instanceof Undefined ? [] : reversible(value);
    return orElse(items.at(-1), () => new Undefined('No last item, sequence was empty.'));
  },
  list: (_, value) => [...iterate(value)],
  map: (runtime, value, args) => new Generator(mapped(runtime, value, args)),
  max: extreme('max'),
  min: extreme('min'),
  // Always the same, so that a run can be repeated.
  random(_, value) {
    const items = value instanceof Undefined ? [] : sequence(value);
    if (items === null) throw new JinjaError(`'${typeName(value)}' object is not subscriptable`);
    return orElse(items[0], () => new Undefined('No random item, sequence was empty.'));
  },
  reject: chosen(false, false),
  rejectattr: chosen(false, true),
  reverse(_, value) {
    if (typeof value === 'string') return [...codePoints(value)].reverse().join('');
    return new Generator([...iterate(value)].reverse());
  },
  select: chosen(true, false),
  selectattr: chosen(true, true),
  slice(_, value, args) {
    const named = take('slice', args, ['slices', 'fill_with?']);
    const slices = asCount(named('slices'));
    const items = [...iterate(value)];
    if (slices < 1) throw new JinjaError('slice needs a number above 0');
    const fill = named('fill_with') ?? null;
    const each = Math.floor(items.length / slices);
    const extra = items.length % slices;
    let at = 0;
    const parts = bounded(slices, () =>
      Array.from({ length: slices }, (_, i): Value[] => {
        const size = each + (i < extra ? 1 : 0);
        const part = items.slice(at, at + size);
        at += size;
        return fill === null || i < extra ? part : [...part, fill];
      }),
    );
    return new Generator(parts);
  },
  sort(_, value, args) {
    const named = take('sort', args, ['reverse?', 'case_sensitive?', 'attribute?']);
    const attribute = named('attribute') ?? null;
    const sensitive = flag(named('case_sensitive'));
    const paths = typeof attribute === 'string' ? attribute.split(',') : [attribute];
    const keys = paths.map((path) => keyOf(path, sensitive));
    const key = keys.length === 1 ? keys[0] : (item: Value) => new Tuple(keys.map((get) => get(item)));
    return sorted([...iterate(value)], key, flag(named('reverse')));
  },
  sum(_, value, args) {
    const named = take('sum', args, ['attribute?', 'start?']);
    const get = attributeGetter(named('attribute') ?? null);
    let total = orElse(named('start'), () => 0n);
    if (typeof total === 'string') throw new JinjaError("sum() can't sum strings [use ''.join(seq) instead]");
    for (const item of iterate(value)) total = calculate('+', total, get(item));
    return total;
  },
  unique(_, value, args) {
    const named = take('unique', args, ['case_sensitive?', 'attribute?']);
    const key = keyOf(named('attribute'), flag(named('case_sensitive')));
    const seen = new Set<string>();
    return new Generator(
      [...iterate(value)].filter((item) => {
        const at = hash(key(item));
        return !seen.has(at) && seen.add(at);
      }),
    );
  },
};

function reversible(value: Value): Value[] {
  if (value instanceof Dict) return value.keys();
  const items = sequence(value);
  if (items !== null) return [...items];
  if (
    value instanceof Generator ||
    value instanceof Callable ||
    typeof value !== 'object' ||
    value === null
  ) {
    throw new JinjaError(`'${typeName(value)}' object is not reversible`);
  }
  return [...iterate(value)];
}

/** A new list in order; equal items keep theirs, also in reverse. */
export function sorted(items: Value[], key: (item: Value) => Value, reverse: boolean): Value[] {
  const keyed = items.map((item) => ({ item, by: key(item) }));
  keyed.sort((a, b) => (reverse ? order(b.by, a.by) : order(a.by, b.by)));
  return keyed.map(({ item }) => item);
}
