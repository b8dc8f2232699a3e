/** @file Opening datasets, changing how rows become examples, and taking a replacement back. */
import type { DataOptions, DatasetReport, SampleDataset } from '../../workers/protocol';
import { flushEvents, worker } from '../client';
import { toStudioError } from '../errors';
import { patch, useStudio } from '../store';
import { modelSettled } from './modelGate';
import { refreshSuggestions } from './settings';

/** The files of the dataset in use, when it came from files: a validation file can be added, and it can be opened again. */
let openedFiles: { file: File; validation?: File } | null = null;
const noErrors = { error: null, optionsError: null };
let sampleBefore: SampleDataset | null = null;

export async function loadSamples(): Promise<void> {
  try {
    patch('data', { samples: await worker().samples() });
  } catch (thrown) {
    patch('data', { samples: [], error: toStudioError(thrown, 'data') });
  }
}

export async function openSample(sample: SampleDataset): Promise<void> {
  await replace(sample.title, sample, () => worker().openSample(sample.id));
}

export async function openFile(file: File, validation?: File): Promise<void> {
  const opened = await replace(file.name, null, () => worker().openDataset(file, validation));
  if (opened) openedFiles = { file, validation };
}

/** The dataset's file, if it came from one, so that validation rows can be added beside it. */
export function canAddValidation(): boolean {
  return openedFiles !== null && useStudio.getState().data.sample === null;
}

/** Reads the present file again with a second one for validation only. */
export async function addValidation(validation: File): Promise<void> {
  if (openedFiles) await openFile(openedFiles.file, validation);
}

/** Brings back the dataset that was in use before the present one. */
export async function undoReplace(): Promise<void> {
  const sample = sampleBefore;
  await replace(useStudio.getState().data.undo ?? 'the dataset before', sample, () =>
    worker().restoreDataset(),
  );
}

/** Sends options; the newest answer wins when several are under way. */
let optionsSent = 0;
export async function setDataOptions(options: DataOptions): Promise<void> {
  const mine = ++optionsSent;
  patch('data', { updating: true });
  try {
    const report = await worker().setDataOptions(options);
    if (mine !== optionsSent) return;
    patch('data', { report, updating: false, optionsError: null });
    await refreshSuggestions();
  } catch (thrown) {
    if (mine !== optionsSent) return;
    patch('data', { updating: false, optionsError: toStudioError(thrown, 'data') });
  }
}

export function dismissDataError(): void {
  patch('data', { error: null });
}

/** Another model tokenises differently: the dataset in use is counted and shown again. */
export async function refreshDataset(): Promise<void> {
  const { report } = useStudio.getState().data;
  if (report) await setDataOptions(report.options);
}

/** A dataset that came back with the work of the last visit. */
export async function adoptDataset(report: DatasetReport): Promise<void> {
  openedFiles = null;
  const { samples, opened } = useStudio.getState().data;
  const sample = samples?.find((known) => known.title === report.name) ?? null;
  patch('data', { report, opened: opened + 1, sample, undo: null, ...noErrors });
  await refreshSuggestions();
}

/**
 * Has a new worker open the dataset that the page shows, with the options that it shows.
 * @returns what it opened, null where the page has no dataset or its files are not to be had
 */
export async function reopenData(): Promise<DatasetReport | null> {
  const { report, sample } = useStudio.getState().data;
  if (!report) return null;
  if (sample) await worker().openSample(sample.id);
  else if (openedFiles) await worker().openDataset(openedFiles.file, openedFiles.validation);
  else return null;
  return worker().setDataOptions(report.options);
}

/** @returns whether it worked; if not, the previous dataset stays and the panel says why */
async function replace(
  name: string,
  sample: SampleDataset | null,
  open: () => Promise<DatasetReport>,
): Promise<boolean> {
  patch('data', { loading: { name, progress: null }, error: null });
  await modelSettled();
  const before = useStudio.getState().data;
  try {
    const report = await open();
    flushEvents();
    optionsSent++;
    openedFiles = null;
    sampleBefore = before.sample;
    const undo = before.report?.name ?? null;
    const opened = before.opened + 1;
    patch('data', { report, opened, sample, loading: null, updating: false, undo, ...noErrors });
  } catch (thrown) {
    flushEvents();
    patch('data', { loading: null, error: toStudioError(thrown, 'data') });
    return false;
  }
  await refreshSuggestions();
  return true;
}
