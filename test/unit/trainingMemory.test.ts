/** @file A run whose batch the memory does not hold: parts that add up to the whole, and words where nothing helps. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { createOrder } from '../../app/data/order';
import { packExamples } from '../../app/data/pack';
import type { TokenExample } from '../../app/data/types';
import { fits, neededCapacity, union } from '../../app/engine/capacity';
import type { Engine, PackedBatch } from '../../app/engine/engine';
import { EngineMemoryError } from '../../app/engine/errors';
import { layoutStep } from '../../app/engine/layout';
import { createRandom } from '../../app/formats/random';
import { Learner } from '../../app/training/learner';
import { largestParts, splitBatch } from '../../app/training/microBatches';
import { StepMaker } from '../../app/training/stepMaker';
import { Trainer } from '../../app/training/trainer';
import type { RunSettings } from '../../app/training/types';
import { startNodeProcessor } from '../../tools/node/processor';
import {
  HIDDEN,
  listen,
  plainLane,
  tinyData,
  tinyEngine,
  tinyInputs,
  tinySettings,
  tinyStart,
} from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeProcessor();
  engine = await tinyEngine();
});

/** The tiny engine with some methods replaced. */
function changed(changes: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(target, key) {
      const value = Reflect.get(changes, key) ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The tiny engine on a device that holds so many text tokens of a step. */
function small(most: number): { engine: Engine; prepared: number[] } {
  const prepared: number[] = [];
  const check = ({ tokenIds }: PackedBatch) => {
    if (tokenIds.length > most) throw new EngineMemoryError(`${tokenIds.length} rows, room for ${most}.`);
  };
  return {
    prepared,
    engine: changed({
      async prepare(prompts, batches) {
        prepared.push(Math.max(...batches.map(({ tokenIds }) => tokenIds.length)));
        batches.forEach(check);
        return engine.prepare(prompts, batches);
      },
      loss(prompts, batch) {
        check(batch);
        return engine.loss(prompts, batch);
      },
    }),
  };
}

const settings = { steps: 12, batchSize: 8, validateEvery: 12 };
const rows = (group: { tokenIds: Int32Array }[]) =>
  group.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0);

const tinyLearner = (all: RunSettings) => {
  const { settings: own, start } = plainLane(all, tinyStart(3));
  return new Learner(engine, own, start, all);
};

describe('a batch in parts', () => {
  it('has every text once, in groups of like size', () => {
    const { training } = tinyData(21, 0);
    for (const parts of [1, 2, 4, 5, 64]) {
      const groups = splitBatch(training, parts);
      expect(groups).toHaveLength(Math.min(parts, training.length));
      expect(groups.flat().toSorted((a, b) => a.row - b.row)).toEqual(training);
      const sizes = groups.map(rows);
      const longest = Math.max(...training.map(({ tokenIds }) => tokenIds.length));
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(longest);
    }
  });

  it('is looked for in every step of the run, in every respect in which steps need room', () => {
    const random = createRandom(5).next;
    const below = (n: number) => Math.floor(random() * n);
    // Labels anywhere, on the first token too; texts of one token, and texts without labels.
    const training = Array.from({ length: 30 }, (_, row) => {
      const length = 1 + below(12);
      const isLabel = Uint8Array.from({ length }, () => (below(3) === 0 ? 1 : 0));
      return { tokenIds: new Int32Array(length), isLabel, row, cut: 0 };
    });
    const order = createOrder(training.length, 4, 9);
    const capacityOf = (group: TokenExample[]) =>
      neededCapacity(layoutStep([{ kind: 'prompt', length: 3 }], packExamples(group)), 1);
    for (const parts of [1, 2]) {
      const found = largestParts(training, order, { steps: 40, batchSize: 4 }, parts).map(capacityOf);
      const enough = found.reduce(union);
      for (let step = 0; step < 40; step++) {
        const examples = order.batch(step).map((i) => training[i]);
        for (const group of splitBatch(examples, parts)) expect(fits(capacityOf(group), enough)).toBe(true);
      }
      expect(found.length).toBeLessThanOrEqual(5);
    }
  });

  it('makes the update of the whole batch, to rounding', async () => {
    const { training } = tinyData(12, 0);
    const all = { ...tinySettings, ...settings };
    const made = await Promise.all(
      [1, 2, 3, 8].map(async (parts) => {
        const learner = tinyLearner(all);
        const maker = new StepMaker({ engine, training, settings: all, learners: [learner], parts });
        const { measured } = maker.make(0);
        const [loss, norm] = await measured.data();
        const { prompt, firstMoment } = await learner.read();
        measured.dispose();
        learner.dispose();
        return { loss, norm, prompt, firstMoment };
      }),
    );
    const [whole, ...divided] = made;
    expect(whole.prompt).toHaveLength(3 * HIDDEN);
    for (const one of divided) {
      expect(one.loss).toBeCloseTo(whole.loss, 5);
      expect(one.norm).toBeCloseTo(whole.norm, 5);
      one.firstMoment.forEach((value, i) => {
        expect(value).toBeCloseTo(whole.firstMoment[i], 6);
      });
      one.prompt.forEach((value, i) => {
        expect(value).toBeCloseTo(whole.prompt[i], 4);
      });
    }
  });

  it('leaves no tensor behind', () => {
    const { training } = tinyData(12, 0);
    const before = tf.memory().numTensors;
    const all = { ...tinySettings, ...settings };
    const learner = tinyLearner(all);
    const maker = new StepMaker({ engine, training, settings: all, learners: [learner], parts: 3 });
    maker.make(0).measured.dispose();
    learner.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('a run on a device with little memory', () => {
  const losses = async (on: Engine) => {
    const { told, events } = listen();
    const run = new Trainer(await tinyInputs(on, settings), events);
    await run.resume();
    const { state } = run;
    await run.dispose();
    return { state, losses: told.steps.map(({ loss }) => loss), states: told.states };
  };

  it('divides its steps before the first one, says so, and learns the same', async () => {
    const { engine: little, prepared } = small(30);
    const divided = await losses(little);
    expect(divided.state.phase).toBe('finished');
    expect(divided.state.notes).toEqual([expect.stringMatching(/8 texts.*do not fit.*in 4 parts/)]);
    expect(divided.states[0]).toMatchObject({ phase: 'training', notes: divided.state.notes });
    expect(prepared).toHaveLength(3);
    expect(prepared[2]).toBeLessThanOrEqual(30);
    const whole = await losses(engine);
    expect(whole.state.notes).toBeUndefined();
    divided.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(whole.losses[i], 4);
    });
  });

  it('divides them in the middle too, where memory runs short then, and repeats no step', async () => {
    let calls = 0;
    const sudden = changed({
      loss(prompts, batch) {
        if (++calls === 6) throw new EngineMemoryError('no more room');
        return engine.loss(prompts, batch);
      },
    });
    const run = await losses(sudden);
    expect(run.state).toMatchObject({ phase: 'finished', step: 12 });
    expect(run.state.notes).toEqual([expect.stringContaining('in 2 parts')]);
    const whole = await losses(engine);
    run.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(whole.losses[i], 4);
    });
  });

  it('fails in words where not even one text fits', async () => {
    const { state } = await losses(small(4).engine);
    expect(state).toMatchObject({ phase: 'failed', step: 0 });
    expect(state.message).toMatch(/single text.*room for 4.*shorter.*longest has \d+ tokens.*fewer virtual/);
  });
});
