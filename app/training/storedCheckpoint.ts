/**
 * @file A checkpoint as it lies in the database, by version. Every version that was ever written can be read: each has a
 * migration to the next. Add one here, and a fixture of the version before, whenever the stored form changes.
 */
import { z } from 'zod';
import { TrainingError } from './errors';
import { ownSettings } from './learner';
import type { Checkpoint, RunHistory, RunSettings, StepRecord, ValidationRecord } from './types';

/** Of what is written now. */
export const CHECKPOINT_VERSION = 3;

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
  /** Version 2 knew one method and one lane. */
  2: ({ prompt, initialPrompt, firstMoment, secondMoment, best, ...row }) => {
    const settings = {
      search: 'none',
      before: '',
      after: '',
      patience: 0,
      minutes: 0,
      noise: 0,
      shots: 0,
      ...(row.settings as Row),
    } as unknown as RunSettings;
    const lane = {
      name: '',
      settings: ownSettings(settings),
      ended: null,
      parameters: prompt,
      constants: new Float32Array(0),
      frame: [0, 0],
      firstMoment,
      secondMoment,
      prompt,
      initialPrompt,
      best: best && { error: 0, ...(best as Row) },
    };
    return { ...row, version: 3, settings, lanes: [lane], chosen: null, endedEarly: null };
  },
};

const numbers = z.instanceof(Float32Array);
const count = z.int().nonnegative();
const lane = z.looseObject({
  name: z.string(),
  settings: z.looseObject({ virtualTokens: count, method: z.string() }),
  ended: z.object({ step: count, how: z.string(), why: z.string() }).nullable(),
  parameters: numbers,
  constants: numbers,
  frame: z.tuple([count, count]),
  firstMoment: numbers,
  secondMoment: numbers,
  prompt: numbers,
  initialPrompt: numbers,
  best: z.object({ step: count, loss: z.number(), error: z.number(), prompt: numbers }).nullable(),
});
const schema = z.looseObject({
  version: z.literal(CHECKPOINT_VERSION),
  runId: z.string(),
  modelKey: z.string(),
  dataHash: z.string(),
  settings: z.looseObject({ steps: z.number() }),
  step: count,
  lanes: z.array(lane).min(1),
  chosen: count.nullable(),
  endedEarly: z.string().nullable(),
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
  const { runId, modelKey, dataHash, settings, step, lanes, chosen, endedEarly, elapsed, phase } = stored;
  return {
    runId,
    modelKey,
    dataHash,
    settings,
    step,
    lanes,
    chosen,
    endedEarly,
    // Before version 3 records did not name their lane, of which there was one, nor the error of a loss.
    history: {
      steps: steps.map((record) => ({ ...record, lane: record.lane ?? 0 })),
      validations: validations.map((record) => ({
        ...record,
        lane: record.lane ?? 0,
        error: record.error ?? 0,
      })),
    },
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
