/** @file What all cells of a study stand on: the embedded model, its measures, and each sample with its rows in three parts. */
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { encodeInstructed } from '../../app/data/instruct';
import type { Table, TokenExample } from '../../app/data/types';
import type { Engine, SoftPrompt } from '../../app/engine/engine';
import { type EmbeddingMeasures, measureEmbeddings } from '../../app/inspect/measures';
import type { LoadedModel } from '../../app/model/load';
import { evaluatePrompts } from '../../app/training/evaluate';
import { suggestSettings } from '../../app/training/suggest';
import type { RunSettings } from '../../app/training/types';
import { openEmbeddedModel, readSamples, readSampleTable, type Sample } from '../measure/samples';
import type { Score, WordsOutcome } from './cells';
import { rounded } from './record';

export interface Ground {
  engine: Engine;
  model: LoadedModel;
  measures: EmbeddingMeasures;
  samples: ReadonlyMap<string, SampleGround>;
}

export interface SampleGround {
  sample: Sample;
  data: Dataset;
  /** As the app suggests them without a GPU. */
  settings: RunSettings;
}

type Rows = 'validation' | 'test';

/** @throws Error where there is no such sample */
export async function openGround(wanted: readonly string[]): Promise<Ground> {
  const known = readSamples();
  const chosen = wanted.map((id) => {
    const sample = known.find((one) => one.id === id);
    if (sample) return sample;
    throw new Error(
      `There is no sample “${id}”, but ${known.map((one) => one.id).join(', ')}: name others in tools/study/plan.ts.`,
    );
  });
  const { engine, model } = await openEmbeddedModel();
  const measures = await measureEmbeddings(engine, 1);
  const samples = new Map<string, SampleGround>();
  for (const sample of chosen) {
    const held = await readSampleTable(sample.validation);
    const data = await prepareDataset({
      table: await readSampleTable(sample.train),
      // Something must choose between prompts, and other rows must say what the choice is worth.
      validationTable: everySecond(held, 0),
      testTable: everySecond(held, 1),
      options: null,
      tokenizer: model.tokenizer,
    });
    const facts = {
      spec: model.spec,
      elementRms: measures.elementRms,
      dataset: data.report,
      instruction: sample.instruction,
      gpu: false,
    };
    samples.set(sample.id, { sample, data, settings: suggestSettings(facts).settings });
  }
  return { engine, model, measures, samples };
}

function everySecond(table: Table, from: number): Table {
  const mine = (_: unknown, i: number) => i % 2 === from;
  return { ...table, rows: table.rows.filter(mine), rowNumbers: table.rowNumbers.filter(mine) };
}

/** Prompts on the first of the validation rows, or on the test rows. */
export async function scoreOn(
  engine: Engine,
  data: Dataset,
  rows: Rows,
  prompts: readonly (SoftPrompt | null)[],
  most = Number.POSITIVE_INFINITY,
  texts: readonly TokenExample[] = data[rows],
): Promise<Score[]> {
  const scored = {
    validation: texts.slice(0, most),
    validationExamples: data[`${rows}Examples`].slice(0, most),
    // What is asked is what is written, of classes too.
    classes: null,
    classTokens: [],
  };
  const found = await evaluatePrompts(engine, prompts, scored);
  return found.map(({ loss, exact }) => ({ loss: rounded(loss), exact: rounded(exact) }));
}

/** The bare model, and the sample's instruction before the text. */
export async function scoreWords(ground: Ground, id: string): Promise<WordsOutcome> {
  const { engine, model } = ground;
  const { sample, data } = sampleOf(ground, id);
  const context = { tokenizer: model.tokenizer, chat: model.chat, contextLength: model.spec.contextLength };
  const both = async (rows: Rows) => {
    const told = await encodeInstructed(data, data[`${rows}Examples`], sample.instruction, context);
    if (!told) throw new Error(`The instruction of ${id} leaves no room for its texts.`);
    const [bare] = await scoreOn(engine, data, rows, [null]);
    const [instructed] = await scoreOn(engine, data, rows, [null], undefined, told);
    return { bare, told: instructed };
  };
  const { training, validation, test } = data;
  return {
    validation: await both('validation'),
    test: await both('test'),
    rows: { training: training.length, validation: validation.length, test: test.length },
  };
}

export function sampleOf({ samples }: Ground, id: string): SampleGround {
  const found = samples.get(id);
  if (!found) throw new Error(`The sample ${id} is not open.`);
  return found;
}
