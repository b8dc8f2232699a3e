/** @file The worker's entry: the studio on what a browser offers. */
import { expose } from 'comlink';
import { HUB_ENDPOINT } from '../model/hub';
import { openOpfsStore } from '../model/store/opfsStore';
import { openCheckpointStore } from '../training/checkpointStore';
import { openDatasetStore } from './datasetStore';
import { startBrowserDevice } from './device';
import { StudioRequestError } from './errors';
import { showLife } from './life';
import { openInWorker } from './parseClient';
import { StudioService } from './studio';

showLife(self);
expose(
  new StudioService({
    startDevice: startBrowserDevice,
    folder: () => null,
    hub: hubOf,
    openFileStore: openOpfsStore,
    fetchBytes,
    openData: (files, options) => openInWorker(startParser, files, options),
    // Private windows may have no IndexedDB: then nothing survives a reload, and everything else works.
    openRunStore: () => openCheckpointStore({ locks: navigator.locks ?? null }).catch(() => null),
    openDatasetStore: () => openDatasetStore().catch(() => null),
  }),
);

function startParser(): Worker {
  return new Worker(new URL('./parse.worker.ts', import.meta.url), { type: 'module' });
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) {
    const hint = 'Load the page anew; if it stays so, its server lacks this file.';
    throw new StudioRequestError(`The server answered ${response.status} for ${url}.`, hint);
  }
  return new Uint8Array(await response.arrayBuffer());
}

/** The Hub. Only the build that the browser tests make for themselves may be given another, with `?hub=`. */
function hubOf(pageUrl: string): string {
  if (import.meta.env.MODE !== 'tests') return HUB_ENDPOINT;
  return new URL(pageUrl).searchParams.get('hub') || HUB_ENDPOINT;
}
