/** @file Functions that every template has. */

import { iterate } from './basics';
import { JinjaError } from './errors';
import { str } from './text';
import { type Arguments, Callable, Dict, Namespace, orElse, Range, Thing, take, type Value } from './values';

/** Items that `range` may have in jinja2's sandbox. */
const MOST_RANGE = 100_000;

/** What `self` is in a template: its blocks, of which nobody asks. */
class Blocks extends Thing {
  override readonly typeName = 'TemplateReference';
}

export const globals: ReadonlyMap<string, Value> = new Map<string, Value>([
  ['self', new Blocks()],
  ['range', new Callable('range', range)],
  ['dict', new Callable('dict', dict)],
  ['namespace', new Callable('namespace', (args) => new Namespace(dict(args)))],
  ['cycler', new Callable('cycler', (args) => new Cycler(args.positional))],
  ['joiner', new Callable('joiner', joiner)],
  [
    'lipsum',
    new Callable('lipsum', () => {
      throw new JinjaError('“lipsum” would give another text each time');
    }),
  ],
]);

function range({ positional, named }: Arguments): Range {
  if (named.size > 0) throw new JinjaError('range() takes no keyword arguments');
  const bounds = positional.map((value) => {
    if (typeof value === 'boolean') return BigInt(value);
    if (typeof value !== 'bigint') throw new JinjaError('range() needs whole numbers');
    return value;
  });
  if (bounds.length < 1 || bounds.length > 3) throw new JinjaError('range() takes one to three numbers');
  const [start, stop, step] =
    bounds.length === 1 ? [0n, bounds[0], 1n] : [bounds[0], bounds[1], bounds[2] ?? 1n];
  if (step === 0n) throw new JinjaError('range() arg 3 must not be zero');
  const made = new Range(start, stop, step);
  if (made.length > MOST_RANGE) throw new JinjaError(`Range too big: at most ${MOST_RANGE} items`);
  return made;
}

function dict({ positional, named }: Arguments): Dict {
  const [from, ...more] = positional;
  if (more.length > 0) throw new JinjaError('dict takes at most one list of pairs');
  const made = new Dict();
  if (from instanceof Dict) for (const [key, value] of from.pairs()) made.set(key, value);
  else if (from !== undefined) {
    for (const pair of iterate(from)) {
      const [key, value, ...rest] = iterate(pair);
      if (key === undefined || value === undefined || rest.length > 0) {
        throw new JinjaError('dict needs pairs of key and value');
      }
      made.set(key, value);
    }
  }
  for (const [name, value] of named) made.set(name, value);
  return made;
}

class Cycler extends Thing {
  override readonly typeName = 'Cycler';
  private at = 0;

  constructor(private readonly items: readonly Value[]) {
    super();
    if (items.length === 0) throw new JinjaError('at least one item has to be provided');
  }

  override attribute(name: string): Value | undefined {
    if (name === 'current') return this.items[this.at];
    if (name === 'reset') {
      return new Callable(name, () => {
        this.at = 0;
        return null;
      });
    }
    if (name !== 'next') return undefined;
    return new Callable(name, () => {
      const value = this.items[this.at];
      this.at = (this.at + 1) % this.items.length;
      return value;
    });
  }
}

function joiner(args: Arguments): Callable {
  const separator = orElse(take('joiner', args, ['sep?'])('sep'), () => ', ');
  let used = false;
  return new Callable('joiner', () => {
    const text = used ? str(separator) : '';
    used = true;
    return text;
  });
}
