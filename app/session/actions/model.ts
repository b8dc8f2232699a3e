/** @file Loading a model, what follows from having another one, and what its 8-bit weights cost. */
import type { ModelOrigin, WeightFormat } from '../../workers/protocol';
import { flushEvents, startedWorker, worker } from '../client';
import { toStudioError } from '../errors';
import { isRunning, type ModelRequest, noComparison } from '../state';
import { patch, useStudio } from '../store';
import { refreshDataset } from './data';
import { refreshStorage } from './storage';

/** Loads a model; a failure keeps the present one and stands in the panel. */
export function loadModel(origin: ModelOrigin, format: WeightFormat = 'stored'): Promise<void> {
  return load({ origin, format });
}

/** Loads the files of a folder, or a zip of them; refused while a run goes on. */
export async function loadModelFiles(files: File[], format: WeightFormat = 'stored'): Promise<void> {
  if (isRunning(useStudio.getState().run)) {
    const message = 'A run is going on, so the model stays as it is.';
    patch('model', {
      error: { kind: 'model', message, hint: 'Pause or stop it, then drop the files again.' },
    });
    return;
  }
  await loadModel({ kind: 'files', files }, format);
}

/** The same model again: what failed, or the present one with another format of weights. */
export function loadAgain(request: ModelRequest): Promise<void> {
  return loadModel(request.origin, request.format);
}

/** Counts the loads that were asked for: the newest alone is shown. */
let loads = 0;
let cancelled = false;
let askedToKeep = false;

/** Asks the browser, once, not to clear downloads by itself; some browsers ask the person. Refused, they are kept as long as it pleases. */
function keepDownloads({ kind }: ModelOrigin): void {
  if (kind !== 'hub' || askedToKeep) return;
  askedToKeep = true;
  void navigator.storage?.persist?.().catch(() => false);
}

/** Ends the load under way; the present model stays, and nothing is shown as an error. */
export async function cancelModel(): Promise<void> {
  cancelled = true;
  const studio = await startedWorker().catch(() => null);
  await studio?.cancelModel().catch(() => undefined);
}

export function dismissModelError(): void {
  patch('model', { error: null, failed: null });
}

async function load(request: ModelRequest): Promise<void> {
  const mine = ++loads;
  cancelled = false;
  keepDownloads(request.origin);
  patch('model', { loading: { request, progress: null }, error: null, failed: null });
  try {
    const studio = await startedWorker();
    if (mine !== loads) return;
    const report = await studio.loadModel(request.origin, request.format);
    flushEvents();
    // Runs, prompts and answers belong to the model they were made with.
    useStudio.setState({ run: null, trainError: null });
    const loading = mine === loads ? null : useStudio.getState().model.loading;
    patch('model', { report, request, loading, comparison: noComparison });
    patch('prompt', { report: null, imported: null, error: null });
    patch('playground', { running: false, columns: [], answers: {}, prompt: null, error: null });
    patch('settings', { suggested: null });
  } catch (thrown) {
    flushEvents();
    // One that another has taken the place of has nothing to say.
    if (mine !== loads) return;
    const error = cancelled ? null : toStudioError(thrown, 'model');
    const { report, loading } = useStudio.getState().model;
    const broken = { request, progress: loading?.progress ?? null };
    // A download that was cancelled has left something to go on from, even where another model is in use.
    const worth = error !== null || report === null || (broken.progress?.loaded ?? 0) > 0;
    patch('model', { loading: null, error, failed: worth ? broken : null });
    void refreshStorage();
    return;
  }
  void refreshStorage();
  await refreshDataset();
}

/** Measures both formats of the present model's weights on the validation rows in use. */
export async function compareInt8(): Promise<void> {
  const data = useStudio.getState().data.report;
  patch('model', { comparison: { ...noComparison, data, busy: true } });
  try {
    const result = await worker().compareInt8();
    flushEvents();
    patch('model', { comparison: { ...noComparison, data, result } });
  } catch (thrown) {
    flushEvents();
    const error = toStudioError(thrown, 'model');
    patch('model', { comparison: { ...noComparison, data, error } });
  }
}

/** Ends the comparison under way. */
export async function cancelComparison(): Promise<void> {
  await worker()
    .cancelComparison()
    .catch(() => undefined);
}
