/** @file Opening datasets, changing how rows become examples, and taking a replacement back. */

import type { Remote } from 'comlink';
import type { DataOptions, DatasetReport, SampleDataset, Studio } from '../../workers/protocol';
import { flushEvents, startedWorker, worker } from '../client';
import { toStudioError } from '../errors';
import { patch, useStudio } from '../store';
import { refreshSuggestions } from './settings';

/** The files of the dataset in use, when it came from files: a validation file can be added to it. */
let openedFile: File | null = null;
const noErrors = { error: null, optionsError: null, faults: {} };
let sampleBefore: SampleDataset | null = null;

export async function loadSamples(): Promise<void> {
  try {
    patch('data', { samples: await worker().samples() });
  } catch (thrown) {
    patch('data', { samples: [], error: toStudioError(thrown, 'data') });
  }
}

export async function openSample(sample: SampleDataset): Promise<void> {
  await replace(sample.title, sample, (studio) => studio.openSample(sample.id));
}

export async function openFile(file: File, validation?: File): Promise<void> {
  const opened = await replace(file.name, null, (studio) => studio.openDataset(file, validation));
  if (opened) openedFile = file;
}

/** The dataset's file, if it came from one, so that validation rows can be added beside it. */
export function canAddValidation(): boolean {
  return openedFile !== null && useStudio.getState().data.sample === null;
}

/** Reads the present file again with a second one for validation only. */
export async function addValidation(validation: File): Promise<void> {
  if (openedFile) await openFile(openedFile, validation);
}

/** Brings back the dataset that was in use before the present one. */
export async function undoReplace(): Promise<void> {
  const sample = sampleBefore;
  await replace(useStudio.getState().data.undo ?? 'the dataset before', sample, (studio) =>
    studio.restoreDataset(),
  );
}

let optionsAsked = 0;

/** Options are being typed, and sent in a moment: no run begins with those before. */
export function draftOptions(): void {
  optionsAsked++;
  patch('data', { updating: true });
}

/** An option cannot be used as it was typed, or can again: no run begins with the one before. */
export function faultOption(name: string, fault: string | null): void {
  const faults = { ...useStudio.getState().data.faults };
  if (fault === null) delete faults[name];
  else faults[name] = fault;
  patch('data', { faults });
}

/** Sends options; the newest answer wins when several are under way. */
export async function setDataOptions(options: DataOptions): Promise<void> {
  await prepareAnew(() => worker().setDataOptions(options));
}

/** Another model tokenises differently: the dataset in use is prepared for it and shown again. */
export async function refreshDataset(): Promise<void> {
  if (useStudio.getState().data.report) await prepareAnew(() => worker().dataset());
}

async function prepareAnew(ask: () => Promise<DatasetReport | null>): Promise<void> {
  const mine = ++optionsAsked;
  patch('data', { updating: true });
  try {
    const report = await ask();
    if (mine !== optionsAsked) return;
    patch('data', { report, updating: false, optionsError: null });
    await refreshSuggestions();
  } catch (thrown) {
    if (mine !== optionsAsked) return;
    patch('data', { updating: false, optionsError: toStudioError(thrown, 'data') });
  }
}

export function dismissDataError(): void {
  patch('data', { error: null });
}

/** A dataset that came back with the work of the last visit. */
export async function adoptDataset(report: DatasetReport): Promise<void> {
  openedFile = null;
  const { samples, opened } = useStudio.getState().data;
  const sample = samples?.find((known) => known.title === report.name) ?? null;
  patch('data', { report, opened: opened + 1, sample, undo: null, ...noErrors });
  await refreshSuggestions();
}

/** Ends the opening under way, or one that waits for a model; the dataset before stays. */
export async function cancelOpening(): Promise<void> {
  opening++;
  patch('data', { loading: null });
  const studio = await startedWorker().catch(() => null);
  await studio?.cancelOpening();
}

/** Counts what was asked for and cancelled: of several openings the newest alone is shown. */
let opening = 0;

/** @returns whether it worked; if not, the previous dataset stays and the panel says why */
async function replace(
  name: string,
  sample: SampleDataset | null,
  open: (studio: Remote<Studio>) => Promise<DatasetReport>,
): Promise<boolean> {
  const mine = ++opening;
  patch('data', { loading: { name, progress: null }, error: null });
  try {
    const studio = await startedWorker();
    if (mine !== opening) return false;
    const report = await open(studio);
    flushEvents();
    if (mine !== opening) return false;
    optionsAsked++;
    openedFile = null;
    const before = useStudio.getState().data;
    sampleBefore = before.sample;
    const undo = before.report?.name ?? null;
    const opened = before.opened + 1;
    patch('data', { report, opened, sample, loading: null, updating: false, undo, ...noErrors });
  } catch (thrown) {
    flushEvents();
    if (mine === opening) patch('data', { loading: null, error: toStudioError(thrown, 'data') });
    return false;
  }
  await refreshSuggestions();
  return true;
}
