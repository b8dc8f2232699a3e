import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { describe, expect, it } from 'vitest';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import type { Checkpoint } from '../../app/training/types';
import { tinySettings } from './trainingFixture';

function checkpoint(step: number, runId = 'a'): Checkpoint {
  const values = (offset: number) => Float32Array.from({ length: 6 }, (_, i) => offset + i + step);
  const steps = Array.from({ length: step }, (_, i) => ({
    step: i + 1,
    loss: 3 / (i + 1),
    gradientNorm: 1,
    learningRate: 0.1,
    tokens: 10,
    milliseconds: 2,
  }));
  const validations = steps
    .filter((record) => record.step % 10 === 0)
    .map(({ step, loss }) => ({
      step,
      loss,
      accuracy: null,
      tokenAccuracy: 0.5,
      exact: 0.5,
      rows: 4,
      best: true,
    }));
  return {
    runId,
    modelKey: 'm',
    dataHash: 'd',
    settings: tinySettings,
    step,
    prompt: values(0),
    initialPrompt: values(1),
    firstMoment: values(2),
    secondMoment: values(3),
    best: { step, loss: 1, prompt: values(4) },
    history: { steps, validations },
    elapsed: 5,
    phase: 'training',
  };
}

let names = 0;
const fresh = () => `store-test-${names++}`;

describe('the checkpoint store', () => {
  it('gives back the last checkpoint saved, with its whole history', async () => {
    const store = await openCheckpointStore(fresh());
    for (const step of [20, 40, 41, 60]) await store.save(checkpoint(step));
    expect(await store.load('a')).toEqual(checkpoint(60));
    expect(await store.load('b')).toBeNull();
  });

  it('writes only what is new of the history', async () => {
    const name = fresh();
    const store = await openCheckpointStore(name);
    for (const step of [20, 40, 40, 60]) await store.save(checkpoint(step));
    const pieces = await (await openDB(name)).getAll('history');
    expect(pieces.map(({ steps }) => steps.length)).toEqual([20, 20, 20]);
  });

  it('takes a run that went back to an earlier checkpoint', async () => {
    const store = await openCheckpointStore(fresh());
    for (const step of [40, 20, 25]) await store.save(checkpoint(step));
    expect(await store.load('a')).toEqual(checkpoint(25));
  });

  it('lists runs, the last saved first, and removes one without the others', async () => {
    const store = await openCheckpointStore(fresh());
    await store.save(checkpoint(20, 'a'));
    await store.save(checkpoint(10, 'b'));
    const list = await store.list();
    expect(list.map(({ runId }) => runId).sort()).toEqual(['a', 'b']);
    expect(list[0].savedAt).toBeGreaterThanOrEqual(list[1].savedAt);
    expect(list.find(({ runId }) => runId === 'b')).toMatchObject({ step: 10, steps: 30, phase: 'training' });
    await store.remove('a');
    expect(await store.load('a')).toBeNull();
    expect(await store.load('b')).toEqual(checkpoint(10, 'b'));
    await store.save(checkpoint(20, 'a'));
    expect(await store.load('a')).toEqual(checkpoint(20, 'a'));
  });

  it('outlives the page', async () => {
    const name = fresh();
    await (await openCheckpointStore(name)).save(checkpoint(20));
    expect(await (await openCheckpointStore(name)).load('a')).toEqual(checkpoint(20));
  });
});
