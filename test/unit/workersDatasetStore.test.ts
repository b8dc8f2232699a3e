/** @file What is kept of datasets: it comes back, and a newer version of the page does not have to wait for an older one. */
import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { describe, expect, it } from 'vitest';
import { IN_USE, openDatasetStore, type StoredDataset } from '../../app/workers/datasetStore';

const sample = {
  name: 'Review sentiment',
  source: { kind: 'sample', id: 'review-sentiment' },
  options: { kind: 'inputTarget', inputTemplate: '{text}', targetTemplate: '{label}' },
  chatChoice: null,
} as unknown as StoredDataset;

describe('the dataset store', () => {
  it('gives back what was kept, until it is removed', async () => {
    await (await openDatasetStore('datasets-a')).save(IN_USE, sample);
    const store = await openDatasetStore('datasets-a');
    expect(await store.load(IN_USE)).toEqual(sample);
    expect(await store.load('a run')).toBeNull();
    await store.remove(IN_USE);
    expect(await store.load(IN_USE)).toBeNull();
  });

  it('lets a newer version of the page have the database at once', async () => {
    const store = await openDatasetStore('datasets-b');
    await store.save(IN_USE, sample);
    const newer = await openDB('datasets-b', 2);
    expect(await newer.get('datasets', IN_USE)).toEqual(sample);
    await expect(store.save('a run', sample)).rejects.toThrow(/newer version of this page/);
    newer.close();
  });
});
