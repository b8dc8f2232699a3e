/** @file Jinja, for chat templates: a text and values in, a text out, exactly as transformers' jinja2 renders it. */
import type { Statement } from './ast';
import { divide } from './division';
import { JinjaError } from './errors';
import { globals } from './globals';
import { Begun, type Rendering, render } from './interpreter';
import { parse } from './parser';
import type { Bounds } from './runtime';
import { Scope } from './scope';
import { str } from './text';
import { Callable, Dict, take, type Value } from './values';

export { JinjaError } from './errors';
export type { Rendering } from './interpreter';
export type { Value } from './values';

/** Names that every template has; nothing is ever set here. */
const shared = new Scope(null, globals);

/**
 * @param constants What every rendering finds beside jinja2's own functions.
 * @param late Names of variables that renderings of one series may differ in.
 * @throws JinjaError when the source is no template.
 */
export function compile(
  source: string,
  constants: Record<string, Value> = {},
  late: readonly string[] = [],
): Template {
  return new Template(parse(source), new Scope(shared, Object.entries(constants)), late);
}

/** One rendering of a series, with its own late variables. @throws JinjaError */
export type RenderLate = (late: Record<string, Value>) => Rendering;

export class Template {
  private readonly division: ReturnType<typeof divide>;

  constructor(
    private readonly statements: readonly Statement[],
    private readonly constants: Scope,
    late: readonly string[],
  ) {
    this.division = late.length > 0 ? divide(statements, late) : null;
  }

  /**
   * @param variables Beside the constants, and before them where the names are the same.
   * @throws JinjaError
   */
  render(variables: Record<string, Value>, bounds?: Bounds): Rendering {
    return render(this.statements, new Scope(this.constants, Object.entries(variables)), bounds);
  }

  /** Renderings that share their variables but for the late ones; what does not depend on these is written once. */
  series(variables: Record<string, Value>, bounds?: Bounds): RenderLate {
    const { division } = this;
    let begun: Begun | null = null;
    return (late) => {
      if (!division) return this.render({ ...variables, ...late }, bounds);
      begun ??= new Begun(division, new Scope(this.constants, Object.entries(variables)), bounds);
      return begun.canEndAgain
        ? begun.end(Object.entries(late))
        : this.render({ ...variables, ...late }, bounds);
    };
  }
}

/** A function of one text for a template. */
export function textFunction(name: string, parameter: string, call: (text: string) => Value): Callable {
  return new Callable(name, (args) => call(str(take(name, args, [parameter])(parameter) as Value)));
}

/** A value of JSON as Python reads it; numbers that are whole are integers. */
export function fromJson(value: unknown, depth = 0): Value {
  if (depth > 100) throw new JinjaError('A value is nested too deeply');
  if (value === undefined || value === null) return null;
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (Array.isArray(value)) return value.map((each) => fromJson(each, depth + 1));
  return new Dict(Object.entries(value).map(([key, each]) => [key, fromJson(each, depth + 1)] as const));
}
