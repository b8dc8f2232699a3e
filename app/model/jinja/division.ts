/**
 * @file A template in two: what it writes whatever is asked for at its end, and that end. A conversation is rendered several times,
 * with and without the start of an answer; most templates name what makes the difference in their last statements alone.
 */
import type { Expression, Statement } from './ast';
import { Thing } from './values';

export interface Division {
  /** Names none of the late variables. */
  head: readonly Statement[];
  /** Changes nothing that is there when it begins: it may run several times after one head. */
  tail: readonly Statement[];
  /** Names that the tail reads. */
  names: readonly string[];
}

/** Null for a template that names a late variable before its last plain statements. */
export function divide(statements: readonly Statement[], late: readonly string[]): Division | null {
  const start = statements.findLastIndex((statement) => !isPlain(statement)) + 1;
  const [head, tail] = [statements.slice(0, start), statements.slice(start)];
  const early = new Set(namesIn(head));
  return late.some((name) => early.has(name)) ? null : { head, tail, names: namesIn(tail) };
}

/** Sets nothing and calls nothing. */
function isPlain(statement: Statement): boolean {
  switch (statement.kind) {
    case 'data':
      return true;
    case 'output':
      return statement.values.every(isPlainExpression);
    case 'if':
      return (
        statement.branches.every(({ test, body }) => isPlainExpression(test) && body.every(isPlain)) &&
        statement.otherwise.every(isPlain)
      );
    default:
      return false;
  }
}

function isPlainExpression(expression: Expression): boolean {
  return !holds(expression, 'call');
}

function holds(part: unknown, kind: string): boolean {
  if (typeof part !== 'object' || part === null || part instanceof Thing) return false;
  if ('kind' in part && part.kind === kind) return true;
  return Object.values(part).some((each) => holds(each, kind));
}

const known = new WeakMap<object, string[]>();

/** Names that are used anywhere in a part of a template. */
export function namesIn(part: readonly Statement[]): string[] {
  let names = known.get(part);
  if (!names) {
    names = [];
    collect(part, names);
    known.set(part, names);
  }
  return names;
}

function collect(part: unknown, names: string[]): void {
  if (typeof part !== 'object' || part === null || part instanceof Thing) return;
  if ('kind' in part && part.kind === 'name' && 'name' in part) names.push(String(part.name));
  for (const each of Object.values(part)) collect(each, names);
}
