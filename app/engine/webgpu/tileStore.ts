/** @file What was found fastest on a graphics adapter, kept in the browser's database; in memory where there is none. */
import { openDB } from 'idb';
import type { MatmulTile } from './kernels/tile';
import type { TileStore } from './tune';

const DATABASE = 'adapter-tuning';
const STORE = 'tiles';

/** A store in the browser's database. Its methods reject where the browser refuses it. */
export function browserTileStore(): TileStore {
  if (typeof indexedDB === 'undefined') return memoryTileStore();
  const database = openDB(DATABASE, 1, { upgrade: (db) => void db.createObjectStore(STORE) });
  // Whoever asks is told; nobody may ever ask.
  database.catch(() => {});
  return {
    get: async (key) => (await database).get(STORE, key) as Promise<MatmulTile | undefined>,
    set: async (key, tile) => void (await (await database).put(STORE, tile, key)),
  };
}

/** A store for as long as the process lives. */
export function memoryTileStore(): TileStore {
  const tiles = new Map<string, MatmulTile>();
  return {
    get: async (key) => tiles.get(key),
    set: async (key, tile) => void tiles.set(key, tile),
  };
}
