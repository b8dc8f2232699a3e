/** @file The studio's platform in Node: files from disk, everything kept in whatever IndexedDB the caller installs. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { openData } from '../../app/data/open';
import { HUB_ENDPOINT } from '../../app/model/hub';
import { openCheckpointStore } from '../../app/training/checkpointStore';
import { openDatasetStore } from '../../app/workers/datasetStore';
import type { Platform } from '../../app/workers/platform';
import { folderSource } from '../golden/folderSource';
import { startNodeBackend } from './backend';
import { startNodeProcessor } from './processor';

/** URLs are `file:`, or go over the network; nothing survives the process unless `globalThis.indexedDB` does. */
export const nodePlatform: Platform = {
  async startDevice(force = 'wasm') {
    const report = { backend: force, name: 'Node', software: false, reason: null, largestBuffer: null };
    if (force !== 'wasm') {
      await startNodeBackend(force);
      return { ...report, threads: 1 };
    }
    const processor = await startNodeProcessor();
    return { ...report, threads: processor.threads, simd: processor.simd };
  },
  folder: (url) => (url.startsWith('file:') ? folderSource(fileURLToPath(url)) : null),
  hub: () => HUB_ENDPOINT,
  openFileStore: async () => null,
  fetchBytes: async (url) => Uint8Array.from(await readFile(fileURLToPath(url))),
  openData,
  openRunStore: async () => (globalThis.indexedDB ? openCheckpointStore() : null),
  openDatasetStore: async () => (globalThis.indexedDB ? openDatasetStore() : null),
};
