/** @file `loop`, within a `for`. */

import { equal } from './basics';
import { JinjaError } from './errors';
import { Callable, orElse, Thing, Undefined, type Value } from './values';

export class Loop extends Thing {
  override readonly typeName = 'LoopContext';
  /** Index of the present item. */
  at = 0;
  private last: readonly Value[] | null = null;

  constructor(
    private readonly items: readonly Value[],
    private readonly depth: number,
    private readonly again: ((items: Value) => string) | null,
  ) {
    super();
  }

  override repr(): string {
    return `<LoopContext ${this.at + 1}/${this.items.length}>`;
  }

  override size(): number {
    return this.items.length;
  }

  call(items: Value): Value {
    if (!this.again) throw new JinjaError("The loop must have the 'recursive' marker to be called");
    return this.again(items);
  }

  override attribute(name: string): Value | undefined {
    const { at, items, depth } = this;
    switch (name) {
      case 'index':
        return BigInt(at + 1);
      case 'index0':
        return BigInt(at);
      case 'revindex':
        return BigInt(items.length - at);
      case 'revindex0':
        return BigInt(items.length - at - 1);
      case 'first':
        return at === 0;
      case 'last':
        return at === items.length - 1;
      case 'length':
        return BigInt(items.length);
      case 'depth':
        return BigInt(depth + 1);
      case 'depth0':
        return BigInt(depth);
      case 'previtem':
        return orElse(items[at - 1], () => new Undefined('there is no previous item'));
      case 'nextitem':
        return orElse(items[at + 1], () => new Undefined('there is no next item'));
      case 'cycle':
        return new Callable(name, ({ positional }) => {
          if (positional.length === 0) throw new JinjaError('no items for cycling given');
          return positional[at % positional.length];
        });
      case 'changed':
        return new Callable(name, ({ positional }) => {
          const { last } = this;
          this.last = positional;
          return (
            !last || last.length !== positional.length || last.some((each, i) => !equal(each, positional[i]))
          );
        });
    }
    return undefined;
  }
}
