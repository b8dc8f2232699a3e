/** @file A template as a tree. */
import type { Value } from './values';

export type Expression =
  | { kind: 'constant'; value: Value }
  | { kind: 'name'; name: string }
  | { kind: 'list'; items: Expression[] }
  | { kind: 'tuple'; items: Expression[] }
  | { kind: 'dict'; pairs: [Expression, Expression][] }
  | { kind: 'attribute'; of: Expression; name: string }
  | { kind: 'item'; of: Expression; key: Expression }
  | { kind: 'slice'; of: Expression; bounds: (Expression | null)[] }
  | { kind: 'call'; callee: Expression; args: CallArguments }
  | { kind: 'filter'; name: string; of: Expression; args: CallArguments }
  | { kind: 'test'; name: string; of: Expression; args: CallArguments }
  | { kind: 'unary'; operator: 'not' | '-' | '+'; of: Expression }
  | { kind: 'binary'; operator: BinaryOperator; left: Expression; right: Expression }
  | { kind: 'logic'; operator: 'and' | 'or'; left: Expression; right: Expression }
  | { kind: 'compare'; first: Expression; rest: { operator: CompareOperator; right: Expression }[] }
  | { kind: 'concat'; parts: Expression[] }
  | { kind: 'condition'; test: Expression; chosen: Expression; otherwise: Expression | null };

export type BinaryOperator = '+' | '-' | '*' | '/' | '//' | '%' | '**';
export type CompareOperator = '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | 'not in';

export interface CallArguments {
  positional: Expression[];
  named: [string, Expression][];
  /** What comes with `*` and `**`. */
  rest: Expression | null;
  restNamed: Expression | null;
}

export type Target =
  | { kind: 'name'; name: string }
  | { kind: 'member'; namespace: string; name: string }
  | { kind: 'tuple'; items: Target[] };

export interface Signature {
  parameters: string[];
  /** Of the last parameters. */
  defaults: Expression[];
}

export type Statement =
  | { kind: 'data'; text: string }
  | { kind: 'output'; values: Expression[] }
  | { kind: 'if'; branches: { test: Expression; body: Statement[] }[]; otherwise: Statement[] }
  | {
      kind: 'for';
      target: Target;
      over: Expression;
      test: Expression | null;
      recursive: boolean;
      body: Statement[];
      otherwise: Statement[];
    }
  | { kind: 'set'; target: Target; value: Expression }
  | { kind: 'setBlock'; target: Target; filters: FilterStep[]; body: Statement[] }
  | { kind: 'filterBlock'; filters: FilterStep[]; body: Statement[] }
  | { kind: 'macro'; name: string; signature: Signature; body: Statement[] }
  | { kind: 'callBlock'; call: Expression; signature: Signature; body: Statement[] }
  | { kind: 'with'; targets: Target[]; values: Expression[]; body: Statement[] }
  | { kind: 'generation'; body: Statement[] }
  | { kind: 'block'; body: Statement[] }
  | { kind: 'break' }
  | { kind: 'continue' };

/** A filter without what it is applied to. */
export interface FilterStep {
  name: string;
  args: CallArguments;
}
