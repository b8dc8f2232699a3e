import { describe, expect, it } from 'vitest';
import { completeOptions } from '../../app/data/options';
import type { DatasetReport } from '../../app/data/types';
import { DivergenceWatch } from '../../app/training/divergence';
import { learningRateAt } from '../../app/training/schedule';
import { parseSettings } from '../../app/training/settingsRanges';
import type { SuggestionFacts } from '../../app/training/settingsTable';
import { describeTask, suggestSettings } from '../../app/training/suggest';
import type { Schedule } from '../../app/training/types';
import { tinySettings } from './trainingFixture';

describe('the learning rate', () => {
  const rates = (schedule: Schedule, warmupSteps = 4, steps = 12) =>
    Array.from({ length: steps }, (_, step) =>
      learningRateAt(step, { learningRate: 1, steps, warmupSteps, schedule }),
    );

  it('warms up in equal parts and peaks on the step after', () => {
    for (const schedule of ['cosine', 'linear', 'constant'] as const) {
      expect(rates(schedule).slice(0, 5)).toEqual([0.2, 0.4, 0.6, 0.8, 1]);
    }
  });

  it('falls along half a cosine, along a line or not at all', () => {
    expect(rates('cosine')[8]).toBeCloseTo(0.5, 12);
    expect(rates('cosine')[11]).toBeCloseTo(0.5 * (1 + Math.cos((7 / 8) * Math.PI)), 12);
    expect(rates('linear').slice(8)).toEqual([0.5, 0.375, 0.25, 0.125]);
    expect(rates('constant').slice(4)).toEqual(Array(8).fill(1));
  });

  it('is never 0, with no warm-up or one as long as the run', () => {
    for (const warmup of [0, 12, 20]) {
      for (const schedule of ['cosine', 'linear', 'constant'] as const) {
        for (const rate of rates(schedule, warmup)) expect(rate).toBeGreaterThan(0);
      }
    }
  });
});

describe('settings at the door', () => {
  it('pass when they are within their ranges', () => {
    expect(parseSettings(tinySettings)).toEqual(tinySettings);
  });

  it.each([
    [{ virtualTokens: 0 }, 'Virtual tokens must be a whole number from 1 to 200, not 0.'],
    [{ steps: 1.5 }, 'Steps must be a whole number from 1 to 100,000, not 1.5.'],
    [{ learningRate: Number.NaN }, 'Learning rate must be a number from 0.000001 to 10, not NaN.'],
    [{ batchSize: null }, 'Batch size must be a whole number from 1 to 512, not empty.'],
    [{ seed: 'x' }, 'Seed must be a whole number from 0 to 4,294,967,295, not "x".'],
    [{ schedule: 'step' }, 'Schedule must be one of cosine, linear, constant, not "step".'],
  ])('%o is refused in words', (wrong, message) => {
    expect(() => parseSettings({ ...tinySettings, ...wrong })).toThrow(message);
  });

  it('are all named when several are wrong', () => {
    expect(() => parseSettings({ ...tinySettings, steps: 0, clipNorm: -1 })).toThrow(/Steps .* Clip norm/);
  });
});

describe('suggested settings', () => {
  it('search where a GPU, or a small model, makes several prompts at once a matter of seconds', () => {
    expect(suggestSettings({ ...facts, gpu: true }).settings.search).toBe('auto');
    expect(suggestSettings({ ...facts, gpu: false }).settings.search).toBe('auto');
    const large = { ...facts.spec, hidden: 576, layers: Array(30).fill(facts.spec.layers[0]) };
    expect(suggestSettings({ ...facts, spec: large, gpu: false }).settings.search).toBe('none');
  });

  it('of conversations ask for an answer', () => {
    const conversation = completeOptions({ kind: 'conversation', turnColumns: ['messages'] });
    expect(describeTask({ options: conversation, classes: null })).toBe('Answer the user.');
    expect(describeTask({ options: conversation, classes: ['no', 'yes'] })).toBe(
      'Classify the text: no or yes.',
    );
  });

  const options: DatasetReport['options'] = completeOptions({
    chat: false,
    inputTemplate: 'Review: {review}\n',
    targetTemplate: '{label}',
  });
  const facts: SuggestionFacts = {
    spec: { contextLength: 512, hidden: 192, layers: Array(6).fill({ window: null, rope: 0 }) },
    elementRms: 0.2,
    dataset: {
      options,
      training: 160,
      validation: 300,
      lengths: { min: 5, median: 20, max: 60 },
      classes: ['negative', 'positive'],
    },
    gpu: false,
  };

  it('are within their ranges, and say why', () => {
    const { settings, reasons } = suggestSettings(facts);
    expect(parseSettings(settings)).toEqual(settings);
    expect(settings).toMatchObject({
      virtualTokens: 20,
      learningRate: 0.04,
      steps: 150,
      batchSize: 16,
      warmupSteps: 10,
      validateEvery: 25,
      validationRows: 100,
      initText: 'Classify the review: negative or positive.',
    });
    for (const reason of Object.values(reasons)) expect(reason).toMatch(/\.$/);
  });

  it('compare with the words that are known to do best on a sample', () => {
    const words = 'Good or bad?';
    const { settings, reasons } = suggestSettings({ ...facts, instruction: words });
    expect(settings).toEqual({ ...suggestSettings(facts).settings, instructions: [words] });
    expect(reasons.instructions).toMatch(/^The best of ten wordings/);
  });

  it('grow with the dataset up to 400 steps', () => {
    const large = { ...facts.dataset, training: 1500 };
    expect(suggestSettings({ ...facts, dataset: large }).settings.steps).toBe(275);
    const huge = { ...facts.dataset, training: 100_000 };
    expect(suggestSettings({ ...facts, dataset: huge }).settings).toMatchObject({
      steps: 400,
      validateEvery: 75,
    });
  });

  it('fit a short context, a tiny dataset and any size of embedding', () => {
    const tiny = { ...facts.dataset, training: 5, validation: 0, lengths: { min: 3, median: 30, max: 505 } };
    for (const elementRms of [0, 1e-7, 1e6]) {
      const { settings, reasons } = suggestSettings({ ...facts, dataset: tiny, elementRms });
      expect(parseSettings(settings)).toEqual(settings);
      expect(settings).toMatchObject({ virtualTokens: 7, batchSize: 5, validationRows: 1 });
      expect(reasons.virtualTokens).toContain('505 of the model');
    }
  });

  it('describe the task by its columns and classes', () => {
    const describe = (inputTemplate: string, targetTemplate: string, classes: string[] | null) =>
      describeTask({ options: { ...options, inputTemplate, targetTemplate }, classes });
    expect(describe('{input}', '{target}', ['a', 'b', 'c'])).toBe('Classify the text: a, b or c.');
    expect(describe('{text}', '{topic_name}', ['a', 'b'])).toBe('Classify the text by topic name: a or b.');
    const many = Array.from({ length: 12 }, (_, i) => `c${i}`);
    expect(describe('{message}', '{intent}', many)).toBe('Classify the message by intent.');
    expect(describe('{report}\n', '{headline}', null)).toBe('Give the headline for the report.');
    expect(describe('{input}', '{target}', null)).toBe('Give the answer for the text.');
    expect(describeTask({ options: { ...options, kind: 'plainText' }, classes: null })).toBe(
      'Continue the text.',
    );
  });
});

describe('divergence', () => {
  const watch = (losses: number[], gradientNorm = 1) => {
    const watcher = new DivergenceWatch({ learningRate: 0.3, clipNorm: 0, warmupSteps: 0 });
    for (const [i, loss] of losses.entries()) {
      const diagnosis = watcher.watch({ step: i + 1, loss, gradientNorm });
      if (diagnosis) return { step: i + 1, ...diagnosis };
    }
    return null;
  };

  it('is not seen in a noisy run that falls or stays', () => {
    const noisy = Array.from({ length: 200 }, (_, i) => 3 - i / 100 + (i % 3 === 0 ? 2 : 0));
    expect(watch(noisy)).toBeNull();
    expect(watch([0.1, 3, 0.1, 4, ...Array(50).fill(1.2)])).toBeNull();
  });

  it('is seen when the smoothed loss has risen by two nats, and names a lower learning rate', () => {
    const found = watch([1, 1, 1, 1, 1, ...Array(30).fill(9)]);
    expect(found?.step).toBeGreaterThan(10);
    expect(found?.step).toBeLessThan(13);
    expect(found?.hint).toContain('learning rate of 0.03, a tenth of 0.3');
    expect(found?.hint).toContain('clip the gradient');
  });

  it('is seen at once in a loss or gradient that is no number', () => {
    expect(watch([1, Number.NaN])).toMatchObject({
      step: 2,
      message: expect.stringContaining('loss of step 2'),
    });
    expect(watch([1], Number.POSITIVE_INFINITY)).toMatchObject({
      step: 1,
      message: expect.stringContaining('gradient of step 1'),
    });
  });
});
