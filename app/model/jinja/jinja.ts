/** @file Jinja, for chat templates: a text and values in, a text out, exactly as transformers' jinja2 renders it. */
import type { Statement } from './ast';
import { JinjaError } from './errors';
import { globals } from './globals';
import { type Rendering, render } from './interpreter';
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
 * @throws JinjaError when the source is no template.
 */
export function compile(source: string, constants: Record<string, Value> = {}): Template {
  return new Template(parse(source), new Scope(shared, Object.entries(constants)));
}

export class Template {
  constructor(
    private readonly statements: readonly Statement[],
    private readonly constants: Scope,
  ) {}

  /**
   * @param variables Beside the constants, and before them where the names are the same.
   * @throws JinjaError
   */
  render(variables: Record<string, Value>, bounds?: Bounds): Rendering {
    return render(this.statements, new Scope(this.constants, Object.entries(variables)), bounds);
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
