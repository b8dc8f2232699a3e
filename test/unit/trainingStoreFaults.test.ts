/** @file What befalls the store: saves cut off anywhere, a full disk, two tabs with one run, pages of two versions. */
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createRandom } from '../../app/formats/random';
import type { CheckpointStore } from '../../app/training/checkpoint';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { TrainingError } from '../../app/training/errors';
import type { Checkpoint } from '../../app/training/types';
import { Locks } from './lockManager';
import { madeUp as checkpoint } from './trainingFixture';

let names = 0;
const fresh = () => `store-faults-${names++}`;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Everything in a database, as it is read inside a transaction that has not ended yet or from outside. */
async function copyOf(from: string, to: string): Promise<void> {
  const source = await openDB(from);
  const target = await openDB(to, source.version, {
    upgrade(db) {
      db.createObjectStore('runs', { keyPath: 'runId' }).createIndex('order', 'order');
      db.createObjectStore('history', { keyPath: ['runId', 'piece'] });
      db.createObjectStore('leases', { keyPath: 'runId' });
    },
  });
  for (const store of source.objectStoreNames) {
    for (const row of await source.getAll(store)) await target.put(store, row);
  }
  source.close();
  target.close();
}

const writes = ['put', 'delete'] as const;

/** Lets the store's writes pass until the one with this number, counted from 0, which throws instead. */
function failAtWrite(number: number, error: () => Error): { made: () => number } {
  let made = 0;
  for (const method of writes) {
    const original = IDBObjectStore.prototype[method];
    vi.spyOn(IDBObjectStore.prototype, method).mockImplementation(function (
      this: IDBObjectStore,
      ...given: unknown[]
    ) {
      if (made++ === number) throw error();
      return Reflect.apply(original, this, given);
    });
  }
  return { made: () => made };
}

describe('a save that is cut off', () => {
  /** Of one run: on, on, back to an earlier step, and on another way. */
  const course = [
    checkpoint(20),
    checkpoint(36),
    checkpoint(52),
    otherWay(checkpoint(40)),
    otherWay(checkpoint(56)),
  ];

  function otherWay(from: Checkpoint): Checkpoint {
    const steps = from.history.steps.map((record) => ({ ...record, loss: record.loss + 1 }));
    return { ...from, history: { ...from.history, steps } };
  }

  it('before any of its writes leaves the checkpoint before, whole, and the next save is whole again', async () => {
    let cuts = 0;
    for (const [index, next] of course.entries()) {
      for (let write = 0; ; write++) {
        const store = await openCheckpointStore({ name: fresh() });
        for (const before of course.slice(0, index)) await store.save(before);
        const { made } = failAtWrite(
          write,
          () => new DOMException('It could not be cloned.', 'DataCloneError'),
        );
        const saving = store.save(next);
        const failed = await saving.then(
          () => null,
          (error) => error,
        );
        vi.restoreAllMocks();
        if (made() <= write) {
          expect(failed).toBeNull();
          break;
        }
        cuts++;
        expect(failed).toBeInstanceOf(TrainingError);
        expect(await store.load('a')).toEqual(course[index - 1] ?? null);
        await store.save(next);
        expect(await store.load('a')).toEqual(next);
      }
    }
    expect(cuts).toBeGreaterThan(12);
  });

  it('would be whole even where half of a transaction had reached the disk', async () => {
    for (const [index, next] of course.entries()) {
      const name = fresh();
      const store = await openCheckpointStore({ name });
      for (const before of course.slice(0, index)) await store.save(before);
      /** What each write did, to be done again by itself. */
      const done: { store: string; method: (typeof writes)[number]; given: unknown[] }[] = [];
      for (const method of writes) {
        const original = IDBObjectStore.prototype[method];
        vi.spyOn(IDBObjectStore.prototype, method).mockImplementation(function (
          this: IDBObjectStore,
          ...given: unknown[]
        ) {
          done.push({ store: this.name, method, given });
          return Reflect.apply(original, this, given);
        });
      }
      const half = fresh();
      await copyOf(name, half);
      done.length = 0;
      await store.save(next);
      vi.restoreAllMocks();
      const allowed = [course[index - 1] ?? null, next];
      for (const { store: place, method, given } of done) {
        const database = await openDB(half);
        await Reflect.apply(database[method], database, [place, ...given]);
        database.close();
        const seen = await (await openCheckpointStore({ name: half })).load('a');
        expect(allowed).toContainEqual(seen);
      }
      expect(await (await openCheckpointStore({ name: half })).load('a')).toEqual(next);
    }
  });

  it('at any of 50 random moments of 50 runs loses the save under way and nothing else', async () => {
    const random = createRandom(20);
    let cut = 0;
    for (let run = 0; run < 50; run++) {
      const store = await openCheckpointStore({ name: fresh() });
      const steps = Array.from({ length: 8 }, (_, i) => 16 * (i + 1));
      const killedAt = random.int(4 * steps.length);
      const { made } = failAtWrite(killedAt, () => new Error('The tab was closed.'));
      let kept: Checkpoint | null = null;
      for (const step of steps) {
        const next = checkpoint(step);
        const saved = await store.save(next).then(
          () => true,
          () => false,
        );
        if (!saved) break;
        kept = next;
      }
      vi.restoreAllMocks();
      if (made() > killedAt) cut++;
      expect(await store.load('a')).toEqual(kept);
    }
    expect(cut).toBeGreaterThan(25);
  });
});

describe('a full disk', () => {
  it('is told in words, keeps the last whole checkpoint, and saves again when there is room', async () => {
    const store = await openCheckpointStore({ name: fresh() });
    await store.save(checkpoint(16));
    failAtWrite(1, () => new DOMException('Quota exceeded.', 'QuotaExceededError'));
    await expect(store.save(checkpoint(32))).rejects.toMatchObject({
      message: expect.stringMatching(/no room left.*what was saved before stays/),
      hint: expect.stringContaining('Training goes on'),
    });
    vi.restoreAllMocks();
    expect(await store.load('a')).toEqual(checkpoint(16));
    await store.save(checkpoint(48));
    expect(await store.load('a')).toEqual(checkpoint(48));
  });
});

describe('two tabs', () => {
  async function tabs(): Promise<{ locks: Locks; first: CheckpointStore; second: CheckpointStore }> {
    const locks = new Locks();
    const name = fresh();
    const open = (tab: string) => openCheckpointStore({ name, locks: locks.tab(tab), patience: 20 });
    return { locks, first: await open('first'), second: await open('second') };
  }

  it('do not have the same run: the second is told, and may have it when the first is closed', async () => {
    const { locks, first, second } = await tabs();
    expect(await first.claim('a')).toBe(true);
    await first.save(checkpoint(16));
    expect(await second.list()).toMatchObject([{ runId: 'a', elsewhere: true }]);
    expect(await first.list()).toMatchObject([{ runId: 'a', elsewhere: false }]);
    expect(await second.claim('a')).toBe(false);
    expect(await second.load('a')).toEqual(checkpoint(16));
    expect(await second.remove('a')).toBe(false);

    const free = new Promise<void>((resolve) => second.onChange(resolve));
    locks.close('first');
    await free;
    expect(await second.list()).toMatchObject([{ runId: 'a', elsewhere: false }]);
    expect(await second.claim('a')).toBe(true);
    await second.save(checkpoint(32));
    expect(await second.load('a')).toEqual(checkpoint(32));
  });

  it('may have it, too, when the first lets go of it', async () => {
    const { first, second } = await tabs();
    await first.claim('a');
    await first.save(checkpoint(16));
    first.release('a');
    await vi.waitFor(async () => expect(await second.claim('a')).toBe(true), { timeout: 30_000 });
    expect(await first.claim('a')).toBe(false);
    expect(await first.claim('b')).toBe(true);
  });

  it('without locks: the one that opened the run last has it, and the other is told at its next save', async () => {
    const name = fresh();
    const first = await openCheckpointStore({ name });
    await first.claim('a');
    await first.save(checkpoint(16));
    const second = await openCheckpointStore({ name });
    await second.claim('a');
    await second.save(checkpoint(20));
    await expect(first.save(checkpoint(48))).rejects.toThrow(/opened in another tab/);
    expect(await second.load('a')).toEqual(checkpoint(20));
  });
});

describe('pages of two versions', () => {
  it('the old one lets go at once and says so; the new one does not wait', async () => {
    const name = fresh();
    const old = await openCheckpointStore({ name });
    await old.save(checkpoint(16));
    const told = new Promise<void>((resolve) => old.onChange(resolve));
    const newer = await openDB(name, 99);
    await told;
    expect(await newer.count('runs')).toBe(1);
    await expect(old.save(checkpoint(32))).rejects.toMatchObject({
      message: expect.stringContaining('newer version of this page'),
      hint: expect.stringContaining('reload'),
    });
    newer.close();
    // A page that comes after the newer one was there.
    const late = await openCheckpointStore({ name });
    await expect(late.list()).rejects.toThrow(/newer version of this page/);
  });

  it('an old one that does not let go is named, and what it kept is there when it is closed', async () => {
    const name = fresh();
    const stubborn = await openDB(name, 1, {
      upgrade(db) {
        db.createObjectStore('runs', { keyPath: 'runId' });
        db.createObjectStore('history', { keyPath: ['runId', 'piece'] });
      },
    });
    const store = await openCheckpointStore({ name });
    await expect(store.list()).rejects.toMatchObject({
      message: expect.stringContaining('another tab still shows an earlier version'),
      hint: expect.stringContaining('Close that tab'),
    });
    expect(await store.claim('a')).toBe(true);
    await expect(store.save(checkpoint(16))).rejects.toBeInstanceOf(TrainingError);
    const free = new Promise<void>((resolve) => store.onChange(resolve));
    stubborn.close();
    await free;
    await store.save(checkpoint(32));
    expect(await store.load('a')).toEqual(checkpoint(32));
  });
});
