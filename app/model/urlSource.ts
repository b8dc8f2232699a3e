/** @file A model folder at a URL: streamed with progress, kept in the browser's cache, checked against the server, usable offline. */
import { ModelError } from './errors';
import type { FileSource, ReadOptions, SourceFile } from './source';

const cacheName = 'model-files-1';

/** Length as the server gave it; `content-length` of a kept response would be that of its decoded body. */
const sourceLength = 'x-source-length';

export interface UrlSourceOptions {
  /** The browser's cache, unless another (or none) is given. */
  caches?: CacheStorage | null;
}

/**
 * @param baseUrl Absolute URL of the folder.
 * @throws ModelError `network` when the URL is none.
 */
export function urlSource(baseUrl: string, options: UrlSourceOptions = {}): FileSource {
  const base = folderUrl(baseUrl);
  const storage = options.caches === undefined ? (globalThis.caches ?? null) : options.caches;
  return {
    location: base.href,
    async read(name, readOptions = {}) {
      const { signal } = readOptions;
      signal?.throwIfAborted();
      const url = new URL(name, base).href;
      const cache = await storage?.open(cacheName).catch(() => null);
      const kept = await cache?.match(url).catch(() => undefined);
      if (kept && (await isCurrent(kept, url, signal))) {
        const bytes = new Uint8Array(await kept.arrayBuffer());
        readOptions.onProgress?.(bytes.byteLength, bytes.byteLength);
        return { bytes, fromCache: true };
      }
      const fetched = await fetchFile(url, name, readOptions);
      if (cache) await keep(cache, url, fetched);
      return fetched && ({ bytes: fetched.bytes, fromCache: false } satisfies SourceFile);
    },
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

/** Whether the server still has what was kept. A server that cannot be asked is given the benefit of the doubt: offline works. */
async function isCurrent(kept: Response, url: string, signal: AbortSignal | undefined): Promise<boolean> {
  let now: Response;
  try {
    now = await fetch(url, { method: 'HEAD', cache: 'no-cache', signal });
  } catch {
    signal?.throwIfAborted();
    return true;
  }
  if (now.status === 404 || now.status === 410) return false;
  if (!now.ok) return true;
  for (const [header, keptAs] of [
    ['etag', 'etag'],
    ['last-modified', 'last-modified'],
    ['content-length', sourceLength],
  ]) {
    const value = now.headers.get(header);
    const before = kept.headers.get(keptAs);
    if (value !== null && before !== null) return value === before;
  }
  return false;
}

interface Fetched {
  bytes: Uint8Array<ArrayBuffer>;
  headers: Headers;
}

/** A cache that is full or forbidden costs the next visit a download, never this one its model. */
async function keep(cache: Cache, url: string, fetched: Fetched | null): Promise<void> {
  try {
    if (!fetched) {
      await cache.delete(url);
      return;
    }
    const headers = new Headers({ 'content-type': 'application/octet-stream' });
    for (const name of ['etag', 'last-modified']) {
      const value = fetched.headers.get(name);
      if (value !== null) headers.set(name, value);
    }
    const length = fetched.headers.get('content-length');
    if (length !== null) headers.set(sourceLength, length);
    await cache.put(url, new Response(fetched.bytes, { headers }));
  } catch {
    await cache.delete(url).catch(() => false);
  }
}

async function fetchFile(url: string, name: string, options: ReadOptions): Promise<Fetched | null> {
  const response = await request(url, name, options.signal);
  if (response.status === 404 || response.status === 410) return null;
  if (!response.ok) throw refused(response, url, name);
  if (/^text\/html/i.test(response.headers.get('content-type') ?? '')) {
    await response.body?.cancel();
    throw new ModelError(
      'wrongContent',
      `A web page came in place of ${name} from ${url}.`,
      'The server answers with a page where a file is missing: check that the folder is there and holds the file.',
    );
  }
  return { bytes: await receive(response, name, options), headers: response.headers };
}

async function request(url: string, name: string, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(url, { signal });
  } catch (cause) {
    signal?.throwIfAborted();
    throw new ModelError(
      'network',
      `${name} could not be fetched from ${url}.`,
      'Check the connection and the address; another site must allow this page to read its files (CORS).',
      { cause },
    );
  }
}

function refused({ status, statusText }: Response, url: string, name: string): ModelError {
  const hint =
    status === 401 || status === 403
      ? 'The files are not public; choose a model that may be read without signing in.'
      : status === 429
        ? 'Too many requests: wait a minute, then try again.'
        : 'The fault is at the server; try again later.';
  return new ModelError(
    'network',
    `The server answered ${[status, statusText].join(' ').trim()} for ${name} (${url}).`,
    hint,
  );
}

/** The whole body. @throws ModelError `truncated` when less comes than the server announced. */
async function receive(
  response: Response,
  name: string,
  { onProgress, signal }: ReadOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  // Of a compressed body the length is known only after it has been read.
  const encoded = (response.headers.get('content-encoding') ?? 'identity') !== 'identity';
  const announced = encoded ? 0 : Number(response.headers.get('content-length') ?? 0);
  let bytes = new Uint8Array(announced || 65536);
  let loaded = 0;
  try {
    for await (const chunk of chunks(response)) {
      if (loaded + chunk.byteLength > bytes.byteLength)
        bytes = grown(bytes, loaded, loaded + chunk.byteLength);
      bytes.set(chunk, loaded);
      loaded += chunk.byteLength;
      onProgress?.(loaded, Math.max(announced, announced && loaded));
    }
  } catch (cause) {
    signal?.throwIfAborted();
    throw cutShort(name, loaded, announced, cause);
  }
  if (loaded < announced) throw cutShort(name, loaded, announced);
  return loaded === bytes.byteLength ? bytes : bytes.slice(0, loaded);
}

/** A body's chunks; response bodies are not async-iterable in every browser. */
async function* chunks(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  if (!reader) return;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield value;
    }
  } finally {
    reader.releaseLock();
  }
}

function grown(bytes: Uint8Array<ArrayBuffer>, used: number, needed: number): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.max(needed, 2 * bytes.byteLength));
  larger.set(bytes.subarray(0, used));
  return larger;
}

function cutShort(name: string, loaded: number, announced: number, cause?: unknown): ModelError {
  const expected = announced > 0 ? ` of ${announced}` : '';
  return new ModelError(
    'truncated',
    `The download of ${name} broke off after ${loaded}${expected} bytes.`,
    'Check the connection, then load the model again.',
    { cause },
  );
}
