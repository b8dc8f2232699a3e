/** @file Values of a GGUF header by the names that they should have, with errors as a model's. */
import type { GgufHeader, GgufValue } from '../../formats/gguf';
import { readable } from '../../formats/readable';
import { ModelError } from '../errors';

/** What is wrong with values that a model cannot do without. */
const hint =
  'Choose another GGUF file of this model, made by a current llama.cpp, or the model as safetensors.';

export class Metadata {
  constructor(
    private readonly header: GgufHeader,
    /** What messages call the file. */
    readonly file: string,
  ) {}

  raw(name: string): GgufValue | undefined {
    return this.header.metadata.get(name);
  }

  text(name: string): string | undefined {
    return this.ofType(name, 'a text', (value) => typeof value === 'string');
  }

  flag(name: string): boolean | undefined {
    return this.ofType(name, 'true or false', (value) => typeof value === 'boolean');
  }

  /** A number; of a list with one for each layer the one that all of them have. */
  number(name: string): number | undefined {
    const value = this.raw(name);
    if (value instanceof Float64Array && value.length > 0) {
      if (value.every((each) => each === value[0])) return value[0];
      throw new ModelError(
        'unsupported',
        `${this.shown} has layers that differ: ${name} is not the same in all of them.`,
        'Choose a model whose layers are alike.',
      );
    }
    return this.ofType(name, 'a number', (each) => typeof each === 'number' && Number.isFinite(each));
  }

  neededNumber(name: string): number {
    const value = this.number(name);
    if (value === undefined) throw this.lacks(name);
    return value;
  }

  texts(name: string): readonly string[] | undefined {
    return this.ofType(name, 'a list of texts', Array.isArray);
  }

  numbers(name: string): Float64Array | undefined {
    return this.ofType(name, 'a list of numbers', (value) => value instanceof Float64Array);
  }

  lacks(name: string): ModelError {
    return new ModelError('malformed', `${this.shown} does not say ${name}, which a model needs.`, hint);
  }

  get shown(): string {
    return readable(this.file, 200);
  }

  private ofType<T extends GgufValue>(
    name: string,
    what: string,
    is: (value: GgufValue) => boolean,
  ): T | undefined {
    const value = this.raw(name);
    if (value === undefined) return undefined;
    if (is(value)) return value as T;
    throw new ModelError(
      'malformed',
      `${this.shown}: ${name} should be ${what}, and is another thing.`,
      hint,
    );
  }
}
