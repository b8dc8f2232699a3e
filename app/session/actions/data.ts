/** @file Opening datasets, changing how rows become examples, and taking a replacement back. */

import type { Remote } from 'comlink';
import type {
  AddedExample,
  DataOptions,
  DatasetReport,
  FileChoices,
  SampleDataset,
  Studio,
} from '../../workers/protocol';
import { flushEvents, startedWorker, worker } from '../client';
import { toStudioError } from '../errors';
import { patch, useStudio } from '../store';
import { refreshSuggestions } from './settings';

/** The files of the dataset in use, when it came from files: a validation file can be added, another encoding chosen. */
let openedFiles: { files: File[]; choices: FileChoices } | null = null;
const afresh = { error: null, optionsError: null, faults: {}, optionsBefore: [] };
/** Changes of options that can be taken back. */
const MOST_UNDONE = 20;
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

/** Files that came together: one, or several whose names say which rows are for what. */
export async function openFiles(files: File[], choices: FileChoices = {}): Promise<void> {
  const name = files.map((file) => file.name).join(', ');
  const opened = await replace(name, null, (studio) => studio.openDataset(files, choices));
  if (opened) openedFiles = { files, choices };
}

/**
 * Opens the dataset in use once more with further examples to learn from; its other rows stay on their sides of the split.
 * @throws StudioError where they cannot be put into its columns, or it cannot be opened; the dataset before stays in use
 */
export async function openWithExamples(added: readonly AddedExample[]): Promise<void> {
  const options = useStudio.getState().data.report?.options;
  const { training, validation, test } = await worker().datasetFiles([...added]);
  await openFiles([training], { validation, test });
  const { error } = useStudio.getState().data;
  if (error) throw error;
  // Every row is in the file of its side.
  if (options) await setDataOptions({ ...options, groupColumn: null });
  const { optionsError } = useStudio.getState().data;
  if (optionsError) throw optionsError;
}

/** A dataset of the Hub, by its name or the address of one of its pages. */
export async function openHubDataset(text: string): Promise<void> {
  await replace(text.trim(), null, (studio) => studio.openHubDataset(text));
}

/** The dataset's file, if it came from one, so that validation rows can be added beside it. */
export function canAddValidation(): boolean {
  return openedFiles !== null && useStudio.getState().data.sample === null;
}

/** Reads the present files again with another one for validation only. */
export async function addValidation(validation: File): Promise<void> {
  if (openedFiles) await openFiles(openedFiles.files, { ...openedFiles.choices, validation });
}

/** Reads the present files again in another encoding. */
export async function chooseEncoding(encoding: string): Promise<void> {
  if (openedFiles) await openFiles(openedFiles.files, { ...openedFiles.choices, encoding });
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
  const before = useStudio.getState().data.report?.options;
  const changed = await prepareAnew(() => worker().setDataOptions(options));
  if (!changed || !before) return;
  patch('data', { optionsBefore: [...useStudio.getState().data.optionsBefore, before].slice(-MOST_UNDONE) });
}

/** Takes the last change of the options back. */
export async function undoOptions(): Promise<void> {
  const { optionsBefore } = useStudio.getState().data;
  const before = optionsBefore.at(-1);
  if (!before) return;
  if (await prepareAnew(() => worker().setDataOptions(before))) {
    patch('data', { optionsBefore: optionsBefore.slice(0, -1) });
  }
}

/** Another model tokenises differently: the dataset in use is prepared for it and shown again. */
export async function refreshDataset(): Promise<void> {
  if (useStudio.getState().data.report) await prepareAnew(() => worker().dataset());
}

/** @returns whether it worked and nothing newer was asked for meanwhile */
async function prepareAnew(ask: () => Promise<DatasetReport | null>): Promise<boolean> {
  const mine = ++optionsAsked;
  patch('data', { updating: true });
  try {
    const report = await ask();
    if (mine !== optionsAsked) return false;
    patch('data', { report, updating: false, optionsError: null });
    await refreshSuggestions();
    return true;
  } catch (thrown) {
    if (mine === optionsAsked) {
      patch('data', { updating: false, optionsError: toStudioError(thrown, 'data') });
    }
    return false;
  }
}

export function dismissDataError(): void {
  patch('data', { error: null });
}

/** A dataset that came back with the work of the last visit. */
export async function adoptDataset(report: DatasetReport): Promise<void> {
  openedFiles = null;
  const { samples, opened } = useStudio.getState().data;
  const sample = samples?.find((known) => known.title === report.name) ?? null;
  patch('data', { report, opened: opened + 1, sample, undo: null, ...afresh });
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

/**
 * Has a new worker open the dataset that the page shows, with the options that it shows.
 * @returns what it opened, null where the page has no dataset or its files are not to be had
 */
export async function reopenData(): Promise<DatasetReport | null> {
  const { report, sample } = useStudio.getState().data;
  if (!report) return null;
  if (sample) await worker().openSample(sample.id);
  else if (openedFiles) await worker().openDataset(openedFiles.files, openedFiles.choices);
  else return null;
  return worker().setDataOptions(report.options);
}

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
    openedFiles = null;
    const before = useStudio.getState().data;
    sampleBefore = before.sample;
    const undo = before.report?.name ?? null;
    const opened = before.opened + 1;
    patch('data', { report, opened, sample, loading: null, updating: false, undo, ...afresh });
  } catch (thrown) {
    flushEvents();
    if (mine === opening) patch('data', { loading: null, error: toStudioError(thrown, 'data') });
    return false;
  }
  await refreshSuggestions();
  return true;
}
