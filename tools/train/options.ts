/** @file What may be said to `npm run train`. */
import { parseArgs } from 'node:util';
import { METHODS, type MethodId, SETTINGS, type Search } from '../../app/workers/protocol';

export interface TrainOptions {
  /** A model's folder in Hugging Face layout. */
  model: string;
  data: string;
  test: string | null;
  instructions: string[];
  /** Examples in context that the prompt is compared with. */
  shots: number;
  method: MethodId;
  /** null for what suits the model. */
  search: Search | null;
  /** Wall clock for the training and what it is compared with; null for as many steps as are given or suggested. */
  seconds: number | null;
  steps: number | null;
  /** null for the processor. */
  backend: 'webgpu' | 'wasm' | null;
  seed: number | null;
  /** Folder for the prompt's file. */
  out: string;
  /** File for the report; `-` is stdout. */
  json: string | null;
}

export const USAGE = `usage: npm run train -- --model FOLDER --data FILE --out FOLDER
  [--test FILE]                 rows that are only reported; else part of the data is kept apart for that
  [--instruction TEXT]...       words that the prompt is compared with, ten at most
  [--shots N]                   compare also with the first instruction and so many rows with their answers
  [--method METHOD]             prompt, residual, mixture, encoder, prefix or projectedPrefix; prompt where nothing is said
  [--search SEARCH]             auto, none, rates, lengths, starts, methods or seeds: prompts trained side by side
  [--seconds S | --steps N]     how long; else as many steps as suit the data
  [--backend webgpu|wasm]       wasm, the processor, where nothing is said
  [--seed N]
  [--json FILE|-]               the report`;

const BACKENDS = ['webgpu', 'wasm'] as const;

/** What was asked for cannot be understood; the message says what was expected and what was found. */
export class OptionError extends Error {
  override name = 'OptionError';
}

/** @throws OptionError */
export function parseOptions(args: string[]): TrainOptions {
  const values = parse(args);
  if (values.seconds !== undefined && values.steps !== undefined) {
    throw new OptionError('--seconds and --steps exclude each other: give one of them.');
  }
  const instructions = (values.instruction ?? []).map((text) => text.trim()).filter((text) => text !== '');
  const { mostTexts } = SETTINGS.instructions;
  if (instructions.length > mostTexts) {
    throw new OptionError(
      `--instruction may be given ${mostTexts} times at most, not ${instructions.length}.`,
    );
  }
  return {
    model: required('model', values.model, 'a model’s folder'),
    data: required('data', values.data, 'a file of examples'),
    test: values.test ?? null,
    instructions,
    shots: optional('shots', values.shots, isShots, SHOTS_WORDS) ?? 0,
    method: oneOf('method', values.method ?? 'prompt', Object.keys(METHODS) as MethodId[]),
    search:
      values.search === undefined
        ? null
        : oneOf('search', values.search, Object.keys(SETTINGS.search.choices) as Search[]),
    seconds: optional('seconds', values.seconds, (value) => value > 0, 'a number above 0'),
    steps: optional('steps', values.steps, isWhole(1), 'a whole number from 1 on'),
    backend: values.backend === undefined ? null : oneOf('backend', values.backend, BACKENDS),
    seed: optional('seed', values.seed, isWhole(0), 'a whole number from 0 on'),
    out: required('out', values.out, 'a folder for the prompt’s file'),
    json: values.json ?? null,
  };
}

function parse(args: string[]) {
  const one = { type: 'string' } as const;
  try {
    return parseArgs({
      args,
      allowPositionals: false,
      options: {
        model: one,
        data: one,
        test: one,
        instruction: { type: 'string', multiple: true },
        shots: one,
        method: one,
        search: one,
        seconds: one,
        steps: one,
        backend: one,
        seed: one,
        out: one,
        json: one,
      },
    }).values;
  } catch (error) {
    throw new OptionError(error instanceof Error ? error.message : String(error));
  }
}

const isShots = (value: number) => isWhole(0)(value) && value <= SETTINGS.shots.max;
const SHOTS_WORDS = `a whole number up to ${SETTINGS.shots.max}`;
const isWhole = (least: number) => (value: number) => Number.isSafeInteger(value) && value >= least;

function required(name: string, value: string | undefined, what: string): string {
  if (value === undefined || value.trim() === '') throw new OptionError(`--${name} is missing: ${what}.`);
  return value;
}

function optional(
  name: string,
  text: string | undefined,
  good: (value: number) => boolean,
  what: string,
): number | null {
  if (text === undefined) return null;
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!Number.isFinite(value) || !good(value)) {
    throw new OptionError(`--${name} takes ${what}, not “${text}”.`);
  }
  return value;
}

function oneOf<T extends string>(name: string, value: string, known: readonly T[]): T {
  const found = known.find((one) => one === value);
  if (found) return found;
  throw new OptionError(`--${name} takes ${known.join(' or ')}, not “${value}”.`);
}
