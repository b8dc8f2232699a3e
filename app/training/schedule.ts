/** @file The learning rate of each step: a linear warm-up, then a decay. */
import type { RunSettings } from './types';

/**
 * Learning rate of a step; steps count from 0. It rises in equal parts over `warmupSteps`, reaches
 * `learningRate` at the step after them and decays towards 0, which the step after the last would have.
 */
export function learningRateAt(
  step: number,
  settings: Pick<RunSettings, 'learningRate' | 'steps' | 'warmupSteps' | 'schedule'>,
): number {
  const { learningRate, steps, warmupSteps, schedule } = settings;
  if (step < warmupSteps) return (learningRate * (step + 1)) / (warmupSteps + 1);
  // A warm-up as long as the run leaves nothing to decay over.
  const progress = Math.min(1, (step - warmupSteps) / Math.max(1, steps - warmupSteps));
  switch (schedule) {
    case 'constant':
      return learningRate;
    case 'linear':
      return learningRate * (1 - progress);
    case 'cosine':
      return learningRate * 0.5 * (1 + Math.cos(Math.PI * progress));
  }
}
