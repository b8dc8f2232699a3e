/** @file What is remembered of an adapter outlives the store that was asked to. */
import 'fake-indexeddb/auto';
import { describe, expect, it } from 'vitest';
import type { MatmulTile } from '../../app/engine/webgpu/kernels/tile';
import { browserTileStore, memoryTileStore } from '../../app/engine/webgpu/tileStore';

const tile: MatmulTile = { rows: 4, fours: 2, threads: [16, 8], depth: 16 };

describe('the store of tiles', () => {
  it('keeps a tile in the browser’s database, under its adapter alone', async () => {
    await browserTileStore().set('one adapter', tile);
    expect(await browserTileStore().get('one adapter')).toEqual(tile);
    expect(await browserTileStore().get('another')).toBeUndefined();
  });

  it('keeps a tile in memory for as long as it lives itself', async () => {
    const store = memoryTileStore();
    await store.set('one adapter', tile);
    expect(await store.get('one adapter')).toEqual(tile);
    expect(await memoryTileStore().get('one adapter')).toBeUndefined();
  });
});
