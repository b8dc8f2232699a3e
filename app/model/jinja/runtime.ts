/** @file What filters, tests and functions of a template share: bounds, and looking each other up by name. */
import { JinjaError } from './errors';
import { item } from './operations';
import { type Arguments, Undefined, type Value } from './values';

export type Filter = (runtime: Runtime, value: Value, args: Arguments) => Value;
export type Test = (runtime: Runtime, value: Value, args: Arguments) => boolean;

export interface Bounds {
  /** Expressions and statements that one rendering may go through. */
  steps: number;
  /** Characters that it may write, all that is written more than once counted so. */
  characters: number;
  /** Macros within macros. */
  calls: number;
}

export const USUAL_BOUNDS: Bounds = { steps: 5_000_000, characters: 2 ** 26, calls: 150 };

export class Runtime {
  private readonly left: Bounds;

  constructor(
    private readonly filters: Readonly<Record<string, Filter>>,
    private readonly tests: Readonly<Record<string, Test>>,
    bounds: Bounds,
  ) {
    this.left = { ...bounds };
  }

  /** Another with what is left of the bounds. */
  continued(): Runtime {
    return new Runtime(this.filters, this.tests, this.left);
  }

  /** Counts a step. */
  step(): void {
    if (--this.left.steps < 0) throw new JinjaError('The template takes too long and was ended');
  }

  /** Counts what is written. */
  wrote(characters: number): void {
    this.left.characters -= characters;
    if (this.left.characters < 0) throw new JinjaError('The template writes too much and was ended');
  }

  /** Runs what may call itself. */
  deeper<T>(run: () => T): T {
    if (--this.left.calls < 0) throw new JinjaError('The template’s macros call each other too deeply');
    try {
      return run();
    } finally {
      this.left.calls++;
    }
  }

  filter(name: string, value: Value, args: Arguments): Value {
    if (!Object.hasOwn(this.filters, name)) throw new JinjaError(`The filter “${name}” is not known`);
    return this.filters[name](this, value, args);
  }

  test(name: string, value: Value, args: Arguments): boolean {
    if (!Object.hasOwn(this.tests, name)) throw new JinjaError(`The test “${name}” is not known`);
    return this.tests[name](this, value, args);
  }

  isTest(name: string): boolean {
    return Object.hasOwn(this.tests, name);
  }

  isFilter(name: string): boolean {
    return Object.hasOwn(this.filters, name);
  }
}

/** Reads an attribute by a path such as `function.name` or `0.role`; undefined parts go on as `otherwise`. */
export function attributeGetter(path: Value, otherwise: Value = null): (value: Value) => Value {
  const parts: Value[] =
    typeof path === 'string'
      ? path.split('.').map((part) => (/^\d+$/.test(part) ? BigInt(part) : part))
      : path === null
        ? []
        : [path];
  return (value) => {
    let at = value;
    for (const part of parts) {
      at = item(at, part);
      if (otherwise !== null && at instanceof Undefined) at = otherwise;
    }
    return at;
  };
}
