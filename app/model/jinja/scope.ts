/** @file Names and their values, from the inside out. */
import type { Value } from './values';

export class Scope {
  private readonly names: Map<string, Value>;

  constructor(
    private readonly outer: Scope | null,
    names: Iterable<readonly [string, Value]> = [],
  ) {
    this.names = new Map(names);
  }

  get(name: string): Value | undefined {
    let scope: Scope | null = this;
    while (scope) {
      const value = scope.names.get(name);
      if (value !== undefined) return value;
      scope = scope.outer;
    }
    return undefined;
  }

  /** In this scope alone. */
  set(name: string, value: Value): void {
    this.names.set(name, value);
  }
}
