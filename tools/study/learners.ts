/** @file Trains a cell's learners, one a seed, in the lanes of one packed batch, and tests the best prompt of each. */
import type { SoftPrompt } from '../../app/engine/engine';
import { createRandom } from '../../app/formats/random';
import type { InitialiserSource } from '../../app/training/initialise';
import { kindOf, ownSettings, promptOf, rowWidth, startLearner, tensorOf } from '../../app/training/learner';
import { ending } from '../../app/training/sweep/policy';
import { type Lane, Sweep } from '../../app/training/sweep/sweep';
import type { LearnerSettings, RunSettings, ValidationRecord } from '../../app/training/types';
import type { LearnerCell, Outcome, Score } from './cells';
import { type Ground, sampleOf, scoreOn } from './ground';
import { rounded } from './record';

/** Warm-up of runs whose rate falls: the app's share. */
const WARMUP_SHARE = 1 / 15;

/** One lane's record while it trains. */
interface LaneRecord {
  lane: number;
  virtualTokens: number;
  going: boolean;
  validations: ValidationRecord[];
  best: ({ step: number; values: Float32Array } & Score) | null;
  /** Updates made. */
  steps: number;
  note?: string;
}

export async function trainLearners(
  ground: Ground,
  cell: LearnerCell,
  seeds: readonly number[],
): Promise<Outcome[]> {
  const { engine } = ground;
  const { data } = sampleOf(ground, cell.sample);
  const settings = settingsOf(ground, cell);
  const lanes: Lane[] = [];
  for (const seed of seeds) lanes.push(await startLane(ground, cell, { ...ownSettings(settings), seed }));
  const target = cell.until === null ? null : cell.until * (await bareLoss(ground, cell));
  const sweep = new Sweep({ engine, training: data.training, settings, lanes });
  const records = lanes.map(
    (lane, i): LaneRecord => ({
      lane: i,
      virtualTokens: lane.settings.virtualTokens,
      going: true,
      validations: [],
      best: null,
      steps: 0,
    }),
  );
  let stepSeconds = 0;
  const began = performance.now();
  try {
    await sweep.prepare();
    await validate(ground, cell, sweep, records, 0);
    for (let step = 1; step <= cell.steps && sweep.going.length > 0; step++) {
      const from = performance.now();
      const { measured, accepted, lanes: made } = sweep.make(step - 1);
      const values = await measured.data();
      measured.dispose();
      await accepted;
      stepSeconds += (performance.now() - from) / 1000;
      made.forEach((lane, i) => {
        records[lane].steps = step;
        if (!Number.isFinite(values[2 * i]))
          leave(sweep, records[lane], `its loss is no number at step ${step}`);
      });
      if (step % cell.validateEvery !== 0 && step !== cell.steps) continue;
      await validate(ground, cell, sweep, records, step);
      settle(settings, target, sweep, records, step);
    }
    const seconds = (performance.now() - began) / 1000;
    const tests = cell.until === null ? await test(ground, cell, lanes, records) : records.map(() => null);
    // Lanes share every step, so each has its part of the time by the steps that it made.
    const made = records.reduce((sum, record) => sum + record.steps, 0);
    return records.map(({ validations, best, steps, note }, i) => ({
      seed: seeds[i],
      curve: validations.map(({ step, loss }): [number, number] => [step, loss]),
      best: { step: best?.step ?? 0, loss: best?.loss ?? Number.NaN, exact: best?.exact ?? 0 },
      test: tests[i],
      steps,
      laneSteps: steps,
      stepSeconds: rounded((stepSeconds * steps) / Math.max(1, made)),
      seconds: rounded((seconds * steps) / Math.max(1, made)),
      ...(note && { note }),
    }));
  } finally {
    sweep.dispose();
  }
}

/** The suggested settings with what the cell says; seeds follow. */
export function settingsOf(
  ground: Ground,
  cell: Pick<LearnerCell, 'sample' | 'method' | 'virtualTokens' | 'start' | 'rate' | 'schedule' | 'steps'>,
): RunSettings {
  const { settings } = sampleOf(ground, cell.sample);
  return {
    ...settings,
    search: 'none',
    method: cell.method,
    virtualTokens: cell.virtualTokens,
    initialiser: cell.start === 'normal' ? 'file' : cell.start,
    learningRate: cell.rate * ground.measures.elementRms,
    steps: cell.steps,
    schedule: cell.schedule,
    warmupSteps: cell.schedule === 'constant' ? 0 : Math.round(cell.steps * WARMUP_SHARE),
  };
}

/** Where a learner begins; the start that the app does not have comes as an imported prompt. */
export async function startLane(
  ground: Ground,
  { sample }: Pick<LearnerCell, 'sample'>,
  settings: LearnerSettings,
): Promise<Lane> {
  const { engine, model, measures } = ground;
  const { training } = sampleOf(ground, sample).data;
  const width = rowWidth(engine, settings);
  const { virtualTokens, seed } = settings;
  const { normal } = createRandom(seed);
  const drawn = () => Float32Array.from({ length: virtualTokens * width }, normal);
  const source: InitialiserSource = {
    tokenizer: model.tokenizer,
    training,
    file:
      settings.initialiser === 'file'
        ? { kind: kindOf(settings), values: drawn(), virtualTokens, width }
        : null,
    elementRms: measures.elementRms,
  };
  return { name: '', settings, start: await startLearner(engine, settings, source) };
}

/** On all validation rows, as the findings know it. */
async function bareLoss(ground: Ground, { sample }: LearnerCell): Promise<number> {
  const { data } = sampleOf(ground, sample);
  const [bare] = await scoreOn(ground.engine, data, 'validation', [null]);
  return bare.loss;
}

/** Every lane that goes on, on the validation rows; the best prompt of each is kept. */
async function validate(
  ground: Ground,
  cell: LearnerCell,
  sweep: Sweep,
  records: readonly LaneRecord[],
  step: number,
): Promise<void> {
  const { engine } = ground;
  const { data } = sampleOf(ground, cell.sample);
  const lanes = sweep.going;
  const prompts = lanes.map((lane) => sweep.snapshot(lane) as SoftPrompt);
  try {
    const scores = await scoreOn(engine, data, 'validation', prompts, cell.validationRows);
    const states = await sweep.read();
    lanes.forEach((lane, i) => {
      const record = records[lane];
      const { loss, exact } = scores[i];
      const best = loss < (record.best?.loss ?? Number.POSITIVE_INFINITY);
      const values = states.get(lane)?.prompt as Float32Array;
      if (best) record.best = { step, values, loss, exact };
      const none = { error: 0, accuracy: null, tokenAccuracy: 0, rows: cell.validationRows };
      record.validations.push({ ...none, lane, step, loss, exact, best });
    });
  } finally {
    for (const prompt of prompts) tensorOf(prompt).dispose();
  }
}

/** Ends lanes that are there, or as the app ends them. */
function settle(
  settings: RunSettings,
  target: number | null,
  sweep: Sweep,
  records: readonly LaneRecord[],
  step: number,
): void {
  const done =
    target === null
      ? ending(
          settings,
          records.filter(({ going }) => going),
          step,
        ).map(({ lane }) => lane)
      : sweep.going.filter((lane) => (records[lane].validations.at(-1)?.loss ?? Number.NaN) <= target);
  for (const lane of done) leave(sweep, records[lane]);
}

function leave(sweep: Sweep, record: LaneRecord, note?: string): void {
  record.going = false;
  record.note = note;
  sweep.drop(record.lane);
}

async function test(
  ground: Ground,
  { sample }: LearnerCell,
  lanes: readonly Lane[],
  records: readonly LaneRecord[],
): Promise<(Score | null)[]> {
  const { engine } = ground;
  const { data } = sampleOf(ground, sample);
  const scores: (Score | null)[] = [];
  for (const { lane, best } of records) {
    const own = lanes[lane].settings;
    const prompt = promptOf(kindOf(own), best?.values ?? lanes[lane].start.prompt, rowWidth(engine, own));
    try {
      scores.push(...(await scoreOn(engine, data, 'test', [prompt])));
    } finally {
      tensorOf(prompt).dispose();
    }
  }
  return scores;
}
