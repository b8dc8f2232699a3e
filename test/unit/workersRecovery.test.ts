/** @file What follows the loss of a device, without one: how often it is answered, with what, and in which words. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { BackendError, type DeviceTrouble } from '../../app/engine/backend';
import { DeviceLostError, StudioRequestError } from '../../app/workers/errors';
import type { StudioEvent } from '../../app/workers/protocol';
import { Recovery, type RecoveryParts } from '../../app/workers/recovery';

/** A device that can be lost, as far as the recovery looks at it. */
class FakeDevice {
  befall: (trouble: DeviceTrouble) => void = () => {};
  destroyed = false;
  private lose: () => void = () => {};
  readonly lost = new Promise<void>((resolve) => {
    this.lose = resolve;
  });

  destroy(): void {
    this.destroyed = true;
  }

  fall(message = 'it hung'): void {
    this.lose();
    this.befall({ kind: 'lost', message });
  }
}

let present: FakeDevice | null = null;
vi.mock('../../app/engine/backend', async (original) => ({
  ...(await original<typeof import('../../app/engine/backend')>()),
  presentDevice: () => present,
  watchDevice: (device: FakeDevice, tell: FakeDevice['befall']) => {
    device.befall = tell;
  },
}));

const never = () => new Promise<never>(() => {});

function setUp(changes: Partial<RecoveryParts> = {}) {
  const events: StudioEvent[] = [];
  const calls: string[] = [];
  present = new FakeDevice();
  const recovery = new Recovery(
    {
      async startDevice(force = 'webgpu') {
        calls.push(`start ${force}`);
        present = force === 'webgpu' ? new FakeDevice() : null;
        return {
          backend: force,
          name: 'Fake',
          software: false,
          threads: 1,
          reason: null,
          largestBuffer: null,
        };
      },
      abandon: ({ kind }) => void calls.push(`abandon ${kind}`),
      fitsProcessor: () => true,
      async restore() {
        calls.push('restore');
        return null;
      },
      giveUp: () => void calls.push('give up'),
      emit: (event) => void events.push(event),
      ...changes,
    },
    [0, 0, 0],
  );
  recovery.watch();
  return { recovery, events, calls, types: () => events.map(({ type }) => type) };
}

const device = () => {
  if (!present) throw new Error('There is no device.');
  return present;
};

beforeEach(() => {
  present = null;
});

describe('a lost device', () => {
  it('is told, let go of and replaced', async () => {
    const { recovery, events, calls } = setUp();
    const first = device();
    first.fall('the driver was reset.');
    expect(recovery.busy).toBe(true);
    await recovery.ready();
    expect(calls).toEqual(['abandon lost', 'start webgpu', 'restore']);
    expect(first.destroyed).toBe(true);
    expect(events).toEqual([
      {
        type: 'deviceLost',
        message:
          'The graphics device was lost (the browser says “the driver was reset”). It is being brought back.',
      },
      { type: 'deviceRestored', device: expect.objectContaining({ backend: 'webgpu' }), model: null },
    ]);
  });

  it('ends work on it at once, and work that comes next waits for another', async () => {
    const { recovery } = setUp();
    const cut = recovery.guard(never);
    device().fall();
    await expect(cut).rejects.toThrow(DeviceLostError);
    const lost = device();
    expect(await recovery.guard(async () => device() !== lost)).toBe(true);
  });

  it('is the reason when work breaks before the loss is told, but not of an error in words', async () => {
    const { recovery } = setUp();
    const fallen = device();
    const broken = recovery.guard(async () => {
      setTimeout(() => fallen.fall(), 0);
      throw new Error('mapAsync was aborted');
    });
    await expect(broken).rejects.toThrow(DeviceLostError);
    const worded = recovery.guard(() => Promise.reject(new StudioRequestError('There is no run.')));
    await expect(worded).rejects.toThrow('There is no run.');
  });

  it('has work that may be repeated begin again', async () => {
    const { recovery } = setUp();
    let begun = 0;
    const work = recovery.repeat(() => (++begun === 1 ? never() : Promise.resolve('loaded')));
    await vi.waitUntil(() => begun === 1);
    device().fall();
    expect(await work).toBe('loaded');
    expect(begun).toBe(2);
  });

  it('is asked for again where there is none for a moment', async () => {
    let asked = 0;
    const { recovery, types } = setUp({
      async startDevice() {
        if (++asked < 3) throw new Error('no adapter');
        present = new FakeDevice();
        return {
          backend: 'webgpu',
          name: 'Fake',
          software: false,
          threads: 1,
          reason: null,
          largestBuffer: null,
        };
      },
    });
    device().fall();
    await recovery.ready();
    expect(asked).toBe(3);
    expect(types()).toEqual(['deviceLost', 'deviceRestored']);
  });

  it('gives way to the processor where none comes, and the model is small enough', async () => {
    const started: (string | undefined)[] = [];
    const startDevice: RecoveryParts['startDevice'] = async (force) => {
      started.push(force);
      if (force === 'webgpu') throw new Error('No adapter.');
      present = null;
      return {
        backend: 'wasm',
        name: 'CPU',
        software: false,
        threads: 2,
        reason: 'by query',
        largestBuffer: null,
      };
    };
    const small = setUp({ startDevice });
    device().fall();
    await small.recovery.ready();
    expect(started).toEqual(['webgpu', 'webgpu', 'webgpu', 'wasm']);
    expect(small.events.at(-1)).toMatchObject({
      type: 'deviceRestored',
      device: {
        backend: 'wasm',
        reason: 'The graphics device was lost and no other was to be had (the browser says “No adapter”).',
      },
    });

    const large = setUp({ startDevice, fitsProcessor: () => false });
    device().fall();
    await expect(large.recovery.ready()).rejects.toThrow(
      /^The graphics device .* too large for the processor\.$/,
    );
    expect(large.calls).toEqual(['abandon lost', 'give up']);
    expect(large.events.at(-1)).toMatchObject({ type: 'deviceGone', error: { kind: 'device' } });
  });

  it('is told in our own words alone where they say why there is no other', async () => {
    const { recovery, events } = setUp({
      async startDevice(force) {
        if (force === 'webgpu') throw new BackendError('There is no graphics adapter.');
        present = null;
        const report = { backend: 'wasm', name: 'CPU', software: false, threads: 2 } as const;
        return { ...report, reason: 'by query', largestBuffer: null };
      },
    });
    device().fall('');
    await recovery.ready();
    expect(events).toMatchObject([
      { message: 'The graphics device was lost. It is being brought back.' },
      {
        device: {
          reason: 'The graphics device was lost and no other was to be had. There is no graphics adapter.',
        },
      },
    ]);
  });

  it('is given up when it is lost for the third time within a minute, in the midst of a recovery too', async () => {
    const { recovery, calls, types, events } = setUp({
      restore() {
        device().fall();
        return never();
      },
    });
    device().fall();
    await expect(recovery.ready()).rejects.toThrow(/3 times within a minute/);
    const attempt = ['abandon lost', 'start webgpu'];
    // What is given up has been let go of first: it knows then what there is to keep.
    expect(calls).toEqual([...attempt, ...attempt, 'abandon lost', 'give up']);
    expect(types()).toEqual(['deviceLost', 'deviceGone']);
    expect(events.at(-1)).toMatchObject({ error: { hint: expect.stringContaining('Load the page again') } });
    await expect(recovery.guard(async () => 1)).rejects.toThrow(/3 times/);
  });

  it('may be lost again after a minute', async () => {
    const now = vi.spyOn(performance, 'now');
    const { recovery, types } = setUp();
    for (const minutes of [0, 1.1, 2.2, 3.3]) {
      now.mockReturnValue(minutes * 60_000);
      device().fall();
      await recovery.ready();
    }
    now.mockRestore();
    expect(types().filter((type) => type === 'deviceRestored')).toHaveLength(4);
  });
});

describe('a device whose memory ran out', () => {
  it('is replaced, and what took the memory is told and not begun again', async () => {
    const { recovery, calls, events } = setUp();
    const work = recovery.repeat(never);
    // `repeat` looks first whether there is a device.
    await Promise.resolve();
    device().befall({ kind: 'outOfMemory', message: '' });
    await expect(work).rejects.toMatchObject({
      message: 'The graphics memory ran out.',
      hint: expect.stringContaining('smaller model'),
    });
    await recovery.ready();
    expect(calls).toEqual(['abandon outOfMemory', 'start webgpu', 'restore']);
    expect(events.map(({ type }) => type)).toEqual(['deviceLost', 'deviceRestored']);
  });
});
