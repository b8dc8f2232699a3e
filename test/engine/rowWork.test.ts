/** @file What the worker does with a person's rows: hard ones, unlabelled ones, and the dataset as files with more to learn from. */
import 'fake-indexeddb/auto';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunSettings, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { nodePlatform } from '../../tools/node/platform';

const base = new URL('../../public/', import.meta.url).href;
const words = [
  'film',
  'food',
  'day',
  'desk',
  'song',
  'street',
  'phone',
  'soup',
  'room',
  'bike',
  'chair',
  'lamp',
];
const rows = words.flatMap((word) => [`nice ${word},good`, `dull ${word},bad`]);
// One row is labelled wrongly.
const csv = `text,label\n${[...rows, 'nice nice film,bad'].join('\n')}\n`;

const events: StudioEvent[] = [];
const studio = new StudioService(nodePlatform);
let settings: RunSettings;

async function rested(): Promise<void> {
  const over = () => {
    const last = events.findLast((event) => event.type === 'runState');
    return last?.state.phase === 'finished';
  };
  while (!over()) await new Promise((resolve) => setImmediate(resolve));
}

beforeAll(async () => {
  await studio.open(base, (event) => events.push(event), 'wasm');
  const url = new URL('models/studio-2.6m/', base).href;
  await studio.loadModel({ kind: 'url', url, id: 'studio-2.6m' });
  await studio.openDataset([new File([csv], 'words.csv')]);
  settings = {
    ...(await studio.suggestSettings()).settings,
    search: 'none',
    steps: 30,
    batchSize: 8,
    virtualTokens: 4,
    validateEvery: 15,
    warmupSteps: 0,
  };
});

describe('a person’s rows', () => {
  it('are not asked about before there is a prompt', async () => {
    await expect(studio.hardestRows()).rejects.toMatchObject({ message: 'There is no prompt yet.' });
  });

  it('are read by the bare model without any prompt, so that a text it does not know is told from one it knows', async () => {
    const readings = [];
    for (const { id } of await studio.samples()) {
      await studio.openSample(id);
      const known = await studio.readInputs();
      expect(known, id).toMatchObject({ guessing: Math.log(1536) });
      expect(known?.loss, id).toBeLessThan(0.5 * (known?.guessing ?? 0));
      readings.push(known);
    }
    const strange = words.map((_, i) => `zażółć gęślą jaźń ${i * 7919} qwxz,${i % 2 ? 'tak' : 'nie'}`);
    await studio.openDataset([new File([`text,label\n${strange.join('\n')}\n`], 'strange.csv')]);
    const unknown = await studio.readInputs();
    await studio.openDataset([new File([csv], 'words.csv')]);
    expect(unknown?.loss).toBeGreaterThan(0.6 * (unknown?.guessing ?? 0));
    for (const known of readings) expect(unknown?.pieces).toBeGreaterThan(2 * (known?.pieces ?? 0));
  });

  it('are not asked about while a run goes on', async () => {
    await studio.train(settings);
    await expect(studio.hardestRows()).rejects.toMatchObject({ message: 'A run is going on.' });
    await rested();
  });

  it('are judged on all test rows once the run rests', async () => {
    const verdict = () => events.findLast((event) => event.type === 'verdict')?.verdict;
    while (!verdict()?.whole || !verdict()?.difference) await new Promise((resolve) => setImmediate(resolve));
    const report = await studio.dataset();
    expect([verdict()?.rows, verdict()?.of]).toEqual([report?.test, report?.test]);
    expect(verdict()?.inputs?.loss).toBeGreaterThan(0);
  });

  it('are listed by how hard they are, those that are wrong among the first', async () => {
    const found = await studio.hardestRows();
    const report = await studio.dataset();
    expect([found?.rows, found?.of]).toEqual([report?.training, report?.training]);
    const losses = found?.hardest.map(({ loss }) => loss) ?? [];
    expect(losses).toEqual(losses.toSorted((a, b) => b - a));
    expect(losses).toHaveLength(report?.training ?? 0);
    expect(events.some((event) => event.type === 'rowWork')).toBe(true);
  });

  it('without answers come least sure first, each with what would be said', async () => {
    const unlabelled = 'note,text\n1,nice phone\n2,dull soup\n3,nice dull\n4,\n';
    const ranked = await studio.rankUnlabelled([new File([unlabelled], 'more.csv')]);
    expect(ranked).toMatchObject({ columns: ['note', 'text'], target: 'label', of: 4, by: 'classes' });
    const unsure = ranked?.rows.map(({ uncertainty }) => uncertainty) ?? [];
    expect(unsure).toEqual(unsure.toSorted((a, b) => b - a));
    expect(unsure.every((value) => value >= 0 && value <= 1)).toBe(true);
    for (const { guess, cells } of ranked?.rows ?? []) {
      expect(['good', 'bad']).toContain(guess);
      expect(cells).toHaveLength(2);
    }
  });

  it('of one column need no name', async () => {
    const ranked = await studio.rankUnlabelled([
      new File(['nice phone\ndull soup\nnice bike\n'], 'more.txt'),
    ]);
    expect(ranked?.rows).toHaveLength(3);
    expect([ranked?.columns, ranked?.target]).toEqual([['text'], 'label']);
  });

  it('of other columns are refused in words', async () => {
    const other = new File(['title,body\na,b\nc,d\n'], 'other.csv');
    await expect(studio.rankUnlabelled([other])).rejects.toMatchObject({
      message:
        'The file has no column “text”, which the inputs of the dataset are made of. It has “title”, “body”.',
    });
  });

  it('can be let go amid the work', async () => {
    const asked = studio.hardestRows();
    await studio.cancelRowWork();
    expect(await asked).toBeNull();
  });

  it('are asked of the best prompts together once a search has made several', async () => {
    await expect(studio.askTogether()).rejects.toMatchObject({
      message: 'There is only one validated prompt.',
    });
    await studio.train({ ...settings, search: 'seeds', steps: 15, patience: 0 });
    await rested();
    const verdict = () => events.findLast((event) => event.type === 'verdict')?.verdict;
    while (verdict()?.step !== 15 || !verdict()?.whole) await new Promise((resolve) => setImmediate(resolve));
    const found = await studio.askTogether();
    const lanes = events.findLast((event) => event.type === 'runState')?.state.lanes ?? [];
    expect(found?.members.length).toBeGreaterThan(1);
    expect(lanes.map(({ name }) => name)).toEqual(expect.arrayContaining(found?.members ?? []));
    expect([found?.rows, found?.of]).toEqual([verdict()?.of, verdict()?.of]);
    // The run's own prompt alone is what the verdict is about.
    expect(found?.alone).toEqual(verdict()?.contenders.find(({ name }) => name === 'soft prompt')?.accuracy);
    expect(found?.difference.points).toBeCloseTo(
      100 * ((found?.together.value ?? 0) - (found?.alone.value ?? 0)),
      9,
    );
  });

  it('are asked together of prompts of both kinds: vectors, and keys and values', async () => {
    await studio.train({ ...settings, search: 'methods', steps: 6, validateEvery: 6, patience: 0 });
    const begun = events.length;
    while (
      !events.slice(begun).some((event) => event.type === 'runState' && event.state.phase === 'finished')
    )
      await new Promise((resolve) => setImmediate(resolve));
    const found = await studio.askTogether();
    expect(found?.members.length).toBeGreaterThan(1);
    expect(found?.rows).toBe(found?.of);
  });

  it('become files that open as the same dataset, with more to learn from', async () => {
    const before = await studio.dataset();
    const files = await studio.datasetFiles([{ input: 'splendid desk', target: 'good' }]);
    expect(files.training.name).toBe('words + 1.jsonl');
    const { training, validation, test } = files;
    const after = await studio.openDataset([training], { validation, test });
    expect(after.training).toBe((before?.training ?? 0) + 1);
    expect([after.validation, after.test]).toEqual([before?.validation, before?.test]);
    // And once more: names do not grow.
    const again = await studio.datasetFiles([{ input: 'a', target: 'bad' }]);
    expect(again.training.name).toBe('words + 1.jsonl');
  });
});
