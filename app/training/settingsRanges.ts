/** @file What a run's settings may be: one schema for the page's controls and the worker's door. */
import { z } from 'zod';
import { TrainingError } from './errors';
import { type NumericSetting, SETTINGS_RANGES } from './ranges';
import type { RunSettings } from './types';

/** Names as the page shows them. */
export const SETTING_LABELS: Record<keyof RunSettings, string> = {
  method: 'Method',
  virtualTokens: 'Virtual tokens',
  initialiser: 'Start from',
  initText: 'Start text',
  learningRate: 'Learning rate',
  steps: 'Steps',
  batchSize: 'Batch size',
  seed: 'Seed',
  warmupSteps: 'Warm-up steps',
  schedule: 'Schedule',
  clipNorm: 'Clip gradient norm',
  weightDecay: 'Weight decay',
  validateEvery: 'Validate every',
  validationRows: 'Validation rows',
  instructions: 'Instructions',
};

const MAX_INIT_TEXT = 4000;
const MAX_INSTRUCTIONS = 10;
const MAX_INSTRUCTION = 4000;

function number(name: NumericSetting) {
  const { min, max, whole } = SETTINGS_RANGES[name];
  const kind = whole ? 'a whole number' : 'a number';
  const words = (issue: { input?: unknown }): string =>
    `${SETTING_LABELS[name]} must be ${kind} from ${min} to ${max}, not ${shown(issue.input)}.`;
  const schema = z.number({ error: words }).min(min, { error: words }).max(max, { error: words });
  return whole ? schema.int({ error: words }) : schema;
}

function choice<const T extends readonly string[]>(name: keyof RunSettings, values: T) {
  return z.enum(values, {
    error: (issue) =>
      `${SETTING_LABELS[name]} must be one of ${values.join(', ')}, not ${shown(issue.input)}.`,
  });
}

export const runSettingsSchema = z.object({
  method: choice('method', ['prompt']),
  virtualTokens: number('virtualTokens'),
  initialiser: choice('initialiser', ['text', 'labels', 'vocabulary', 'random', 'file']),
  initText: z.string({ error: `${SETTING_LABELS.initText} must be text.` }).max(MAX_INIT_TEXT, {
    error: `${SETTING_LABELS.initText} must have at most ${MAX_INIT_TEXT} characters.`,
  }),
  learningRate: number('learningRate'),
  steps: number('steps'),
  batchSize: number('batchSize'),
  seed: number('seed'),
  warmupSteps: number('warmupSteps'),
  schedule: choice('schedule', ['cosine', 'linear', 'constant']),
  clipNorm: number('clipNorm'),
  weightDecay: number('weightDecay'),
  validateEvery: number('validateEvery'),
  validationRows: number('validationRows'),
  instructions: z
    .array(
      z.string().max(MAX_INSTRUCTION, {
        error: `An instruction must have at most ${MAX_INSTRUCTION} characters.`,
      }),
      { error: `${SETTING_LABELS.instructions} must be texts.` },
    )
    .max(MAX_INSTRUCTIONS, { error: `At most ${MAX_INSTRUCTIONS} instructions can be compared.` }),
}) satisfies z.ZodType<RunSettings>;

/**
 * Settings as they came through the door, checked.
 * @throws TrainingError that names every setting at fault, what it may be and what it was.
 */
export function parseSettings(value: unknown): RunSettings {
  const result = runSettingsSchema.safeParse(value);
  if (!result.success) {
    throw new TrainingError(result.error.issues.map((issue) => issue.message).join(' '));
  }
  return result.data;
}

function shown(value: unknown): string {
  if (value === undefined || value === null) return 'empty';
  return typeof value === 'number' ? String(value) : JSON.stringify(value);
}
