/** @file A model folder behind a real server: loaded, cached, and its failures told apart. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../app/model/hash';
import { type LoadProgress, loadModel } from '../../app/model/load';
import { memorySource } from '../../app/model/source';
import { urlSource } from '../../app/model/urlSource';

const read = (path: string) => new Uint8Array(readFileSync(`${import.meta.dirname}/../${path}`));
const json = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const hex = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

/** The GPT-2 golden checkpoint has 384 rows: the tokenizer is cut down to fit by leaving out its last merges. */
function smallTokenizer(): object {
  const { tokenizer } = JSON.parse(new TextDecoder().decode(read('fixtures/tokenizers/byteLevel.json')));
  const vocab = Object.entries<number>(tokenizer.model.vocab).filter(([, id]) => id < 384);
  const kept = new Set(vocab.map(([token]) => token));
  tokenizer.model.vocab = Object.fromEntries(vocab);
  tokenizer.model.merges = tokenizer.model.merges.filter((pair: string[]) => kept.has(pair.join('')));
  return tokenizer;
}

function modelFiles(): Map<string, Uint8Array<ArrayBuffer>> {
  return new Map([
    ['config.json', read('golden/gpt2-f32/config.json')],
    ['model.safetensors', read('golden/gpt2-f32/model.safetensors')],
    ['tokenizer.json', json(smallTokenizer())],
    ['tokenizer_config.json', json({ eos_token: '<|end|>' })],
  ]);
}

/** A Cache API in memory. */
function memoryCaches(put?: () => Promise<void>) {
  const kept = new Map<string, Response>();
  const cache = {
    match: async (url: string) => kept.get(url)?.clone(),
    put: async (url: string, response: Response) => {
      await put?.();
      kept.set(url, response);
    },
    delete: async (url: string) => kept.delete(url),
  };
  return { kept, caches: { open: async () => cache } as unknown as CacheStorage };
}

let server: Server;
let base: string;
let files: Map<string, Uint8Array<ArrayBuffer>>;
/** `METHOD name` of every request since the test began. */
let requests: string[];
let answer: ((name: string, request: IncomingMessage, response: ServerResponse) => boolean) | null;

beforeAll(async () => {
  server = createServer((request, response) => {
    const name = (request.url ?? '').replace('/model/', '');
    requests.push(`${request.method} ${name}`);
    if (answer?.(name, request, response)) return;
    const bytes = files.get(name);
    if (!bytes) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-length': bytes.byteLength, etag: `"${hex(bytes)}"` });
    response.end(request.method === 'HEAD' ? undefined : bytes);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}/model`;
});
afterAll(() => new Promise((done) => server.close(done)));
beforeEach(() => {
  files = modelFiles();
  requests = [];
  answer = null;
});
afterEach(() => vi.unstubAllGlobals());

const load = (options: Partial<Parameters<typeof loadModel>[1]> = {}, caches: CacheStorage | null = null) =>
  loadModel(urlSource(base, { caches }), { id: 'test/model', ...options });

describe('a model folder', () => {
  it('comes with everything that is needed to train on it', async () => {
    const progress: LoadProgress[] = [];
    const model = await load({ onProgress: (event) => progress.push(event) });
    const weightsFile = files.get('model.safetensors') as Uint8Array;
    const header = weightsFile.subarray(0, 8 + new DataView(weightsFile.buffer).getUint32(0, true));
    expect(model).toMatchObject({
      parameters: 384 * 48 + 96 * 48 + 3 * (12 * 48 * 48 + 13 * 48) + 2 * 48,
      dtype: 'F32',
      fromCache: false,
    });
    expect(model.bytes).toBe([...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0));
    expect(model.identity).toEqual({
      id: 'test/model',
      revision: null,
      weightsHash: hex(header),
      embeddingHash: hex(model.weights.get('embed.tokens')?.data as Uint8Array),
      tokenizerHash: hex(files.get('tokenizer.json') as Uint8Array),
      hidden: 48,
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDim: 12,
    });
    expect(model.tokenizer.decode(model.tokenizer.encode('the parcel'))).toBe('the parcel');
    const total = weightsFile.byteLength;
    expect(progress).toContainEqual({
      phase: 'downloading',
      file: 'model.safetensors',
      loaded: total,
      total,
    });
    expect(progress.at(-1)).toEqual({ phase: 'reading', file: 'model.safetensors', loaded: total, total });
  });

  it('without tokenizer_config.json is complete all the same', async () => {
    files.delete('tokenizer_config.json');
    expect((await load()).tokenizer.endOfTextId).toBe(383);
  });

  it('in shards is put together by its index', async () => {
    const whole = files.get('model.safetensors') as Uint8Array<ArrayBuffer>;
    files.delete('model.safetensors');
    files.set('model-00001-of-00001.safetensors', whole);
    files.set(
      'model.safetensors.index.json',
      json({ weight_map: { 'wte.weight': 'model-00001-of-00001.safetensors' } }),
    );
    expect((await load()).spec.hidden).toBe(48);
  });

  it('is checked before its weights are fetched', async () => {
    files.set('config.json', json({ model_type: 'mamba' }));
    await expect(load()).rejects.toMatchObject({ name: 'ModelError', kind: 'unsupported' });
    expect(requests).not.toContain('GET model.safetensors');
  });

  it('whose tokenizer is not JSON says where', async () => {
    files.set('tokenizer.json', new TextEncoder().encode('{"model":'));
    await expect(load()).rejects.toThrow(/^tokenizer\.json is not valid JSON/);
  });
});

describe('the server', () => {
  it('lacking a file is told with file and address', async () => {
    files.delete('model.safetensors');
    await expect(load()).rejects.toMatchObject({
      kind: 'missingFile',
      message: `The model has no model.safetensors (looked in ${base}/).`,
    });
  });

  it('answering with a page in place of a file is told so', async () => {
    answer = (name, _, response) => {
      if (name !== 'config.json') return false;
      response
        .writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
        .end('<!doctype html><title>App</title>');
      return true;
    };
    await expect(load()).rejects.toMatchObject({
      kind: 'wrongContent',
      message: expect.stringContaining('config.json'),
    });
  });

  it('sending a page without saying so is told so too', async () => {
    files.set('config.json', new TextEncoder().encode('\n<!DOCTYPE html><html></html>'));
    await expect(load()).rejects.toMatchObject({
      kind: 'wrongContent',
      message: expect.stringContaining('web page'),
    });
  });

  it('breaking off is told with the bytes that came', async () => {
    answer = (name, _, response) => {
      if (name !== 'model.safetensors') return false;
      response.writeHead(200, { 'content-length': 5000 });
      response.write(new Uint8Array(1000), () => response.destroy());
      return true;
    };
    await expect(load()).rejects.toMatchObject({
      kind: 'truncated',
      message: expect.stringMatching(/model\.safetensors broke off after \d+ of 5000 bytes/),
    });
  });

  it('holding half a file is told by the file itself', async () => {
    files.set(
      'model.safetensors',
      (files.get('model.safetensors') as Uint8Array<ArrayBuffer>).slice(0, 100_000),
    );
    await expect(load()).rejects.toMatchObject({
      kind: 'truncated',
      message: expect.stringContaining('the file has 100000'),
    });
  });

  it('compressing its answers is understood', async () => {
    answer = (name, _, response) => {
      const packed = gzipSync(files.get(name) ?? new Uint8Array());
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.byteLength })
        .end(packed);
      return true;
    };
    expect((await load()).spec.hidden).toBe(48);
  });

  it.each([
    [403, 'not public'],
    [429, 'wait a minute'],
    [503, 'try again later'],
  ])('refusing with %i is told with what to do', async (status, hint) => {
    answer = (_, __, response) => Boolean(response.writeHead(status).end());
    await expect(load()).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringContaining(`${status}`),
      hint: expect.stringContaining(hint),
    });
  });

  it('that is not there is told as such', async () => {
    const source = urlSource('http://127.0.0.1:9/model', { caches: null });
    await expect(loadModel(source, { id: 'x' })).rejects.toMatchObject({
      kind: 'network',
      message: expect.stringContaining('could not be fetched'),
    });
  });

  it('is left when loading is cancelled', async () => {
    const abort = new AbortController();
    const onProgress = ({ file }: LoadProgress) => file === 'model.safetensors' && abort.abort();
    await expect(load({ signal: abort.signal, onProgress })).rejects.toMatchObject({ name: 'AbortError' });
  });

  it('cannot be a relative address', () => {
    expect(() => urlSource('models/x')).toThrow('"models/x" is not an absolute URL');
  });
});

describe('the cache', () => {
  it('serves the second visit after asking whether the files are the same', async () => {
    const { caches } = memoryCaches();
    await load({}, caches);
    requests = [];
    expect(await load({}, caches)).toMatchObject({ fromCache: true, spec: { hidden: 48 } });
    expect(requests.every((request) => request.startsWith('HEAD '))).toBe(true);
    expect(requests).toHaveLength(4);
  });

  it('is left aside for a file that has changed', async () => {
    const { caches } = memoryCaches();
    await load({}, caches);
    files.set('tokenizer_config.json', json({ eos_token: null }));
    requests = [];
    expect((await load({}, caches)).tokenizer.endOfTextId).toBe(383);
    expect(requests.filter((request) => request.startsWith('GET '))).toEqual(['GET tokenizer_config.json']);
  });

  it('forgets a file that is gone', async () => {
    const { caches, kept } = memoryCaches();
    await load({}, caches);
    files.delete('config.json');
    await expect(load({}, caches)).rejects.toMatchObject({ kind: 'missingFile' });
    expect(kept.has(`${base}/config.json`)).toBe(false);
  });

  it('is enough when offline', async () => {
    const { caches } = memoryCaches();
    await load({}, caches);
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('offline');
    });
    expect(await load({}, caches)).toMatchObject({ fromCache: true });
  });

  it('that is full or forbidden does no harm', async () => {
    const full = memoryCaches(async () => {
      throw new DOMException('full', 'QuotaExceededError');
    });
    expect((await load({}, full.caches)).fromCache).toBe(false);
    const forbidden = {
      open: async () => Promise.reject(new DOMException('no', 'SecurityError')),
    } as unknown as CacheStorage;
    expect((await load({}, forbidden)).fromCache).toBe(false);
  });
});

it('files in memory make a model as those of a server do', async () => {
  const model = await loadModel(memorySource(files), { id: 'x' });
  expect(model.identity).toEqual((await load({ id: 'x' })).identity);
});

it('hashes are the same without crypto.subtle', async () => {
  const parts = [json('one'), json('two')];
  const expected = createHash('sha256').update(parts[0]).update(parts[1]).digest('hex');
  expect(await sha256(...parts)).toBe(expected);
  vi.stubGlobal('crypto', {});
  expect(await sha256(...parts)).toBe(expected);
});
