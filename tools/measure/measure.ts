/**
 * @file `npm run measure [-- ID… --set KEY=VALUE]`: what the embedded model does with each sample dataset, bare, told in words and
 * with a soft prompt trained by the studio's own default settings, on wasm. Prints one JSON line a dataset.
 */
import { parseArgs } from 'node:util';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { encodeInstructed } from '../../app/data/instruct';
import type { Engine } from '../../app/engine/engine';
import { measureEmbeddings } from '../../app/inspect/measures';
import type { LoadedModel } from '../../app/model/load';
import { type Evaluation, evaluatePrompt } from '../../app/training/evaluate';
import { tensorOf } from '../../app/training/learner';
import { suggestSettings } from '../../app/training/suggest';
import type { RunSettings } from '../../app/training/types';
import { trainToTheEnd } from './run';
import { openEmbeddedModel, readSamples, readSampleTable, type Sample } from './samples';

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
const samples = readSamples().filter(({ id }) => wanted.length === 0 || wanted.includes(id));

const { engine, model } = await openEmbeddedModel();
for (const sample of samples) console.log(JSON.stringify(await measure(sample, engine, model)));

async function measure(sample: Sample, engine: Engine, model: LoadedModel) {
  const { tokenizer, spec, chat } = model;
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
  const run = await trainToTheEnd(sample.id, { engine, model, measures, data, settings });
  const { state, result, prompt, seconds } = run;
  const { phase, notes, step: made, lanes: reports } = state;
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
    lane: reports[result.lane].name,
    lanes: reports.map(
      ({ name, ended, best }) =>
        `${name}: ${best?.loss.toFixed(3)} at ${best?.step}${ended ? `, ended at ${ended.step}` : ''}`,
    ),
    notes,
    bestStep: result.step,
    made,
    steps,
    virtualTokens,
    learningRate,
    seconds: Math.round(seconds),
  };

  async function read({ train, validation }: Sample): Promise<Dataset> {
    return prepareDataset({
      table: await readSampleTable(train),
      validationTable: await readSampleTable(validation),
      options: null,
      tokenizer,
    });
  }
}

function short({ loss, accuracy, exact }: Evaluation) {
  return { loss: Number(loss.toFixed(4)), accuracy, exact };
}
