/** @file However the worker ends, or a message fails, every call that waits is rejected in words. */
import { expose } from 'comlink';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { toStudioError } from '../../app/session/errors';
import { initialState, type RunSlice, type StudioState } from '../../app/session/state';
import { type LifeLocks, TrainerLink, type WorkerLike } from '../../app/session/trainerLink';
import { withoutTrainer } from '../../app/session/withoutTrainer';
import type { StudioError } from '../../app/workers/protocol';
import { Locks } from './lockManager';

const channels: MessageChannel[] = [];
afterEach(() => {
  for (const { port1, port2 } of channels.splice(0)) {
    port1.close();
    port2.close();
  }
});

/** A worker that answers `saved`, never answers `train`, and rejects `pause`. */
function setUp() {
  const channel = new MessageChannel();
  channels.push(channel);
  const { port1, port2 } = channel;
  const terminate = vi.fn();
  const worker: WorkerLike = Object.assign(port1 as unknown as WorkerLike, { terminate });
  const refusal: StudioError = { kind: 'training', message: 'There is no run yet.' };
  expose(
    {
      saved: async () => ({ dataset: 'reviews.csv', run: null }),
      train: () => new Promise(() => undefined),
      pause: () => Promise.reject(refusal),
      restore: async () => ({ odd: () => 1 }),
    },
    port2 as unknown as Worker,
  );
  const locks = new Locks();
  const ended: StudioError[] = [];
  const faults: StudioError[] = [];
  const link = new TrainerLink(worker, locks.tab('page') as unknown as LifeLocks, {
    ended: (error) => ended.push(error),
    fault: (error) => faults.push(error),
  });
  /** What the worker's script says first, having taken its lock. */
  async function live(): Promise<void> {
    const held = new Promise<void>((resolve) => {
      void locks.tab('worker').request('life', {}, () => {
        resolve();
        return new Promise(() => undefined);
      });
    });
    await held;
    port2.postMessage({ alive: 'life' });
    await link.studio.saved();
  }
  return { link, locks, port1, port2, ended, faults, terminate, refusal, live };
}

const settings = {} as Parameters<TrainerLink['studio']['train']>[0];
const rejected = (call: Promise<unknown>) =>
  call.then(
    () => expect.fail('it was expected to be rejected'),
    (error) => error,
  );

describe('a worker', () => {
  it('is handed on by promises as it is', async () => {
    const { link } = setUp();
    expect(await Promise.resolve(link.studio)).toBe(link.studio);
  });

  it('answers and refuses as if nothing were in between', async () => {
    const { link, refusal } = setUp();
    expect(await link.studio.saved()).toEqual({ dataset: 'reviews.csv', run: null });
    expect(await rejected(link.studio.pause())).toEqual(refusal);
  });

  it('that is gone has every waiting call and every later one rejected in words, and says so once', async () => {
    const { link, locks, ended, terminate, live } = setUp();
    await live();
    const waiting = [rejected(link.studio.train(settings)), rejected(link.studio.train(settings))];
    locks.close('worker');
    for (const error of await Promise.all(waiting)) {
      expect(error).toMatchObject({ message: expect.stringContaining('The trainer has ended') });
      expect(error.hint).toContain('Start it again');
    }
    expect(await rejected(link.studio.saved())).toEqual(ended[0]);
    expect(ended).toHaveLength(1);
    expect(terminate).toHaveBeenCalledOnce();
  });

  it('whose script does not load says that, and one that stumbles later is left alive', async () => {
    const early = setUp();
    const opening = rejected(early.link.studio.train(settings));
    early.port1.dispatchEvent(new Event('error'));
    expect(await opening).toMatchObject({ message: expect.stringContaining('could not be started') });

    const late = setUp();
    await late.live();
    late.port1.dispatchEvent(new Event('error'));
    expect(late.faults).toMatchObject([{ message: expect.stringContaining('did not expect') }]);
    expect(late.ended).toEqual([]);
    expect(await late.link.studio.saved()).toMatchObject({ run: null });
  });
});

describe('a message', () => {
  it('that cannot be read on either side lets nobody wait for it', async () => {
    for (const from of ['page', 'worker'] as const) {
      const { link, port1, port2, ended } = setUp();
      const waiting = rejected(link.studio.train(settings));
      if (from === 'page') port1.dispatchEvent(new Event('messageerror'));
      else port2.postMessage({ fault: 'unread' });
      expect(await waiting).toMatchObject({ message: expect.stringContaining('could not be read') });
      expect(ended).toEqual([]);
      expect(await link.studio.saved()).toMatchObject({ run: null });
    }
  });

  it('that cannot be cloned rejects its call, in words for a person', async () => {
    vi.spyOn(console, 'error').mockImplementation(() => undefined);
    const { link } = setUp();
    const wrong = { ...settings, odd: () => 1 };
    const there = toStudioError(await rejected(link.studio.train(wrong)), 'training');
    expect(there).toMatchObject({ kind: 'training', message: 'This could not be handed to the trainer.' });
    const back = toStudioError(await rejected(link.studio.restore()), 'training');
    expect(back.message).toBe('The page met an error that it did not expect.');
    vi.restoreAllMocks();
  });

  it('that the worker could not send is told', async () => {
    const { port2, faults, link } = setUp();
    port2.postMessage({ fault: 'unsent' });
    await link.studio.saved();
    expect(faults).toHaveLength(1);
  });
});

describe('the page without its trainer', () => {
  const run = {
    id: 'a',
    state: { phase: 'training', step: 37, steps: 400, bestStep: 0 },
    savedStep: 32,
    steps: [],
    validations: [],
    clock: { spent: 0, since: 100, validating: 0, validatingSince: null },
  } as unknown as RunSlice;
  const error: StudioError = { kind: 'device', message: 'The trainer has ended.' };

  it('keeps what it shows; nothing goes on, and the run says how far it is kept', () => {
    const before: StudioState = { ...initialState, run, pending: 'pause' };
    const after = withoutTrainer(before, error, 600);
    expect(after.trainer).toEqual({ error, ended: true, restarting: false });
    expect(after.pending).toBeNull();
    expect(after.run?.state).toMatchObject({ phase: 'paused', step: 37 });
    expect(after.run?.state.message).toContain('ended at step 37 of this run, and is kept up to step 32');
    expect(after.run?.clock).toMatchObject({ spent: 500, since: null });
    expect(after.data).toBe(before.data);
    expect(after.settings).toBe(before.settings);
  });

  it('leaves a run that is over as it is', () => {
    const over = { ...run, state: { ...run.state, phase: 'finished' as const } };
    expect(withoutTrainer({ ...initialState, run: over }, error, 0).run).toBe(over);
  });
});
