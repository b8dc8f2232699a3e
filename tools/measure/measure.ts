/**
 * @file `npm run measure [-- ID… --set KEY=VALUE]`: what the embedded model does with each sample dataset, bare, told in words and
 * with a soft prompt trained by the studio's own default settings, on wasm. Prints one JSON line a dataset.
 */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { encodeInstructed } from '../../app/data/instruct';
import { parseTable } from '../../app/data/parse';
import { createEngine } from '../../app/engine/choice';
import type { Engine } from '../../app/engine/engine';
import { streamOf } from '../../app/engine/weightStream';
import { measureEmbeddings } from '../../app/inspect/measures';
import { type LoadedModel, loadModel } from '../../app/model/load';
import { type Evaluation, evaluatePrompt } from '../../app/training/evaluate';
import { kindOf, promptOf, rowWidth, startLearner, tensorOf } from '../../app/training/learner';
import { suggestSettings } from '../../app/training/suggest';
import { lanesOf } from '../../app/training/sweep/lanes';
import type { Lane } from '../../app/training/sweep/sweep';
import { Trainer } from '../../app/training/trainer';
import type { RunSettings } from '../../app/training/types';
import { folderSource } from '../golden/folderSource';
import { startNodeProcessor } from '../node/processor';

interface Sample {
  id: string;
  train: string;
  validation: string;
  instruction: string;
}

const publicFolder = fileURLToPath(new URL('../../public/', import.meta.url));
const modelFolder = join(publicFolder, 'models/studio-2.6m');
const datasets = join(publicFolder, 'datasets');
const { values: flags, positionals: wanted } = parseArgs({
  options: { set: { type: 'string', multiple: true, default: [] } },
  allowPositionals: true,
});
/** `--set KEY=VALUE`: settings other than the suggested ones. */
const changes: Partial<RunSettings> = Object.fromEntries(
  flags.set.map((one) => {
    const [key, value] = one.split('=');
    return [key, Number.isNaN(Number(value)) ? value : Number(value)];
  }),
);
const samples = (JSON.parse(readFileSync(join(datasets, 'index.json'), 'utf8')) as Sample[]).filter(
  ({ id }) => wanted.length === 0 || wanted.includes(id),
);

await startNodeProcessor();
const model = await loadModel(folderSource(modelFolder), { id: basename(modelFolder) });
const { engine } = await createEngine(model.spec, streamOf(model.weights));
for (const sample of samples) console.log(JSON.stringify(await measure(sample, engine, model)));

async function measure(sample: Sample, engine: Engine, { tokenizer, spec, chat }: LoadedModel) {
  const data = await read(sample);
  const measures = await measureEmbeddings(engine, 1);
  const suggested = suggestSettings({
    spec,
    elementRms: measures.elementRms,
    dataset: data.report,
    instruction: sample.instruction,
    gpu: false,
  });
  const settings = { ...suggested.settings, ...changes };
  const bare = await evaluatePrompt(engine, null, data);
  const text = { tokenizer, chat, contextLength: spec.contextLength };
  const validation = await encodeInstructed(data, data.validationExamples, sample.instruction, text);
  const told = await evaluatePrompt(engine, null, { ...data, ...(validation && { validation }) });
  const source = { tokenizer, training: data.training, file: null, elementRms: measures.elementRms };
  const room = spec.contextLength - data.report.lengths.max;
  const lanes: Lane[] = [];
  for (const plan of lanesOf(settings, { room, classes: data.classes !== null, own: new Set() })) {
    lanes.push({ ...plan, start: await startLearner(engine, plan.settings, source) });
  }
  const began = performance.now();
  const trainer = new Trainer(
    {
      runId: sample.id,
      engine,
      measures,
      tokenizer,
      settings,
      data,
      lanes,
      modelKey: modelFolder,
      dataHash: data.report.hash,
    },
    {},
  );
  await trainer.resume();
  const seconds = (performance.now() - began) / 1000;
  const { values, step, lane } = await trainer.result();
  const { phase, notes, step: made, lanes: reports } = trainer.state;
  await trainer.dispose();
  const own = reports[lane].settings;
  const prompt = promptOf(kindOf(own), values, rowWidth(engine, own));
  const test = { ...data, validation: data.test, validationExamples: data.testExamples };
  const soft = await evaluatePrompt(engine, prompt, data);
  const tested = data.test.length > 0 ? await evaluatePrompt(engine, prompt, test) : null;
  tensorOf(prompt).dispose();
  const { steps, learningRate, virtualTokens } = settings;
  return {
    dataset: sample.id,
    phase,
    bare: short(bare),
    told: short(told),
    soft: short(soft),
    test: tested && short(tested),
    lane: reports[lane].name,
    lanes: reports.map(
      ({ name, ended, best }) =>
        `${name}: ${best?.loss.toFixed(3)} at ${best?.step}${ended ? `, ended at ${ended.step}` : ''}`,
    ),
    notes,
    bestStep: step,
    made,
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
