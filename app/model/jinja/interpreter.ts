/**
 * @file Renders a template's tree as jinja2 does in the environment that transformers gives it: sandboxed, so that no value
 * can be changed; names that are not there print as nothing; and within bounds, so that every rendering ends.
 */
import type { CallArguments, Expression, FilterStep, Signature, Statement, Target } from './ast';
import { isTrue, iterate } from './basics';
import { argumentsOf, callValue, codeOf } from './code';
import { type Division, namesIn } from './division';
import { JinjaError } from './errors';
import { filters } from './filters';
import { Loop } from './loop';
import { type Bounds, Runtime, USUAL_BOUNDS } from './runtime';
import { Scope } from './scope';
import { tests } from './tests';
import { str } from './text';
import { type Arguments, Callable, Dict, Namespace, Tuple, Undefined, type Value } from './values';

/** A rendered part of a template's own `generation` blocks. */
export interface Generated {
  start: number;
  end: number;
}

export interface Rendering {
  text: string;
  /** What stood in `{% generation %}`, by UTF-16 positions in the text; null where one was written somewhere else first. */
  generated: Generated[] | null;
}

/** @throws JinjaError */
export function render(
  template: readonly Statement[],
  variables: Scope,
  bounds: Bounds = USUAL_BOUNDS,
): Rendering {
  return worded(() =>
    new Interpreter(new Runtime(filters, tests, bounds)).run(template, new Scope(variables)),
  );
}

function worded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError)
      throw new JinjaError('The template is nested too deeply', { cause: error });
    throw error;
  }
}

/** A divided template whose head is written, once for all its ends. */
export class Begun {
  private readonly interpreter: Interpreter;
  private readonly scope: Scope;

  /** @throws JinjaError */
  constructor(
    private readonly division: Division,
    private readonly variables: Scope,
    bounds: Bounds = USUAL_BOUNDS,
  ) {
    this.interpreter = new Interpreter(new Runtime(filters, tests, bounds));
    this.scope = new Scope(variables);
    worded(() => this.interpreter.run(division.head, this.scope));
  }

  /** Whether the tail finds only what no use can change: what can be gone through once would be used up by its first run. */
  get canEndAgain(): boolean {
    return this.division.names.every((name) => {
      const value = this.scope.get(name);
      return typeof value !== 'object' || value === null || value === this.variables.get(name);
    });
  }

  /** @throws JinjaError */
  end(late: readonly (readonly [string, Value])[]): Rendering {
    return worded(() => this.interpreter.continued().run(this.division.tail, new Scope(this.scope, late)));
  }
}

/** How a body ended. */
type End = 'break' | 'continue' | undefined;

class Interpreter {
  /** What is being written; the last is the innermost. */
  private readonly outputs: string[][] = [[]];
  private written = 0;
  private generated: Generated[] | null = [];

  constructor(private readonly runtime: Runtime) {}

  run(template: readonly Statement[], scope: Scope): Rendering {
    this.body(template, scope);
    return { text: this.outputs[0].join(''), generated: this.generated };
  }

  /** Another that goes on from here. */
  continued(): Interpreter {
    const other = new Interpreter(this.runtime.continued());
    const text = this.outputs[0].join('');
    if (text !== '') other.outputs[0].push(text);
    other.written = this.written;
    other.generated = this.generated && [...this.generated];
    return other;
  }

  private write(text: string): void {
    if (text === '') return;
    this.runtime.wrote(text.length);
    if (this.outputs.length === 1) this.written += text.length;
    (this.outputs.at(-1) as string[]).push(text);
  }

  /** What a body writes, as a text. */
  private captured(body: readonly Statement[], scope: Scope): string {
    this.outputs.push([]);
    try {
      this.body(body, scope);
      return (this.outputs.at(-1) as string[]).join('');
    } finally {
      this.outputs.pop();
    }
  }

  private body(statements: readonly Statement[], scope: Scope): End {
    for (const statement of statements) {
      const end = this.statement(statement, scope);
      if (end) return end;
    }
    return undefined;
  }

  private statement(statement: Statement, scope: Scope): End {
    this.runtime.step();
    switch (statement.kind) {
      case 'data':
        this.write(statement.text);
        return undefined;
      case 'output':
        for (const value of statement.values) this.write(str(this.evaluate(value, scope)));
        return undefined;
      case 'if': {
        for (const { test, body } of statement.branches) {
          if (isTrue(this.evaluate(test, scope))) return this.body(body, scope);
        }
        return this.body(statement.otherwise, scope);
      }
      case 'for':
        this.loop(statement, scope, this.evaluate(statement.over, scope), 0);
        return undefined;
      case 'set':
        this.assign(statement.target, this.evaluate(statement.value, scope), scope);
        return undefined;
      case 'setBlock': {
        const text = this.captured(statement.body, new Scope(scope));
        this.assign(statement.target, this.filtered(text, statement.filters, scope), scope);
        return undefined;
      }
      case 'filterBlock': {
        const text = this.captured(statement.body, new Scope(scope));
        this.write(str(this.filtered(text, statement.filters, scope)));
        return undefined;
      }
      case 'macro': {
        const { name, signature, body } = statement;
        scope.set(name, this.macro(name, signature, body, scope));
        return undefined;
      }
      case 'callBlock': {
        const { call, signature, body } = statement;
        if (call.kind !== 'call') throw new JinjaError('A call block needs a call');
        const args = this.args(call.args, scope);
        const caller = this.macro('caller', signature, body, scope);
        const named = new Map([...args.named, ['caller', caller] as const]);
        this.write(str(callValue(this.runtime, this.evaluate(call.callee, scope), { ...args, named })));
        return undefined;
      }
      case 'with': {
        const inner = new Scope(scope);
        const values = statement.values.map((value) => this.evaluate(value, scope));
        statement.targets.forEach((target, i) => {
          this.assign(target, values[i], inner);
        });
        return this.body(statement.body, inner);
      }
      case 'generation':
        this.generation(statement.body, scope);
        return undefined;
      case 'block':
        return this.body(statement.body, new Scope(scope));
      default:
        return statement.kind;
    }
  }

  private generation(body: readonly Statement[], scope: Scope): void {
    const text = this.captured(body, new Scope(scope));
    // Within a macro or a set block, where the text will stand is not known yet.
    if (this.outputs.length > 1) this.generated = null;
    this.generated?.push({ start: this.written, end: this.written + text.length });
    this.write(text);
  }

  private loop(
    statement: Extract<Statement, { kind: 'for' }>,
    scope: Scope,
    over: Value,
    depth: number,
  ): void {
    const items: Value[] = [];
    for (const each of iterate(over)) {
      this.runtime.step();
      if (statement.test) {
        const inner = new Scope(scope);
        this.assign(statement.target, each, inner);
        if (!isTrue(this.evaluate(statement.test, inner))) continue;
      }
      items.push(each);
    }
    const again = (inner: Value) =>
      this.runtime.deeper(() => {
        this.outputs.push([]);
        try {
          this.loop(statement, scope, inner, depth + 1);
          return (this.outputs.at(-1) as string[]).join('');
        } finally {
          this.outputs.pop();
        }
      });
    const loop = new Loop(items, depth, statement.recursive ? again : null);
    let completed = false;
    for (; loop.at < items.length; loop.at++) {
      this.runtime.step();
      const inner = new Scope(scope);
      inner.set('loop', loop);
      this.assign(statement.target, items[loop.at], inner);
      const end = this.body(statement.body, inner);
      completed ||= end === undefined;
      if (end === 'break') break;
    }
    // As jinja2 has it: also where every round was broken off.
    if (!completed) this.body(statement.otherwise, new Scope(scope));
  }

  private assign(target: Target, value: Value, scope: Scope): void {
    if (target.kind === 'name') scope.set(target.name, value);
    else if (target.kind === 'member') {
      const namespace = scope.get(target.namespace);
      if (!(namespace instanceof Namespace)) {
        throw new JinjaError(`cannot assign attribute on non-namespace object (${target.namespace})`);
      }
      namespace.assign(target.name, value);
    } else {
      const items = [...iterate(value)];
      if (items.length !== target.items.length) {
        throw new JinjaError(`${items.length} values do not fit ${target.items.length} names`);
      }
      target.items.forEach((each, i) => {
        this.assign(each, items[i], scope);
      });
    }
  }

  private filtered(value: Value, steps: readonly FilterStep[], scope: Scope): Value {
    return steps.reduce(
      (each: Value, { name, args }) => this.runtime.filter(name, each, this.args(args, scope)),
      value,
    );
  }

  private macro(name: string, signature: Signature, body: readonly Statement[], scope: Scope): Callable {
    return new Callable(name, ({ positional, named }) =>
      this.runtime.deeper(() => {
        const inner = new Scope(scope);
        const { parameters, defaults } = signature;
        const left = new Map(named);
        parameters.forEach((parameter, i) => {
          const fallback = defaults[i - parameters.length + defaults.length];
          const given = i < positional.length ? positional[i] : left.get(parameter);
          if (i < positional.length && left.has(parameter)) {
            throw new JinjaError(`macro ${name} got multiple values for argument ${parameter}`);
          }
          left.delete(parameter);
          if (given !== undefined) inner.set(parameter, given);
          else if (fallback) inner.set(parameter, this.evaluate(fallback, inner));
          else inner.set(parameter, new Undefined(`parameter '${parameter}' was not provided`));
        });
        const caller = left.get('caller');
        if (!parameters.includes('caller')) left.delete('caller');
        const reads = new Set(namesIn(body));
        const more = positional.slice(parameters.length);
        if (more.length > 0 && !reads.has('varargs')) {
          throw new JinjaError(`macro ${name} takes not more than ${parameters.length} argument(s)`);
        }
        if (left.size > 0 && !reads.has('kwargs')) {
          throw new JinjaError(`macro ${name} takes no keyword argument ${[...left.keys()][0]}`);
        }
        if (caller !== undefined && !parameters.includes('caller')) {
          if (!reads.has('caller')) throw new JinjaError(`macro ${name} calls no caller`);
          inner.set('caller', caller);
        } else if (reads.has('caller')) inner.set('caller', new Undefined('No caller defined'));
        inner.set('varargs', new Tuple(more));
        inner.set('kwargs', new Dict(left));
        return this.captured(body, inner);
      }),
    );
  }

  private args(args: CallArguments, scope: Scope): Arguments {
    return argumentsOf(args)(this.runtime, scope);
  }

  private evaluate(expression: Expression, scope: Scope): Value {
    return codeOf(expression)(this.runtime, scope);
  }
}
