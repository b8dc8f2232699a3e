/**
 * @file The person's settings over the suggested ones. What was typed is kept as typed, so that a new suggestion
 * never overwrites it and an impossible value can be shown with what is wrong about it.
 */
import {
  type NumericSetting,
  numericSettings,
  type RunSettings,
  rangeWords,
  SETTINGS,
  type SuggestedSettings,
} from '../workers/protocol';

export interface NumberRule {
  min: number;
  max: number;
  whole: boolean;
}

/** What the person has set: numbers as typed, choices as chosen. Absent is automatic. */
export type EnteredSettings = Partial<Record<NumericSetting, string>> &
  Partial<
    Pick<RunSettings, 'search' | 'method' | 'initialiser' | 'schedule' | 'initText' | 'before' | 'after'>
  > & {
    /** One a line. */
    instructions?: string;
  };

export type SettingKey = keyof EnteredSettings;

/** The number in a text, or what is wrong with it. */
export function parseNumber(text: string, rule: NumberRule): { value: number } | { message: string } {
  const range = rangeWords(rule);
  const trimmed = text.trim();
  if (trimmed === '') return { message: `Enter ${range}, or leave it for the automatic value.` };
  const value = Number(trimmed);
  if (!Number.isFinite(value)) return { message: `“${trimmed}” is no number. Enter ${range}.` };
  if (rule.whole && !Number.isInteger(value)) return { message: `Enter ${range}: ${trimmed} is not whole.` };
  if (value < rule.min || value > rule.max) return { message: `Enter ${range}.` };
  return { value };
}

export interface ResolvedSettings {
  /** Ready to train with; null while there is no suggestion or something is invalid. */
  settings: RunSettings | null;
  errors: Partial<Record<SettingKey, string>>;
}

/**
 * Suggested settings with the person's own in their place.
 * @param contextLength the model's positions, which virtual tokens and the longest example share; null if unknown
 */
export function resolveSettings(
  suggested: SuggestedSettings | null,
  entered: EnteredSettings,
  limits: { contextLength: number | null; longestExample: number } = {
    contextLength: null,
    longestExample: 0,
  },
): ResolvedSettings {
  const errors: ResolvedSettings['errors'] = {};
  const numbers: Partial<Record<NumericSetting, number>> = {};
  for (const key of numericSettings) {
    const text = entered[key];
    if (text === undefined) continue;
    const parsed = parseNumber(text, SETTINGS[key]);
    if ('message' in parsed) errors[key] = parsed.message;
    else numbers[key] = parsed.value;
  }
  const { contextLength, longestExample } = limits;
  const virtualTokens = numbers.virtualTokens ?? 0;
  if (contextLength !== null && virtualTokens + longestExample > contextLength) {
    const room = Math.max(0, contextLength - longestExample);
    errors.virtualTokens =
      `The model has ${contextLength} positions and the longest example takes ${longestExample}: ` +
      `at most ${room} are left. Use fewer, or lower the longest example in Data.`;
  }
  if (!suggested) return { settings: null, errors };
  const initialiser = entered.initialiser ?? suggested.settings.initialiser;
  const initText = entered.initText ?? suggested.settings.initText;
  const { mostCharacters } = SETTINGS.initText;
  if (initialiser === 'text' && initText.trim() === '') {
    errors.initText = 'Write a few words that describe the task, or choose another start.';
  } else if (initText.length > mostCharacters) {
    errors.initText = `Write at most ${mostCharacters} characters: these are ${initText.length}.`;
  }
  for (const key of ['before', 'after'] as const) {
    const most = SETTINGS[key].mostCharacters;
    const { length } = entered[key] ?? '';
    if (length > most) errors[key] = `Write at most ${most} characters: these are ${length}.`;
  }
  const lines = entered.instructions === undefined ? [] : instructionLines(entered.instructions);
  const { mostTexts } = SETTINGS.instructions;
  if (lines.length > mostTexts) {
    errors.instructions = `At most ${mostTexts} are compared, one a line; these are ${lines.length}.`;
  }
  if (Object.keys(errors).length > 0) return { settings: null, errors };
  const { search, method, schedule, before, after } = { ...suggested.settings, ...entered };
  const settings: RunSettings = {
    ...suggested.settings,
    ...numbers,
    search,
    method,
    initialiser,
    initText,
    before,
    after,
    schedule,
    instructions:
      entered.instructions === undefined
        ? suggested.settings.instructions
        : instructionLines(entered.instructions),
  };
  return { settings, errors };
}

/** What a person compares with: one instruction a line, blank lines left out. */
export function instructionLines(text: string): string[] {
  return text.split('\n').flatMap((line) => (line.trim() === '' ? [] : [line.trim()]));
}

/** The arrow keys' step of a number: a tenth of the value's own order of size, or 1 for whole numbers. */
export function arrowStep(value: number, rule: NumberRule): number {
  if (rule.whole) return 1;
  if (!(value > 0)) return 0.1;
  return Number((10 ** (Math.floor(Math.log10(value)) - 1)).toPrecision(1));
}

/** A number as it stands in its box: no digits that a float only pretends to know. */
export function numberText(value: number): string {
  const text = String(Number(value.toPrecision(10)));
  return text.length > 8 && Math.abs(value) < 1 ? String(Number(value.toPrecision(4))) : text;
}
