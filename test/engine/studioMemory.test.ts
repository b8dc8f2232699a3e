/** @file The studio on a GPU: 8-bit weights and what they cost, and a memory budget that the run keeps to. */
import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import type { RunSettings, StudioEvent } from '../../app/workers/protocol';
import { StudioService } from '../../app/workers/studio';
import { hasNodeGpu } from '../../tools/node/backend';
import { nodePlatform } from '../../tools/node/platform';

const gpu = await hasNodeGpu();
if (!gpu) console.warn('Skipped: no WebGPU adapter on this machine.');

const base = new URL('../../public/', import.meta.url).href;
const url = new URL('models/studio-2.6m/', base).href;
const origin = { kind: 'url', url, id: 'studio-2.6m' } as const;
const rows = ['nice', 'dull', 'good', 'poor', 'fine', 'grey'].flatMap((word) => [
  `the ${word} film of the year,film`,
  `a ${word} meal in the evening,food`,
]);

describe.skipIf(!gpu)('the studio on a GPU', () => {
  it('loads 8-bit weights, measures what they cost, and keeps to the memory it is given', async () => {
    const events: StudioEvent[] = [];
    const studio = new StudioService(nodePlatform);
    await studio.open(base, (event) => events.push(event), 'webgpu');

    const stored = await studio.loadModel(origin);
    await studio.openDataset([new File([`input,target\n${rows.join('\n')}\n`], 'tiny.csv')]);
    await expect(studio.compareInt8()).rejects.toMatchObject({ kind: 'model' });

    const small = await studio.loadModel(origin, 'int8');
    expect(small.weightFormat).toBe('int8');
    expect(small.weightBytes / stored.weightBytes).toBeLessThan(0.6);
    events.length = 0;
    const cost = await studio.compareInt8();
    if (!cost) throw new Error('Nobody has cancelled it.');
    expect(cost.rows).toBeGreaterThan(0);
    const progress = events.flatMap((event) => (event.type === 'modelProgress' ? event.progress : []));
    const both = 2 * cost.rows;
    expect(progress.at(-1)).toMatchObject({ phase: 'comparing', loaded: both, total: both });
    expect(progress.map(({ phase }) => phase)).toContain('downloading');
    expect(cost.int8).not.toBe(cost.stored);
    expect(Math.abs(cost.int8 - cost.stored) / cost.stored).toBeLessThan(0.02);

    const cancelled = studio.compareInt8();
    await studio.cancelComparison();
    expect(await cancelled).toBeNull();

    const { settings } = await studio.suggestSettings();
    const asked: RunSettings = {
      ...settings,
      search: 'none',
      shots: 0,
      steps: 2,
      batchSize: 4,
      validateEvery: 2,
      virtualTokens: 4,
    };
    const roomy = await studio.memory(asked);
    expect(roomy).toMatchObject({ saving: 'all', fits: true, weights: small.weightBytes });
    await studio.setMemoryBudget(roomy.weights + roomy.training - 1);
    const tight = await studio.memory(asked);
    expect(tight.saving).not.toBe('all');
    expect(tight).toMatchObject({ fits: true, guessed: false });

    await studio.train(asked);
    await expect
      .poll(() => events.findLast((event) => event.type === 'runState')?.state.phase, { timeout: 60_000 })
      .toBe('finished');
    const state = events.findLast((event) => event.type === 'runState')?.state;
    expect(state?.memory?.saving).toBe(tight.saving);
    expect(state?.memory?.training).toBeLessThan(roomy.training);
    const steps = events.flatMap((event) => (event.type === 'steps' ? event.records : []));
    expect(steps.map(({ step }) => step)).toEqual([1, 2]);

    const list = await studio.catalogue(asked);
    expect(list.some(({ id }) => id === 'HuggingFaceTB/SmolLM2-135M')).toBe(true);
    expect(list.every(({ memory }) => memory.budget === tight.budget && !memory.fits)).toBe(true);
  });
});
