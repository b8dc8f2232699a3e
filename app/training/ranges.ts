/** @file What the numbers of a run's settings may be, as plain data: the page shows it, the worker's schema is built from it. */
import type { RunSettings } from './types';

export interface Range {
  min: number;
  max: number;
  /** Only whole numbers. */
  whole: boolean;
}

/** Inclusive bounds of the numbers. */
export const SETTINGS_RANGES = {
  virtualTokens: { min: 1, max: 200, whole: true },
  learningRate: { min: 1e-6, max: 10, whole: false },
  steps: { min: 1, max: 100_000, whole: true },
  batchSize: { min: 1, max: 512, whole: true },
  seed: { min: 0, max: 2 ** 32 - 1, whole: true },
  warmupSteps: { min: 0, max: 10_000, whole: true },
  clipNorm: { min: 0, max: 1000, whole: false },
  weightDecay: { min: 0, max: 1, whole: false },
  validateEvery: { min: 1, max: 100_000, whole: true },
  validationRows: { min: 1, max: 10_000, whole: true },
} as const satisfies Partial<Record<keyof RunSettings, Range>>;

export type NumericSetting = keyof typeof SETTINGS_RANGES;
