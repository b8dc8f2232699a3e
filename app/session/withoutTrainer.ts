/** @file What the page knows when its trainer has ended: the person's work stays, and nothing goes on any more. */
import type { StudioError } from '../workers/protocol';
import { reduce } from './reduce';
import { isRunning, type StudioState } from './state';

/** @param now the page's clock in milliseconds */
export function withoutTrainer(state: StudioState, error: StudioError, now: number): StudioState {
  const { run } = state;
  const left: StudioState = {
    ...state,
    trainer: { error, ended: true, restarting: false },
    device: { ...state.device, lost: null },
    pending: null,
  };
  if (!run || !isRunning(run)) return left;
  const kept = run.savedStep === null ? '' : `, and is kept up to step ${run.savedStep}`;
  const message = `The trainer ended at step ${run.state.step} of this run${kept}.`;
  return reduce(
    left,
    { type: 'runState', runId: run.id, state: { ...run.state, phase: 'paused', message } },
    now,
  );
}
