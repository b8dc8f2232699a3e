/** @file The datasets that survive a reload: the one in use, and the one each kept run was trained on. */
import type { DBSchema } from 'idb';
import type { HubDatasetAddress } from '../data/hubDataset';
import type { DataOptions } from '../data/types';
import { Database } from '../training/database';

/** Files, and what was chosen with them; older versions knew one file alone. */
export type StoredFiles = {
  kind: 'files';
  validation: File | null;
  test?: File | null;
  encoding?: string | null;
} & ({ files: File[] } | { file: File });

export function filesOf(source: StoredFiles): File[] {
  return 'files' in source ? source.files : [source.file];
}

/** A dataset as it can be opened again: what it was read from, and how its rows became examples. */
export interface StoredDataset {
  name: string;
  source: { kind: 'sample'; id: string } | { kind: 'hub'; address: HubDatasetAddress } | StoredFiles;
  /** Stored by an older version, it says nothing of what came since. */
  options: Partial<DataOptions>;
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
