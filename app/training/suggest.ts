/** @file Settings that work without touching anything, chosen from model and data, each with its reason. */
import { templateColumns } from '../data/template';
import type { DatasetReport } from '../data/types';
import {
  RATE_OF_RMS,
  reasonsFor,
  SETTINGS,
  type SuggestionFacts,
  USUAL_BATCH_SIZE,
  USUAL_VIRTUAL_TOKENS,
} from './settingsTable';
import type { RunSettings, SuggestedSettings } from './types';

const EPOCHS = 3;
const STEPS = { min: 150, max: 400 };
/** Validation passes of a run; each costs as much as several steps. */
const VALIDATIONS = 6;
/** Without a GPU a validation of all rows would take longer than the steps between two. */
const VALIDATION_ROWS = { gpu: 200, cpu: 100 };
const MOST_CLASSES_NAMED = 8;
const PATIENCE = 3;
/** Examples in context: what a person would write into a prompt by hand. */
const SHOTS = 4;
/** Weights in the layers of a model that even a processor trains several prompts on in a minute. */
const SMALL = 20e6;

/** Settings for a first run. */
export function suggestSettings(facts: SuggestionFacts): SuggestedSettings {
  const { spec, elementRms, dataset, instruction, gpu } = facts;
  const room = spec.contextLength - dataset.lengths.max;
  const virtualTokens = Math.max(1, Math.min(USUAL_VIRTUAL_TOKENS, room));
  const batchSize = Math.min(USUAL_BATCH_SIZE, dataset.training);
  const perEpoch = dataset.training / batchSize;
  const steps = clamp(roundTo(EPOCHS * perEpoch, 25), STEPS.min, STEPS.max);
  const warmupSteps = Math.round(steps / 15);
  const validateEvery = Math.max(25, roundTo(steps / VALIDATIONS, 25));
  const mostRows = gpu ? VALIDATION_ROWS.gpu : VALIDATION_ROWS.cpu;
  const validationRows = Math.max(1, Math.min(mostRows, dataset.validation));
  const rate = clamp(RATE_OF_RMS * elementRms, SETTINGS.learningRate.min, SETTINGS.learningRate.max);
  const learningRate = Number(rate.toPrecision(2));
  const settings: RunSettings = {
    search: gpu || isSmall(spec) ? 'auto' : 'none',
    method: 'prompt',
    virtualTokens,
    initialiser: 'text',
    initText: describeTask(dataset),
    before: '',
    after: '',
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
    patience: PATIENCE,
    minutes: 0,
    noise: 0,
    shots: gpu || isSmall(spec) ? SHOTS : 0,
    instructions: [instruction ?? describeTask(dataset)],
  };
  return { settings, reasons: reasonsFor(facts, settings) };
}

/** By the weights of a layer with a gated MLP of the usual width. */
function isSmall({ hidden, layers }: SuggestionFacts['spec']): boolean {
  return 12 * hidden ** 2 * layers.length < SMALL;
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
  const name = templateColumns(template).at(-1);
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
