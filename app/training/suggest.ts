/** @file Settings that work without touching anything, chosen from model and data, each with its reason. */
import type { DatasetReport } from '../data/types';
import type { ModelSpec } from '../engine/spec';
import { SETTINGS_RANGES } from './ranges';
import type { RunSettings, SuggestedSettings } from './types';

/** Beyond so many, more virtual tokens bring little (Lester et al. 2021, figure 3a). */
const VIRTUAL_TOKENS = 20;
/** Adam moves an element by about the learning rate a step, so this is the part of an embedding's size that a step moves. */
const RATE_OF_RMS = 0.2;
const BATCH_SIZE = 16;
const EPOCHS = 3;
const STEPS = { min: 150, max: 400 };
/** Validation passes of a run; each costs as much as several steps. */
const VALIDATIONS = 6;
/** Without a GPU a validation of all rows would take longer than the steps between two. */
const VALIDATION_ROWS = { gpu: 200, cpu: 100 };
const MOST_CLASSES_NAMED = 8;

/** What the suggestion follows from. */
export interface SuggestionFacts {
  spec: Pick<ModelSpec, 'contextLength'>;
  /** Root mean square of the embedding table's elements. */
  elementRms: number;
  dataset: Pick<DatasetReport, 'options' | 'training' | 'validation' | 'lengths' | 'classes'>;
  /** Whether training runs on a GPU. */
  gpu: boolean;
}

/** Settings for a first run. */
export function suggestSettings({ spec, elementRms, dataset, gpu }: SuggestionFacts): SuggestedSettings {
  const room = spec.contextLength - dataset.lengths.max;
  const virtualTokens = Math.max(1, Math.min(VIRTUAL_TOKENS, room));
  const batchSize = Math.min(BATCH_SIZE, dataset.training);
  const perEpoch = dataset.training / batchSize;
  const steps = clamp(roundTo(EPOCHS * perEpoch, 25), STEPS.min, STEPS.max);
  const epochs = steps / perEpoch;
  const warmupSteps = Math.round(steps / 15);
  const validateEvery = Math.max(25, roundTo(steps / VALIDATIONS, 25));
  const mostRows = gpu ? VALIDATION_ROWS.gpu : VALIDATION_ROWS.cpu;
  const validationRows = Math.max(1, Math.min(mostRows, dataset.validation));
  const rate = clamp(
    RATE_OF_RMS * elementRms,
    SETTINGS_RANGES.learningRate.min,
    SETTINGS_RANGES.learningRate.max,
  );
  const learningRate = Number(rate.toPrecision(2));
  const settings: RunSettings = {
    method: 'prompt',
    virtualTokens,
    initialiser: 'text',
    initText: describeTask(dataset),
    learningRate,
    steps,
    batchSize,
    seed: 1,
    warmupSteps,
    schedule: 'cosine',
    clipNorm: 1,
    weightDecay: 0.001,
    validateEvery,
    validationRows,
  };
  const reasons: SuggestedSettings['reasons'] = {
    virtualTokens:
      virtualTokens < VIRTUAL_TOKENS
        ? `As many as fit: the longest example takes ${dataset.lengths.max} of the model's ${spec.contextLength} positions.`
        : 'Enough for most tasks: more than 20 bring little.',
    initialiser: 'Words that describe the task are mostly the best start.',
    initText: dataset.classes
      ? 'Made from the targets of the dataset.'
      : 'Made from the columns of the dataset.',
    learningRate: `${RATE_OF_RMS} of the size of this model's embeddings (${elementRms.toPrecision(2)}): a step moves the prompt by about that much.`,
    steps: `${round(epochs)} passes over ${dataset.training} training examples.`,
    batchSize:
      batchSize < BATCH_SIZE ? 'All training examples in every step.' : 'Steady gradients at little cost.',
    seed: 'Any number; the same one repeats the run.',
    warmupSteps: 'The first steps are small, until the optimizer knows the gradient’s size.',
    schedule: 'The learning rate falls to nothing, so that the prompt comes to rest.',
    clipNorm: 'A single odd batch cannot throw the prompt off.',
    weightDecay: 'Small: it only keeps unused directions from drifting.',
    validateEvery: `${Math.ceil(steps / validateEvery)} validations in the run.`,
    validationRows:
      validationRows < dataset.validation
        ? `Of ${dataset.validation}, so that a validation ${gpu ? 'stays short' : 'stays short without a GPU'}.`
        : 'All there are.',
  };
  return { settings, reasons };
}

/** The task in words, for the `text` initialiser and as a first hard prompt. */
export function describeTask({ options, classes }: Pick<DatasetReport, 'options' | 'classes'>): string {
  if (options.kind === 'plainText') return 'Continue the text.';
  if (options.kind === 'conversation' && !classes) return 'Answer the user.';
  const input = columnWords(options.inputTemplate, GENERIC_INPUTS) ?? 'text';
  const target = columnWords(options.targetTemplate, GENERIC_TARGETS);
  if (!classes) return `Give the ${target ?? 'answer'} for the ${input}.`;
  const task = `Classify the ${input}${target ? ` by ${target}` : ''}`;
  if (classes.length > MOST_CLASSES_NAMED) return `${task}.`;
  const names = classes.map((name) => name.trim());
  return `${task}: ${names.slice(0, -1).join(', ')} or ${names.at(-1)}.`;
}

/** Column names that say nothing of the task. */
const GENERIC_INPUTS = new Set(['input', 'inputs', 'source', 'src', 'content', 'prompt']);
const GENERIC_TARGETS = new Set([
  'target',
  'targets',
  'label',
  'labels',
  'label text',
  'output',
  'outputs',
  'class',
  'category',
  'response',
  'completion',
  'expected',
  'tgt',
]);

/** The last column of a template as words, or null where its name says nothing. */
function columnWords(template: string, generic: ReadonlySet<string>): string | null {
  const name = [...template.matchAll(/\{([^{}]+)\}/g)].at(-1)?.[1];
  const words = name
    ?.replace(/[_\-\s]+/g, ' ')
    .trim()
    .toLowerCase();
  return words && !generic.has(words) ? words : null;
}

function roundTo(value: number, unit: number): number {
  return Math.round(value / unit) * unit;
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function round(value: number): number {
  return value < 10 ? Number(value.toFixed(1)) : Math.round(value);
}
