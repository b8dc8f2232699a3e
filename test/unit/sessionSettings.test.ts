/** @file The person's settings over the suggested ones. */
import { describe, expect, it } from 'vitest';
import { arrowStep, numberText, parseNumber, resolveSettings } from '../../app/session/settings';
import {
  numericSettings,
  type RunSettings,
  SETTINGS,
  type SuggestedSettings,
} from '../../app/workers/protocol';

const automatic: RunSettings = {
  search: 'none',
  method: 'prompt',
  virtualTokens: 20,
  initialiser: 'labels',
  initText: 'Classify the review.',
  before: '',
  after: '',
  learningRate: 0.06,
  steps: 300,
  batchSize: 16,
  seed: 1,
  warmupSteps: 15,
  schedule: 'cosine',
  clipNorm: 1,
  weightDecay: 0,
  validateEvery: 25,
  validationRows: 80,
  noise: 0,
  shots: 0,
  patience: 0,
  minutes: 0,
  instructions: [],
};
const suggested: SuggestedSettings = { settings: automatic, reasons: {} };

describe('resolving settings', () => {
  it('takes every suggested value while nothing was entered', () => {
    expect(resolveSettings(suggested, {}).settings).toEqual(automatic);
  });

  it('changes the entered value and no other', () => {
    const { settings } = resolveSettings(suggested, { steps: '30', schedule: 'linear' });
    expect(settings).toEqual({ ...automatic, steps: 30, schedule: 'linear' });
  });

  it('keeps what was entered when the suggestion changes', () => {
    const other = { ...suggested, settings: { ...automatic, steps: 900, learningRate: 0.01 } };
    expect(resolveSettings(other, { steps: '30' }).settings).toMatchObject({ steps: 30, learningRate: 0.01 });
  });

  it('reports every impossible value and gives no settings', () => {
    const { settings, errors } = resolveSettings(suggested, {
      steps: '0',
      batchSize: '2.5',
      learningRate: 'x',
    });
    expect(settings).toBeNull();
    expect(Object.keys(errors).sort()).toEqual(['batchSize', 'learningRate', 'steps']);
    expect(errors.batchSize).toContain('2.5 is not whole');
  });

  it('refuses more virtual tokens than the model has positions beside the longest example', () => {
    const limits = { contextLength: 128, longestExample: 100 };
    expect(resolveSettings(suggested, { virtualTokens: '28' }, limits).settings).not.toBeNull();
    expect(resolveSettings(suggested, { virtualTokens: '29' }, limits).errors.virtualTokens).toContain(
      'at most 28',
    );
  });

  it('asks for words when the start is from words and there are none', () => {
    const entered = { initialiser: 'text', initText: '  ' } as const;
    expect(resolveSettings(suggested, entered).errors.initText).toContain('few words');
    expect(resolveSettings(suggested, { ...entered, initialiser: 'random' }).settings).not.toBeNull();
  });

  it('checks what was entered even before there is a suggestion', () => {
    expect(resolveSettings(null, { seed: '-1' }).errors.seed).toBeDefined();
    expect(resolveSettings(null, { seed: '3' })).toEqual({ settings: null, errors: {} });
  });
});

describe('numbers as typed', () => {
  it('reads them over the whole of their range, in powers of ten too', () => {
    for (const rule of numericSettings.map((name) => SETTINGS[name])) {
      expect(parseNumber(String(rule.min), rule)).toEqual({ value: rule.min });
      expect(parseNumber(String(rule.max), rule)).toEqual({ value: rule.max });
      expect(parseNumber(String(rule.max * 2), rule)).toHaveProperty('message');
    }
    expect(parseNumber(' 1e-3 ', SETTINGS.learningRate)).toEqual({ value: 0.001 });
  });

  it('says what is expected when there is nothing or no number', () => {
    expect(parseNumber('', SETTINGS.steps)).toEqual({
      message: expect.stringContaining('whole number from 1 to 100,000'),
    });
    expect(parseNumber('many', SETTINGS.steps)).toEqual({ message: expect.stringContaining('“many”') });
  });

  it('steps by ones for whole numbers and by a tenth of the size for others', () => {
    expect(arrowStep(300, SETTINGS.steps)).toBe(1);
    expect(arrowStep(0.06, SETTINGS.learningRate)).toBe(0.001);
    expect(arrowStep(1, SETTINGS.clipNorm)).toBe(0.1);
  });

  it('shows no digits that a float only pretends to know', () => {
    expect(numberText(0.1 + 0.2)).toBe('0.3');
    expect(numberText(0.05999999865889549)).toBe('0.06');
    expect(numberText(2_147_483_647)).toBe('2147483647');
  });
});
