/** @file Prompts that are trained: by the page's own run, and by PEFT on the same rows in the same order. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOrder } from '../../app/data/order';
import { pickRows } from '../../app/evaluation/pickRows';
import { importPrompt } from '../../app/prompt/importPrompt';
import { promptOf, tensorOf } from '../../app/training/learner';
import { learningRateAt } from '../../app/training/schedule';
import { trainToTheEnd } from '../measure/run';
import type { Outcome } from '../study/cells';
import type { PythonPeer } from '../study/peer';
import { ENCODER_WIDTH, GUIDE, sampleMessage } from '../study/peft';
import { rounded } from '../study/record';
import type { AutoCell, CellRecord, PeftCell } from './cells';
import { type ModelGround, settingsOf, type TaskGround } from './ground';
import { lossUnder, scoreTest } from './score';

/** Of a validation in PEFT: logits of a large vocabulary at every position take much memory. */
const CHUNK = 8;

type Found = Pick<CellRecord, 'scores' | 'training' | 'versions'>;

export async function trainAuto(ground: ModelGround, on: TaskGround, cell: AutoCell): Promise<Found> {
  const { engine, model, measures } = ground;
  const { data } = on;
  const suggested = settingsOf(ground, on, cell);
  const settings = { ...suggested, method: cell.method, search: cell.search ?? suggested.search };
  const run = await trainToTheEnd(cell.task, { engine, model, measures, data, settings });
  const { state, history, result, prompt, seconds } = run;
  try {
    if (state.phase === 'failed') throw new Error(state.message ?? 'The run failed.');
    const chosen = state.lanes[result.lane];
    const took = new Map(history.steps.map((step) => [step.step, step.milliseconds]));
    return {
      scores: await scoreTest(engine, on, prompt),
      training: {
        steps: state.step,
        laneSteps: history.steps.length,
        most: settings.steps,
        best: result.step,
        seconds: rounded(seconds),
        stepSeconds: rounded([...took.values()].reduce((sum, one) => sum + one, 0) / 1000),
        rows: rowsOf(on),
        virtualTokens: chosen.settings.virtualTokens,
        learningRate: chosen.settings.learningRate,
        ...(chosen.name && { note: chosen.name }),
      },
    };
  } finally {
    tensorOf(prompt).dispose();
  }
}

/** @throws Error with what Python said */
export async function trainPeft(
  ground: ModelGround,
  on: TaskGround,
  cell: PeftCell,
  peer: PythonPeer,
): Promise<Found> {
  const { engine } = ground;
  const { data } = on;
  const folder = mkdtempSync(join(tmpdir(), 'proof-'));
  try {
    const message = messageOf(ground, on, cell, folder);
    const picked = pickRows(data.validation.length, message.validationRows);
    const validation = picked.map((row) => data.validation[row]);
    await peer.ask(sampleMessage({ training: data.training, validation, test: [] }));
    const { outcomes } = await peer.ask<{ outcomes: Outcome[] }>(message);
    const [{ best, steps, laneSteps, stepSeconds, seconds, note }] = outcomes;
    const { kind, width, values, virtualTokens } = importPrompt(
      ['adapter_config.json', 'adapter_model.safetensors'].map((name) => ({
        name,
        bytes: Uint8Array.from(readFileSync(join(folder, name))),
      })),
    );
    const prompt = promptOf(kind, values, width);
    try {
      return {
        scores: await scoreTest(engine, on, prompt),
        training: {
          steps,
          laneSteps,
          most: message.steps,
          best: best.step,
          seconds,
          stepSeconds,
          rows: rowsOf(on),
          virtualTokens,
          learningRate: message.rate,
          ...(note && { note }),
          agreement: { theirs: best.loss, ours: rounded(await lossUnder(engine, prompt, validation)) },
        },
        versions: peer.versions,
      };
    } finally {
      tensorOf(prompt).dispose();
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What PEFT's guide to prompt-based methods does, with the page's steps, batches, validations and endings. */
function messageOf(ground: ModelGround, on: TaskGround, cell: PeftCell, folder: string) {
  const { data } = on;
  const settings = { ...settingsOf(ground, on, cell), ...GUIDE };
  const steps = Array.from({ length: settings.steps }, (_, step) => step);
  const order = createOrder(data.training.length, settings.batchSize, cell.seed);
  return {
    kind: 'cell',
    method: cell.recipe === 'prefix-guide' ? 'prefix' : 'prompt',
    seeds: [cell.seed],
    virtualTokens: settings.virtualTokens,
    encoderWidth: ENCODER_WIDTH,
    text: cell.recipe === 'prompt-guide' ? settings.initText : null,
    starts: null,
    rate: settings.learningRate,
    rates: steps.map((step) => learningRateAt(step, settings)),
    clipNorm: settings.clipNorm,
    weightDecay: settings.weightDecay,
    patience: settings.patience,
    steps: settings.steps,
    validateEvery: settings.validateEvery,
    validationRows: settings.validationRows,
    orders: [steps.map((step) => order.batch(step))],
    keep: [folder],
    chunk: CHUNK,
  };
}

function rowsOf({ data }: TaskGround) {
  return { training: data.training.length, validation: data.validation.length };
}
