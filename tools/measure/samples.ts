/** @file The model that ships with the page and the sample datasets beside it, read from disk. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseTable } from '../../app/data/parse';
import type { Table } from '../../app/data/types';
import { createEngine } from '../../app/engine/choice';
import type { Engine } from '../../app/engine/engine';
import { streamOf } from '../../app/engine/weightStream';
import { type LoadedModel, loadModel } from '../../app/model/load';
import { folderSource } from '../golden/folderSource';
import { startNodeProcessor } from '../node/processor';

/** An entry of public/datasets/index.json. */
export interface Sample {
  id: string;
  train: string;
  validation: string;
  instruction: string;
}

const publicFolder = fileURLToPath(new URL('../../public/', import.meta.url));
const datasets = join(publicFolder, 'datasets');
export const modelFolder = join(publicFolder, 'models/studio-2.6m');

/** All of them, in the page's order. */
export function readSamples(): Sample[] {
  return JSON.parse(readFileSync(join(datasets, 'index.json'), 'utf8')) as Sample[];
}

/** One of a sample's files. */
export function readSampleTable(file: string): Promise<Table> {
  return parseTable(file, Uint8Array.from(readFileSync(join(datasets, file))));
}

/** The embedded model on the processor's engine. */
export async function openEmbeddedModel(): Promise<{ engine: Engine; model: LoadedModel }> {
  await startNodeProcessor();
  const model = await loadModel(folderSource(modelFolder), { id: basename(modelFolder) });
  const { engine } = await createEngine(model.spec, streamOf(model.weights));
  return { engine, model };
}
