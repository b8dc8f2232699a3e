/** @file Names and their values, from the inside out. */
import type { Value } from './values';

export class Scope {
  /** Null until a name is set: most scopes of a rendering never hold one. */
  private names: Map<string, Value> | null;

  constructor(
    private readonly outer: Scope | null,
    names: Iterable<readonly [string, Value]> | null = null,
  ) {
    this.names = names && new Map(names);
  }

  get(name: string): Value | undefined {
    let scope: Scope | null = this;
    while (scope) {
      const value = scope.names?.get(name);
      if (value !== undefined) return value;
      scope = scope.outer;
    }
    return undefined;
  }

  /** In this scope alone. */
  set(name: string, value: Value): void {
    this.names ??= new Map();
    this.names.set(name, value);
  }
}
