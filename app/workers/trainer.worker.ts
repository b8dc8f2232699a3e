/** @file The worker's entry: the studio on what a browser offers. */
import { expose } from 'comlink';
import { HUB_ENDPOINT } from '../model/hub';
import { openOpfsStore } from '../model/store/opfsStore';
import { openCheckpointStore } from '../training/checkpointStore';
import { openDatasetStore } from './datasetStore';
import { startBrowserDevice } from './device';
import { StudioService } from './studio';

expose(
  new StudioService({
    startDevice: startBrowserDevice,
    folder: () => null,
    hub: hubOf,
    openFileStore: openOpfsStore,
    fetchBytes,
    // Private windows may have no IndexedDB: then nothing survives a reload, and everything else works.
    openRunStore: () => openCheckpointStore().catch(() => null),
    openDatasetStore: () => openDatasetStore().catch(() => null),
  }),
);

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`The server answered ${response.status} for ${url}.`);
  return new Uint8Array(await response.arrayBuffer());
}

/** The Hub; a page on its developer's own machine may name another with `?hub=`. */
function hubOf(pageUrl: string): string {
  const { hostname, searchParams } = new URL(pageUrl);
  const own = hostname === 'localhost' || hostname === '127.0.0.1';
  return (own && searchParams.get('hub')) || HUB_ENDPOINT;
}
