import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { describe, expect, it, vi } from 'vitest';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { madeUp as checkpoint } from './trainingFixture';

let names = 0;
const fresh = () => `store-test-${names++}`;

describe('the checkpoint store', () => {
  it('gives back the last checkpoint saved, with its whole history', async () => {
    const store = await openCheckpointStore({ name: fresh() });
    for (const step of [20, 40, 41, 60]) await store.save(checkpoint(step));
    expect(await store.load('a')).toEqual(checkpoint(60));
    expect(await store.load('b')).toBeNull();
  });

  it('writes only what is new of the history', async () => {
    const name = fresh();
    const store = await openCheckpointStore({ name });
    for (const step of [20, 40, 40, 60]) await store.save(checkpoint(step));
    const pieces = await (await openDB(name)).getAll('history');
    expect(pieces.map(({ steps }) => steps.length)).toEqual([20, 20, 20]);
  });

  it('takes a run that went back to an earlier checkpoint', async () => {
    const store = await openCheckpointStore({ name: fresh() });
    for (const step of [40, 20, 25]) await store.save(checkpoint(step));
    expect(await store.load('a')).toEqual(checkpoint(25));
  });

  it('lists runs, the last saved first whatever the clock says, and removes one without the others', async () => {
    const store = await openCheckpointStore({ name: fresh() });
    const clock = vi.spyOn(Date, 'now').mockReturnValue(2000);
    await store.save(checkpoint(20, 'a'));
    clock.mockReturnValue(1000);
    await store.save(checkpoint(10, 'b'));
    clock.mockRestore();
    const list = await store.list();
    expect(list.map(({ runId, savedAt }) => [runId, savedAt])).toEqual([
      ['b', 1000],
      ['a', 2000],
    ]);
    expect(list[0]).toMatchObject({ step: 10, steps: 30, phase: 'training', elsewhere: false });
    await store.save(checkpoint(25, 'a'));
    expect((await store.list()).map(({ runId }) => runId)).toEqual(['a', 'b']);
    await store.remove('a');
    expect(await store.load('a')).toBeNull();
    expect(await store.load('b')).toEqual(checkpoint(10, 'b'));
    await store.save(checkpoint(20, 'a'));
    expect(await store.load('a')).toEqual(checkpoint(20, 'a'));
  });

  it('outlives the page', async () => {
    const name = fresh();
    await (await openCheckpointStore({ name })).save(checkpoint(20));
    expect(await (await openCheckpointStore({ name })).load('a')).toEqual(checkpoint(20));
  });
});
