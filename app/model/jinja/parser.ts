/** @file Tokens as a tree: the statements of a template. Expressions are in `expressions.ts`. */
import type { Expression, FilterStep, Signature, Statement, Target } from './ast';
import { JinjaSyntaxError } from './errors';
import { ExpressionParser } from './expressions';
import { tokenize } from './lexer';

/** @throws JinjaSyntaxError, also for a tag that is not known. */
export function parse(template: string): Statement[] {
  return new Parser(tokenize(template)).template();
}

/** Tags that need other templates, of which a model has none. */
const TAGS_OF_FILES = ['extends', 'include', 'import', 'from'];

class Parser extends ExpressionParser {
  private readonly open: string[] = [];
  private loops = 0;

  template(): Statement[] {
    return this.statements([]);
  }

  /** Up to one of the tags, whose name is then the next token. */
  private statements(until: readonly string[]): Statement[] {
    const found: Statement[] = [];
    for (;;) {
      const token = this.advance();
      if (token.kind === 'data') found.push({ kind: 'data', text: token.text });
      else if (token.kind === 'variableStart') {
        found.push({ kind: 'output', values: [this.tuple({ condition: true })] });
        this.expect('variableEnd');
      } else if (token.kind === 'blockStart') {
        if (this.current.kind === 'name' && until.includes(this.current.text)) return found;
        found.push(this.nested(() => this.statement()));
        this.expect('blockEnd');
      } else if (token.kind === 'end' && until.length === 0) return found;
      else {
        const missing = this.open.at(-1);
        throw new JinjaSyntaxError(
          missing ? `The block “${missing}” does not end` : 'Unexpected end',
          token.line,
        );
      }
    }
  }

  /** A body up to the tag that ends it, which is taken. */
  private body(tag: string): Statement[] {
    this.expect('blockEnd');
    this.open.push(tag);
    const found = this.statements([`end${tag}`]);
    this.open.pop();
    this.advance();
    return found;
  }

  private statement(): Statement {
    const tag = this.expect('name');
    switch (tag.text) {
      case 'if':
        return this.ifStatement();
      case 'for':
        return this.forStatement();
      case 'set':
        return this.setStatement();
      case 'macro':
        return this.macro();
      case 'call': {
        const signature = this.is('operator', '(') ? this.signature() : { parameters: [], defaults: [] };
        const call = this.expression();
        if (call.kind !== 'call') throw new JinjaSyntaxError('A call block needs a call', tag.line);
        return { kind: 'callBlock', call, signature, body: this.apart(() => this.body('call')) };
      }
      case 'filter': {
        const filters = this.filterSteps(true);
        return { kind: 'filterBlock', filters, body: this.body('filter') };
      }
      case 'with':
        return this.withStatement();
      case 'print':
        return { kind: 'output', values: this.printed() };
      case 'generation':
        return { kind: 'generation', body: this.body('generation') };
      case 'autoescape': {
        const value = this.expression();
        if (value.kind !== 'constant' || value.value !== false) {
          throw new JinjaSyntaxError('“autoescape” is known here only as false', tag.line);
        }
        return { kind: 'block', body: this.body('autoescape') };
      }
      case 'block': {
        this.expect('name');
        while (this.skip('name', 'scoped') || this.skip('name', 'required'));
        const body = this.body('block');
        if (this.current.kind === 'name') this.advance();
        return { kind: 'block', body };
      }
      case 'break':
      case 'continue':
        if (this.loops === 0) throw new JinjaSyntaxError(`“${tag.text}” stands in no loop`, tag.line);
        return { kind: tag.text };
    }
    const files = TAGS_OF_FILES.includes(tag.text);
    throw new JinjaSyntaxError(
      files ? `“${tag.text}” needs another template` : `The tag “${tag.text}” is not known`,
      tag.line,
    );
  }

  /** What a `print` tag prints, one after the other. */
  private printed(): Expression[] {
    const values: Expression[] = [];
    while (this.current.kind !== 'blockEnd') {
      if (values.length > 0) this.expect('operator', ',');
      values.push(this.expression());
    }
    return values;
  }

  private ifStatement(): Statement {
    const branches: { test: Expression; body: Statement[] }[] = [];
    let otherwise: Statement[] = [];
    this.open.push('if');
    for (let tag = 'if'; tag !== 'endif'; ) {
      const test = tag === 'else' ? null : this.tuple({ condition: false });
      this.expect('blockEnd');
      const body = this.statements(tag === 'else' ? ['endif'] : ['elif', 'else', 'endif']);
      if (test) branches.push({ test, body });
      else otherwise = body;
      tag = this.advance().text;
    }
    this.open.pop();
    return { kind: 'if', branches, otherwise };
  }

  private forStatement(): Statement {
    const target = this.targetTuple(['in']);
    this.expect('name', 'in');
    const over = this.tuple({ condition: false, end: ['recursive'] });
    const test = this.skip('name', 'if') ? this.expression() : null;
    const recursive = this.skip('name', 'recursive');
    this.expect('blockEnd');
    this.open.push('for');
    this.loops++;
    const body = this.statements(['endfor', 'else']);
    this.loops--;
    let otherwise: Statement[] = [];
    if (this.advance().text === 'else') {
      this.expect('blockEnd');
      otherwise = this.statements(['endfor']);
      this.advance();
    }
    this.open.pop();
    return { kind: 'for', target, over, test, recursive, body, otherwise };
  }

  private setStatement(): Statement {
    const target = this.targetTuple(['=']);
    if (this.skip('operator', '=')) return { kind: 'set', target, value: this.tuple({ condition: true }) };
    const filters = this.filterSteps(false);
    return { kind: 'setBlock', target, filters, body: this.body('set') };
  }

  private macro(): Statement {
    const { text: name } = this.expect('name');
    const signature = this.signature();
    return { kind: 'macro', name, signature, body: this.apart(() => this.body('macro')) };
  }

  private withStatement(): Statement {
    const targets: Target[] = [];
    const values: Expression[] = [];
    while (this.current.kind !== 'blockEnd') {
      if (targets.length > 0) this.expect('operator', ',');
      const { text: name } = this.expect('name');
      targets.push({ kind: 'name', name });
      this.expect('operator', '=');
      values.push(this.expression());
    }
    return { kind: 'with', targets, values, body: this.body('with') };
  }

  private signature(): Signature {
    const parameters: string[] = [];
    const defaults: Expression[] = [];
    this.expect('operator', '(');
    while (!this.is('operator', ')')) {
      if (parameters.length > 0) this.expect('operator', ',');
      const parameter = this.expect('name');
      parameters.push(parameter.text);
      if (this.skip('operator', '=')) defaults.push(this.expression());
      else if (defaults.length > 0) {
        throw new JinjaSyntaxError('A parameter without default follows one with', parameter.line);
      }
    }
    this.advance();
    return { parameters, defaults };
  }

  /** `upper | trim` after a `filter` tag; `| upper | trim` after a block's name. */
  private filterSteps(bare: boolean): FilterStep[] {
    const steps: FilterStep[] = [];
    while ((bare && steps.length === 0) || this.skip('operator', '|')) {
      steps.push(this.filterStep());
    }
    return steps;
  }

  /** A target, or several with commas between them. */
  private targetTuple(end: readonly string[]): Target {
    const items: Target[] = [];
    let isTuple = false;
    while (!end.includes(this.current.text) && !['blockEnd', 'end'].includes(this.current.kind)) {
      items.push(this.target());
      if (!this.skip('operator', ',')) break;
      isTuple = true;
    }
    if (items.length === 0) throw this.unexpected();
    return isTuple ? { kind: 'tuple', items } : items[0];
  }

  private target(): Target {
    if (this.skip('operator', '(')) {
      const inner = this.targetTuple([')']);
      this.expect('operator', ')');
      return inner;
    }
    const { text: name } = this.expect('name');
    if (!this.skip('operator', '.')) return { kind: 'name', name };
    return { kind: 'member', namespace: name, name: this.expect('name').text };
  }

  /** Within a macro, `break` has no loop outside of it. */
  private apart<T>(read: () => T): T {
    const { loops } = this;
    this.loops = 0;
    const result = read();
    this.loops = loops;
    return result;
  }
}
