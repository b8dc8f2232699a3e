/** @file `json.dumps`, which is what transformers' `tojson` is. */

import { bounded } from './basics';
import { JinjaError } from './errors';
import { order } from './operations';
import { floatText } from './text';
import { Dict, Tuple, typeName, type Value } from './values';

export interface JsonOptions {
  ascii: boolean;
  /** Null: all on one line. */
  indent: string | null;
  separators: readonly [string, string];
  sortKeys: boolean;
}

const MOST_NESTED = 200;
const escapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\f': '\\f',
  '\b': '\\b',
};

/** @throws JinjaError for a value that JSON has no words for. */
export function jsonText(value: Value, options: JsonOptions, depth = 0): string {
  if (depth > MOST_NESTED) throw new JinjaError('tojson: nested too deeply');
  if (value === null) return 'null';
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') return floatJson(value);
  if (typeof value === 'string') return quoted(value, options.ascii);
  if (value instanceof Dict) {
    const pairs = options.sortKeys ? value.pairs().sort(([a], [b]) => order(a, b)) : value.pairs();
    const items = pairs.map(
      ([key, item]) =>
        quoted(keyText(key), options.ascii) + options.separators[1] + jsonText(item, options, depth + 1),
    );
    return listed('{', items, '}', options, depth);
  }
  const list = value instanceof Tuple ? value.items : value;
  if (!Array.isArray(list))
    throw new JinjaError(`Object of type ${typeName(value)} is not JSON serializable`);
  const items = list.map((item) => jsonText(item, options, depth + 1));
  return listed('[', items, ']', options, depth);
}

function listed(
  open: string,
  items: readonly string[],
  close: string,
  { indent, separators }: JsonOptions,
  depth: number,
): string {
  if (items.length === 0) return open + close;
  const size = items.reduce((sum, item) => sum + item.length + 2 + (indent ?? '').length * (depth + 1), 0);
  return bounded(size, () => {
    if (indent === null) return open + items.join(separators[0]) + close;
    const line = `\n${indent.repeat(depth + 1)}`;
    return `${open}${line}${items.join(separators[0] + line)}\n${indent.repeat(depth)}${close}`;
  });
}

function floatJson(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity';
  return floatText(value);
}

function keyText(key: Value): string {
  if (typeof key === 'string') return key;
  if (key === null) return 'null';
  if (typeof key === 'boolean' || typeof key === 'bigint') return String(key);
  if (typeof key === 'number') return floatJson(key);
  throw new JinjaError(`keys must be str, int, float, bool or None, not ${typeName(key)}`);
}

function quoted(text: string, ascii: boolean): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes them
  const pattern = ascii ? /["\\\x00-\x1f]|[^\x00-\x7e]/g : /["\\\x00-\x1f]/g;
  const written = text.replace(
    pattern,
    (char) => escapes[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  return `"${written}"`;
}
