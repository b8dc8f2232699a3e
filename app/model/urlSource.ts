/** @file A model folder, or a GGUF file, at a URL: kept on this machine where there is a store, checked against the server, usable offline. */
import { ModelError } from './errors';
import { ggufIn, isGguf } from './gguf/name';
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
 * @param baseUrl Absolute URL of the folder, or of a file whose name ends in .gguf.
 * @throws ModelError `network` when the URL is none; what a GGUF file's header lacks
 */
export async function openUrl(
  baseUrl: string,
  id: string,
  store: ModelStore | null,
  signal?: AbortSignal,
): Promise<OpenSource> {
  const base = folderUrl(baseUrl);
  const address = base.href.replace(/(\.gguf)\/$/i, '$1');
  const kept = store && (await store.open({ address, id, revision: null }));
  const file = isGguf(address) ? address.slice(address.lastIndexOf('/') + 1) : null;
  const folder = networkSource(new UrlRemote(file === null ? base : new URL('.', address)), kept);
  return {
    source: file === null ? folder : await ggufIn(folder, file, signal),
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
