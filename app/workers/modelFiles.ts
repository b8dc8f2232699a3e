/** @file Where a model's files come from and what this browser keeps of them; the Hub's access token lives here and nowhere else. */
import { filesSource } from '../model/filesSource';
import { openHub } from '../model/hub';
import { ModelStore } from '../model/store/modelStore';
import { type OpenSource, openUrl } from '../model/urlSource';
import type { Platform } from './platform';
import type { ModelOrigin, StorageReport } from './protocol';

export interface HubAccess {
  /** Without a trailing slash. */
  endpoint: string;
  token: string | null;
}

export class ModelFiles {
  private token: string | null = null;

  private constructor(
    private readonly platform: Platform,
    /** The Hub's address. */
    private readonly hub: string,
    private readonly store: ModelStore | null,
  ) {}

  /** @param pageUrl the page's own */
  static async open(platform: Platform, pageUrl: string): Promise<ModelFiles> {
    const store = await platform.openFileStore();
    return new ModelFiles(platform, platform.hub(pageUrl), store && new ModelStore(store));
  }

  /** @param token null for none */
  setHubToken(token: string | null): void {
    this.token = token?.trim() || null;
  }

  /** Where the Hub is, and the token that is sent there and nowhere else: for datasets, which are not kept. */
  get hubAccess(): HubAccess {
    return { endpoint: this.hub, token: this.token };
  }

  /** @throws ModelError when the folder cannot be found; the signal's reason when aborted. */
  async source(origin: ModelOrigin, signal?: AbortSignal): Promise<OpenSource> {
    switch (origin.kind) {
      case 'hub': {
        const { token, store, hub } = this;
        return openHub(origin.id, origin.revision, store, { endpoint: hub, token, signal });
      }
      case 'files':
        return onlyRead(await filesSource(origin.files), nameOf(origin.files));
      case 'url': {
        const folder = this.platform.folder(origin.url);
        return folder ? onlyRead(folder, origin.id) : openUrl(origin.url, origin.id, this.store, signal);
      }
    }
  }

  async report(): Promise<StorageReport> {
    if (!this.store) return { models: [], used: null, quota: null, persisted: false };
    const [models, usage] = await Promise.all([this.store.list(), this.store.usage()]);
    return { models, ...usage };
  }

  /** @throws ModelError `storage` where the files are in use. */
  async remove(key: string): Promise<void> {
    await this.store?.remove(key);
  }
}

/** What is on this machine already is not kept again. */
function onlyRead(source: OpenSource['source'], id: string): OpenSource {
  return { source, id, revision: null, markComplete: async () => undefined, notKept: () => null };
}

/** The folder's name, or the file's. */
function nameOf(files: readonly File[]): string {
  const folder = files[0]?.webkitRelativePath?.split('/')[0];
  const [first] = files;
  return folder || (files.length === 1 ? first.name.replace(/\.(zip|gguf)$/i, '') : 'model');
}
