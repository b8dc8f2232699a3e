/**
 * @file The values of a template, with Python's distinctions: an integer is a `bigint` and a float a `number`, a list is an
 * array and a tuple a `Tuple`, a dict keeps its keys' types and their order.
 */
import { JinjaError } from './errors';

export type Value = Undefined | null | boolean | bigint | number | string | Value[] | Tuple | Dict | Thing;

/** What a name or key that is not there stands for: prints as nothing and is false; almost every use is an error. */
export class Undefined {
  constructor(
    /** What is said when it is used. */
    readonly message: string,
  ) {}

  fail(): never {
    throw new JinjaError(this.message);
  }
}

export class Tuple {
  constructor(readonly items: readonly Value[]) {}
}

export class Dict {
  private readonly entries = new Map<string, readonly [Value, Value]>();

  constructor(entries: Iterable<readonly [Value, Value]> = []) {
    for (const [key, value] of entries) this.set(key, value);
  }

  get size(): number {
    return this.entries.size;
  }

  get(key: Value): Value | undefined {
    return this.entries.get(hash(key))?.[1];
  }

  has(key: Value): boolean {
    return this.entries.has(hash(key));
  }

  /** A key that is there keeps its place and its spelling (`1` before `true`), as in Python. */
  set(key: Value, value: Value): void {
    const at = hash(key);
    const known = this.entries.get(at);
    this.entries.set(at, [known ? known[0] : key, value]);
  }

  keys(): Value[] {
    return this.pairs().map(([key]) => key);
  }

  values(): Value[] {
    return this.pairs().map(([, value]) => value);
  }

  pairs(): (readonly [Value, Value])[] {
    return [...this.entries.values()];
  }
}

/** Begins the hashes of what is no text. */
const OTHER = '\0';

/** Equal keys of a dict have equal hashes. */
export function hash(key: Value): string {
  // Nearly every key is a text, and stays itself; what begins like another hash is set apart.
  if (typeof key === 'string') return key.startsWith(OTHER) ? `${OTHER}s${key}` : key;
  return OTHER + hashOfOther(key);
}

function hashOfOther(key: Exclude<Value, string>): string {
  if (typeof key === 'bigint') return `n${key}`;
  if (typeof key === 'boolean') return `n${Number(key)}`;
  if (typeof key === 'number') return `n${Number.isInteger(key) ? BigInt(key) : key}`;
  if (key === null) return 'none';
  if (key instanceof Undefined) return 'undefined';
  if (key instanceof Tuple) return `t${JSON.stringify(key.items.map(hash))}`;
  const changes = key instanceof DictView && key.typeName !== 'dict_values';
  if (key instanceof Thing && !changes) return `o${key.identity}`;
  throw new JinjaError(`unhashable type: '${typeName(key)}'`);
}

export interface Arguments {
  positional: readonly Value[];
  named: ReadonlyMap<string, Value>;
}

let things = 0;

/** Everything that Python has an own class for. */
export abstract class Thing {
  readonly identity = things++;
  abstract readonly typeName: string;

  /** How it prints. */
  repr(_repr: (value: Value) => string): string {
    return `<${this.typeName} object>`;
  }

  attribute(_name: string): Value | undefined {
    return undefined;
  }

  /** Null where it cannot be gone through. */
  iterate(): Iterable<Value> | null {
    return null;
  }

  /** Null where it has none. */
  size(): number | null {
    return null;
  }

  /** Items of what can be indexed by number. */
  sequence(): readonly Value[] | null {
    return null;
  }
}

/** A function, method, macro or class. */
export class Callable extends Thing {
  override readonly typeName: string = 'function';

  constructor(
    readonly name: string,
    readonly call: (args: Arguments) => Value,
  ) {
    super();
  }

  override repr(): string {
    return `<${this.typeName} ${this.name}>`;
  }
}

export class Namespace extends Thing {
  override readonly typeName = 'Namespace';

  constructor(readonly entries: Dict) {
    super();
  }

  override repr(repr: (value: Value) => string): string {
    return `<Namespace ${repr(this.entries)}>`;
  }

  override attribute(name: string): Value | undefined {
    return this.entries.get(name);
  }

  assign(name: string, value: Value): void {
    if (name.startsWith('_')) throw new JinjaError(`A namespace cannot hold ${name}: it begins with _.`);
    this.entries.set(name, value);
  }
}

/** What `range` gives. */
export class Range extends Thing {
  override readonly typeName = 'range';
  readonly length: number;

  constructor(
    readonly start: bigint,
    readonly stop: bigint,
    readonly step: bigint,
  ) {
    super();
    const distance = step > 0n ? stop - start : start - stop;
    const stride = step > 0n ? step : -step;
    this.length = distance > 0n ? Number((distance + stride - 1n) / stride) : 0;
  }

  override repr(): string {
    return `range(${this.start}, ${this.stop}${this.step === 1n ? '' : `, ${this.step}`})`;
  }

  override iterate(): Value[] {
    return Array.from({ length: this.length }, (_, i) => this.start + BigInt(i) * this.step);
  }

  override sequence(): Value[] {
    return this.iterate();
  }

  override size(): number {
    return this.length;
  }
}

/** `keys()`, `values()` or `items()` of a dict. */
export class DictView extends Thing {
  constructor(
    override readonly typeName: 'dict_keys' | 'dict_values' | 'dict_items',
    readonly dict: Dict,
  ) {
    super();
  }

  override repr(repr: (value: Value) => string): string {
    return `${this.typeName}(${repr([...this.iterate()])})`;
  }

  override iterate(): Value[] {
    if (this.typeName === 'dict_keys') return this.dict.keys();
    if (this.typeName === 'dict_values') return this.dict.values();
    return this.dict.pairs().map((pair) => new Tuple(pair));
  }

  override size(): number {
    return this.dict.size;
  }
}

/** What can be gone through once. */
export class Generator extends Thing {
  override readonly typeName: string = 'generator';
  private readonly iterator: Iterator<Value>;

  constructor(items: Iterable<Value>) {
    super();
    this.iterator = items[Symbol.iterator]();
  }

  override *iterate(): Iterable<Value> {
    for (let next = this.iterator.next(); !next.done; next = this.iterator.next()) yield next.value;
  }
}

/** A value, or another where there is none: `??` would take None for nothing. */
export function orElse(value: Value | undefined, otherwise: () => Value): Value {
  return value === undefined ? otherwise() : value;
}

/** Python's name of a value's type. */
export function typeName(value: Value): string {
  if (value === null) return 'NoneType';
  if (typeof value === 'string') return 'str';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'number') return 'float';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Tuple) return 'tuple';
  if (value instanceof Dict) return 'dict';
  return value instanceof Undefined ? 'Undefined' : value.typeName;
}

/**
 * Arguments by name.
 * @param names Of the parameters in their order; those that end with `?` may be left out.
 */
export function take<Name extends string>(
  owner: string,
  { positional, named }: Arguments,
  names: readonly Name[],
): (name: string) => Value | undefined {
  if (named.size === 0 && positional.length <= names.length) {
    // Nearly every call: nothing is given by name.
    for (let i = positional.length; i < names.length; i++) {
      if (!names[i].endsWith('?')) throw new JinjaError(`${owner} needs its argument ${names[i]}`);
    }
    return (name) => {
      const at = names.findIndex(
        (each) => each === name || (each.endsWith('?') && each.slice(0, -1) === name),
      );
      return at < positional.length ? positional[at] : undefined;
    };
  }
  const bare = names.map((name) => (name.endsWith('?') ? name.slice(0, -1) : name));
  if (positional.length > bare.length) {
    throw new JinjaError(`${owner} takes at most ${bare.length} arguments, ${positional.length} were given`);
  }
  const values = new Map(positional.map((value, i) => [bare[i], value]));
  for (const [name, value] of named) {
    if (!bare.includes(name)) throw new JinjaError(`${owner} has no argument named ${name}`);
    if (values.has(name)) throw new JinjaError(`${owner} was given ${name} twice`);
    values.set(name, value);
  }
  for (const name of names) {
    if (!name.endsWith('?') && !values.has(name)) throw new JinjaError(`${owner} needs its argument ${name}`);
  }
  return (name) => values.get(name);
}
