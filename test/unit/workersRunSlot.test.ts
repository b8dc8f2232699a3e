/** @file The run slot tells the engine of its memory before every run, however that comes about. */
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../app/engine/engine';
import type { CheckpointStore } from '../../app/training/checkpoint';
import type { Checkpoint } from '../../app/training/types';
import type { ActiveDataset } from '../../app/workers/datasetSlot';
import type { ActiveModel } from '../../app/workers/modelSlot';
import { RunSlot } from '../../app/workers/runSlot';
import { startNodeBackend } from '../../tools/node/backend';
import { tinyEngine, tinyInputs } from './trainingFixture';

let engine: Engine;
beforeAll(async () => {
  await startNodeBackend('wasm');
  engine = await tinyEngine();
});

describe('the memory that a run may take', () => {
  it('is told to the engine of a fresh run, of one brought back and of one taken up on another device', async () => {
    const inputs = await tinyInputs(engine, { steps: 4, validateEvery: 4 });
    const modelOf = (name: string) =>
      ({ ...inputs, key: inputs.modelKey, report: { id: name } }) as unknown as ActiveModel;
    const report = { hash: inputs.dataHash, options: { kind: 'inputTarget' }, lengths: { max: 12 } };
    const data = { dataset: { ...inputs.data, report } } as unknown as ActiveDataset;
    const told: string[] = [];
    const kept = new Map<string, Checkpoint>();
    const store: CheckpointStore = {
      save: async (checkpoint) => void kept.set(checkpoint.runId, checkpoint),
      load: async (runId) => kept.get(runId) ?? null,
      remove: async (runId) => kept.delete(runId),
      list: async () => [],
      claim: async () => true,
      release: () => {},
      onChange: () => {},
    };
    const slot = new RunSlot(
      store,
      () => {},
      () => {},
      async () => false,
      ({ report: { id } }) => void told.push(id),
    );
    const { trainer } = await slot.create(inputs.settings, modelOf('fresh'), data, null);
    await trainer.singleStep();
    expect(told).toEqual(['fresh']);

    const [checkpoint] = [...kept.values()];
    await slot.restore(checkpoint, modelOf('brought back'), data);
    expect(told).toEqual(['fresh', 'brought back']);

    slot.abandon();
    slot.takeUp(modelOf('taken up'), 'lost');
    expect(told).toEqual(['fresh', 'brought back', 'taken up']);
    await slot.clear();
  });
});

describe('a search without validation rows', () => {
  it('is one prompt where it was automatic, which is said, and refused where it was asked for', async () => {
    const inputs = await tinyInputs(engine, { steps: 1 });
    const model = { ...inputs, key: inputs.modelKey, report: { id: 'm' } } as unknown as ActiveModel;
    const report = { hash: inputs.dataHash, options: { kind: 'inputTarget' }, lengths: { max: 12 } };
    const none = { ...inputs.data, validation: [], validationExamples: [], report };
    const data = { dataset: none } as unknown as ActiveDataset;
    const quiet = () => {};
    const slot = new RunSlot(null, quiet, quiet, async () => false, quiet);
    const { trainer } = await slot.create({ ...inputs.settings, search: 'auto' }, model, data, null);
    await trainer.singleStep();
    expect(trainer.state.lanes).toHaveLength(1);
    expect(trainer.state.notes).toEqual([expect.stringMatching(/^One prompt is trained/)]);
    await expect(slot.create({ ...inputs.settings, search: 'rates' }, model, data, null)).rejects.toThrow(
      /validation rows, of which this dataset has none/,
    );
    expect(slot.current?.trainer).toBe(trainer);
    await slot.clear();
  });
});
