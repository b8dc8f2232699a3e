/** @file Expressions of a template: jinja2's own precedences, not always Python's (`-1 | abs` is 1, `2 ** 3 ** 2` is 64). */
import type { BinaryOperator, CallArguments, CompareOperator, Expression, FilterStep } from './ast';
import { JinjaSyntaxError } from './errors';
import { type Token, type TokenKind, unquote } from './lexer';

/** Levels of brackets and blocks that a template may have. */
const MOST_NESTED = 100;
const constants: Record<string, boolean | null> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};
const symbols: Partial<Record<TokenKind, string>> = { blockEnd: '%}', variableEnd: '}}', end: 'end' };

export class ExpressionParser {
  private at = 0;
  private depth = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  protected get current(): Token {
    return this.tokens[this.at];
  }

  protected advance(): Token {
    const token = this.current;
    if (this.at < this.tokens.length - 1) this.at++;
    return token;
  }

  protected is(kind: TokenKind, text?: string): boolean {
    return this.current.kind === kind && (text === undefined || this.current.text === text);
  }

  protected skip(kind: TokenKind, text: string): boolean {
    const found = this.is(kind, text);
    if (found) this.advance();
    return found;
  }

  protected expect(kind: TokenKind, text?: string): Token {
    if (this.is(kind, text)) return this.advance();
    throw this.unexpected(text ?? symbols[kind] ?? kind);
  }

  protected unexpected(wanted?: string): JinjaSyntaxError {
    const { kind, text, line } = this.current;
    const found = kind === 'end' ? 'the end of the template' : `“${text.trim()}”`;
    const message = wanted ? `Expected “${wanted}”, found ${found}` : `Unexpected ${found}`;
    return new JinjaSyntaxError(message, line);
  }

  /** Runs what may contain itself. */
  protected nested<T>(read: () => T): T {
    if (++this.depth > MOST_NESTED) throw new JinjaSyntaxError('Nested too deeply', this.current.line);
    const result = read();
    this.depth--;
    return result;
  }

  /** Expressions with commas between them are a tuple; one alone is itself. */
  protected tuple(options: { condition: boolean; end?: readonly string[]; empty?: boolean }): Expression {
    const items: Expression[] = [];
    let isTuple = false;
    const ends = () =>
      ['variableEnd', 'blockEnd', 'end'].includes(this.current.kind) ||
      this.is('operator', ')') ||
      (this.current.kind === 'name' && options.end?.includes(this.current.text));
    while (!ends()) {
      items.push(options.condition ? this.expression() : this.or());
      if (!this.skip('operator', ',')) break;
      isTuple = true;
    }
    if (isTuple) return { kind: 'tuple', items };
    if (items.length === 1) return items[0];
    if (options.empty) return { kind: 'tuple', items: [] };
    throw this.unexpected();
  }

  protected expression(): Expression {
    return this.nested(() => {
      let value = this.or();
      while (this.skip('name', 'if')) {
        const test = this.or();
        const otherwise = this.skip('name', 'else') ? this.expression() : null;
        value = { kind: 'condition', test, chosen: value, otherwise };
      }
      return value;
    });
  }

  private or(): Expression {
    let left = this.and();
    while (this.skip('name', 'or')) left = { kind: 'logic', operator: 'or', left, right: this.and() };
    return left;
  }

  private and(): Expression {
    let left = this.not();
    while (this.skip('name', 'and')) left = { kind: 'logic', operator: 'and', left, right: this.not() };
    return left;
  }

  private not(): Expression {
    if (!this.skip('name', 'not')) return this.compare();
    return { kind: 'unary', operator: 'not', of: this.nested(() => this.not()) };
  }

  private compare(): Expression {
    const first = this.sum();
    const rest: { operator: CompareOperator; right: Expression }[] = [];
    for (;;) {
      const operator = this.compareOperator();
      if (!operator) break;
      rest.push({ operator, right: this.sum() });
    }
    return rest.length === 0 ? first : { kind: 'compare', first, rest };
  }

  private compareOperator(): CompareOperator | null {
    const { kind, text } = this.current;
    if (kind === 'operator' && ['==', '!=', '<', '<=', '>', '>='].includes(text)) {
      return this.advance().text as CompareOperator;
    }
    if (this.skip('name', 'in')) return 'in';
    const follows = this.tokens[this.at + 1];
    if (!this.is('name', 'not') || follows?.kind !== 'name' || follows.text !== 'in') return null;
    this.advance();
    this.advance();
    return 'not in';
  }

  private sum(): Expression {
    return this.binary(['+', '-'], () => this.concat());
  }

  private concat(): Expression {
    const parts = [this.product()];
    while (this.skip('operator', '~')) parts.push(this.product());
    return parts.length === 1 ? parts[0] : { kind: 'concat', parts };
  }

  private product(): Expression {
    return this.binary(['*', '/', '//', '%'], () => this.binary(['**'], () => this.unary(true)));
  }

  private binary(operators: readonly BinaryOperator[], operand: () => Expression): Expression {
    let left = operand();
    while (this.current.kind === 'operator' && operators.includes(this.current.text as BinaryOperator)) {
      const operator = this.advance().text as BinaryOperator;
      left = { kind: 'binary', operator, left, right: operand() };
    }
    return left;
  }

  private unary(withFilters: boolean): Expression {
    let value: Expression;
    if (this.is('operator', '-') || this.is('operator', '+')) {
      const operator = this.advance().text as '-' | '+';
      value = { kind: 'unary', operator, of: this.nested(() => this.unary(false)) };
    } else value = this.primary();
    value = this.postfix(value);
    return withFilters ? this.filters(value) : value;
  }

  private primary(): Expression {
    const token = this.advance();
    if (token.kind === 'name') {
      const name = token.text;
      if (Object.hasOwn(constants, name)) return { kind: 'constant', value: constants[name] };
      return { kind: 'name', name };
    }
    if (token.kind === 'string') {
      let text = unquote(token.text, token.line);
      while (this.current.kind === 'string') text += unquote(this.current.text, this.advance().line);
      return { kind: 'constant', value: text };
    }
    const digits = token.text.replaceAll('_', '');
    if (token.kind === 'integer') {
      if (digits.length > 4000) throw new JinjaSyntaxError('A number is too long', token.line);
      return { kind: 'constant', value: BigInt(digits) };
    }
    if (token.kind === 'float') return { kind: 'constant', value: Number(digits) };
    if (token.kind === 'operator' && token.text === '(') {
      const value = this.nested(() => this.tuple({ condition: true, empty: true }));
      this.expect('operator', ')');
      return value;
    }
    if (token.kind === 'operator' && token.text === '[') {
      return { kind: 'list', items: this.listed(']', () => this.expression()) };
    }
    if (token.kind === 'operator' && token.text === '{') {
      const pairs = this.listed('}', (): [Expression, Expression] => {
        const key = this.expression();
        this.expect('operator', ':');
        return [key, this.expression()];
      });
      return { kind: 'dict', pairs };
    }
    this.at = this.tokens.indexOf(token);
    throw this.unexpected();
  }

  /** What stands with commas between it up to a bracket, which is taken. */
  private listed<T>(close: string, read: () => T): T[] {
    const items: T[] = [];
    while (!this.is('operator', close)) {
      if (items.length > 0) this.expect('operator', ',');
      if (this.is('operator', close)) break;
      items.push(read());
    }
    this.advance();
    return items;
  }

  private postfix(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.skip('operator', '.')) value = this.member(value);
      else if (this.skip('operator', '[')) value = this.subscript(value);
      else if (this.is('operator', '(')) value = { kind: 'call', callee: value, args: this.callArguments() };
      else return value;
    }
  }

  private member(of: Expression): Expression {
    if (this.current.kind === 'integer') {
      return { kind: 'item', of, key: { kind: 'constant', value: BigInt(this.advance().text) } };
    }
    return { kind: 'attribute', of, name: this.expect('name').text };
  }

  private subscript(of: Expression): Expression {
    const keys: Expression[] = [];
    while (!this.is('operator', ']')) {
      if (keys.length > 0) this.expect('operator', ',');
      const bounds = this.subscribed();
      if (!Array.isArray(bounds)) keys.push(bounds);
      else {
        this.expect('operator', ']');
        return { kind: 'slice', of, bounds };
      }
    }
    if (keys.length === 0) throw this.unexpected();
    this.advance();
    return { kind: 'item', of, key: keys.length === 1 ? keys[0] : { kind: 'tuple', items: keys } };
  }

  /** One key, or the bounds of a slice. */
  private subscribed(): Expression | (Expression | null)[] {
    const bounds: (Expression | null)[] = [null];
    if (!this.is('operator', ':')) {
      const value = this.expression();
      if (!this.is('operator', ':')) return value;
      bounds[0] = value;
    }
    while (bounds.length < 3 && this.skip('operator', ':')) {
      bounds.push(this.is('operator', ':') || this.is('operator', ']') ? null : this.expression());
    }
    return bounds;
  }

  private filters(start: Expression): Expression {
    let value = start;
    for (;;) {
      if (this.skip('operator', '|')) value = { kind: 'filter', of: value, ...this.filterStep() };
      else if (this.skip('name', 'is')) value = this.test(value);
      else if (this.is('operator', '(')) value = { kind: 'call', callee: value, args: this.callArguments() };
      else return value;
    }
  }

  protected filterStep(): FilterStep {
    const name = this.dottedName();
    const args = this.is('operator', '(') ? this.callArguments() : noArguments();
    return { name, args };
  }

  private test(of: Expression): Expression {
    const negated = this.skip('name', 'not');
    const name = this.dottedName();
    const { kind, text } = this.current;
    let args = noArguments();
    if (kind === 'operator' && text === '(') args = this.callArguments();
    else if (
      (['name', 'string', 'integer', 'float'].includes(kind) && !['else', 'or', 'and'].includes(text)) ||
      (kind === 'operator' && ['(', '[', '{'].includes(text))
    ) {
      if (text === 'is' && kind === 'name') throw this.unexpected();
      args = { ...args, positional: [this.postfix(this.primary())] };
    }
    const test: Expression = { kind: 'test', name, of, args };
    return negated ? { kind: 'unary', operator: 'not', of: test } : test;
  }

  private dottedName(): string {
    let name = this.expect('name').text;
    while (this.skip('operator', '.')) name += `.${this.expect('name').text}`;
    return name;
  }

  private callArguments(): CallArguments {
    const args = noArguments();
    this.expect('operator', '(');
    return this.nested(() => {
      this.listed(')', () => {
        if (this.skip('operator', '*')) args.rest = this.expression();
        else if (this.skip('operator', '**')) args.restNamed = this.expression();
        else if (
          this.current.kind === 'name' &&
          this.tokens[this.at + 1].kind === 'operator' &&
          this.tokens[this.at + 1].text === '='
        ) {
          const name = this.advance().text;
          this.advance();
          args.named.push([name, this.expression()]);
        } else {
          if (args.named.length > 0 || args.rest || args.restNamed) throw this.unexpected();
          args.positional.push(this.expression());
        }
      });
      return args;
    });
  }
}

function noArguments(): CallArguments {
  return { positional: [], named: [], rest: null, restNamed: null };
}
