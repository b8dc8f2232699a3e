/** @file Starting the worker again: a new one gets the model, the data and the run that the page still shows. */
import { connect, flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import { embeddedModel } from '../modelAddress';
import { datasetOf } from '../reduce';
import { noComparison, type StudioState } from '../state';
import { patch, useStudio } from '../store';
import { withoutTrainer } from '../withoutTrainer';
import { reopenData } from './data';
import { repeatHubToken } from './hubToken';
import { repeatMemoryBudget } from './memory';
import { backendInAddress } from './opening';
import { reimportPrompt } from './prompt';
import { refreshSuggestions } from './settings';

/** Brings everything back, the run paused at its last checkpoint. What fails stands where it belongs; nothing is lost by it. */
export async function startAgain(): Promise<void> {
  const { trainer } = useStudio.getState();
  if (trainer.restarting) return;
  // A worker that only stumbled may still be at work.
  if (!trainer.ended && trainer.error) {
    const { error } = trainer;
    useStudio.setState((state) => withoutTrainer(state, error, performance.now()));
  }
  const before = useStudio.getState();
  patch('trainer', { restarting: true });
  try {
    patch('device', { report: await connect(backendInAddress(location.search)), error: null });
    await Promise.all([repeatHubToken(), repeatMemoryBudget()]);
    await loadModelOf(before);
    await bringWorkBack(before);
    patch('trainer', { error: null, ended: false, restarting: false });
  } catch (thrown) {
    flushEvents();
    patch('trainer', { error: toStudioError(thrown, 'device'), ended: true, restarting: false });
  }
}

/** The model in use, or the one that was to be. */
async function loadModelOf({ model }: StudioState): Promise<void> {
  const embedded = { origin: embeddedModel(document.baseURI), format: 'stored' as const };
  const request = model.request ?? model.failed?.request ?? embedded;
  patch('model', { loading: { request, progress: null }, error: null, failed: null });
  try {
    const report = await worker().loadModel(request.origin, request.format);
    flushEvents();
    patch('model', { report, request, comparison: noComparison });
  } finally {
    patch('model', { loading: null });
  }
}

async function bringWorkBack(before: StudioState): Promise<void> {
  const { run, data, prompt } = before;
  const restored = await worker()
    .restore(run?.id ?? null)
    .catch((thrown) => {
      useStudio.setState({ trainError: toStudioError(thrown, 'training') });
      return { dataset: null, runId: null };
    });
  flushEvents();
  if (run && restored.runId === null) {
    const message = 'The run had not been saved yet when the trainer ended.';
    const trainError = { kind: 'training' as const, message, hint: 'Press Train to start it anew.' };
    useStudio.setState((state) => ({ run: null, trainError: state.trainError ?? trainError }));
  }
  if (restored.runId !== null) patch('run', { dataset: run?.dataset ?? datasetOf(restored.dataset) });
  await bringDataBack(restored.dataset, data);
  if (prompt.report?.origin === 'file') await reimportPrompt();
  else patch('prompt', { imported: null });
  await refreshSuggestions();
}

/** The page's dataset, where it is another than the one that came with the run. */
async function bringDataBack(
  restored: StudioState['data']['report'],
  { report }: StudioState['data'],
): Promise<void> {
  try {
    const own = report && restored?.hash !== report.hash ? await reopenData() : null;
    flushEvents();
    patch('data', { report: own ?? restored, loading: null, updating: false, undo: null });
  } catch (thrown) {
    flushEvents();
    patch('data', { report: restored, loading: null, updating: false, error: toStudioError(thrown, 'data') });
  }
}
