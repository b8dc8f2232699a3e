/** @file What this browser keeps of models: asked for once it is looked at, and whenever it changes from then on. */
import { worker } from '../client';
import { toStudioError } from '../errors';
import { patch, useStudio } from '../store';

/** Asks for the first time. */
export async function openStorage(): Promise<void> {
  patch('storage', { error: null });
  try {
    patch('storage', { report: await worker().storage() });
  } catch (thrown) {
    patch('storage', { error: toStudioError(thrown, 'model') });
  }
}

/** Asks again, where it has been looked at. */
export async function refreshStorage(): Promise<void> {
  if (useStudio.getState().storage.report) await openStorage();
}

/** Deletes a model's files; the model in use goes on working until the page closes. */
export async function deleteStored(key: string): Promise<void> {
  patch('storage', { deleting: key, error: null });
  try {
    patch('storage', { report: await worker().deleteStored(key), deleting: null });
  } catch (thrown) {
    patch('storage', { deleting: null, error: toStudioError(thrown, 'model') });
  }
}
