/** @file Reading the parts of a tokenizer.json, with refusals that name the part. */
import { ModelError } from '../errors';
import { compilePattern, type Find, literalPattern, PatternError } from './regex';

/** What a normalizer does to a text. */
export type Normalize = (text: string) => string;

/** Sequences within sequences. */
const MOST_NESTED = 50;

/** A part of a tokenizer.json: its `type` and what belongs to it. */
export class Part {
  constructor(
    /** What it is for: `pre-tokenizer`. */
    readonly role: string,
    private readonly fields: Readonly<Record<string, unknown>>,
    /** Parts that this one is within. */
    private readonly depth = 0,
  ) {}

  get type(): string {
    return typeof this.fields.type === 'string' ? this.fields.type : '';
  }

  /** How it is called in messages. */
  get name(): string {
    return this.type ? `${this.role} “${this.type}”` : this.role;
  }

  has(key: string): boolean {
    return this.raw(key) !== undefined && this.raw(key) !== null;
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.fields, key) ? this.fields[key] : undefined;
  }

  /** @param otherwise Where the key is not there; without it, it must be. */
  text(key: string, otherwise?: string): string {
    return this.read(key, 'a text', (value): value is string => typeof value === 'string', otherwise);
  }

  flag(key: string, otherwise: boolean): boolean {
    return this.read(
      key,
      'true or false',
      (value): value is boolean => typeof value === 'boolean',
      otherwise,
    );
  }

  count(key: string, otherwise?: number): number {
    return this.read(
      key,
      'a whole number',
      (value): value is number => typeof value === 'number' && Number.isSafeInteger(value) && value >= 0,
      otherwise,
    );
  }

  list(key: string): unknown[] {
    return this.read(key, 'a list', (value): value is unknown[] => Array.isArray(value));
  }

  choice<T extends string>(key: string, known: readonly T[], otherwise?: T): T {
    const value = this.text(key, otherwise);
    const found = known.find((each) => each === value);
    if (found === undefined && key === 'type')
      throw malformed(`the ${this.name} is not one of ${known.join(', ')}`);
    if (found === undefined) throw this.refused(`with ${key} “${value.slice(0, 60)}”`);
    return found;
  }

  /** The parts of a sequence. */
  parts(key: string): Part[] {
    if (this.depth >= MOST_NESTED) throw malformed(`the ${this.role} is nested too deeply`);
    return this.list(key).map((each) => partOf(this.role, each, this.name, this.depth + 1));
  }

  /** `pattern`: a text as it stands, or a regular expression. */
  pattern(): Find {
    const { String: literal, Regex: regex } = (this.raw('pattern') ?? {}) as Record<string, unknown>;
    if (typeof literal === 'string') return literalPattern(literal);
    if (typeof regex !== 'string') throw this.wrong('pattern', 'a text or a regular expression');
    const attempt = <T>(work: () => T): T => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof PatternError)) throw error;
        throw this.refused('', `in its pattern “${regex.slice(0, 80)}” ${error.message}`);
      }
    };
    const find = attempt(() => compilePattern(regex));
    return (text, from) => attempt(() => find(text, from));
  }

  /** For what the file is right to say but is not known here. */
  refused(what = '', why = ''): ModelError {
    const named = `${this.name}${what ? ` ${what}` : ''}`;
    const message = `tokenizer.json: the ${named} cannot be used here${why ? `: ${why}` : ''}.`;
    return new ModelError(
      'unsupported',
      message,
      'Choose another model: with this tokenizer texts would become other tokens.',
    );
  }

  wrong(key: string, wanted: string): ModelError {
    return malformed(`the ${this.name} needs ${wanted} as its “${key}”`);
  }

  private read<T>(key: string, wanted: string, fits: (value: unknown) => value is T, otherwise?: T): T {
    const value = this.raw(key);
    if ((value === undefined || value === null) && otherwise !== undefined) return otherwise;
    if (!fits(value)) throw this.wrong(key, wanted);
    return value;
  }
}

/** A part out of what stands in the file. */
export function partOf(role: string, content: unknown, within = '', depth = 0): Part {
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw malformed(`the ${role}${within ? ` within the ${within}` : ''} is no object`);
  }
  return new Part(role, content as Record<string, unknown>, depth);
}

/** A file that no tokenizer library would take. */
export function malformed(what: string, cause?: unknown): ModelError {
  return new ModelError(
    'malformed',
    `tokenizer.json: ${what}.`,
    'Take tokenizer.json from the model itself, unchanged.',
    { cause },
  );
}
