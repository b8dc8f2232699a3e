/** @file The datasets that survive a reload: the one in use, and the one each kept run was trained on. */
import type { DBSchema } from 'idb';
import type { DataOptions } from '../data/types';
import { Database } from '../training/database';

type ChatOption = 'chat' | 'systemText';

/** A dataset as it can be opened again: what it was read from, and how its rows became examples. */
export interface StoredDataset {
  name: string;
  source: { kind: 'sample'; id: string } | { kind: 'files'; file: File; validation: File | null };
  /** Stored before there were chats, it says nothing of them. */
  options: Omit<DataOptions, ChatOption> & Partial<Pick<DataOptions, ChatOption>>;
  /** The person's word on the chat template; absent or null where nothing was said, and the model decides. */
  chatChoice?: boolean | null;
}

/** Key of the dataset in use; runs use their own id. */
export const IN_USE = 'in-use';

export interface DatasetStore {
  save(key: string, dataset: StoredDataset): Promise<void>;
  load(key: string): Promise<StoredDataset | null>;
  remove(key: string): Promise<void>;
}

interface DatasetDatabase extends DBSchema {
  datasets: { key: string; value: StoredDataset };
}

/** Opens the store, and makes it where there is none. @throws what IndexedDB throws where it is not to be had. */
export async function openDatasetStore(name = 'soft-prompt-studio-data'): Promise<DatasetStore> {
  const database = await Database.open<DatasetDatabase>({
    name,
    version: 1,
    holds: 'Kept datasets',
    upgrade(db) {
      db.createObjectStore('datasets');
    },
  });
  return {
    async save(key, dataset) {
      await (await database.get()).put('datasets', dataset, key);
    },
    async load(key) {
      return (await (await database.get()).get('datasets', key)) ?? null;
    },
    async remove(key) {
      await (await database.get()).delete('datasets', key);
    },
  };
}
