/** @file Tells a run that has gone wrong from one that is merely noisy, and says what to try. */
import { TrainingError } from './errors';
import type { RunSettings, StepRecord } from './types';

/** Weight of the past in the smoothed loss. */
const LOSS_SMOOTHING = 0.9;
/** The first losses, whose mean is what the run started from. */
const BASELINE_STEPS = 5;
/** Nothing is called divergence before this many steps, except numbers that are none. */
const PATIENCE = 10;
/** Nats per label token above the start: the target has become e² = 7 times less likely. */
const TOLERANCE = 2;

/** Why a run cannot go on, and what to do about it, for the person. */
export interface Diagnosis {
  message: string;
  hint?: string;
}

/** What to say of something that broke under a run. */
export function diagnoseError(error: unknown): Diagnosis {
  if (error instanceof TrainingError) return { message: error.message, hint: error.hint };
  const hint = 'Load the page again to go on from the last checkpoint.';
  if (isForProgrammers(error)) {
    console.error(error);
    return { message: 'Training broke off over something that nobody foresaw.', hint };
  }
  return { message: `Training broke off: ${error instanceof Error ? error.message : String(error)}`, hint };
}

/** Errors of the language and the browser, whose words tell a person nothing; they stand in the browser's console. */
function isForProgrammers(error: unknown): boolean {
  const classes = [
    TypeError,
    RangeError,
    ReferenceError,
    SyntaxError,
    DOMException,
    WebAssembly.RuntimeError,
  ];
  return classes.some((type) => error instanceof type);
}

/** Watches the records of a run in order. A resumed run replays its history through `watch`. */
export class DivergenceWatch {
  private count = 0;
  private baseline = 0;
  private average = 0;

  constructor(private readonly settings: Pick<RunSettings, 'learningRate' | 'clipNorm' | 'warmupSteps'>) {}

  /** Exponential mean of the losses so far, corrected for its start; NaN before the first. */
  get smoothedLoss(): number {
    return this.average / (1 - LOSS_SMOOTHING ** this.count);
  }

  /** Whether the loss is no higher than where the run started. */
  get improving(): boolean {
    return this.smoothedLoss <= this.baseline;
  }

  /** Takes the next record; says what is wrong when the run has diverged, null while all is well. */
  watch(record: Pick<StepRecord, 'step' | 'loss' | 'gradientNorm'>): Diagnosis | null {
    const { step, loss, gradientNorm } = record;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
      const what = Number.isFinite(loss) ? 'gradient' : 'loss';
      return this.diagnose(`The ${what} of step ${step} is not a number any more.`);
    }
    this.count += 1;
    this.average = LOSS_SMOOTHING * this.average + (1 - LOSS_SMOOTHING) * loss;
    if (this.count <= BASELINE_STEPS) this.baseline += (loss - this.baseline) / this.count;
    if (this.count > PATIENCE && this.smoothedLoss > this.baseline + TOLERANCE) {
      const [from, to] = [this.baseline.toFixed(2), this.smoothedLoss.toFixed(2)];
      return this.diagnose(`The loss rose from ${from} to ${to} by step ${step} instead of falling.`);
    }
    return null;
  }

  /** Takes a validation's loss; says what is wrong when it is no number. */
  validated(step: number, loss: number): Diagnosis | null {
    return Number.isFinite(loss)
      ? null
      : this.diagnose(`The validation loss at step ${step} is not a number any more.`);
  }

  private diagnose(message: string): Diagnosis {
    const { learningRate, clipNorm, warmupSteps } = this.settings;
    const advice = [
      `Try a learning rate of ${toDigits(learningRate / 10)}, a tenth of ${toDigits(learningRate)}`,
      clipNorm === 0 ? 'clip the gradient at 1' : null,
      warmupSteps === 0 ? 'add some warm-up steps' : null,
      'look at the dataset for targets that do not belong to their inputs',
    ];
    return { message, hint: `${advice.filter((part) => part !== null).join('; ')}.` };
  }
}

function toDigits(value: number): string {
  return String(Number(value.toPrecision(3)));
}
