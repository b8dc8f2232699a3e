/** @file A run whose device is lost: what it leaves is enough to go on as though nothing had happened. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../app/engine/engine';
import type { CheckpointStore } from '../../app/training/checkpoint';
import { CAPTURE_EVERY } from '../../app/training/latestState';
import type { RunInputs } from '../../app/training/run';
import { Trainer } from '../../app/training/trainer';
import type { Checkpoint, RunSettings } from '../../app/training/types';
import { startNodeBackend } from '../../tools/node/backend';
import { listen, timeless, tinyEngine, tinyInputs } from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeBackend('wasm');
  engine = await tinyEngine();
});

interface Options {
  also?: Parameters<typeof listen>[0];
  from?: Checkpoint;
  engine?: Engine;
  inputs?: Partial<RunInputs>;
}

async function trainer(settings: Partial<RunSettings>, { also, from, inputs, ...options }: Options = {}) {
  const saves: Checkpoint[] = [];
  const store: CheckpointStore = {
    save: async (checkpoint) => void saves.push(checkpoint),
    load: async () => null,
    remove: async () => {},
    list: async () => [],
  };
  const { told, events } = listen(also);
  const all = { ...(await tinyInputs(options.engine ?? engine, settings)), store, ...inputs };
  return { run: new Trainer(all, events, from), told, saves };
}

/** The tiny engine, one of whose methods does something else. */
function changed(changes: Partial<Engine>): Engine {
  return new Proxy(engine, {
    get(target, key) {
      const value = Reflect.get(changes, key) ?? Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** Work of a device that is gone without a word. */
const never = () => new Promise<never>(() => {});

describe('a run that is abandoned', () => {
  it.each([3, 14, 21])('after step %i leaves what gives the undisturbed run to the bit', async (at) => {
    const settings = { steps: 30 };
    const whole = await trainer(settings);
    await whole.run.resume();

    let lost: ReturnType<Trainer['abandon']> | undefined;
    const first: Awaited<ReturnType<typeof trainer>> = await trainer(settings, {
      also: {
        steps: (records) => {
          if (!lost && (records.at(-1)?.step ?? 0) >= at) lost = first.run.abandon();
        },
      },
    });
    await first.run.resume();
    if (!lost) throw new Error('The run was expected to be abandoned.');
    expect(lost.going).toBe('resume');
    const reached = first.told.steps.length;
    expect(lost.checkpoint.step).toBeLessThanOrEqual(reached);
    // One capture may be under way, and steps in flight.
    expect(lost.checkpoint.step).toBeGreaterThan(reached - 2 * CAPTURE_EVERY - 3);
    expect(lost.checkpoint.history.steps).toHaveLength(lost.checkpoint.step);

    const second = await trainer(settings, { from: lost.checkpoint });
    await second.run.resume();
    expect(timeless(second.saves.at(-1) as Checkpoint)).toEqual(timeless(whole.saves.at(-1) as Checkpoint));
    const validated = [...first.told.validations, ...second.told.validations].map(({ step }) => step);
    expect(validated).toEqual([10, 20, 30]);
    await Promise.all([whole, first, second].map(({ run }) => run.dispose()));
  });

  it('lets go of everybody who waits for a device that answers no more, and is silent', async () => {
    const { run, told } = await trainer(
      { steps: 20 },
      { engine: changed({ evaluate: never }), also: { state: () => {} } },
    );
    const done = run.resume();
    while (run.state.phase !== 'validating') await new Promise((resolve) => setImmediate(resolve));
    const pausing = run.pause();
    const states = told.states.length;
    expect(run.abandon()).toMatchObject({ going: 'resume', checkpoint: { phase: 'training' } });
    await Promise.all([done, pausing, run.stop(), run.dispose()]);
    expect(told.states).toHaveLength(states);
    expect(run.state.phase).toBe('paused');
    await expect(run.resume()).rejects.toThrow(/device/);
  });

  it('still knows its prompt', async () => {
    const { run } = await trainer({ steps: 20, validateEvery: 20 });
    for (let i = 0; i < 2; i++) await run.singleStep();
    const before = await run.result();
    const { going, checkpoint } = run.abandon();
    expect(going).toBeNull();
    expect(checkpoint.step).toBe(2);
    expect(await run.result()).toEqual(before);
  });

  it('before its first step begins anew', async () => {
    const whole = await trainer({ steps: 6 });
    await whole.run.resume();
    const first = await trainer({ steps: 6 }, { engine: changed({ prepare: never }) });
    const done = first.run.resume();
    const { checkpoint, going } = first.run.abandon();
    await done;
    expect(going).toBe('resume');
    expect(checkpoint.step).toBe(0);
    const second = await trainer({ steps: 6 }, { from: checkpoint });
    await second.run.resume();
    expect(timeless(second.saves.at(-1) as Checkpoint)).toEqual(timeless(whole.saves.at(-1) as Checkpoint));
  });
});

describe('a run that breaks', () => {
  const breaks = (step: number): Engine => {
    let calls = 0;
    return changed({
      loss(prompts, batch) {
        if (++calls > step) throw new Error('mapAsync was aborted');
        return engine.loss(prompts, batch);
      },
    });
  };

  it('on a lost device ends without a word, to be taken up with its parts and notes', async () => {
    const { run, told } = await trainer(
      { steps: 20 },
      { engine: breaks(7), inputs: { deviceLost: async () => true, parts: 1, notes: ['before'] } },
    );
    await run.resume();
    expect(told.states.map(({ phase }) => phase)).toEqual(['training']);
    const left = run.abandon();
    expect(left).toMatchObject({ going: 'resume', parts: 1, notes: ['before'] });
    expect(left.checkpoint.step).toBeGreaterThanOrEqual(4);
    const second = await trainer({ steps: 20 }, { from: left.checkpoint, inputs: left });
    expect(second.run.state.notes).toEqual(['before']);
    await second.run.dispose();
  });

  it('on a device that is there fails as ever', async () => {
    const { run } = await trainer(
      { steps: 20 },
      { engine: breaks(7), inputs: { deviceLost: async () => false } },
    );
    await run.resume();
    expect(run.state).toMatchObject({ phase: 'failed', step: 7 });
    expect(run.state.message).toContain('mapAsync was aborted');
    await run.dispose();
  });

  it('in a single step is taken up with that step', async () => {
    const { run } = await trainer(
      { steps: 20 },
      { engine: breaks(1), inputs: { deviceLost: async () => true } },
    );
    await run.singleStep();
    await run.singleStep();
    expect(run.abandon()).toMatchObject({ going: 'singleStep', checkpoint: { step: 1 } });
  });
});
