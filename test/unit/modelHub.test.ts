/** @file Models from a Hub: resolved, streamed in ranges, kept, resumed, checked; refusals told apart; the token's way. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ModelWeights } from '../../app/engine/spec';
import { collectWeights } from '../../app/engine/weightStream';
import { HUB_ENDPOINT, openHub } from '../../app/model/hub';
import { type LoadProgress, loadModel, openModel } from '../../app/model/load';
import { memorySource } from '../../app/model/source';
import { MemoryStore } from '../../app/model/store/fileStore';
import { ModelStore } from '../../app/model/store/modelStore';
import { llamaFiles, wholeFile } from '../hub/model';
import { type HubFile, HubServer, hubFile, TOKEN } from '../hub/server';

const MIB = 2 ** 20;
const gguf = join(import.meta.dirname, '../fixtures/gguf');
const id = 'someone/small-llama';
const commit = 'a'.repeat(40);
const next = 'b'.repeat(40);
const size = { vocab: 16384, hidden: 256, layers: 2, mlp: 1024 };

let server: HubServer;
let single: Map<string, HubFile>;
let shards: Map<string, HubFile>;
beforeAll(async () => {
  server = await HubServer.start();
  single = llamaFiles(size);
  shards = llamaFiles({ ...size, shards: 3 });
});
afterAll(() => server.close());
beforeEach(() => {
  server.reset();
  server.models.clear();
  server.models.set(id, { refs: { main: commit }, commits: { [commit]: single } });
});
afterEach(() => vi.unstubAllGlobals());

interface Visit {
  /** By default the model's; may go on to a GGUF file. */
  name?: string;
  store?: MemoryStore | null;
  token?: string | null;
  revision?: string;
  signal?: AbortSignal;
  onProgress?: (progress: LoadProgress) => void;
}

/** Loads the model as a visit to the page would. */
async function visit({
  name = id,
  store = null,
  token = null,
  revision = 'main',
  signal,
  onProgress,
}: Visit = {}) {
  const kept = store && new ModelStore(store);
  // Only the Hub's own address gets a token: the test's stands in for it.
  if (token !== null) standIn();
  const endpoint = token === null ? server.url : HUB_ENDPOINT;
  const opened = await openHub(name, revision, kept, { endpoint, token, signal });
  try {
    const model = await openModel(opened.source, {
      id: opened.id,
      revision: opened.revision,
      signal,
      onProgress,
    });
    const weights = await collectWeights(model.weights);
    await opened.markComplete();
    return { ...model, weights: digests(weights), identity: model.identity(), notKept: opened.notKept() };
  } finally {
    await opened.source.close();
  }
}

/** Weights told apart quickly: comparing millions of bytes one by one takes minutes. */
const digests = (weights: ModelWeights) =>
  new Map([...weights].map(([name, { data }]) => [name, createHash('sha256').update(data).digest('hex')]));

async function inMemory(files: ReadonlyMap<string, HubFile>) {
  const source = memorySource(new Map([...files].map(([name, file]) => [name, wholeFile(file)])));
  const model = await loadModel(source, { id, revision: commit });
  return { ...model, weights: digests(model.weights) };
}

const standIn = () => {
  const real = globalThis.fetch;
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    real(url.replace(HUB_ENDPOINT, server.url), init),
  );
};

const cutOff = () =>
  vi.stubGlobal('fetch', async () => {
    throw new TypeError('no network');
  });

const weightBytes = (files: ReadonlyMap<string, HubFile>) =>
  [...files].filter(([name]) => name.endsWith('.safetensors')).reduce((sum, [, file]) => sum + file.size, 0);

describe('a model of the Hub', () => {
  it('in one file comes with the commit that its branch names', async () => {
    const model = await visit();
    const expected = await inMemory(single);
    expect(model.identity).toEqual({ ...expected.identity, revision: commit });
    expect(model.weights).toEqual(expected.weights);
  });

  it('in three shards comes whole', async () => {
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: shards } });
    const model = await visit();
    expect(model.weights).toEqual((await inMemory(shards)).weights);
    expect(model.bytes).toBeGreaterThan(weightBytes(shards));
  });

  it('as one GGUF file among several is named by it, and kept for itself', async () => {
    const files = new Map(
      ['llama', 'qwen2'].map((name) => [
        `q4/${name}.gguf`,
        hubFile(new Uint8Array(readFileSync(join(gguf, `${name}.gguf`))), true),
      ]),
    );
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: files } });
    const store = new MemoryStore();
    const model = await visit({ store, name: `${id}/q4/llama.gguf` });
    expect(model.identity).toMatchObject({ id: `${id}/q4/llama.gguf`, revision: commit });
    expect(model.spec.modelType).toBe('llama');
    expect((await visit({ store, name: `${id}/q4/qwen2.gguf` })).spec.modelType).toBe('qwen2');
    expect(await new ModelStore(store).list()).toMatchObject([
      { id: `${id}/q4/qwen2.gguf`, bytes: files.get('q4/qwen2.gguf')?.size, complete: true },
      { id: `${id}/q4/llama.gguf`, bytes: files.get('q4/llama.gguf')?.size, complete: true },
    ]);
    cutOff();
    expect((await visit({ store, name: `${id}/q4/llama.gguf` })).weights).toEqual(model.weights);
  });

  it('that holds GGUF files alone is told how one of them is named, and one that it does not hold is missed', async () => {
    const file = hubFile(new Uint8Array(readFileSync(join(gguf, 'llama.gguf'))), true);
    const files = new Map([['llama.gguf', file]]);
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: files } });
    await expect(visit()).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('llama.gguf'),
      hint: expect.stringContaining('owner/model/FILE.gguf'),
    });
    await expect(visit({ name: `${id}/other.gguf` })).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('no other.gguf'),
    });
  });

  it('is fetched in ranges, several at a time, from where the Hub sends to', async () => {
    // An answer waits until another one is asked for; where they are asked for one by one, for long.
    let waiting = 0;
    let together = () => {};
    const met = new Promise<boolean>((done) => {
      together = () => done(true);
    });
    server.troubles.before = async (_, begin) => {
      if (begin === 0) return;
      if (++waiting > 1) together();
      await Promise.race([met, new Promise((done) => setTimeout(done, 5000, false))]);
      waiting--;
    };
    await visit();
    expect(await Promise.race([met, false])).toBe(true);
    const ranges = server.requests.filter(({ path }) => path.includes('model.safetensors'));
    expect(ranges.every(({ range }) => range !== null)).toBe(true);
    // The Hub itself is asked once for each file, the signed address it gives serves the rest.
    expect(ranges.filter(({ host }) => host === 'hub')).toHaveLength(1);
    expect(ranges.filter(({ host }) => host === 'cdn').length).toBeGreaterThan(3);
  });

  it('is fetched in ranges where their answers do not say how long the file is', async () => {
    server.troubles.bareRanges = true;
    const model = await visit();
    expect(model.weights).toEqual((await inMemory(single)).weights);
    const ranges = server.requests.filter(({ path }) => path.includes('model.safetensors'));
    expect(ranges.every(({ range }) => range !== null)).toBe(true);
  });

  it('goes on when a signed address expires', async () => {
    server.troubles.signatures = 2;
    expect((await visit()).weights).toEqual((await inMemory(single)).weights);
  });

  it('tells how far all of its files are', async () => {
    const progress: LoadProgress[] = [];
    const { bytes } = await visit({ onProgress: (event) => progress.push(event) });
    expect(progress.at(-1)).toMatchObject({ phase: 'downloading', loaded: bytes, total: bytes });
    const loaded = progress.map((event) => event.loaded);
    expect(loaded).toEqual(loaded.toSorted((one, other) => one - other));
  });
});

describe('a kept model', () => {
  it('is read without the network but for the branch, and without that when there is none', async () => {
    const store = new MemoryStore();
    const first = await visit({ store });
    expect(first.local).toBe(false);
    server.reset();
    const second = await visit({ store });
    expect(second).toMatchObject({ local: true, identity: first.identity });
    expect(server.requests.map(({ path }) => path)).toEqual([`/api/models/${id}/revision/main?blobs=true`]);
    cutOff();
    const third = await visit({ store });
    expect(third).toMatchObject({ local: true, identity: first.identity });
    expect(third.weights).toEqual(first.weights);
  });

  it('is another one when its branch has moved', async () => {
    const store = new MemoryStore();
    await visit({ store });
    const moved = new Map(single).set('README.md', hubFile(new Uint8Array([1])));
    server.models.set(id, { refs: { main: next }, commits: { [commit]: single, [next]: moved } });
    expect(await visit({ store })).toMatchObject({ local: false, identity: { revision: next } });
    expect(await visit({ store, revision: commit })).toMatchObject({ local: true });
    cutOff();
    // Both are kept; the branch means the one it was last seen to mean.
    expect((await visit({ store })).identity.revision).toBe(next);
    expect((await new ModelStore(store).list()).map(({ complete }) => complete)).toEqual([true, true]);
  });

  it('goes on where its download broke off', async () => {
    const store = new MemoryStore();
    server.troubles.cutAfter = 9 * MIB;
    await expect(visit({ store })).rejects.toMatchObject({ kind: 'truncated' });
    const [{ bytes, complete }] = await new ModelStore(store).list();
    expect(complete).toBe(false);
    expect(bytes).toBeGreaterThan(4 * MIB);
    server.reset();
    const model = await visit({ store });
    expect(model.weights).toEqual((await inMemory(single)).weights);
    expect(server.cdnBytes).toBeLessThanOrEqual(model.bytes - bytes);
    expect(await new ModelStore(store).list()).toMatchObject([{ complete: true, bytes: model.bytes }]);
  });

  it('goes on after being cancelled', async () => {
    const store = new MemoryStore();
    const abort = new AbortController();
    const stop = ({ loaded, file }: LoadProgress) => {
      if (file === 'model.safetensors' && loaded > 6 * MIB) abort.abort();
    };
    // Reports come at a pace: the clock of this test is ahead of it.
    let clock = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => (clock += 1000));
    await expect(visit({ store, signal: abort.signal, onProgress: stop })).rejects.toMatchObject({
      name: 'AbortError',
    });
    vi.restoreAllMocks();
    const [{ bytes }] = await new ModelStore(store).list();
    server.reset();
    const model = await visit({ store });
    expect(model.weights).toEqual((await inMemory(single)).weights);
    // The server may have begun to answer a request that was cancelled.
    expect(server.cdnBytes).toBeLessThan(model.bytes - bytes + MIB);
  });

  it('survives connections that break off again and again', async () => {
    let cuts = 0;
    server.troubles.before = () => {
      // Each answer may send 3 MiB more than the last.
      server.troubles.cutAfter = (server.troubles.cutAfter ?? 0) + 3 * MIB;
      cuts++;
    };
    const model = await visit({ store: new MemoryStore() });
    expect(model.weights).toEqual((await inMemory(single)).weights);
    expect(cuts).toBeGreaterThan(5);
  });

  it('that is not what its publisher names is refused, and fetched anew the next time', async () => {
    const store = new MemoryStore();
    const right = single.get('model.safetensors') as HubFile;
    const wrong: HubFile = {
      ...right,
      at: (begin, end) => {
        const bytes = right.at(begin, end);
        if (begin <= 5 * MIB && end > 5 * MIB) bytes[5 * MIB - begin] ^= 1;
        return bytes;
      },
    };
    server.models.set(id, {
      refs: { main: commit },
      commits: { [commit]: new Map(single).set('model.safetensors', wrong) },
    });
    await expect(visit({ store })).rejects.toMatchObject({
      kind: 'wrongHash',
      message: expect.stringContaining(right.sha256 as string),
    });
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: single } });
    expect((await visit({ store })).weights).toEqual((await inMemory(single)).weights);
  });

  it('is not kept where there is no room, and loads all the same', async () => {
    const store = new MemoryStore(8 * MIB);
    const model = await visit({ store });
    expect(model.weights).toEqual((await inMemory(single)).weights);
    expect(model.notKept).toContain('no room');
    expect(await new ModelStore(store).list()).toEqual([]);
  });

  it('of which a part cannot be written is still loaded whole', async () => {
    // Room seems to be there until the disk says otherwise.
    const store = new MemoryStore(8 * MIB);
    store.usage = async () => ({ used: null, quota: null, persisted: false });
    const model = await visit({ store });
    expect(model.weights).toEqual((await inMemory(single)).weights);
    expect(model.notKept).toContain('no room');
  });
});

describe('the access token', () => {
  it('goes to the Hub’s own host and nowhere else', async () => {
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: single }, gated: 'token' });
    await visit({ token: TOKEN });
    const hub = server.requests.filter(({ host }) => host === 'hub');
    const cdn = server.requests.filter(({ host }) => host === 'cdn');
    expect(cdn.length).toBeGreaterThan(3);
    expect(new Set(hub.map(({ authorization }) => authorization))).toEqual(new Set([`Bearer ${TOKEN}`]));
    expect(new Set(cdn.map(({ authorization }) => authorization))).toEqual(new Set([null]));
  });

  it.each([
    () => server.url,
    () => HUB_ENDPOINT.replace('https:', 'http:'),
    () => `${HUB_ENDPOINT}:8443`,
    () => HUB_ENDPOINT.replace('huggingface.co', 'huggingface.co.example'),
    () => HUB_ENDPOINT.replace('//', '//huggingface.co@example.org/'),
  ])('goes to no address that is not the Hub’s (%#)', async (endpointOf) => {
    const asked: [string, Headers][] = [];
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
      asked.push([url, new Headers(init?.headers)]);
      return new Response('{}', { status: 404 });
    });
    await expect(openHub(id, 'main', null, { endpoint: endpointOf(), token: TOKEN })).rejects.toThrow();
    expect(asked.length).toBeGreaterThan(0);
    for (const [, headers] of asked) expect(headers.get('authorization')).toBeNull();
  });
});

describe('the Hub', () => {
  const gated = (how: 'token' | 'licence') =>
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: single }, gated: how });

  it.each([
    ['a gated model without a token', () => gated('token'), {}, 'forbidden', 'is gated', 'access token'],
    [
      'a licence not accepted',
      () => gated('licence'),
      { token: TOKEN },
      'forbidden',
      'is gated',
      'accept the model',
    ],
    [
      'a wrong token',
      () => gated('token'),
      { token: 'hf_wrong' },
      'unauthorized',
      'does not accept the access token',
      'tokens',
    ],
    ['no such model', () => server.models.clear(), {}, 'notFound', 'has no public model', 'owner/name'],
    [
      'no such model, with a token',
      () => server.models.clear(),
      { token: TOKEN },
      'notFound',
      'has no public model',
      'owner/name',
    ],
    ['no such revision', () => undefined, { revision: 'v9' }, 'notFound', 'no revision “v9”', 'main'],
  ] as [string, () => unknown, Visit, string, string, string][])(
    'refusing %s says so, and what to do',
    async (_, arrange, options, kind, message, hint) => {
      arrange();
      await expect(visit(options)).rejects.toMatchObject({
        name: 'ModelError',
        kind,
        message: expect.stringContaining(message),
        hint: expect.stringContaining(hint),
      });
    },
  );

  it.each([
    [429, { 'retry-after': '37' }, 'rateLimited', 'wait 37 seconds'],
    [500, {}, 'server', 'try again later'],
    [401, {}, 'unauthorized', 'access token'],
  ])('answering %i is told with what to do', async (status, headers, kind, hint) => {
    server.troubles.refuse = { status, headers: headers as Record<string, string> };
    await expect(visit()).rejects.toMatchObject({ kind, hint: expect.stringContaining(hint) });
  });

  it('holding only pickled weights is told with how to have them converted', async () => {
    const files = new Map(single);
    files.set('pytorch_model.bin', files.get('model.safetensors') as HubFile);
    files.delete('model.safetensors');
    server.models.set(id, { refs: { main: commit }, commits: { [commit]: files } });
    await expect(visit()).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('pytorch_model.bin'),
      hint: expect.stringContaining('convert'),
    });
  });

  it('out of reach is told as such, and as offline where the browser knows', async () => {
    cutOff();
    await expect(visit()).rejects.toMatchObject({ kind: 'network' });
    vi.stubGlobal('navigator', { onLine: false });
    await expect(visit()).rejects.toMatchObject({
      kind: 'offline',
      message: expect.stringContaining('offline'),
    });
  });

  it('that may not be read from here is told apart from one out of reach', async () => {
    vi.stubGlobal('location', { origin: 'http://page.example' });
    vi.stubGlobal('fetch', async (_: string, { mode }: RequestInit = {}) => {
      // What a browser does with an answer without CORS headers.
      if (mode === 'no-cors') return new Response(null);
      throw new TypeError('Failed to fetch');
    });
    await expect(visit()).rejects.toMatchObject({
      kind: 'blocked',
      message: expect.stringContaining('CORS'),
    });
  });

  it('answering with something else is told so', async () => {
    vi.stubGlobal('fetch', async () => new Response('<html>', { status: 200 }));
    await expect(visit()).rejects.toMatchObject({ kind: 'wrongContent' });
  });
});
