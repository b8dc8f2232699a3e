/** @file What cells stand on: a model in memory, and rows as the page would prepare them for it. One model at a time. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import type { Table } from '../../app/data/types';
import { createEngine } from '../../app/engine/choice';
import type { Engine } from '../../app/engine/engine';
import { type EmbeddingMeasures, measureEmbeddings } from '../../app/inspect/measures';
import { type OpenModel, openModel } from '../../app/model/load';
import { suggestSettings } from '../../app/training/suggest';
import type { RunSettings } from '../../app/training/types';
import { folderSource } from '../golden/folderSource';
import { modelFolder as embedded } from '../measure/samples';
import { startNodeProcessor } from '../node/processor';
import { withSteps } from '../train/job';
import type { ProofModel, Task } from './plan';
import { drawTest, drawTraining, readTask } from './rows';

/** As the page's worker measures embeddings. */
const MEASURE_SEED = 1;
/** Positions that the page keeps for virtual tokens when it reads a dataset. */
const ROOM_FOR_PROMPT = 20;

export interface ModelGround {
  id: string;
  folder: string;
  engine: Engine;
  model: Omit<OpenModel, 'weights'>;
  measures: EmbeddingMeasures;
  hash: string;
}

export interface TaskGround {
  task: Task;
  data: Dataset;
  /** In the order of which scores are kept. */
  test: Table;
}

/** The folder of a model's files. @throws Error in words, where it is not there */
export function folderOf({ id, folder }: ProofModel, models: string): string {
  const path = folder === null ? embedded : join(models, folder);
  if (existsSync(join(path, 'config.json'))) return path;
  throw new Error(
    `${path} does not hold ${id}: \`npm run real -- fetch\` brings it, or name the folder of models with --models.`,
  );
}

export async function openGround({ id }: ProofModel, folder: string): Promise<ModelGround> {
  await startNodeProcessor();
  const source = folderSource(folder);
  try {
    const model = await openModel(source, { id });
    const { engine } = await createEngine(model.spec, model.weights);
    const measures = await measureEmbeddings(engine, MEASURE_SEED);
    return { id, folder, engine, model, measures, hash: model.identity().embeddingHash };
  } finally {
    await source.close();
  }
}

/** What the page makes of a file of so many rows a class and a file of test rows, nothing chosen by hand. */
export async function openTask(
  { model }: ModelGround,
  task: Task,
  folder: string,
  { perClass, seed, testRows }: { perClass: number; seed: number; testRows: number },
): Promise<TaskGround> {
  const rows = await readTask(folder, task);
  const test = drawTest(rows, testRows);
  const { contextLength } = model.spec;
  const data = await prepareDataset({
    table: drawTraining(rows, perClass, seed),
    validationTable: null,
    testTable: test,
    options: null,
    tokenizer: model.tokenizer,
    chatTemplate: model.chat,
    longest: Math.max(contextLength - ROOM_FOR_PROMPT, Math.ceil(contextLength / 2)),
  });
  const { classes } = data;
  if (!classes || classes.length !== rows.classes.length || data.test.length !== test.rows.length) {
    throw new Error(
      `Of ${task.id}, ${classes?.length ?? 0} of ${rows.classes.length} classes and ${data.test.length} of ${test.rows.length} test rows are left.`,
    );
  }
  return { task, data, test };
}

/** What the page suggests on this device; with steps, all else in the proportion that it has. */
export function settingsOf(
  { model, measures }: ModelGround,
  { data }: TaskGround,
  { seed, steps }: { seed: number; steps: number | null },
): RunSettings {
  const facts = {
    spec: model.spec,
    elementRms: measures.elementRms,
    dataset: data.report,
    gpu: false,
  };
  const settings = { ...suggestSettings(facts).settings, seed };
  return steps === null ? settings : withSteps(settings, Math.min(steps, settings.steps));
}
