/** @file What was dropped or chosen: a dataset, a dataset with its validation rows, a prompt file, or a model. */
import type { StudioError } from '../workers/protocol';
import { datasetFolder, isDatasetZip, isModelZip, modelFolder, type PlacedFile, shallow } from './modelFiles';

export type Delivery =
  | { kind: 'dataset'; files: File[] }
  | { kind: 'prompt'; files: File[] }
  | { kind: 'model'; files: File[] }
  | { kind: 'refused'; error: StudioError };

export const datasetExtensions = [
  '.csv',
  '.tsv',
  '.json',
  '.jsonl',
  '.ndjson',
  '.parquet',
  '.arrow',
  '.feather',
  '.xlsx',
  '.txt',
];
export const promptExtensions = ['.zip', '.safetensors', '.npy', '.json'];

/** Enough of a JSON file to see whether it describes a prompt. */
const PEEK_BYTES = 4096;
/** A dataset's record may speak of prompts; only a prompt file has one of these. */
const promptMarks = /"peft_type"\s*:|"format"\s*:\s*"soft-prompt"/;

/** Where something was dropped: what could be a model is taken for one on the model's panel only. */
export type DropPlace = 'page' | 'model';

/** Decides by name, for JSON by the first bytes, for a zip by its table of contents. */
export async function sortFiles(
  dropped: readonly PlacedFile[],
  place: DropPlace = 'page',
): Promise<Delivery> {
  const model = modelFolder(dropped, place === 'model');
  if (model) return { kind: 'model', files: model };
  if (dropped.length === 1 && (await isModelZip(dropped[0].file))) {
    return { kind: 'model', files: [dropped[0].file] };
  }
  // Folders in a folder are the parts of a dataset, where nothing beside them is of a prompt.
  const isDeep = dropped.some(({ path }) => path.split('/').length > 2);
  if (isDeep && !dropped.some(({ path }) => /adapter_config\.json$|\.(safetensors|npy)$/i.test(path))) {
    const inside = datasetFolder(dropped);
    if (inside.length > 0) return { kind: 'dataset', files: inside };
  }
  const files = shallow(dropped);
  if (files.length === 0) {
    return refuse('Nothing was dropped that could be read.', 'Drop files, not text or pictures from a page.');
  }
  const prompts: File[] = [];
  const data: File[] = [];
  const companions: File[] = [];
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (await isDatasetZip(file)) data.push(file);
    else if (/\.(zip|safetensors|npy)$/.test(name)) prompts.push(file);
    else if (name.endsWith('.json') && (await describesPrompt(file))) prompts.push(file);
    else if (/\.(md|gitattributes)$/.test(name)) companions.push(file);
    else data.push(file);
  }
  if (prompts.length > 0 && data.length === 0) return { kind: 'prompt', files: prompts };
  if (prompts.length > 0) {
    return refuse(
      `A prompt (${prompts[0].name}) and a dataset (${data[0].name}) came together.`,
      'Drop one, then the other.',
    );
  }
  if (data.length === 0) return refuse(`${companions[0].name} holds neither rows nor a prompt.`, expected());
  return { kind: 'dataset', files: data };
}

async function describesPrompt(file: File): Promise<boolean> {
  if (file.name.toLowerCase().startsWith('adapter_')) return true;
  return promptMarks.test(await file.slice(0, PEEK_BYTES).text());
}

function expected(): string {
  return `A dataset ends in ${datasetExtensions.join(', ')}; a prompt in ${promptExtensions.join(', ')}.`;
}

function refuse(message: string, hint: string): Delivery {
  return { kind: 'refused', error: { kind: 'data', message, hint } };
}
