/** @file What a checkpoint must be for a run to go on from it, and where checkpoints are kept. */
import { TrainingError } from './errors';
import { parseSettings } from './settingsRanges';
import type { Checkpoint, RunPhase } from './types';

/** Steps that closing the tab loses at most: the run waits rather than go further beyond what is kept. */
export const MOST_LOST = 20;
/** Steps between two checkpoints: the rest is time to save one. */
export const CHECKPOINT_EVERY = 16;

/** What is known of a kept checkpoint without loading it. */
export interface CheckpointSummary {
  runId: string;
  modelKey: string;
  dataHash: string;
  step: number;
  steps: number;
  phase: RunPhase;
  /** Milliseconds since 1970. */
  savedAt: number;
  /** Another tab works on it. */
  elsewhere: boolean;
}

/** Keeps the last checkpoint of each run. Every method rejects with a `TrainingError` in words. */
export interface CheckpointStore {
  /** Puts the checkpoint in place of the run's last, or leaves that as it was. */
  save(checkpoint: Checkpoint): Promise<void>;
  load(runId: string): Promise<Checkpoint | null>;
  /** False, and nothing is done, where another tab works on the run. */
  remove(runId: string): Promise<boolean>;
  /** Last saved first. */
  list(): Promise<CheckpointSummary[]>;
  /** Takes a run for this tab until it is released or the tab ends; false where another tab works on it. */
  claim(runId: string): Promise<boolean>;
  release(runId: string): void;
  /** Calls back whenever `list` may answer otherwise for a reason outside this tab. */
  onChange(listener: () => void): void;
}

/** Phases that no step follows. */
export function isOver(phase: RunPhase): boolean {
  return phase === 'finished' || phase === 'stopped' || phase === 'failed';
}

/**
 * Checks that a run can go on from a checkpoint with this model and dataset.
 * @throws TrainingError that says what does not match.
 */
export function checkCheckpoint(
  checkpoint: Checkpoint,
  expected: { modelKey: string; dataHash: string; hidden: number },
): void {
  const { modelKey, dataHash, settings, step } = checkpoint;
  if (modelKey !== expected.modelKey) {
    throw new TrainingError(
      `The saved run belongs to the model “${modelKey}”, not to “${expected.modelKey}”.`,
      'Load that model to go on, or start a new run.',
    );
  }
  if (dataHash !== expected.dataHash) {
    throw new TrainingError(
      'The dataset is not the one that the saved run was trained on, or it is split or templated in another way.',
      'Open the same file with the same options to go on, or start a new run.',
    );
  }
  parseSettings(settings);
  const size = settings.virtualTokens * expected.hidden;
  const { prompt, initialPrompt, firstMoment, secondMoment, best } = checkpoint;
  const sizes = {
    prompt,
    'initial prompt': initialPrompt,
    'first moment': firstMoment,
    'second moment': secondMoment,
  };
  for (const [name, values] of Object.entries(best ? { ...sizes, 'best prompt': best.prompt } : sizes)) {
    if (values.length !== size) {
      throw new TrainingError(
        `The saved run is damaged: its ${name} has ${values.length} numbers instead of ${size}.`,
        'Start a new run.',
      );
    }
  }
  if (checkpoint.history.steps.length !== step) {
    throw new TrainingError(
      `The saved run is damaged: it has ${checkpoint.history.steps.length} records of ${step} steps.`,
      'Start a new run.',
    );
  }
}
