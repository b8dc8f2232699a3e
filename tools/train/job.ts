/** @file A whole job for a studio: model, data, training within steps or seconds, and the verdict as a report. */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LaneReport, ModelOrigin, RunSettings, RunState, Verdict } from '../../app/workers/protocol';
import type { StudioService } from '../../app/workers/studio';
import { RunLog } from './log';
import type { TrainOptions } from './options';

export interface Job
  extends Pick<
    TrainOptions,
    'instructions' | 'shots' | 'method' | 'search' | 'seconds' | 'steps' | 'backend' | 'seed'
  > {
  model: ModelOrigin;
  files: File[];
  testFile: File | null;
}

export interface TrainReport {
  settings: RunSettings;
  /** What was decided without being asked: rows, classes, the step whose prompt is written. */
  chosen: {
    backend: string;
    training: number;
    validation: number;
    test: number;
    classes: string[] | null;
    inputTemplate: string;
    targetTemplate: string;
    step: number;
    /** What the prompt that is written has for itself: method, length, start, learning rate. */
    prompt: LaneReport['settings'];
    /** Prompts that were trained side by side, or the one. */
    lanes: Pick<LaneReport, 'name' | 'best' | 'ended'>[];
    reasons: Record<string, string>;
  };
  /** Test rows that the contenders were compared on. */
  rows: number;
  /** On the test rows: `bare`, `instruction 1`, …, `soft prompt`. Empty where no row is kept for that. */
  contenders: {
    name: string;
    /** null where there are no classes. */
    accuracy: number | null;
    exact: number;
    /** Nats per label token. */
    loss: number;
    /** Of accuracy where there are classes, else of exact answers: 95 % bounds. */
    interval: [number, number];
  }[];
  /** The soft prompt against the best words, in percentage points; null without test rows or words. */
  difference: { points: number; interval: [number, number]; p: number; against: string } | null;
  steps: number;
  /** Of the training, what it is compared with included. */
  seconds: number;
}

/** Part of a budget of time that goes into steps; validations and the verdict take the rest. */
const SHARE_OF_STEPS = 0.6;
/** Steps that tell how long one takes; the first of them compiles. */
const TIMED_STEPS = 3;
/** Steps of one prompt that a search takes for each of its own, most of its prompts ending early. */
const COST_OF_SEARCH = 2.5;
const MOST_STEPS = 2000;
const LEAST_STEPS = 20;

/**
 * @param say Told what goes on, in lines.
 * @throws StudioError; an Error where the run fails
 */
export async function trainAndProve(
  studio: StudioService,
  job: Job,
  say: (text: string) => void,
): Promise<{ report: TrainReport; file: { name: string; bytes: Uint8Array } }> {
  const log = new RunLog(say);
  const base = pathToFileURL(join(import.meta.dirname, '../../public/')).href;
  const device = await studio.open(base, (event) => log.take(event), job.backend ?? 'wasm');
  await studio.loadModel(job.model);
  const data = await studio.openDataset(job.files, { test: job.testFile });
  for (const note of data.notes) say(note);
  const began = performance.now();
  const suggested = await studio.suggestSettings();
  const instructions = job.instructions.length > 0 ? job.instructions : suggested.settings.instructions;
  let settings: RunSettings = {
    ...suggested.settings,
    instructions,
    method: job.method,
    shots: job.shots,
    ...(job.search !== null && { search: job.search }),
    ...(job.seed !== null && { seed: job.seed }),
  };
  if (job.steps !== null) settings = withSteps(settings, job.steps);
  else if (job.seconds !== null) {
    settings = withSteps(settings, await stepsWithin(studio, log, settings, job.seconds));
  }
  log.begin();
  await studio.train(settings, ['method', ...(job.seed === null ? [] : (['seed'] as const))]);
  const budget = job.seconds === null ? null : 1000 * job.seconds - (performance.now() - began);
  const state = await atRest(studio, log, budget);
  if (state.phase === 'failed') throw { message: state.message ?? 'The run failed.' };
  const file = await studio.download('peft');
  await log.judged();
  const seconds = (performance.now() - began) / 1000;
  const { verdict } = log;
  return {
    file,
    report: {
      settings,
      chosen: {
        backend: device.backend,
        training: data.training,
        validation: data.validation,
        test: data.test,
        classes: data.classes ? [...data.classes] : null,
        inputTemplate: data.options.inputTemplate,
        targetTemplate: data.options.targetTemplate,
        step: state.bestStep || state.step,
        prompt: state.lanes[state.leader].settings,
        lanes: state.lanes.map(({ name, ended, best }) => ({ name, best, ended })),
        reasons: suggested.reasons,
      },
      rows: verdict?.rows ?? 0,
      contenders: contendersOf(verdict),
      difference: verdict?.difference
        ? {
            points: verdict.difference.points,
            interval: [verdict.difference.interval.low, verdict.difference.interval.high],
            p: verdict.difference.p,
            against: verdict.difference.against,
          }
        : null,
      steps: state.step,
      seconds: Math.round(10 * seconds) / 10,
    },
  };
}

function contendersOf(verdict: Verdict | null): TrainReport['contenders'] {
  return (verdict?.contenders ?? []).map(({ name, accuracy, exact, loss }) => {
    const { low, high } = (accuracy ?? exact).interval;
    return { name, accuracy: accuracy?.value ?? null, exact: exact.value, loss, interval: [low, high] };
  });
}

/** Warm-up and validations in the proportion that the suggestion has them in. */
export function withSteps(settings: RunSettings, steps: number): RunSettings {
  const part = steps / settings.steps;
  return {
    ...settings,
    steps,
    warmupSteps: Math.min(steps - 1, Math.round(settings.warmupSteps * part)),
    validateEvery: Math.max(1, Math.min(steps, Math.round(settings.validateEvery * part))),
  };
}

/** Steps that fit into a part of the seconds, by the time that a few of them take. */
async function stepsWithin(
  studio: StudioService,
  log: RunLog,
  settings: RunSettings,
  seconds: number,
): Promise<number> {
  const timed: RunSettings = {
    ...settings,
    search: 'none',
    instructions: [],
    shots: 0,
    validateEvery: settings.steps,
  };
  for (let i = 0; i < TIMED_STEPS; i++) {
    log.begin({ quiet: true });
    await studio.step(timed);
    await log.rest();
  }
  const took = Math.max(1, log.lastMilliseconds);
  const cost = settings.search === 'none' ? 1 : COST_OF_SEARCH;
  const fits = Math.floor((1000 * seconds * SHARE_OF_STEPS) / (took * cost));
  return Math.min(MOST_STEPS, Math.max(LEAST_STEPS, fits));
}

/** Waits for the end of the run; where time is up before, the run is stopped and its best prompt counts. */
async function atRest(studio: StudioService, log: RunLog, milliseconds: number | null): Promise<RunState> {
  if (milliseconds === null) return log.rest();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), Math.max(0, milliseconds));
  });
  const state = await Promise.race([log.rest(), late]);
  clearTimeout(timer);
  if (state) return state;
  await studio.stop();
  return log.rest();
}
