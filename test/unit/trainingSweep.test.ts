/** @file Several prompts in the same steps: each as it is alone, one's fall not another's, and a broken-off run as an unbroken one. */
import 'fake-indexeddb/auto';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine, PackedBatch, SoftPrompt } from '../../app/engine/engine';
import { EngineMemoryError } from '../../app/engine/errors';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { ownSettings, startLearner } from '../../app/training/learner';
import type { RunInputs } from '../../app/training/run';
import { type LaneFacts, lanesOf } from '../../app/training/sweep/lanes';
import { ending, type LaneStanding, leading } from '../../app/training/sweep/policy';
import { type Lane, Sweep } from '../../app/training/sweep/sweep';
import { Trainer } from '../../app/training/trainer';
import type { Checkpoint, RunSettings, ValidationRecord } from '../../app/training/types';
import { startNodeProcessor } from '../../tools/node/processor';
import {
  listen,
  timeless,
  tinyData,
  tinyEngine,
  tinyInputs,
  tinySettings,
  tinyTokenizer,
} from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeProcessor();
  engine = await tinyEngine();
});

const { training } = tinyData(40, 0);
const source = { tokenizer: tinyTokenizer, training, file: null, elementRms: 0.3 };
const facts: LaneFacts = { room: 40, classes: true, training: 40, own: new Set() };
const words = {
  ...tinySettings,
  initialiser: 'text' as const,
  initText: 't7 t8',
  instructions: ['t9 t10'],
} satisfies RunSettings;

/** Lanes of a search over the tiny task, with their starts. */
async function lanes(settings: RunSettings): Promise<Lane[]> {
  const made: Lane[] = [];
  for (const plan of lanesOf(settings, facts)) {
    made.push({ ...plan, start: await startLearner(engine, plan.settings, source) });
  }
  return made;
}

async function sweepInputs(change: Partial<RunSettings>, on: Engine = engine): Promise<RunInputs> {
  const settings = { ...words, ...change };
  return { ...(await tinyInputs(on, settings)), lanes: await lanes(settings) };
}

/** Losses of each lane in turn, as a run records them, and the prompts in the end. */
async function run(inputs: RunInputs) {
  const { told, events } = listen();
  const saves: Checkpoint[] = [];
  const store = { save: async (checkpoint: Checkpoint) => void saves.push(checkpoint) };
  const trainer = new Trainer({ ...inputs, store }, events);
  await trainer.resume();
  const { state } = trainer;
  const result = await trainer.result();
  await trainer.dispose();
  const lossesOf = (lane: number) =>
    told.steps.filter((record) => record.lane === lane).map(({ loss }) => loss);
  return { told, state, result, lossesOf, end: saves.at(-1) as Checkpoint };
}

describe('a lane', () => {
  it.each(['rates', 'lengths', 'methods', 'seeds'] as const)(
    'of a search over %s makes the numbers that it makes alone, over 30 steps',
    async (search) => {
      const inputs = await sweepInputs({ search });
      const together = await run(inputs);
      expect(inputs.lanes.length).toBeGreaterThan(3);
      for (const [index, lane] of inputs.lanes.entries()) {
        const settings = { ...inputs.settings, ...lane.settings, search: 'none' as const };
        const alone = await run({ ...inputs, settings, lanes: [lane] });
        const losses = together.lossesOf(index);
        expect(losses).toHaveLength(30);
        losses.forEach((loss, step) => {
          expect(Math.abs(loss - alone.lossesOf(0)[step]), `${lane.name}, step ${step + 1}`).toBeLessThan(
            1e-5,
          );
        });
        const prompts = [together.end.lanes[index].prompt, alone.end.lanes[0].prompt];
        prompts[0].forEach((value, i) => {
          expect(Math.abs(value - prompts[1][i])).toBeLessThan(1e-3);
        });
      }
    },
  );

  it('tells its records with those of all others of the same step', async () => {
    const told: { lane: number; step: number }[][] = [];
    const inputs = await sweepInputs({ search: 'rates' });
    const trainer = new Trainer(inputs, { steps: (records) => told.push(records) });
    await trainer.resume();
    await trainer.dispose();
    for (const records of told) {
      const steps = [...new Set(records.map(({ step }) => step))];
      expect(records.map(({ lane, step }) => [step, lane])).toEqual(
        steps.flatMap((step) => inputs.lanes.map((_, lane) => [step, lane])),
      );
    }
    expect(told.flat()).toHaveLength(30 * inputs.lanes.length);
  });

  it('that flies off ends, and the others go on', async () => {
    const inputs = await sweepInputs({ search: 'rates' });
    const [first, ...others] = inputs.lanes;
    const broken = { ...first.start, parameters: first.start.parameters.map(() => Number.NaN) };
    const { state, lossesOf } = await run({ ...inputs, lanes: [...others, { ...first, start: broken }] });
    expect(state.phase).toBe('finished');
    expect(state.lanes.at(-1)?.ended).toMatchObject({ how: 'diverged', step: 1 });
    expect(lossesOf(0)).toHaveLength(30);
    expect(state.lanes[state.leader].ended).toBeNull();
  });

  it('that flies off as the last one ends the run', async () => {
    const inputs = await sweepInputs({ search: 'rates' });
    const broken = inputs.lanes.map((lane) => ({
      ...lane,
      start: { ...lane.start, parameters: lane.start.parameters.map(() => Number.NaN) },
    }));
    const { state } = await run({ ...inputs, lanes: broken });
    expect(state).toMatchObject({ phase: 'failed', message: expect.stringMatching(/not a number/) });
  });

  it('taken by the person is the run’s from then on, and after a reload', async () => {
    const inputs = await sweepInputs({ search: 'rates' });
    const store = await openCheckpointStore({ name: 'sweep-taken' });
    const trainer = new Trainer({ ...inputs, store }, {});
    await trainer.resume();
    const { leader, lanes: reports } = trainer.state;
    const other = reports.findIndex(({ lane, best }) => lane !== leader && best);
    await trainer.take(other);
    expect(trainer.state.leader).toBe(other);
    const result = await trainer.result();
    expect(result).toMatchObject({ lane: other, step: reports[other].best?.step });
    await trainer.dispose();
    const again = new Trainer({ ...inputs, store }, {}, (await store.load('run')) as Checkpoint);
    expect(await again.result()).toEqual(result);
    await again.take(null);
    expect(again.state.leader).toBe(leader);
    await expect(again.take(99)).rejects.toThrow(/no validated prompt/);
    await again.dispose();
  });
});

describe('an automatic search', () => {
  const search = { search: 'auto', validateEvery: 5, patience: 0 } as const;

  it('goes on with the better half after each validation, until one is left', async () => {
    const { told, state } = await run(await sweepInputs(search));
    const counts = [5, 10, 15, 20].map((step) => told.steps.filter((record) => record.step === step).length);
    expect(counts).toEqual([6, 3, 2, 1]);
    for (const { ended, best } of state.lanes) {
      if (ended) expect(ended.why).toMatch(/^validation loss .* only the better half goes on$/);
      expect(best).not.toBeNull();
    }
    expect(state.lanes.filter(({ ended }) => !ended)).toHaveLength(1);
  });

  it('leaves what the person has set, and never exceeds the room', () => {
    const auto = { ...words, search: 'auto', virtualTokens: 30 } as RunSettings;
    const varied = (own: (keyof RunSettings)[], key: 'virtualTokens' | 'learningRate' | 'initText') =>
      new Set(lanesOf(auto, { ...facts, own: new Set(own) }).map(({ settings }) => settings[key])).size;
    expect(varied([], 'virtualTokens')).toBe(2);
    expect(varied(['virtualTokens'], 'virtualTokens')).toBe(1);
    expect(varied(['learningRate'], 'learningRate')).toBe(1);
    expect(varied([], 'initText')).toBe(2);
    expect(varied(['initText'], 'initText')).toBe(1);
    for (const { settings } of lanesOf(auto, facts)) expect(settings.virtualTokens).toBeLessThanOrEqual(40);
    expect(
      lanesOf(auto, { ...facts, own: new Set(['virtualTokens', 'learningRate', 'initialiser']) }),
    ).toHaveLength(1);
  });

  it('of few rows begins one prompt as the rows themselves, unless the person has set the start', () => {
    const auto = { ...words, search: 'auto' } as RunSettings;
    const from = (training: number, own: (keyof RunSettings)[] = []) =>
      lanesOf(auto, { ...facts, training, own: new Set(own) }).filter(
        ({ settings }) => settings.initialiser === 'examples',
      );
    expect(from(32)).toEqual([]);
    const [{ settings }] = from(31);
    expect(settings.virtualTokens).toBe(40);
    expect(settings.learningRate).toBeLessThan(auto.learningRate);
    expect(from(31, ['virtualTokens', 'learningRate'])[0].settings).toMatchObject({
      virtualTokens: auto.virtualTokens,
      learningRate: auto.learningRate,
    });
    expect(from(31, ['initialiser'])).toEqual([]);
  });

  it('paused after any step, kept, and taken up ends bit for bit as an unbroken one', async () => {
    const whole = await run(await sweepInputs({ ...search, steps: 22 }));
    for (const stop of [1, 5, 9, 13, 21]) {
      const inputs = await sweepInputs({ ...search, steps: 22 });
      const store = await openCheckpointStore({ name: `sweep-${stop}` });
      const first = new Trainer({ ...inputs, store }, {});
      while (first.state.step < stop) await first.singleStep();
      await first.dispose();
      const second = new Trainer(
        { ...inputs, lanes: [], store },
        {},
        (await store.load('run')) as Checkpoint,
      );
      await second.resume();
      await second.dispose();
      const end = (await store.load('run')) as Checkpoint;
      expect(timeless(end), `stopped at ${stop}`).toEqual(timeless(whole.end));
    }
  });

  it('whose device is lost is taken up to the same end', async () => {
    const whole = await run(await sweepInputs({ ...search, steps: 22 }));
    const inputs = await sweepInputs({ ...search, steps: 22 });
    const lost = new Trainer(inputs, { validation: () => void (lost.state.step === 10 && lost.abandon()) });
    await lost.resume();
    const { checkpoint } = lost.abandon();
    const saves: Checkpoint[] = [];
    const store = { save: async (kept: Checkpoint) => void saves.push(kept) };
    const taken = new Trainer({ ...inputs, lanes: [], store }, {}, checkpoint);
    await taken.resume();
    await taken.dispose();
    expect(timeless(saves.at(-1) as Checkpoint)).toEqual(timeless(whole.end));
  });

  it('holds no tensor of lanes that have ended, and none in the end', async () => {
    const before = tf.memory().numTensors;
    await run(await sweepInputs(search));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('memory that does not hold all lanes', () => {
  it('divides lanes before texts, with the same numbers', async () => {
    const seen: { prompts: number; texts: number }[] = [];
    const small = new Proxy(engine, {
      get(target, key) {
        if (key === 'prepare') {
          return async (prompts: readonly SoftPrompt[], batches: readonly PackedBatch[]) => {
            const texts = Math.max(...batches.map((batch) => batch.texts.length));
            seen.push({ prompts: prompts.length, texts });
            if (texts > 2) throw new EngineMemoryError('too little');
            return target.prepare(prompts, batches);
          };
        }
        const value = Reflect.get(target, key);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
    const whole = await run(await sweepInputs({ search: 'rates', steps: 8 }));
    const divided = await run(await sweepInputs({ search: 'rates', steps: 8 }, small));
    expect(seen[0]).toEqual({ prompts: 5, texts: 15 });
    expect(seen.at(-1)).toEqual({ prompts: 1, texts: 2 });
    // As long as lanes are together, their texts are whole.
    for (const { prompts, texts } of seen) if (prompts > 1) expect(texts).toBe(3 * prompts);
    expect(divided.state.notes?.[0]).toMatch(/15 texts of a step do not fit/);
    for (let lane = 0; lane < 5; lane++) {
      divided.lossesOf(lane).forEach((loss, step) => {
        expect(loss).toBeCloseTo(whole.lossesOf(lane)[step], 4);
      });
    }
  });
});

describe('the policy', () => {
  const record = (lane: number, step: number, loss: number, more: Partial<ValidationRecord> = {}) => ({
    lane,
    step,
    loss,
    error: 0.05,
    accuracy: null,
    tokenAccuracy: 0.5,
    exact: 0.5,
    rows: 40,
    best: true,
    ...more,
  });
  const standing = (lane: number, validations: ValidationRecord[], virtualTokens = 20): LaneStanding => ({
    lane,
    virtualTokens,
    going: true,
    validations,
  });

  it('ends a lane that was no better for as long as its patience, and not before', () => {
    const losses = [1, 0.8, 0.9, 0.9, 0.9];
    const validations = losses.map((loss, i) => record(0, i + 1, loss, { best: i < 2 }));
    const ends = (count: number, patience: number) =>
      ending({ search: 'none', patience }, [standing(0, validations.slice(0, count))], count);
    expect(ends(4, 3)).toEqual([]);
    expect(ends(5, 3)).toEqual([
      { lane: 0, end: { step: 5, how: 'settled', why: 'no better for 3 validations' } },
    ]);
    expect(ends(5, 0)).toEqual([]);
  });

  it('ends where nearly all is right twice in a row, by labels and as written', () => {
    const right = { exact: 1, accuracy: 0.99 };
    const ends = (more: Partial<ValidationRecord>) =>
      ending(
        { search: 'none', patience: 9 },
        [standing(0, [record(0, 1, 1, right), record(0, 2, 0.9, more)])],
        2,
      );
    expect(ends(right)[0]?.end.why).toMatch(/99 % .* twice in a row/);
    expect(ends({ exact: 1, accuracy: 0.98 })).toEqual([]);
    expect(ends({ exact: 0.9, accuracy: 1 })).toEqual([]);
  });

  it('of an automatic search goes on with the shortest alone where nearly all is right', () => {
    const lanes = [
      standing(0, [record(0, 1, 0.11, { exact: 1 })], 20),
      standing(1, [record(1, 1, 0.1, { exact: 1 })], 40),
      standing(2, [record(2, 1, 0.05)], 40),
    ];
    const ended = ending({ search: 'auto', patience: 3 }, lanes, 1);
    expect(ended.map(({ lane, end }) => [lane, end.how])).toEqual([
      [2, 'dropped'],
      [1, 'dropped'],
    ]);
  });

  it('gives the prompt of the shortest lane within one standard error of the lowest loss', () => {
    const lane = (number: number, virtualTokens: number, loss: number, error = 0.02) => ({
      lane: number,
      virtualTokens,
      best: { loss, error },
    });
    expect(leading([lane(0, 40, 0.5), lane(1, 20, 0.515), lane(2, 5, 0.53)])).toBe(1);
    expect(leading([lane(0, 40, 0.5), lane(1, 20, 0.53)])).toBe(0);
    expect(leading([lane(0, 20, 0.51), lane(1, 20, 0.5)])).toBe(1);
    expect(leading([{ lane: 0, virtualTokens: 20, best: null }])).toBeNull();
  });
});

describe('a time limit', () => {
  it('ends the run after it, with the prompt of that step validated', async () => {
    const { state, told } = await run(await sweepInputs({ search: 'none', minutes: 1e-6, steps: 1000 }));
    expect(state.phase).toBe('finished');
    expect(state.step).toBeLessThan(5);
    expect(told.validations.at(-1)?.step).toBe(state.step);
    expect(state.notes?.at(-1)).toMatch(/limit of 0.000001 minutes was reached/);
  });
});

it('a sweep of one learner is a plain run', async () => {
  const [plan] = lanesOf({ ...words, search: 'none' }, facts);
  expect(plan).toEqual({ name: '', settings: ownSettings(words) });
  const start = await startLearner(engine, plan.settings, source);
  const sweep = new Sweep({ engine, training, settings: words, lanes: [{ ...plan, start }] });
  expect(sweep.going).toEqual([0]);
  sweep.dispose();
  expect(sweep.going).toEqual([]);
});
