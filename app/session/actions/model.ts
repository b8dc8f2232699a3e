/** @file Loading a model, and what follows from having another one. */
import { flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import type { ModelAddress } from '../state';
import { patch, useStudio } from '../store';
import { refreshDataset } from './data';
import { modelLoading } from './modelGate';

/** Loads a model; a failure keeps the present one and stands in the panel. */
export function loadModel(address: ModelAddress): Promise<void> {
  return modelLoading(load(address));
}

let cancelled = false;

/** Ends the load under way; the present model stays, and nothing is shown as an error. */
export async function cancelModel(): Promise<void> {
  cancelled = true;
  await worker()
    .cancelModel()
    .catch(() => undefined);
}

export function dismissModelError(): void {
  patch('model', { error: null, failed: null });
}

async function load(address: ModelAddress): Promise<void> {
  cancelled = false;
  patch('model', { loading: { address, progress: null }, error: null, failed: null });
  try {
    const report = await worker().loadModel(address.url, address.id);
    flushEvents();
    // Runs and prompts belong to the model they were made with.
    useStudio.setState({ run: null, trainError: null });
    patch('model', { report, loading: null });
    patch('prompt', { report: null, imported: null, error: null });
    patch('settings', { suggested: null });
  } catch (thrown) {
    flushEvents();
    const error = cancelled ? null : toStudioError(thrown, 'model');
    patch('model', {
      loading: null,
      error,
      failed: error || !useStudio.getState().model.report ? address : null,
    });
    return;
  }
  await refreshDataset();
}
