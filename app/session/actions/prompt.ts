/** @file The prompt as a file: out, in, and back to the run's own. */
import type { PromptFormat } from '../../workers/protocol';
import { flushEvents, startedWorker, worker } from '../client';
import { toStudioError } from '../errors';
import { saveFile } from '../saveFile';
import { patch } from '../store';

/** Of the prompt that was imported last: a worker that is started again reads them once more. */
let importedFiles: readonly File[] = [];

export async function downloadPrompt(format: PromptFormat): Promise<void> {
  patch('prompt', { busy: 'downloading', error: null });
  try {
    const { name, type, bytes } = await worker().download(format);
    saveFile(name, new Blob([bytes], { type }));
    patch('prompt', { busy: null });
  } catch (thrown) {
    patch('prompt', { busy: null, error: toStudioError(thrown, 'prompt') });
  }
}

let imports = 0;

/** Takes a prompt file once its model is there. A refused file leaves the prompt in use as it is. */
export async function importPrompt(files: readonly File[]): Promise<void> {
  const mine = ++imports;
  const name = files.map((file) => file.name).join(', ');
  patch('prompt', { busy: 'importing', importing: name, error: null });
  try {
    const studio = await startedWorker();
    if (mine !== imports) return;
    const report = await studio.importPrompt([...files]);
    importedFiles = files;
    flushEvents();
    if (mine === imports) patch('prompt', { report, imported: report, busy: null, importing: null });
  } catch (thrown) {
    flushEvents();
    if (mine !== imports) return;
    patch('prompt', { busy: null, importing: null, error: toStudioError(thrown, 'prompt') });
  }
}

/** Lets go of a file that waits for its model. */
export async function cancelImport(): Promise<void> {
  imports++;
  patch('prompt', { busy: null, importing: null });
  const studio = await startedWorker().catch(() => null);
  await studio?.cancelImport();
}

/** Has a new worker use the imported prompt that the old one used. */
export async function reimportPrompt(): Promise<void> {
  if (importedFiles.length > 0) await importPrompt(importedFiles);
}

export async function forgetPrompt(): Promise<void> {
  try {
    patch('prompt', { report: await worker().forgetPrompt(), imported: null, error: null });
  } catch (thrown) {
    patch('prompt', { error: toStudioError(thrown, 'prompt') });
  }
}

export function dismissPromptError(): void {
  patch('prompt', { error: null });
}
