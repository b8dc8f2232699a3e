/** @file What a checkpoint must be for a run to go on from it, and where checkpoints are kept. */
import type { Engine } from '../engine/engine';
import { TrainingError } from './errors';
import { learnerSizes } from './learner';
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
  expected: { modelKey: string; dataHash: string; engine: Pick<Engine, 'spec'> },
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
  checkpoint.lanes.forEach((lane, index) => {
    const which = checkpoint.lanes.length > 1 ? `lane ${index + 1}'s ` : 'its ';
    const sizes = learnerSizes(expected.engine, lane.settings, lane.frame);
    const learned = lane.ended ? 0 : sizes.parameters;
    const parts: [string, Float32Array, number][] = [
      ['constants', lane.constants, sizes.constants],
      ['initial prompt', lane.initialPrompt, sizes.prompt],
      ['prompt', lane.prompt, sizes.prompt],
      ['parameters', lane.parameters, learned],
      ['first moment', lane.firstMoment, learned],
      ['second moment', lane.secondMoment, learned],
      ...(lane.best
        ? [['best prompt', lane.best.prompt, sizes.prompt] as [string, Float32Array, number]]
        : []),
    ];
    for (const [name, values, size] of parts) {
      if (values.length === size) continue;
      throw new TrainingError(
        `The saved run is damaged: ${which}${name} has ${values.length} numbers instead of ${size}.`,
        'Start a new run.',
      );
    }
  });
  const recorded = new Set(checkpoint.history.steps.map((record) => record.step)).size;
  if (recorded !== step) {
    throw new TrainingError(
      `The saved run is damaged: it has ${recorded} records of ${step} steps.`,
      'Start a new run.',
    );
  }
}
