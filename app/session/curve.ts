/** @file A run's history as the columns a chart draws: one row a step, gaps where nothing was measured. */
import type { StepRecord, ValidationRecord } from '../workers/protocol';
import { rightShare, smooth, smoothingWeight } from './summary';

type Column = (number | null)[];

/** Columns of one length. `step` ascends; everything else may be null. */
export interface Curve {
  step: number[];
  loss: Column;
  smoothed: Column;
  validation: Column;
  accuracy: Column;
  learningRate: Column;
  gradientNorm: Column;
}

/**
 * Steps and validation passes merged by step; a pass before the first step gets a row of its own.
 * @param planned steps of the whole run, which its smoothing goes by
 * @param fromZero begins with a row for step 0, where something was measured before the first step
 */
export function curve(
  steps: readonly StepRecord[],
  validations: readonly ValidationRecord[],
  planned: number,
  fromZero = false,
): Curve {
  const out: Curve = {
    step: [],
    loss: [],
    smoothed: [],
    validation: [],
    accuracy: [],
    learningRate: [],
    gradientNorm: [],
  };
  const losses = steps.map((record) => record.loss);
  const smoothed = smooth(losses, smoothingWeight(planned));
  let s = 0;
  let v = 0;
  let zeroDue = fromZero;
  while (zeroDue || s < steps.length || v < validations.length) {
    const next = Math.min(steps[s]?.step ?? Infinity, validations[v]?.step ?? Infinity);
    const step = zeroDue ? 0 : next;
    zeroDue = false;
    const record = steps[s]?.step === step ? steps[s] : null;
    out.step.push(step);
    out.loss.push(finite(record?.loss));
    out.smoothed.push(record ? finite(smoothed[s]) : null);
    out.learningRate.push(finite(record?.learningRate));
    out.gradientNorm.push(finite(record?.gradientNorm));
    if (record) s++;
    let pass: ValidationRecord | null = null;
    while (v < validations.length && validations[v].step <= step) pass = validations[v++];
    out.validation.push(finite(pass?.loss));
    out.accuracy.push(finite(pass && rightShare(pass)));
  }
  return out;
}

/** The last value of a column that is not a gap. */
export function lastOf(column: Column): number | null {
  return column.findLast((value) => value !== null) ?? null;
}

function finite(value: number | null | undefined): number | null {
  return value !== null && value !== undefined && Number.isFinite(value) ? value : null;
}
