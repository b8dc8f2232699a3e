/** @file Settings at the worker's door: the schema that checks them, made from the table of settings. */
import { z } from 'zod';
import { TrainingError } from './errors';
import { type NumericSetting, rangeWords, SETTINGS } from './settingsTable';
import type { RunSettings } from './types';

function number(name: NumericSetting) {
  const { label, min, max, whole } = SETTINGS[name];
  const words = (issue: { input?: unknown }): string =>
    `${label} must be ${rangeWords(SETTINGS[name])}, not ${shown(issue.input)}.`;
  const schema = z.number({ error: words }).min(min, { error: words }).max(max, { error: words });
  return whole ? schema.int({ error: words }) : schema;
}

function choice<const T extends Record<string, string>>({ label, choices }: { label: string; choices: T }) {
  const values = Object.keys(choices) as (keyof T & string)[];
  return z.enum(values as [keyof T & string], {
    error: (issue) => `${label} must be one of ${values.join(', ')}, not ${shown(issue.input)}.`,
  });
}

function text({ label, mostCharacters }: { label: string; mostCharacters: number }) {
  return z.string({ error: `${label} must be text.` }).max(mostCharacters, {
    error: `${label} must have at most ${mostCharacters} characters.`,
  });
}

const { instructions: words } = SETTINGS;

export const runSettingsSchema = z.object({
  search: choice(SETTINGS.search),
  method: choice(SETTINGS.method),
  virtualTokens: number('virtualTokens'),
  initialiser: choice(SETTINGS.initialiser),
  initText: text(SETTINGS.initText),
  before: text(SETTINGS.before),
  after: text(SETTINGS.after),
  learningRate: number('learningRate'),
  steps: number('steps'),
  batchSize: number('batchSize'),
  seed: number('seed'),
  warmupSteps: number('warmupSteps'),
  schedule: choice(SETTINGS.schedule),
  clipNorm: number('clipNorm'),
  weightDecay: number('weightDecay'),
  noise: number('noise'),
  shots: number('shots'),
  validateEvery: number('validateEvery'),
  validationRows: number('validationRows'),
  patience: number('patience'),
  minutes: number('minutes'),
  instructions: z
    .array(
      z.string().max(words.mostCharacters, {
        error: `${words.label} must have at most ${words.mostCharacters} characters.`,
      }),
      { error: `${words.label} must be texts.` },
    )
    .max(words.mostTexts, { error: `At most ${words.mostTexts} instructions can be compared.` }),
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
