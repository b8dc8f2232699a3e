/** @file jinja2's tests: what stands after `is`. */

import { canIterate, equal, numberOf } from './basics';
import { JinjaError } from './errors';
import { calculate, compare, contains } from './operations';
import type { Test } from './runtime';
import { str } from './text';
import { Callable, Dict, hash, Range, Tuple, take, typeName, Undefined, type Value } from './values';

const plain =
  (test: (value: Value) => boolean): Test =>
  (_, value, args) => {
    take('The test', args, []);
    return test(value);
  };

const against =
  (test: (value: Value, other: Value) => boolean): Test =>
  (_, value, args) =>
    test(value, take('The test', args, ['other'])('other') as Value);

const equals = against(equal);
const differs = against((a, b) => !equal(a, b));
const below = against((a, b) => compare('<', a, b));
const atMost = against((a, b) => compare('<=', a, b));
const above = against((a, b) => compare('>', a, b));
const atLeast = against((a, b) => compare('>=', a, b));

function rest(value: Value, divisor: Value): Value {
  if (typeof value === 'string') throw new JinjaError('not all arguments converted during formatting');
  return calculate('%', value, divisor);
}

const canIndex = (value: Value) =>
  typeof value === 'string' ||
  Array.isArray(value) ||
  value instanceof Tuple ||
  value instanceof Dict ||
  value instanceof Undefined ||
  value instanceof Range;

const whole = (value: Value) => typeof value === 'bigint';
/** Letters of one size, and at least one. */
const isLower = (text: string) => /\p{Lowercase}/u.test(text) && !/[\p{Uppercase}\p{Lt}]/u.test(text);
const isUpper = (text: string) => /\p{Uppercase}/u.test(text) && !/[\p{Lowercase}\p{Lt}]/u.test(text);

/** The same object: small values are their own. */
function same(a: Value, b: Value): boolean {
  return (
    typeName(a) === typeName(b) &&
    (a === b || (a instanceof Tuple && b instanceof Tuple && a.items.length + b.items.length === 0))
  );
}

/** A value as the name that is looked up in a dict. @throws JinjaError for what can be no key. */
function looked(value: Value): string {
  hash(value);
  return typeof value === 'string' ? value : '';
}

export const tests: Record<string, Test> = {
  '!=': differs,
  '<': below,
  '<=': atMost,
  '==': equals,
  '>': above,
  '>=': atLeast,
  boolean: plain((value) => typeof value === 'boolean'),
  // Using a missing name as a function is an error, but it has the looks of one.
  callable: plain((value) => value instanceof Callable || value instanceof Undefined),
  defined: plain((value) => !(value instanceof Undefined)),
  divisibleby: against((value, by) => equal(rest(value, by), 0n)),
  eq: equals,
  equalto: equals,
  escaped: plain(() => false),
  even: plain((value) => equal(rest(value, 2n), 0n)),
  false: plain((value) => value === false),
  filter: (runtime, value) => runtime.isFilter(looked(value)),
  float: plain((value) => typeof value === 'number'),
  ge: atLeast,
  greaterthan: above,
  gt: above,
  in: against((value, other) => contains(other, value)),
  integer: plain(whole),
  iterable: plain(canIterate),
  le: atMost,
  lessthan: below,
  lower: plain((value) => isLower(str(value))),
  lt: below,
  mapping: plain((value) => value instanceof Dict),
  ne: differs,
  none: plain((value) => value === null),
  number: plain((value) => numberOf(value) !== null),
  odd: plain((value) => equal(rest(value, 2n), 1n)),
  sameas: against(same),
  sequence: plain((value) => canIndex(value)),
  string: plain((value) => typeof value === 'string'),
  test: (runtime, value) => runtime.isTest(looked(value)),
  true: plain((value) => value === true),
  undefined: plain((value) => value instanceof Undefined),
  upper: plain((value) => isUpper(str(value))),
};
