/** @file A model folder at a URL: kept on this machine where there is a store, checked against the server, usable offline. */
import { ModelError } from './errors';
import { networkSource } from './networkSource';
import { UrlRemote } from './remote';
import type { FileSource } from './source';
import type { ModelStore } from './store/modelStore';

/** A source, and why it keeps nothing (more) on this machine where that was wanted. */
export interface OpenSource {
  source: FileSource;
  id: string;
  /** The commit, of models from the Hub. */
  revision: string | null;
  /** To be called when the model has been read whole. */
  markComplete(): Promise<void>;
  /** For the person; null while everything is kept, and where there is no store. */
  notKept(): string | null;
}

/**
 * @param baseUrl Absolute URL of the folder.
 * @throws ModelError `network` when the URL is none.
 */
export async function openUrl(baseUrl: string, id: string, store: ModelStore | null): Promise<OpenSource> {
  const base = folderUrl(baseUrl);
  const kept = store && (await store.open({ address: base.href, id, revision: null }));
  return {
    source: networkSource(new UrlRemote(base), kept),
    id,
    revision: null,
    markComplete: async () => kept?.markComplete(),
    notKept: () => kept?.notKept ?? null,
  };
}

function folderUrl(baseUrl: string): URL {
  try {
    return new URL(baseUrl.endsWith('/') ? baseUrl : `${baseUrl}/`);
  } catch (cause) {
    throw new ModelError(
      'network',
      `"${baseUrl}" is not an absolute URL.`,
      'Give the address of the model folder, with https://.',
      { cause },
    );
  }
}
