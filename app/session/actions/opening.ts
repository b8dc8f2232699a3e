/** @file What happens when the page opens: device, embedded model, samples, and the work of the last visit. */
import type { Backend } from '../../workers/protocol';
import { connect, flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import { embeddedModel } from '../modelAddress';
import { datasetOf } from '../reduce';
import { patch, useStudio } from '../store';
import { adoptDataset, loadSamples } from './data';
import { restoreHubToken } from './hubToken';
import { restoreMemoryBudget } from './memory';
import { loadModel } from './model';
import { resume } from './training';

/** `?backend=wasm` in the page's address chooses what it trains on. */
export function backendInAddress(search: string): Backend | undefined {
  const value = new URLSearchParams(search).get('backend');
  return value === 'webgpu' || value === 'wasm' || value === 'cpu' ? value : undefined;
}

export async function openStudio(): Promise<void> {
  if (!(await start())) return;
  await Promise.all([restoreHubToken(), restoreMemoryBudget()]);
  await Promise.all([loadFirstModel(), loadSamples(), lookForSavedWork()]);
}

/** The embedded model, unless another was dropped in the first moments. */
async function loadFirstModel(): Promise<void> {
  const { loading, report } = useStudio.getState().model;
  if (!loading && !report) await loadModel(embeddedModel(document.baseURI));
}

/** @returns whether there is a device to work on */
async function start(): Promise<boolean> {
  try {
    patch('device', { report: await connect(backendInAddress(location.search)) });
    return true;
  } catch (thrown) {
    patch('device', { error: toStudioError(thrown, 'device') });
    return false;
  }
}

async function lookForSavedWork(): Promise<void> {
  try {
    const work = await worker().saved();
    if (work.run || work.dataset) patch('saved', { work });
  } catch (thrown) {
    patch('saved', { error: toStudioError(thrown, 'training') });
  }
}

/** The run of the last visit comes back with its dataset and its curve, and goes on unless it was over. */
export async function continueSaved(): Promise<void> {
  patch('saved', { busy: true, error: null });
  try {
    const { dataset, runId } = await worker().restore();
    flushEvents();
    if (dataset) {
      // The run's events came before its dataset was known here.
      if (runId) patch('run', { dataset: datasetOf(dataset) });
      await adoptDataset(dataset);
    }
    patch('saved', { work: null, busy: false });
    if (useStudio.getState().run?.state.phase === 'paused') await resume();
  } catch (thrown) {
    flushEvents();
    patch('saved', { busy: false, error: toStudioError(thrown, 'training') });
  }
}

export async function discardSaved(): Promise<void> {
  patch('saved', { busy: true, error: null });
  try {
    await worker().discardSaved();
    patch('saved', { work: null, busy: false });
  } catch (thrown) {
    patch('saved', { busy: false, error: toStudioError(thrown, 'training') });
  }
}
