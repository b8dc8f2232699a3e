/** @file A run's numbers, put together for the status line, the chart's description and the closing words. */
import type { RunPhase, StepRecord, ValidationRecord } from '../workers/protocol';
import { figures, percent } from './format';
import type { ReferenceLine } from './referenceLines';
import type { RunSlice } from './state';

/** How many of the last steps the speed is measured over. */
const RECENT = 24;

export interface Pace {
  stepsPerSecond: number;
  tokensPerSecond: number;
}

/** Speed over the last steps, or null before the second one (the first compiles). */
export function pace(steps: readonly StepRecord[]): Pace | null {
  const recent = steps.slice(Math.max(1, steps.length - RECENT));
  const seconds = recent.reduce((sum, record) => sum + record.milliseconds, 0) / 1000;
  if (recent.length === 0 || seconds <= 0) return null;
  const tokens = recent.reduce((sum, record) => sum + record.tokens, 0);
  return { stepsPerSecond: recent.length / seconds, tokensPerSecond: tokens / seconds };
}

/** Milliseconds until the last step, validation passes included, or null while there is nothing to judge by. */
export function timeLeft(run: RunSlice): number | null {
  const speed = pace(run.steps);
  if (!speed) return null;
  const stepsLeft = run.state.steps - run.state.step;
  const passes = run.validations.length;
  const onePass = passes > 0 ? run.clock.validating / passes : 0;
  const passesLeft = Math.ceil(stepsLeft / Math.max(1, run.settings.validateEvery));
  return (stepsLeft / speed.stepsPerSecond) * 1000 + passesLeft * onePass;
}

/** How much of the past each step of a run keeps in its smoothed loss: about a twentieth of the run, 3 to 20 steps. */
export function smoothingWeight(steps: number): number {
  return 1 - 1 / Math.min(20, Math.max(3, steps / 20));
}

/**
 * Exponential moving average with its start corrected, as Adam corrects its moments: the first value is the first
 * loss itself. `weight` is how much of the past each step keeps, 0–1.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  let mean = 0;
  let kept = 1;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    mean = weight * mean + (1 - weight) * value;
    kept *= weight;
    return mean / (1 - kept);
  });
}

/** The best validation record: the last one marked best. */
export function bestValidation(validations: readonly ValidationRecord[]): ValidationRecord | null {
  return validations.findLast((record) => record.best) ?? null;
}

export const phaseWords: Record<RunPhase, string> = {
  starting: 'starting',
  training: 'training',
  validating: 'validating',
  paused: 'paused',
  finished: 'finished',
  stopped: 'stopped',
  failed: 'failed',
};

/** The training status's own words: "step 120 / 400 · loss 0.412". */
export function statusLine(run: RunSlice): string {
  const { step, steps } = run.state;
  const loss = run.steps.at(-1)?.loss;
  return `step ${step} / ${steps}${loss === undefined ? '' : ` · loss ${figures(loss)}`}`;
}

/** The share of rows answered right: by the likeliest class where there are classes, word for word elsewhere. */
export function rightShare(record: ValidationRecord): number {
  return record.accuracy ?? record.exact;
}

/** Validation in words: "loss 0.12, accuracy 97 %". */
export function validationWords(record: ValidationRecord): string {
  const accuracy =
    record.accuracy === null
      ? `${percent(record.exact)} answered exactly`
      : `accuracy ${percent(record.accuracy)}`;
  return `loss ${figures(record.loss)}, ${accuracy}`;
}

/** What the loss curve shows, for someone who does not see it. `lines` are what words alone reach. */
export function curveDescription(run: RunSlice | null, lines: readonly ReferenceLine[] = []): string {
  const last = run?.steps.at(-1);
  const words = lines.map((line) => `${line.name}: validation loss ${referenceWords(line)}`);
  if (!run || !last) return ['No steps yet', ...words].join('; ').concat('.');
  const recent = run.steps.slice(-200).map((record) => record.loss);
  const smoothed = smooth(recent, smoothingWeight(run.state.steps)).at(-1) ?? last.loss;
  const parts = [
    `Step ${run.state.step} of ${run.state.steps}`,
    `training loss ${figures(last.loss)}, smoothed ${figures(smoothed)}, first ${figures(run.steps[0].loss)}`,
  ];
  const validation = run.validations.at(-1);
  if (validation) parts.push(`validation at step ${validation.step}: ${validationWords(validation)}`);
  const best = bestValidation(run.validations);
  if (best) parts.push(`best at step ${best.step}: validation loss ${figures(best.loss)}`);
  return `${[...parts, ...words].join('; ')}.`;
}

/** A line's height, and since when the prompt is below it: "1.61, passed at step 20". */
export function referenceWords({ loss, passedAt }: ReferenceLine): string {
  return `${figures(loss)}${passedAt === null ? '' : `, passed at step ${passedAt}`}`;
}

/** What came out of a run, in one or two sentences. */
export function runSummary(run: RunSlice): string {
  const best = bestValidation(run.validations);
  if (!best) {
    const loss = run.steps.at(-1)?.loss;
    return loss === undefined ? 'No step was made.' : `Last training loss ${figures(loss)}.`;
  }
  const first = run.validations[0];
  const [before, after] = [rightShare(first), rightShare(best)];
  const from = before < after ? ` It was ${percent(before)} at step ${first.step}.` : '';
  return `Best at step ${best.step}: validation ${validationWords(best)}.${from}`;
}
