import 'fake-indexeddb/auto';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import type { Engine } from '../../app/engine/engine';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { TrainingError } from '../../app/training/errors';
import type { RunInputs } from '../../app/training/run';
import { Trainer } from '../../app/training/trainer';
import type { Checkpoint, RunSettings, StepRecord } from '../../app/training/types';
import { startNodeProcessor } from '../../tools/node/processor';
import { listen, timeless, tinyEngine, tinyInputs, tinyStart } from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeProcessor();
  engine = await tinyEngine();
});

let stores = 0;
const newStore = () => openCheckpointStore({ name: `trainer-test-${stores++}` });

async function trainer(
  settings: Partial<RunSettings> = {},
  options: {
    store?: RunInputs['store'];
    also?: Parameters<typeof listen>[0];
    from?: Checkpoint;
    engine?: Engine;
  } = {},
) {
  const { told, events } = listen(options.also);
  const inputs = { ...(await tinyInputs(options.engine ?? engine, settings)), store: options.store };
  return { run: new Trainer(inputs, events, options.from), told };
}

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

describe('a run', () => {
  it('trains to its last step, and the loss falls', async () => {
    const { run, told } = await trainer();
    await run.resume();
    expect(run.state).toEqual({
      phase: 'finished',
      step: 30,
      steps: 30,
      bestStep: expect.any(Number),
      leader: 0,
      lanes: [{ lane: 0, name: '', settings: expect.any(Object), ended: null, best: expect.any(Object) }],
      memory: { saving: 'all', training: expect.any(Number), weights: 10944 },
    });
    expect(told.steps.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    const losses = told.steps.map(({ loss }) => loss);
    expect(mean(losses.slice(-5))).toBeLessThan(mean(losses.slice(0, 5)) - 0.5);
    for (const { gradientNorm, tokens, milliseconds, learningRate } of told.steps) {
      expect(gradientNorm).toBeGreaterThan(0);
      expect(tokens).toBeGreaterThan(3 * 5 - 1);
      expect(milliseconds).toBeGreaterThan(0);
      expect(learningRate).toBeGreaterThan(0);
    }
    await run.dispose();
  });

  it('validates every k steps and after the last, and keeps the prompt of the lowest loss', async () => {
    const { run, told } = await trainer({ steps: 25 });
    await run.resume();
    expect(told.validations.map(({ step }) => step)).toEqual([10, 20, 25]);
    const best = told.validations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(run.state.bestStep).toBe(best.step);
    expect(await run.result()).toMatchObject({ step: best.step, loss: best.loss });
    expect(told.validations.filter((record) => record.best).at(-1)).toEqual(best);
    expect(told.answerSteps).toEqual([10, 20, 25]);
    await run.dispose();
  });

  it('tells phases and nearest tokens as it goes', async () => {
    const { run, told } = await trainer({ steps: 12 });
    expect(run.state.phase).toBe('starting');
    await run.resume();
    expect(told.states.map(({ phase }) => phase)).toEqual([
      'training',
      'validating',
      'training',
      'validating',
      'training',
      'finished',
    ]);
    expect(told.neighbourSteps).toEqual([0, 10, 12]);
    await run.dispose();
  });

  it('works without any validation rows', async () => {
    const { told, events } = listen();
    const inputs = await tinyInputs(engine, { steps: 3 });
    const data = { ...inputs.data, validation: [], validationExamples: [] };
    const run = new Trainer({ ...inputs, data }, events);
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'finished', bestStep: 0 });
    expect(told.validations).toEqual([]);
    expect(await run.result()).toMatchObject({ step: 3, loss: null });
    await run.dispose();
  });

  it('holds the same number of tensors however many steps it makes, and none in the end', async () => {
    const before = tf.memory().numTensors;
    const { run } = await trainer({ steps: 40 }, { store: await newStore() });
    for (let i = 0; i < 2; i++) await run.singleStep();
    const held = tf.memory().numTensors;
    for (let i = 0; i < 10; i++) await run.singleStep();
    expect(tf.memory().numTensors).toBe(held);
    await run.resume();
    expect(tf.memory().numTensors).toBe(held);
    await run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('lets messages through between steps', async () => {
    const { run, told } = await trainer({ steps: 1000 });
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      void run.stop();
    };
    const done = run.resume();
    port2.postMessage('stop');
    await done;
    expect(run.state.phase).toBe('stopped');
    expect(told.steps.length).toBeLessThan(10);
    await run.dispose();
  });
});

describe('commands', () => {
  it('a single step on a fresh run makes one step and pauses', async () => {
    const { run, told } = await trainer();
    await run.singleStep();
    expect(run.state).toMatchObject({ phase: 'paused', step: 1 });
    await run.singleStep();
    expect(run.state).toMatchObject({ phase: 'paused', step: 2 });
    expect(told.steps.map(({ step }) => step)).toEqual([1, 2]);
    expect(told.neighbourSteps).toEqual([0, 1, 2]);
    await run.dispose();
  });

  it('a single step onto a validation step validates too', async () => {
    const { run, told } = await trainer({ validateEvery: 2 });
    await run.singleStep();
    expect(told.validations).toEqual([]);
    await run.singleStep();
    expect(told.validations.map(({ step }) => step)).toEqual([2]);
    expect(run.state.phase).toBe('paused');
    await run.dispose();
  });

  it('pause rests between two steps, and resume goes on to the end', async () => {
    const { run, told } = await trainer({}, { also: { steps: () => void run.pause() } });
    await run.resume();
    expect(run.state.phase).toBe('paused');
    expect(run.state.step).toBeLessThan(30);
    expect(told.steps.length).toBe(run.state.step);
    let rounds = 0;
    while (run.state.phase === 'paused' && rounds++ < 40) await run.resume();
    expect(run.state).toMatchObject({ phase: 'finished', step: 30 });
    expect(told.steps.map(({ step }) => step)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    await run.dispose();
  });

  it('a validation that a pause breaks off is made on resuming', async () => {
    let paused = false;
    const { run, told } = await trainer(
      { steps: 10 },
      {
        also: {
          validationProgress() {
            if (!paused) void run.pause();
            paused = true;
          },
        },
      },
    );
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'paused', step: 10 });
    expect(told.validations).toEqual([]);
    await run.resume();
    expect(told.validations.map(({ step }) => step)).toEqual([10]);
    expect(run.state.phase).toBe('finished');
    await run.dispose();
  });

  it('stop keeps the best prompt and ends the run', async () => {
    const { run, told } = await trainer(
      {},
      { also: { answers: (step) => void (step === 20 && run.stop()) } },
    );
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'stopped', step: 20 });
    const best = told.validations.reduce((a, b) => (b.loss < a.loss ? b : a));
    expect(await run.result()).toMatchObject({ step: best.step, loss: best.loss });
    await expect(run.resume()).rejects.toThrow(TrainingError);
    await run.dispose();
  });

  it('stop before the first validation leaves the present prompt', async () => {
    const { run } = await trainer();
    await run.singleStep();
    await run.stop();
    const result = await run.result();
    expect(run.state.phase).toBe('stopped');
    expect(result).toMatchObject({ step: 1, loss: null });
    expect(result.values).not.toEqual(tinyStart(3));
    await run.dispose();
  });

  it('a run that is going on cannot be started again', async () => {
    const { run } = await trainer();
    const done = run.resume();
    await expect(run.resume()).rejects.toThrow(/going on already/);
    await run.stop();
    await done;
    await run.dispose();
  });
});

describe('checkpoints', () => {
  it('resumed after any step give the run that was never interrupted, to the bit', async () => {
    const settings = { steps: 30 };
    const whole = await newStore();
    const once = await trainer(settings, { store: whole });
    await once.run.resume();
    await once.run.dispose();
    const expected = (await whole.load('run')) as Checkpoint;
    expect(expected.step).toBe(30);

    // 10 is a validation step, 13 is not.
    for (const cut of [10, 13]) {
      const store = await newStore();
      const first = await trainer(settings, { store });
      for (let i = 0; i < cut; i++) await first.run.singleStep();
      await first.run.dispose();
      const from = (await store.load('run')) as Checkpoint;
      expect(from).toMatchObject({ step: cut, phase: 'paused' });
      const second = await trainer(settings, { store, from });
      expect(second.run.state).toMatchObject({ phase: 'paused', step: cut });
      await second.run.resume();
      await second.run.dispose();
      expect(timeless((await store.load('run')) as Checkpoint)).toEqual(timeless(expected));
    }
  });

  it('are kept every 16 steps without stopping the loop, and once more at the end', async () => {
    const { run, told } = await trainer({ steps: 50, validateEvery: 50 }, { store: await newStore() });
    await run.resume();
    expect(told.saved).toEqual([16, 32, 48, 50]);
    expect(told.states.filter(({ phase }) => phase === 'paused')).toEqual([]);
    await run.dispose();
  });

  it('taken in the middle of a run resume exactly too', async () => {
    const saves: Checkpoint[] = [];
    const store: RunInputs['store'] = { save: async (checkpoint) => void saves.push(checkpoint) };
    const once = await trainer({ steps: 40 }, { store });
    await once.run.resume();
    await once.run.dispose();
    expect(saves.map(({ step, phase }) => [step, phase])).toEqual([
      [16, 'training'],
      [32, 'training'],
      [40, 'finished'],
    ]);
    const again = await trainer({ steps: 40 }, { store, from: saves[0] });
    await again.run.resume();
    await again.run.dispose();
    expect(timeless(saves.at(-1) as Checkpoint)).toEqual(timeless(saves[2]));
    expect(saves.at(-1)).not.toBe(saves[2]);
  });

  it('that take long to save hold the run back rather than let more than 20 steps be lost', async () => {
    const store = await newStore();
    let made = 0;
    let kept = 0;
    const slow: RunInputs['store'] = {
      async save(checkpoint) {
        // Until the run has made no step for many turns, which it does not while it may go on.
        for (let still = 0, last = made; still < 50; still = made === last ? still + 1 : 0) {
          last = made;
          await new Promise((resolve) => setImmediate(resolve));
        }
        expect(made - kept).toBeLessThanOrEqual(20);
        await store.save(checkpoint);
        kept = checkpoint.step;
      },
    };
    const also = { steps: (records: StepRecord[]) => (made = records.at(-1)?.step ?? made) };
    const { run, told } = await trainer({ steps: 80, validateEvery: 80 }, { store: slow, also });
    await run.resume();
    expect(told.saved.at(-1)).toBe(80);
    expect(told.saved.length).toBeGreaterThan(3);
    await run.dispose();
  });

  it('that cannot be kept do not end the run', async () => {
    const store = { save: () => Promise.reject(new Error('disk full')) };
    const { run, told } = await trainer({ steps: 25 }, { store });
    await run.resume();
    expect(run.state.phase).toBe('finished');
    expect(told.notSaved.length).toBeGreaterThan(0);
    await run.dispose();
  });

  it('of another model or dataset are refused with the reason', async () => {
    const store = await newStore();
    const { run } = await trainer({}, { store });
    await run.singleStep();
    await run.dispose();
    const from = (await store.load('run')) as Checkpoint;
    await expect(trainer({}, { from: { ...from, modelKey: 'other' } })).rejects.toThrow(/model “other”/);
    await expect(trainer({}, { from: { ...from, dataHash: 'other' } })).rejects.toThrow(/dataset/);
    const [lane] = from.lanes;
    const cut = { ...from, lanes: [{ ...lane, prompt: lane.prompt.slice(1) }] };
    await expect(trainer({}, { from: cut })).rejects.toThrow(/47 numbers instead of 48/);
  });

  it('of a finished run give back its result and no more steps', async () => {
    const store = await newStore();
    const once = await trainer({ steps: 12 }, { store });
    await once.run.resume();
    const result = await once.run.result();
    await once.run.dispose();
    const again = await trainer({ steps: 12 }, { from: (await store.load('run')) as Checkpoint });
    expect(again.run.state.phase).toBe('finished');
    expect(await again.run.result()).toEqual(result);
    await expect(again.run.resume()).rejects.toThrow(/finished/);
    await again.run.dispose();
  });
});

describe('failures', () => {
  /** The tiny engine, its loss multiplied by what `factor` says for each step. */
  const spoilt = (factor: (step: number) => number): Engine => {
    let step = 0;
    return new Proxy(engine, {
      get(target, key) {
        if (key !== 'loss') return Reflect.get(target, key)?.bind?.(target) ?? Reflect.get(target, key);
        return (...args: Parameters<Engine['loss']>) => tf.mul(target.loss(...args), factor(++step));
      },
    });
  };

  it('a loss that is no number stops the run, which keeps its best prompt and says what to try', async () => {
    const { run, told } = await trainer(
      { steps: 100 },
      { engine: spoilt((step) => (step === 15 ? Number.NaN : 1)) },
    );
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'failed', step: 14, bestStep: 10 });
    expect(run.state.message).toMatch(/step 15.*learning rate of 0\.005/);
    expect(told.steps.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    const result = await run.result();
    expect(result.step).toBe(10);
    expect(result.values.every(Number.isFinite)).toBe(true);
    await expect(run.resume()).rejects.toThrow(/failed/);
    await run.dispose();
  });

  it('a loss that explodes stops the run before its end', async () => {
    const { run } = await trainer(
      { steps: 60, validateEvery: 60 },
      { engine: spoilt((step) => (step > 12 ? 10 : 1)), store: await newStore() },
    );
    await run.resume();
    expect(run.state.phase).toBe('failed');
    expect(run.state.message).toMatch(/The loss rose from/);
    expect(run.state.step).toBeLessThan(30);
    expect((await run.result()).values.every(Number.isFinite)).toBe(true);
    await run.dispose();
  });

  it('an engine that breaks leaves the last checkpoint to go on from', async () => {
    const store = await newStore();
    const broken = spoilt((step) => {
      if (step > 30) throw new Error('device lost');
      return 1;
    });
    const { run, told } = await trainer({ steps: 60 }, { engine: broken, store });
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'failed', step: 30 });
    expect(run.state.message).toMatch(/device lost.*last checkpoint/);
    expect(told.saved).toEqual([16]);
    expect(await store.load('run')).toMatchObject({ step: 16, phase: 'training' });
    await run.dispose();
  });

  it('settings and data that do not fit are refused before anything runs', async () => {
    const inputs = await tinyInputs(engine, { virtualTokens: 60 });
    expect(() => new Trainer(inputs, {})).toThrow(/positions; the model has 64/);
    const none = { ...(await tinyInputs(engine)), data: { ...inputs.data, training: [] } };
    expect(() => new Trainer(none, {})).toThrow(/no training examples/);
  });
});
