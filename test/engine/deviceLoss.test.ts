/** @file The GPU device is lost under the worker: model and run come back, or the page is told why not. */
import 'fake-indexeddb/auto';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { presentDevice } from '../../app/engine/backend';
import type { Platform } from '../../app/workers/platform';
import type { Backend, RunSettings, StudioError, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { hasNodeGpu } from '../../tools/node/backend';
import { nodePlatform } from '../../tools/node/platform';

const gpu = await hasNodeGpu();
if (!gpu) console.warn('Skipped: no WebGPU adapter on this machine.');

const base = new URL('../../public/', import.meta.url).href;
const origin = {
  kind: 'url',
  url: new URL('models/studio-2.6m/', base).href,
  id: 'studio-2.6m',
} as const;
const rows = [
  'nice film,good',
  'dull film,bad',
  'nice food,good',
  'dull food,bad',
  'nice day,good',
  'dull day,bad',
];
const csv = () => new File([`input,target\n${rows.join('\n')}\n`], 'tiny.csv');

const STEPS = 10;
const quick: Partial<RunSettings> = {
  steps: STEPS,
  batchSize: 2,
  virtualTokens: 3,
  validateEvery: STEPS,
  validationRows: 2,
  warmupSteps: 0,
};

interface Visit {
  studio: StudioService;
  events: StudioEvent[];
  /** Resolves with the first event from `from` on that `wanted` is. */
  told<T extends StudioEvent['type']>(
    type: T,
    wanted?: (event: Extract<StudioEvent, { type: T }>) => boolean,
    from?: number,
  ): Promise<Extract<StudioEvent, { type: T }>>;
  /** Handlers that are called with every event. */
  listeners: Set<(event: StudioEvent) => void>;
}

async function visit(platform: Platform = nodePlatform): Promise<Visit> {
  const events: StudioEvent[] = [];
  const listeners = new Set<(event: StudioEvent) => void>();
  const studio = new StudioService(platform);
  await studio.open(
    base,
    (event) => {
      events.push(event);
      for (const listener of [...listeners]) listener(event);
    },
    'webgpu',
  );
  return {
    studio,
    events,
    listeners,
    told(type, wanted = () => true, from = 0) {
      type Wanted = Extract<StudioEvent, { type: typeof type }>;
      const fits = (event: StudioEvent): event is Wanted => event.type === type && wanted(event as Wanted);
      const found = events.slice(from).find(fits);
      if (found) return Promise.resolve(found);
      return new Promise((resolve) => {
        const listener = (event: StudioEvent) => {
          if (!fits(event)) return;
          listeners.delete(listener);
          resolve(event);
        };
        listeners.add(listener);
      });
    },
  };
}

async function ready(platform?: Platform): Promise<Visit> {
  const visited = await visit(platform);
  await visited.studio.loadModel(origin);
  await visited.studio.openDataset([csv()]);
  return visited;
}

/** Trains to the run's rest; `disturb` is told every event. Returns the losses, each step's once. */
async function train(
  { studio, events, listeners, told }: Visit,
  disturb: (event: StudioEvent) => void = () => {},
) {
  const { settings } = await studio.suggestSettings();
  const begun = events.length;
  listeners.add(disturb);
  await studio.train({ ...settings, search: 'none', shots: 0, ...quick });
  const { state } = await told('runState', (event) => /finished|failed/.test(event.state.phase), begun);
  listeners.delete(disturb);
  const losses = new Map<number, number>();
  let repeated = 0;
  for (const event of events.slice(begun)) {
    if (event.type !== 'steps') continue;
    for (const { step, loss } of event.records) {
      if (losses.has(step)) {
        repeated++;
        // A step that is made again is the same step.
        expect(loss).toBeCloseTo(losses.get(step) as number, 5);
      }
      losses.set(step, loss);
    }
  }
  const validations = events
    .slice(begun)
    .flatMap((event) => (event.type === 'validation' ? [[event.record.step, event.record.loss]] : []));
  return { state, losses: [...losses.values()], repeated, validations };
}

/** Destroys the device as soon as a step that is told is at least each of `steps`. */
function destroyAt(...steps: number[]) {
  const left = [...steps];
  return (event: StudioEvent) => {
    if (left.length === 0 || event.type !== 'steps' || (event.records.at(-1)?.step ?? 0) < left[0]) return;
    left.shift();
    presentDevice()?.destroy();
  };
}

async function rejection(promise: Promise<unknown>): Promise<StudioError> {
  return promise.then(
    () => expect.fail('it was expected to be refused'),
    (error: StudioError) => error,
  );
}

const question = {
  input: 'nice film',
  hardPrompt: '',
  columns: ['without' as const],
  sampling: { maxTokens: 4, temperature: 0 },
};

/** Milliseconds: each new device compiles everything anew, which a software GPU on busy cores takes its time for. */
const PATIENCE = 900_000;

describe.skipIf(!gpu)('a lost device', { timeout: PATIENCE }, () => {
  let page: Visit;
  let undisturbed: Awaited<ReturnType<typeof train>>;
  /** Backends that are not to be had. */
  const refused = new Set<Backend>();
  /** What each device tells its errors to. */
  const heard = new Map<GPUDevice, ((event: { error: GPUError }) => void)[]>();
  beforeAll(async () => {
    page = await ready({
      ...nodePlatform,
      startDevice: async (force: Backend = 'webgpu') => {
        if (refused.has(force)) throw new Error(`No ${force}.`);
        const report = await nodePlatform.startDevice(force);
        const device = presentDevice();
        if (device) {
          const value = (_: string, listener: (event: { error: GPUError }) => void) =>
            heard.set(device, [...(heard.get(device) ?? []), listener]);
          Object.defineProperty(device, 'addEventListener', { value });
        }
        return report;
      },
    });
    undisturbed = await train(page);
  }, PATIENCE);

  // Three losses within a minute are another matter: a minute passes before each test.
  const now = performance.now.bind(performance);
  let minutes = 0;
  beforeEach(() => {
    minutes++;
    vi.spyOn(performance, 'now').mockImplementation(() => now() + minutes * 60_000);
  });
  afterAll(() => void vi.restoreAllMocks());

  it('twice in a run leaves its losses as they are', async () => {
    const begun = page.events.length;
    const run = await train(page, destroyAt(3, 7));
    expect(run.state).toMatchObject({ phase: 'finished', step: STEPS });
    expect(run.losses).toHaveLength(STEPS);
    run.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(undisturbed.losses[i], 5);
    });
    expect(run.validations.map(([at]) => at)).toEqual([STEPS]);
    expect(run.validations.at(-1)?.[1]).toBeCloseTo(undisturbed.validations.at(-1)?.[1] as number, 5);
    expect(run.repeated).toBeLessThanOrEqual(11);
    const taken = expect.stringMatching(/device was lost; the run was taken up from/);
    expect(run.state.notes).toEqual([taken, taken]);
    const told = page.events.slice(begun);
    expect(told.find((event) => event.type === 'deviceLost')).toMatchObject({
      message: expect.stringMatching(/^The graphics device was lost.*being brought back/),
    });
    expect(told.find((event) => event.type === 'deviceRestored')).toMatchObject({
      device: { backend: 'webgpu' },
      model: { id: 'studio-2.6m', engine: { name: 'webgpu', problem: null } },
    });
  });

  it('cuts an answer short in words, and the next question is answered', async () => {
    const prompt = await page.studio.download('npy');
    const begun = page.events.length;
    const destroy = (event: StudioEvent) => {
      if (event.type === 'token' && event.requestId === 2) presentDevice()?.destroy();
    };
    page.listeners.add(destroy);
    const asked = { ...question, sampling: { maxTokens: 300, temperature: 1 } };
    const error = await rejection(page.studio.generate(2, asked));
    page.listeners.delete(destroy);
    expect(error).toMatchObject({ kind: 'device', message: expect.stringContaining('device was lost') });
    // Asked at once: it waits for the device.
    await page.studio.generate(3, { ...question, columns: ['without', 'with'] });
    const columns = page.events
      .slice(begun)
      .flatMap((event) => (event.type === 'generated' ? [[event.requestId, event.column]] : []));
    expect(columns).toEqual([
      [3, 'without'],
      [3, 'with'],
    ]);
    expect((await page.studio.download('npy')).bytes).toEqual(prompt.bytes);
  });

  it('for want of memory is answered by smaller parts, and the run ends as it would have', async () => {
    let fell = false;
    const run = await train(page, (event) => {
      const device = presentDevice();
      if (fell || !device || event.type !== 'steps' || (event.records.at(-1)?.step ?? 0) < 5) return;
      fell = true;
      for (const hear of heard.get(device) ?? [])
        hear({ error: new GPUOutOfMemoryError('no room for a buffer') });
    });
    expect(run.state).toMatchObject({ phase: 'finished', step: STEPS });
    expect(run.state.notes).toEqual([expect.stringMatching(/memory ran out.*in 2 parts/)]);
    run.losses.forEach((loss, i) => {
      expect(loss).toBeCloseTo(undisturbed.losses[i], 3);
    });
    expect(page.events.findLast((event) => event.type === 'deviceLost')).toMatchObject({
      message: expect.stringContaining('graphics memory ran out (the browser says “no room for a buffer”)'),
    });
  });

  it('while a model is tried out and while it loads is not taken for a bad driver, and it loads after all', async () => {
    const begun = page.events.length;
    // 8-bit weights are new here, so the engine is tried out with them: with a step; a loaded model is asked for embeddings.
    const moments = ['a training step', 'a lookup of tokens'];
    const reached: string[] = [];
    const { createCommandEncoder } = GPUDevice.prototype;
    const spy = vi.spyOn(GPUDevice.prototype, 'createCommandEncoder').mockImplementation(function (
      this: GPUDevice,
      descriptor,
    ) {
      const label = descriptor?.label ?? '';
      // The model in use is loaded again first, each time.
      const restored = page.events.slice(begun).filter(({ type }) => type === 'deviceRestored').length;
      if (label === moments[reached.length] && restored === reached.length) {
        reached.push(label);
        this.destroy();
      }
      return createCommandEncoder.call(this, descriptor);
    });
    const report = await page.studio.loadModel(origin, 'int8');
    spy.mockRestore();
    expect(reached).toEqual(moments);
    expect(report).toMatchObject({ weightFormat: 'int8', engine: { name: 'webgpu', problem: null } });
    const told = page.events.slice(begun).map(({ type }) => type);
    expect(told.filter((type) => type === 'deviceRestored')).toHaveLength(2);
    expect(told).not.toContain('deviceChanged');
    expect(told).not.toContain('deviceGone');
  });

  it('that nothing can take the place of ends the run in words, and keeps it', async () => {
    const begun = page.events.length;
    refused.add('webgpu').add('wasm');
    const run = await train(page, destroyAt(6));
    expect(run.state).toMatchObject({ phase: 'failed', message: 'No wasm.' });
    expect(await page.told('deviceGone', undefined, begun)).toMatchObject({
      error: { kind: 'device', message: 'No wasm.' },
    });
    expect((await rejection(page.studio.generate(4, question))).message).toBe('No wasm.');
    const { run: saved } = await page.studio.saved();
    expect(saved).toMatchObject({ steps: STEPS, phase: expect.stringMatching(/training|paused/) });
    expect(saved?.step).toBeGreaterThanOrEqual(4);
  });
});
