/** @file Expressions of a template as functions: each is made once from the tree, and called at every rendering. */
import type { CallArguments, Expression } from './ast';
import { checkSize, equal, isTrue, iterate } from './basics';
import { JinjaError } from './errors';
import { Loop } from './loop';
import { textMethods } from './methods';
import { attribute, calculate, compare, item, look, negate, slice } from './operations';
import type { Runtime } from './runtime';
import type { Scope } from './scope';
import { str } from './text';
import { type Arguments, Callable, Dict, Tuple, take, typeName, Undefined, type Value } from './values';

/** What an expression is where these names hold. @throws JinjaError */
export type Code = (runtime: Runtime, scope: Scope) => Value;

const known = new WeakMap<Expression, Code>();

/** The function of an expression. */
export function codeOf(expression: Expression): Code {
  let code = known.get(expression);
  if (!code) {
    code = make(expression);
    known.set(expression, code);
  }
  return code;
}

function make(expression: Expression): Code {
  switch (expression.kind) {
    case 'constant': {
      const { value } = expression;
      return (runtime) => {
        runtime.step();
        return value;
      };
    }
    case 'name': {
      const { name } = expression;
      return (runtime, scope) => {
        runtime.step();
        const value = scope.get(name);
        return value === undefined ? new Undefined(`'${name}' is undefined`) : value;
      };
    }
    case 'list': {
      const items = all(expression.items);
      return (runtime, scope) => {
        runtime.step();
        return items(runtime, scope);
      };
    }
    case 'tuple': {
      const items = all(expression.items);
      return (runtime, scope) => {
        runtime.step();
        return new Tuple(items(runtime, scope));
      };
    }
    case 'dict': {
      const pairs = expression.pairs.map(([key, value]) => [codeOf(key), codeOf(value)] as const);
      return (runtime, scope) => {
        runtime.step();
        return new Dict(pairs.map(([key, value]) => [key(runtime, scope), value(runtime, scope)] as const));
      };
    }
    case 'attribute': {
      const { name } = expression;
      const of = codeOf(expression.of);
      return (runtime, scope) => {
        runtime.step();
        return attribute(of(runtime, scope), name);
      };
    }
    case 'item': {
      const [of, key] = [codeOf(expression.of), codeOf(expression.key)];
      return (runtime, scope) => {
        runtime.step();
        return item(of(runtime, scope), key(runtime, scope));
      };
    }
    case 'slice': {
      const of = codeOf(expression.of);
      const bounds = expression.bounds.map((bound) => bound && codeOf(bound));
      return (runtime, scope) => {
        runtime.step();
        return slice(
          of(runtime, scope),
          bounds.map((bound) => (bound ? bound(runtime, scope) : null)),
        );
      };
    }
    case 'call':
      return makeCall(expression);
    case 'filter': {
      const { name } = expression;
      const of = codeOf(expression.of);
      const args = argumentsOf(expression.args);
      return (runtime, scope) => {
        runtime.step();
        return runtime.filter(name, of(runtime, scope), args(runtime, scope));
      };
    }
    case 'test': {
      const { name } = expression;
      const of = codeOf(expression.of);
      const args = argumentsOf(expression.args);
      return (runtime, scope) => {
        runtime.step();
        return runtime.test(name, of(runtime, scope), args(runtime, scope));
      };
    }
    case 'unary': {
      const { operator } = expression;
      const of = codeOf(expression.of);
      return (runtime, scope) => {
        runtime.step();
        const value = of(runtime, scope);
        return operator === 'not' ? !isTrue(value) : negate(operator, value);
      };
    }
    case 'binary': {
      const { operator } = expression;
      const [left, right] = [codeOf(expression.left), codeOf(expression.right)];
      return (runtime, scope) => {
        runtime.step();
        return calculate(operator, left(runtime, scope), right(runtime, scope));
      };
    }
    case 'logic': {
      const isOr = expression.operator === 'or';
      const [left, right] = [codeOf(expression.left), codeOf(expression.right)];
      return (runtime, scope) => {
        runtime.step();
        const value = left(runtime, scope);
        return isTrue(value) === isOr ? value : right(runtime, scope);
      };
    }
    case 'compare':
      return makeCompare(expression);
    case 'concat': {
      const parts = expression.parts.map(codeOf);
      return (runtime, scope) => {
        runtime.step();
        let joined = '';
        for (const part of parts) {
          const text = str(part(runtime, scope));
          checkSize(joined.length + text.length);
          joined += text;
        }
        return joined;
      };
    }
    case 'condition': {
      const [test, chosen] = [codeOf(expression.test), codeOf(expression.chosen)];
      const otherwise = expression.otherwise && codeOf(expression.otherwise);
      return (runtime, scope) => {
        runtime.step();
        if (isTrue(test(runtime, scope))) return chosen(runtime, scope);
        if (otherwise) return otherwise(runtime, scope);
        return new Undefined('the inline if-expression was false and has no else section');
      };
    }
  }
}

function makeCompare({ first, rest }: Extract<Expression, { kind: 'compare' }>): Code {
  const left = codeOf(first);
  const others = rest.map(({ operator, right }) => ({ operator, right: codeOf(right) }));
  const [only] = others;
  if (others.length === 1 && (only.operator === '==' || only.operator === '!=')) {
    const wanted = only.operator === '==';
    return (runtime, scope) => {
      runtime.step();
      return equal(left(runtime, scope), only.right(runtime, scope)) === wanted;
    };
  }
  return (runtime, scope) => {
    runtime.step();
    let value = left(runtime, scope);
    for (const { operator, right } of others) {
      const next = right(runtime, scope);
      if (!compare(operator, value, next)) return false;
      value = next;
    }
    return true;
  };
}

function makeCall({ callee, args }: Extract<Expression, { kind: 'call' }>): Code {
  const given = argumentsOf(args);
  if (callee.kind !== 'attribute') {
    const called = codeOf(callee);
    return (runtime, scope) => {
      runtime.step();
      return callValue(runtime, called(runtime, scope), given(runtime, scope));
    };
  }
  const { name } = callee;
  const of = codeOf(callee.of);
  const method = textMethods(name);
  return (runtime, scope) => {
    runtime.step();
    runtime.step();
    const value = of(runtime, scope);
    if (!method || typeof value !== 'string') {
      return callValue(runtime, attribute(value, name), given(runtime, scope));
    }
    // A text's method is called at once, without making a value of it first.
    const taken = given(runtime, scope);
    runtime.step();
    return method(value, taken, look);
  };
}

/** @throws JinjaError for what cannot be called, and what it throws */
export function callValue(runtime: Runtime, callee: Value, args: Arguments): Value {
  runtime.step();
  if (callee instanceof Undefined) callee.fail();
  if (callee instanceof Loop) return callee.call(take('loop', args, ['iterable'])('iterable') as Value);
  if (!(callee instanceof Callable)) throw new JinjaError(`'${typeName(callee)}' object is not callable`);
  return callee.call(args);
}

const NONE: Arguments = { positional: [], named: new Map() };

/** The function that gives a call its arguments. */
export function argumentsOf(args: CallArguments): (runtime: Runtime, scope: Scope) => Arguments {
  if (args.positional.length + args.named.length === 0 && !args.rest && !args.restNamed) return () => NONE;
  const positional = all(args.positional);
  if (args.named.length === 0 && !args.rest && !args.restNamed) {
    return (runtime, scope) => ({ positional: positional(runtime, scope), named: NONE.named });
  }
  const named = args.named.map(([name, each]) => [name, codeOf(each)] as const);
  const rest = args.rest && codeOf(args.rest);
  const restNamed = args.restNamed && codeOf(args.restNamed);
  return (runtime, scope) => {
    const values = positional(runtime, scope);
    const byName = new Map(named.map(([name, each]) => [name, each(runtime, scope)] as const));
    if (rest) values.push(...iterate(rest(runtime, scope)));
    if (restNamed) {
      const more = restNamed(runtime, scope);
      if (!(more instanceof Dict)) throw new JinjaError('What comes with ** must be a dict');
      for (const [name, value] of more.pairs()) byName.set(str(name), value);
    }
    return { positional: values, named: byName };
  };
}

function all(expressions: readonly Expression[]): (runtime: Runtime, scope: Scope) => Value[] {
  const codes = expressions.map(codeOf);
  return (runtime, scope) => codes.map((code) => code(runtime, scope));
}
