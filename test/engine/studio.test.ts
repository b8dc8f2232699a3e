/** @file The worker's whole side of the protocol, on the embedded model, without a browser. */
import 'fake-indexeddb/auto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunSettings, StudioError, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../../tools/node/platform';

const base = new URL('../../public/', import.meta.url).href;
const modelUrl = new URL('models/studio-2.6m/', base).href;
const otherModelUrl = new URL('../golden/', import.meta.url).href;

const rows = [
  'nice film,good',
  'dull film,bad',
  'nice food,good',
  'dull food,bad',
  'nice day,good',
  'dull day,bad',
];
const csv = (lines: string[]) => new File([`input,target\n${lines.join('\n')}\n`], 'tiny.csv');

/** A studio with its events, as one visit to the page has. */
async function visit() {
  const events: StudioEvent[] = [];
  const studio = new StudioService(nodePlatform);
  await studio.open(base, (event) => events.push(event), 'wasm');
  const report = await studio.loadModel({ kind: 'url', url: modelUrl, id: 'studio-2.6m' });
  return { studio, events, report };
}
type Visit = Awaited<ReturnType<typeof visit>>;

async function quickSettings({ studio }: Visit, changes: Partial<RunSettings> = {}): Promise<RunSettings> {
  const { settings } = await studio.suggestSettings();
  return {
    ...settings,
    search: 'none',
    shots: 0,
    steps: 4,
    batchSize: 2,
    virtualTokens: 3,
    validateEvery: 4,
    warmupSteps: 0,
    ...changes,
  };
}

/** Resolves once the newest run is in one of these phases. */
async function phase({ events }: Visit, ...phases: string[]): Promise<void> {
  for (;;) {
    const last = events.findLast((event) => event.type === 'runState');
    if (last && phases.includes(last.state.phase)) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Resolves once an event of this type has come. */
async function told({ events }: Visit, type: StudioEvent['type']): Promise<void> {
  while (!events.some((event) => event.type === type)) await new Promise((resolve) => setImmediate(resolve));
}

const losses = (events: StudioEvent[]) =>
  events.flatMap((event) => (event.type === 'steps' ? event.records.map(({ loss }) => loss) : []));

async function rejection(promise: Promise<unknown>): Promise<StudioError> {
  return promise.then(
    () => expect.fail('it was expected to be refused'),
    (error: StudioError) => error,
  );
}

describe('the studio', () => {
  let first: Visit;
  beforeAll(async () => {
    first = await visit();
  });

  it('refuses to train before there is a dataset, in words', async () => {
    expect(await rejection(first.studio.suggestSettings())).toEqual({
      kind: 'training',
      message: 'There is no dataset yet.',
      hint: 'Drop a file, or choose a sample.',
    });
  });

  it('lists its samples and opens every one', async () => {
    const samples = await first.studio.samples();
    expect(samples.length).toBeGreaterThanOrEqual(6);
    for (const { id, title, task, instruction } of samples) {
      const report = await first.studio.openSample(id);
      const { settings } = await first.studio.suggestSettings();
      expect(settings.instructions).toEqual([instruction]);
      expect(report).toMatchObject({
        name: title,
        training: 200,
        validation: 100,
        test: 100,
        validationFile: true,
      });
      if (id === 'order-json') expect(report.preview[0].target).toMatch(/^\{.*\}$/);
      // Texts that come again and again may be taken for classes, classes never for texts.
      if (task === 'class') expect(report.classes).not.toBeNull();
    }
  });

  it('keeps the dataset in use when a bad file is dropped, and undoes a replacement', async () => {
    const { studio } = first;
    const before = await studio.openSample('review-sentiment');
    const error = await rejection(studio.openDataset([new File(['input,target\n"open'], 'broken.csv')]));
    expect(error.kind).toBe('data');
    expect((await studio.setDataOptions(before.options)).hash).toBe(before.hash);
    await studio.openDataset([csv(rows)]);
    expect((await studio.restoreDataset()).name).toBe(before.name);
    expect((await studio.restoreDataset()).name).toBe('tiny.csv');
  });

  it('trains to the end, tells what it does, and offers the prompt', async () => {
    const { studio, events } = first;
    const settings = await quickSettings(first);
    const runId = await studio.train(settings);
    await phase(first, 'finished', 'failed');
    expect(events.findLast((event) => event.type === 'runState')).toMatchObject({
      runId,
      state: { phase: 'finished', step: 4 },
    });
    expect(losses(events)).toHaveLength(4);
    expect(events.filter((event) => event.type === 'validation')).toHaveLength(1);
    const table = events.findLast((event) => event.type === 'neighbours')?.table;
    expect(table?.rows).toHaveLength(3);
    expect(table?.rows[0].neighbours).toHaveLength(5);
  });

  it('answers with and without the prompt, and stops when told to', async () => {
    const { studio, events } = first;
    const sampling = { maxTokens: 5, temperature: 0 };
    await studio.generate(7, {
      input: 'nice film',
      hardPrompt: 'good or bad?',
      columns: ['without', 'hard', 'with'],
      sampling,
    });
    const done = events.flatMap((event) =>
      event.type === 'generated' && event.requestId === 7 ? [event.column] : [],
    );
    expect(done).toEqual(['without', 'hard', 'with']);
    const long = studio.generate(8, {
      input: 'nice',
      hardPrompt: '',
      columns: ['without'],
      sampling: { maxTokens: 400, temperature: 1 },
    });
    await studio.cancelGenerate();
    await long;
    expect(events.some((event) => event.type === 'generated' && event.requestId === 8)).toBe(false);
  });

  it('takes its own download back, bit for bit', async () => {
    const { studio } = first;
    const zip = await studio.download('peft');
    const report = await studio.importPrompt([new File([zip.bytes], zip.name)]);
    expect(report).toMatchObject({ origin: 'file', virtualTokens: 3, warning: null });
    const imported = await studio.download('npy');
    await studio.forgetPrompt();
    const own = await studio.download('npy');
    expect(imported.bytes).toEqual(own.bytes);
  });

  it('pauses, steps, resumes and stops', async () => {
    const { studio, events } = first;
    const settings = await quickSettings(first, { steps: 50, validateEvery: 50 });
    await studio.step(settings);
    await phase(first, 'paused');
    const state = () => events.findLast((event) => event.type === 'runState')?.state;
    expect(state()).toMatchObject({ step: 1, phase: 'paused' });
    await studio.step(settings);
    await phase(first, 'paused');
    expect(state()).toMatchObject({ step: 2, phase: 'paused' });
    await studio.resume();
    expect((await rejection(studio.train(settings))).message).toMatch(/going on/);
    await studio.stop();
    expect(state()?.phase).toBe('stopped');
    expect((await rejection(studio.resume())).hint).toMatch(/Train/);
  });

  it('goes on after a reload exactly as if nothing had happened', async () => {
    const { studio, events } = first;
    const settings = await quickSettings(first, { steps: 30, validateEvery: 30 });
    const begun = events.length;
    await studio.train(settings);
    await phase(first, 'finished');
    const undisturbed = losses(events.slice(begun));

    await studio.train(settings);
    while (losses(events.slice(begun)).length < 30 + 22)
      await new Promise((resolve) => setImmediate(resolve));
    await studio.pause();

    const second = await visit();
    const saved = await second.studio.saved();
    expect(saved).toMatchObject({ dataset: 'tiny.csv', run: { steps: 30 } });
    expect(saved.run?.step).toBeGreaterThanOrEqual(20);
    const { runId } = await second.studio.restore();
    expect(runId).toBe(saved.run?.runId);
    await told(second, 'neighbours');
    await told(second, 'answers');
    await second.studio.resume();
    await phase(second, 'finished');
    const resumed = losses(second.events);
    expect(resumed).toEqual(undisturbed.slice(30 - resumed.length));
    expect(resumed.length).toBeGreaterThan(0);
  });

  it('keeps the present model when another cannot be loaded', async () => {
    const { studio, report } = first;
    const error = await rejection(
      studio.loadModel({ kind: 'url', url: new URL('nowhere/', otherModelUrl).href, id: 'nowhere' }),
    );
    expect(error).toMatchObject({ kind: 'model', message: expect.stringContaining('config.json') });
    await studio.openDataset([csv(rows)]);
    expect((await studio.suggestSettings()).settings.virtualTokens).toBe(20);
    expect(report.parameters).toBeGreaterThan(2e6);
  });
});
