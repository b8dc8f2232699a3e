/** @file Changes to JSON that stays JSON: what another program, another version or somebody with bad intent would write. */
import type { Random } from '../../app/formats/random';
import type { Mutator } from './bytes';

type Json = unknown;

/** Values that a reader may not expect. */
const odd: readonly ((random: Random) => Json)[] = [
  () => null,
  () => true,
  () => '',
  () => [],
  () => ({}),
  () => -1,
  () => 0.5,
  () => 1e8,
  () => 2 ** 53,
  () => 1e308,
  () => 2 ** 31 - 1,
  () => 'x'.repeat(10_000),
  () => '\u0000\ud800 \u202e',
  () => '__proto__',
  () => 'toString',
  () => 'constructor',
  () => [[[[[[]]]]]],
  () => Array.from({ length: 2000 }, (_, i) => i),
  () => nested(1000),
  (random) => random.int(2 ** 31),
  (random) => -random.int(1000),
];

const oddKeys = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'length', '', 'then', '0'];

/** Lists in lists. */
export function nested(depth: number): Json {
  let value: Json = 1;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

/** A value with one or a few of its places changed. */
export function mutateJson(value: Json, random: Random): Json {
  let changed = structuredClone(value);
  for (let times = 1 + random.int(2); times > 0; times--) changed = changeOne(changed, random);
  return changed;
}

function changeOne(root: Json, random: Random): Json {
  const places: { holder: Record<string, Json> | Json[]; key: string }[] = [];
  const walk = (value: Json) => {
    if (typeof value !== 'object' || value === null) return;
    const keys = Object.keys(value);
    // Of vocabularies and other long lists some places are enough.
    const step = Math.max(1, Math.floor(keys.length / 40));
    for (let i = random.int(step); i < keys.length; i += step) {
      places.push({ holder: value as Record<string, Json>, key: keys[i] });
      walk((value as Record<string, Json>)[keys[i]]);
    }
  };
  walk(root);
  if (places.length === 0 || random.int(40) === 0) return pick(odd, random)(random);
  const { holder, key } = pick(places, random);
  const at = holder as Record<string, Json>;
  switch (random.int(7)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete at[key];
      break;
    case 1:
      define(holder, pick(oddKeys, random), at[key]);
      break;
    case 2:
      define(holder, key, structuredClone(at[pick(Object.keys(holder), random)]));
      break;
    case 3:
      define(holder, key, otherNumber(at[key], random));
      break;
    case 4:
      define(holder, key, random.int(2) === 0 ? [at[key], at[key]] : { value: at[key] });
      break;
    default:
      define(holder, key, pick(odd, random)(random));
  }
  return root;
}

/** As JSON.parse does it: `__proto__` is a key like any other. */
function define(holder: object, key: string, value: Json): void {
  if (Array.isArray(holder) && !/^\d+$/.test(key)) return;
  Object.defineProperty(holder, key, { value, enumerable: true, configurable: true, writable: true });
}

function otherNumber(value: Json, random: Random): Json {
  if (typeof value !== 'number') return pick(odd, random)(random);
  return pick([value + 1, value - 1, -value, value * 2, value / 3, String(value), 0, 1e9, 2 ** 40], random);
}

export function pick<T>(list: readonly T[], random: Random): T {
  return list[random.int(list.length)];
}

/** Of a file that is one JSON value. */
export const jsonMutator: Mutator = (bytes, random) => {
  let value: Json;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return bytes.slice(0, bytes.length - 1);
  }
  return encode(mutateJson(value, random));
};

/** Of a file with a value a line. */
export const jsonLinesMutator: Mutator = (bytes, random) => {
  const lines = new TextDecoder().decode(bytes).split('\n').filter(Boolean);
  const at = random.int(lines.length);
  lines[at] = JSON.stringify(mutateJson(JSON.parse(lines[at]), random)) ?? 'null';
  return new TextEncoder().encode(`${lines.join('\n')}\n`);
};

/** What no JSON.stringify writes: numbers of Python, keys twice, nesting without end, an end too early. */
export const jsonTextMutator: Mutator = (bytes, random) => {
  const text = new TextDecoder().decode(bytes);
  const at = random.int(text.length + 1);
  const inserted = pick(
    [
      'NaN',
      '-Infinity',
      ',',
      '}',
      '"',
      '\\u',
      '//',
      '[',
      '{"a":',
      '\u0000',
      '[1,2',
      '"__proto__": {"x": 1},',
    ],
    random,
  );
  const depth = pick([1000, 100_000], random);
  const variants = [
    () => text.slice(0, at) + inserted + text.slice(at),
    () => text.replace(/:\s*-?\d+/, () => `: ${pick(['NaN', 'Infinity', '1e999', '-0', '01'], random)}`),
    () => text.replace(/:\s*("[^"]*"|\d+)/, () => `:${'['.repeat(depth)}${']'.repeat(depth)}`),
    () => text.replace(/^\{/, '{"model_type": 1, "model_type": 2,'),
    () => `\uFEFF${text}`,
  ];
  return new TextEncoder().encode(pick(variants, random)());
};

function encode(value: Json): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value) ?? 'null');
}
