/**
 * @file A checkpoint as it lies in the database, by version. Every version that was ever written can be read: each has a
 * migration to the next. Add one here, and a fixture of the version before, whenever the stored form changes.
 */
import { z } from 'zod';
import { TrainingError } from './errors';
import type { Checkpoint, RunHistory, StepRecord, ValidationRecord } from './types';

/** Of what is written now. */
export const CHECKPOINT_VERSION = 2;

/** A checkpoint without its history, of which it says how much there is and where. */
export interface StoredCheckpoint extends Omit<Checkpoint, 'history'> {
  version: typeof CHECKPOINT_VERSION;
  /** Counts saves of all runs: the run with the highest was saved last. No clock is asked. */
  order: number;
  /** Milliseconds since 1970, to be shown. */
  savedAt: number;
  stepRecords: number;
  validationRecords: number;
  /** The last records of either kind: a history that has them in the same places is the same one, longer. */
  lastStep: StepRecord | null;
  lastValidation: ValidationRecord | null;
  /** The pieces of history that belong to it, by number; any others are left-overs. */
  firstPiece: number;
  /** How many they are; null for all there are. */
  pieces: number | null;
}

/** Part of a run's history. */
export interface HistoryPiece extends RunHistory {
  runId: string;
  piece: number;
}

type Row = Record<string, unknown>;

/** What turns version n into version n + 1. */
const migrations: Record<number, (row: Row) => Row> = {
  /**
   * Version 1 did not say its version, nor which pieces were its own: all of them, as far as its counts go. A save that
   * broke off may have left more. No words were compared with then.
   */
  1: (row) => ({
    ...row,
    version: 2,
    settings: { ...(row.settings as Row), instructions: [] },
    lastStep: null,
    lastValidation: null,
    firstPiece: 0,
    pieces: null,
  }),
};

const numbers = z.instanceof(Float32Array);
const count = z.int().nonnegative();
const schema = z.looseObject({
  version: z.literal(CHECKPOINT_VERSION),
  runId: z.string(),
  modelKey: z.string(),
  dataHash: z.string(),
  settings: z.looseObject({ steps: z.number() }),
  step: count,
  prompt: numbers,
  initialPrompt: numbers,
  firstMoment: numbers,
  secondMoment: numbers,
  best: z.object({ step: count, loss: z.number(), prompt: numbers }).nullable(),
  elapsed: z.number(),
  phase: z.enum(['starting', 'training', 'validating', 'paused', 'finished', 'stopped', 'failed']),
  order: count,
  savedAt: z.number(),
  stepRecords: count,
  validationRecords: count,
  firstPiece: count,
  pieces: count.nullable(),
});

/**
 * A stored checkpoint of any version as one of the present version.
 * @throws TrainingError when it is damaged, or of a version that this page does not know yet.
 */
export function upToDate(stored: unknown): StoredCheckpoint {
  let row = { version: 1, ...(stored as Row) };
  if (typeof row.version === 'number' && row.version > CHECKPOINT_VERSION) {
    throw new TrainingError(
      `The saved run is of version ${row.version}; this page knows versions up to ${CHECKPOINT_VERSION}.`,
      'Reload the page to get its newest version.',
    );
  }
  while (row.version in migrations) row = migrations[row.version](row) as typeof row;
  const result = schema.safeParse(row);
  if (result.success) return row as unknown as StoredCheckpoint;
  const [{ path }] = result.error.issues;
  throw damaged(`its ${path.join('.') || 'content'} is not what it should be`);
}

/**
 * A checkpoint from what is stored of it.
 * @param pieces those that belong to it, in order
 * @throws TrainingError when parts of its history are missing.
 */
export function assemble(stored: StoredCheckpoint, pieces: readonly HistoryPiece[]): Checkpoint {
  const { stepRecords, validationRecords } = stored;
  const steps = pieces.flatMap((piece) => piece.steps).slice(0, stepRecords);
  const validations = pieces.flatMap((piece) => piece.validations).slice(0, validationRecords);
  if (steps.length < stepRecords || validations.length < validationRecords) {
    throw damaged(`of ${stepRecords} records of its steps there are ${steps.length}`);
  }
  const { runId, modelKey, dataHash, settings, step, prompt, initialPrompt } = stored;
  const { firstMoment, secondMoment, best, elapsed, phase } = stored;
  return {
    runId,
    modelKey,
    dataHash,
    settings,
    step,
    prompt,
    initialPrompt,
    firstMoment,
    secondMoment,
    best,
    history: { steps, validations },
    elapsed,
    phase,
  };
}

/** Whether a history begins with the one that is stored: then only what is new has to be written. */
export function continues(stored: StoredCheckpoint, { steps, validations }: RunHistory): boolean {
  const { stepRecords, validationRecords, lastStep, lastValidation, pieces } = stored;
  return (
    pieces !== null &&
    same(lastStep, stepRecords === 0 ? null : steps[stepRecords - 1]) &&
    same(lastValidation, validationRecords === 0 ? null : validations[validationRecords - 1])
  );
}

function same(a: object | null, b: object | null | undefined): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

function damaged(how: string): TrainingError {
  return new TrainingError(`The saved run is damaged: ${how}.`, 'Start a new run.');
}
