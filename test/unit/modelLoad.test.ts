/** @file A model folder behind a real server: loaded, cached, and its failures told apart. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import { RunningHash, sha256 } from '../../app/model/hash';
import { type LoadProgress, loadModel } from '../../app/model/load';
import { memorySource } from '../../app/model/source';
import { MemoryStore } from '../../app/model/store/fileStore';
import { ModelStore } from '../../app/model/store/modelStore';
import { openUrl } from '../../app/model/urlSource';

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

/** Stored bytes of the first block's tensors, in canonical order. */
function firstBlock(file: Uint8Array): Uint8Array[] {
  const { tensors } = parseSafetensorsHeader(file);
  const parts = ['ln_1', 'attn.c_attn', 'attn.c_proj', 'ln_2', 'mlp.c_fc', 'mlp.c_proj'];
  return parts
    .flatMap((part) => [`h.0.${part}.weight`, `h.0.${part}.bias`])
    .map((name) => {
      const entry = tensors.get(name) ?? tensors.get(`transformer.${name}`);
      if (!entry) throw new Error(`There is no ${name}.`);
      return file.subarray(entry.begin, entry.end);
    });
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

async function load(
  options: Partial<Parameters<typeof loadModel>[1]> = {},
  store: MemoryStore | null = null,
) {
  const { source, id, markComplete, notKept } = await openUrl(
    base,
    'test/model',
    store && new ModelStore(store),
  );
  const model = await loadModel(source, { id, ...options });
  await markComplete();
  return { ...model, notKept: notKept() };
}

describe('a model folder', () => {
  it('comes with everything that is needed to train on it', async () => {
    const progress: LoadProgress[] = [];
    const model = await load({ onProgress: (event) => progress.push(event) });
    const weightsFile = files.get('model.safetensors') as Uint8Array;
    const header = weightsFile.subarray(0, 8 + new DataView(weightsFile.buffer).getUint32(0, true));
    expect(model).toMatchObject({
      parameters: 384 * 48 + 96 * 48 + 3 * (12 * 48 * 48 + 13 * 48) + 2 * 48,
      dtype: 'F32',
      local: false,
    });
    expect(model.bytes).toBe([...files.values()].reduce((sum, { byteLength }) => sum + byteLength, 0));
    expect(model.identity).toEqual({
      id: 'test/model',
      revision: null,
      weightsHash: hex(header),
      embeddingHash: hex(model.weights.get('embed.tokens')?.data as Uint8Array),
      blockHash: hex(new TextEncoder().encode(firstBlock(weightsFile).map(hex).join(''))),
      configHash: hex(files.get('config.json') as Uint8Array),
      tokenizerHash: hex(files.get('tokenizer.json') as Uint8Array),
      hidden: 48,
      layers: 3,
      heads: 4,
      kvHeads: 4,
      headDim: 12,
    });
    expect(model.tokenizer.decode(model.tokenizer.encode('the parcel'))).toBe('the parcel');
    expect(progress.at(-1)).toMatchObject({
      phase: 'downloading',
      file: 'model.safetensors',
      loaded: model.bytes,
      total: model.bytes,
    });
    const loaded = progress.map((event) => event.loaded);
    expect(loaded).toEqual(loaded.toSorted((one, other) => one - other));
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

  it('lacking everything is told by config.json, whichever answer comes first', async () => {
    const source = memorySource(new Map());
    const late: typeof source = {
      ...source,
      open: async (name, signal) => {
        for (let turns = name === 'config.json' ? 20 : 0; turns > 0; turns--) await Promise.resolve();
        return source.open(name, signal);
      },
    };
    await expect(loadModel(late, { id: 'nowhere' })).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('config.json'),
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
      if (!files.has(name)) return false;
      const packed = gzipSync(files.get(name) ?? new Uint8Array());
      response
        .writeHead(200, { 'content-encoding': 'gzip', 'content-length': packed.byteLength })
        .end(packed);
      return true;
    };
    expect((await load()).spec.hidden).toBe(48);
  });

  it.each([
    [401, 'unauthorized', 'not public'],
    [403, 'forbidden', 'not public'],
    [429, 'rateLimited', 'wait a minute'],
    [503, 'server', 'try again later'],
    [418, 'network', 'Check the address'],
  ])('refusing with %i is told with what to do', async (status, kind, hint) => {
    answer = (_, __, response) => Boolean(response.writeHead(status).end());
    await expect(load()).rejects.toMatchObject({
      kind,
      message: expect.stringContaining(`${status}`),
      hint: expect.stringContaining(hint),
    });
  });

  it('that is not there is told as such', async () => {
    const { source } = await openUrl('http://127.0.0.1:9/model', 'x', null);
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

  it('cannot be a relative address', async () => {
    await expect(openUrl('models/x', 'x', null)).rejects.toThrow('"models/x" is not an absolute URL');
  });
});

describe('the store', () => {
  const refuse = () => {
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no network');
    });
  };

  it('serves the second visit after asking whether the files are the same', async () => {
    const store = new MemoryStore();
    await load({}, store);
    requests = [];
    expect(await load({}, store)).toMatchObject({ local: true, spec: { hidden: 48 } });
    const ofFiles = requests.filter((request) => files.has(request.split(' ')[1]));
    expect(ofFiles.toSorted()).toEqual([...files.keys()].map((name) => `HEAD ${name}`).toSorted());
  });

  it('is left aside for a file that has changed', async () => {
    const store = new MemoryStore();
    await load({}, store);
    files.set('tokenizer_config.json', json({ eos_token: null }));
    requests = [];
    expect((await load({}, store)).tokenizer.endOfTextId).toBe(383);
    const fetched = requests.filter((request) => files.has(request.replace(/^GET /, '')));
    expect(fetched).toEqual(['GET tokenizer_config.json']);
  });

  it('forgets a file that is gone', async () => {
    const store = new MemoryStore();
    await load({}, store);
    files.delete('config.json');
    await expect(load({}, store)).rejects.toMatchObject({ kind: 'missingFile' });
    refuse();
    await expect(load({}, store)).rejects.toMatchObject({ kind: 'missingFile' });
  });

  it('is enough when offline', async () => {
    const store = new MemoryStore();
    const { identity } = await load({}, store);
    refuse();
    expect(await load({}, store)).toMatchObject({ local: true, identity });
  });

  it('that is full does no harm, says so, and keeps no part', async () => {
    const store = new MemoryStore(100_000);
    expect(await load({}, store)).toMatchObject({
      local: false,
      notKept: expect.stringContaining('There is no room'),
    });
    expect(await new ModelStore(store).list()).toEqual([]);
  });

  it('lists what it keeps, and deletes it', async () => {
    const store = new MemoryStore();
    const { bytes } = await load({}, store);
    const kept = new ModelStore(store);
    const [listed, ...others] = await kept.list();
    expect(listed).toMatchObject({ id: 'test/model', revision: null, bytes, complete: true });
    expect(others).toEqual([]);
    await kept.remove(listed.key);
    expect(await kept.list()).toEqual([]);
    requests = [];
    expect((await load({}, store)).local).toBe(false);
    expect(requests).toContain('GET model.safetensors');
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
  const running = new RunningHash();
  for (const part of parts) running.update(part);
  expect(running.hex()).toBe(expected);
});
