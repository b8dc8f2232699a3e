/** @file Whatever is dropped on the page or chosen from the disk goes where it belongs. */
import { type DropPlace, sortFiles } from '../droppedFiles';
import type { PlacedFile } from '../modelFiles';
import { isRunning } from '../state';
import { patch, useStudio } from '../store';
import { openFiles } from './data';
import { loadModelFiles } from './model';
import { importPrompt } from './prompt';

/** Opens a dataset, imports a prompt, or loads a model; a run that goes on keeps what it has. */
export async function receiveFiles(files: readonly PlacedFile[], place?: DropPlace): Promise<void> {
  const delivery = await sortFiles(files, place);
  if (delivery.kind === 'model') return loadModelFiles(delivery.files);
  if (isRunning(useStudio.getState().run)) {
    const message = 'A run is going on, so data and prompt stay as they are.';
    const hint = 'Pause or stop it, then drop the file again.';
    return patch('data', { error: { kind: 'data', message, hint } });
  }
  if (delivery.kind === 'prompt') return importPrompt(delivery.files);
  if (delivery.kind === 'refused') return patch('data', { error: delivery.error });
  return openFiles(delivery.files);
}
