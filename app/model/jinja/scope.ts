/** @file Names and their values, from the inside out. */
import type { Value } from './values';

/** Up to so many names are looked for one by one, which is quicker, and makes nothing that is to be thrown away. */
const FEW = 8;

export class Scope {
  /** Null until a name is set: most scopes of a rendering never hold one. */
  private names: string[] | null = null;
  private values: Value[] | null = null;
  private many: Map<string, Value> | null = null;

  constructor(
    private readonly outer: Scope | null,
    names: Iterable<readonly [string, Value]> = [],
  ) {
    for (const [name, value] of names) this.set(name, value);
  }

  get(name: string): Value | undefined {
    let scope: Scope | null = this;
    while (scope) {
      const value = scope.own(name);
      if (value !== undefined) return value;
      scope = scope.outer;
    }
    return undefined;
  }

  private own(name: string): Value | undefined {
    if (this.many) return this.many.get(name);
    if (!this.names) return undefined;
    const at = this.names.indexOf(name);
    return at < 0 ? undefined : (this.values as Value[])[at];
  }

  /** In this scope alone. */
  set(name: string, value: Value): void {
    if (this.many) {
      this.many.set(name, value);
      return;
    }
    this.names ??= [];
    this.values ??= [];
    const at = this.names.indexOf(name);
    if (at >= 0) this.values[at] = value;
    else {
      this.names.push(name);
      this.values.push(value);
      if (this.names.length > FEW)
        this.many = new Map(this.names.map((each, i) => [each, this.values?.[i] as Value]));
    }
  }
}
