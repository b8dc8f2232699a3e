/**
 * @file `npm run measure [-- ID…]`: what the embedded model does with each sample dataset, bare, told in words and
 * with a soft prompt trained by the studio's own default settings, on wasm. Prints one JSON line a dataset.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs-core';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { parseTable } from '../../app/data/parse';
import type { Engine } from '../../app/engine/engine';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import { streamOf } from '../../app/engine/weightStream';
import { measureEmbeddings } from '../../app/inspect/measures';
import { type LoadedModel, loadModel } from '../../app/model/load';
import { type Evaluation, evaluatePrompt, withInstruction } from '../../app/training/evaluate';
import { initialisePrompt } from '../../app/training/initialise';
import { suggestSettings } from '../../app/training/suggest';
import { Trainer } from '../../app/training/trainer';
import { folderSource } from '../golden/folderSource';
import { startNodeBackend } from '../node/backend';

interface Sample {
  id: string;
  train: string;
  validation: string;
  instruction: string;
}

const publicFolder = fileURLToPath(new URL('../../public/', import.meta.url));
const modelFolder = join(publicFolder, 'models/studio-2.6m');
const datasets = join(publicFolder, 'datasets');
const wanted = process.argv.slice(2);
const samples = (JSON.parse(readFileSync(join(datasets, 'index.json'), 'utf8')) as Sample[]).filter(
  ({ id }) => wanted.length === 0 || wanted.includes(id),
);

await startNodeBackend('wasm');
const model = await loadModel(folderSource(modelFolder), { id: basename(modelFolder) });
const engine = await createReferenceEngine(model.spec, streamOf(model.weights));
for (const sample of samples) console.log(JSON.stringify(await measure(sample, engine, model)));

async function measure(sample: Sample, engine: Engine, { tokenizer, spec }: LoadedModel) {
  const data = await read(sample);
  const measures = await measureEmbeddings(engine, 1);
  const { settings } = suggestSettings({
    spec,
    elementRms: measures.elementRms,
    dataset: data.report,
    gpu: false,
  });
  const bare = await evaluatePrompt(engine, null, data);
  const instruction = tokenizer.encode(`${sample.instruction}\n`, { specialTokens: false });
  const told = await evaluatePrompt(engine, null, withInstruction(data, instruction, tokenizer.specialIds));
  const source = { tokenizer, training: data.training, file: null };
  const initialPrompt = await initialisePrompt(engine, settings, source);
  const began = performance.now();
  const trainer = new Trainer(
    {
      runId: sample.id,
      engine,
      measures,
      tokenizer,
      settings,
      data,
      initialPrompt,
      modelKey: modelFolder,
      dataHash: data.report.hash,
    },
    {},
  );
  await trainer.resume();
  const seconds = (performance.now() - began) / 1000;
  const { values, step } = await trainer.result();
  const { phase } = trainer.state;
  await trainer.dispose();
  const vectors = tf.tensor2d(values, [settings.virtualTokens, spec.hidden]);
  const soft = await evaluatePrompt(engine, { kind: 'prompt', vectors }, data);
  vectors.dispose();
  const { steps, learningRate, virtualTokens } = settings;
  return {
    dataset: sample.id,
    phase,
    bare: short(bare),
    told: short(told),
    soft: short(soft),
    bestStep: step,
    steps,
    virtualTokens,
    learningRate,
    seconds: Math.round(seconds),
  };

  async function read({ train, validation }: Sample): Promise<Dataset> {
    const table = async (name: string) =>
      parseTable(name, Uint8Array.from(readFileSync(join(datasets, name))));
    return prepareDataset({
      table: await table(train),
      validationTable: await table(validation),
      options: null,
      tokenizer,
    });
  }
}

function short({ loss, accuracy, exact }: Evaluation) {
  return { loss: Number(loss.toFixed(4)), accuracy, exact };
}
