/** @file A run as the page makes it, to its end: lanes from the settings, the trainer, the prompt that it gives. */
import type { Dataset } from '../../app/data/dataset';
import type { Engine, SoftPrompt } from '../../app/engine/engine';
import type { EmbeddingMeasures } from '../../app/inspect/measures';
import type { LoadedModel } from '../../app/model/load';
import { kindOf, promptOf, rowWidth, startLearner } from '../../app/training/learner';
import type { TrainedPrompt } from '../../app/training/run';
import { lanesOf } from '../../app/training/sweep/lanes';
import type { Lane } from '../../app/training/sweep/sweep';
import { Trainer } from '../../app/training/trainer';
import type { RunHistory, RunSettings, RunState } from '../../app/training/types';

export interface RunRequest {
  engine: Engine;
  model: Pick<LoadedModel, 'tokenizer' | 'spec'>;
  measures: EmbeddingMeasures;
  data: Dataset;
  settings: RunSettings;
}

export interface FinishedRun {
  state: RunState;
  history: RunHistory;
  result: TrainedPrompt;
  /** The result on the device. The caller disposes its tensor. */
  prompt: SoftPrompt;
  /** Of all of it, validations included. */
  seconds: number;
}

/** Trains; what goes wrong on the way stands in the state. */
export async function trainToTheEnd(id: string, request: RunRequest): Promise<FinishedRun> {
  const { engine, model, measures, data, settings } = request;
  const { tokenizer, spec } = model;
  const source = { tokenizer, training: data.training, file: null, elementRms: measures.elementRms };
  const room = spec.contextLength - data.report.lengths.max;
  const began = performance.now();
  const lanes: Lane[] = [];
  const facts = {
    room,
    classes: data.classes !== null,
    training: data.training.length,
    own: new Set<never>(),
  };
  for (const plan of lanesOf(settings, facts)) {
    lanes.push({ ...plan, start: await startLearner(engine, plan.settings, source) });
  }
  const { hash: dataHash } = data.report;
  const inputs = { runId: id, engine, measures, tokenizer, settings, data, lanes, modelKey: id, dataHash };
  const trainer = new Trainer(inputs, {});
  await trainer.resume();
  const seconds = (performance.now() - began) / 1000;
  const result = await trainer.result();
  const { state, history } = trainer;
  await trainer.dispose();
  const own = lanes[result.lane].settings;
  return {
    state,
    history,
    result,
    prompt: promptOf(kindOf(own), result.values, rowWidth(engine, own)),
    seconds,
  };
}
