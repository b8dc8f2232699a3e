/** @file Model files from strangers: what is something else, what asks for too much, what was changed on its way. */
import { createHash } from 'node:crypto';
import { zipSync } from 'fflate';
import { describe, expect, it, vi } from 'vitest';
import { collectWeights } from '../../app/engine/weightStream';
import { describeModel } from '../../app/model/families';
import { filesSource } from '../../app/model/filesSource';
import { loadModel, openModel } from '../../app/model/load';
import { memorySource } from '../../app/model/source';
import { MemoryStore } from '../../app/model/store/fileStore';
import { ModelStore } from '../../app/model/store/modelStore';
import { openUrl } from '../../app/model/urlSource';
import { tinyModel, zipOf } from '../../tools/fuzz/samples';
import { llamaFiles } from '../hub/model';

const text = (content: string) => new TextEncoder().encode(content);
const json = (value: unknown) => text(JSON.stringify(value));
const files = tinyModel();
const config = JSON.parse(new TextDecoder().decode(files.get('config.json')));

const load = (changed: Record<string, Uint8Array | null>) => {
  const all = new Map([...files, ...Object.entries(changed)]);
  for (const [name, bytes] of all) if (bytes === null) all.delete(name);
  return loadModel(memorySource(all as Map<string, Uint8Array>), { id: 'x' });
};

const pointer = 'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 269060552\n';
const pickle = new Uint8Array([0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8]);

describe('something else in the place of', () => {
  it.each([
    [
      'model.safetensors',
      text(pointer),
      'is a Git LFS pointer: a few lines of text that stand for a file of 269060552',
    ],
    ['model.safetensors', text('<!doctype html><title>Sign in</title>'), 'is a web page'],
    [
      'model.safetensors',
      text('{"error": "Repository not found"}'),
      "server's error message: “Repository not found”",
    ],
    ['model.safetensors', pickle, 'is a pickled Python or PyTorch file'],
    ['model.safetensors', zipSync({ 'archive/data.pkl': pickle }), 'is a pickled PyTorch file'],
    ['tokenizer.json', text(pointer), 'is a Git LFS pointer'],
    ['tokenizer.json', text('Entry not found'), "server's error message: “Entry not found”"],
    ['config.json', text('{"error":"Invalid credentials"}'), '“Invalid credentials”'],
    ['config.json', new Uint8Array(0), 'is empty'],
  ])('%s is named for what it is (%#)', async (name, bytes, message) => {
    await expect(load({ [name]: bytes })).rejects.toMatchObject({
      name: 'ModelError',
      kind: 'wrongContent',
      message: expect.stringContaining(message),
      hint: expect.stringMatching(/\w/),
    });
  });

  it.each([
    ['pytorch_model.bin', pickle, 'pickled'],
    ['model.gguf', text('GGUF\x03\0\0\0'), 'model.gguf is truncated'],
    ['model.gguf', text(pointer), 'model.gguf should be a GGUF file, and is a Git LFS pointer'],
    ['photo.png', new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), 'a PNG picture'],
  ])('a model alone, %s, is named too', async (name, bytes, message) => {
    await expect(filesSource([new File([bytes as Uint8Array<ArrayBuffer>], name)])).rejects.toMatchObject({
      message: expect.stringContaining(message),
    });
  });
});

describe('an optional file', () => {
  it.each([
    ['generation_config.json', text('{"eos_token_id": 5, "temperature": NaN}'), 'NaN'],
    ['generation_config.json', text('{"eos_token_id": '), 'not valid JSON'],
    ['generation_config.json', text(pointer), 'Git LFS pointer'],
    ['tokenizer_config.json', text('<html>'), 'web page'],
    ['chat_template.jinja', text(pointer), 'Git LFS pointer'],
  ])('%s that is broken is left out with a note (%#)', async (name, bytes, note) => {
    const model = await load({ [name]: bytes });
    expect(model.notes).toEqual([expect.stringContaining(note)]);
    expect(model.spec.hidden).toBe(8);
  });

  it('that is sound makes no note', async () => {
    expect((await load({})).notes).toEqual([]);
  });
});

describe('a configuration that asks for too much is refused in words:', () => {
  it.each([
    { num_hidden_layers: 1e8 },
    { head_dim: 1e9 },
    { hidden_size: 2 ** 40 },
    { vocab_size: 1e15 },
    { rope_parameters: { rope_type: 'default', partial_rotary_factor: 1e300 } },
    { model_type: 'gpt_neo', num_layers: 12, num_heads: 2, attention_types: [[['global'], 1e8]] },
    { model_type: 'gpt_neox', rotary_pct: 1e9 },
    { model_type: 'x'.repeat(1e6) },
    { model_type: '__proto__' },
    { model_type: 'toString' },
    { hidden_act: 'constructor' },
  ])('%j', (changed) => {
    let error: unknown;
    try {
      describeModel({ ...config, ...changed }, new Map());
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ name: 'ModelError', hint: expect.stringMatching(/\w/) });
    expect((error as Error).message.length).toBeLessThan(700);
  });

  it('and so is JSON nested a hundred thousand levels deep', async () => {
    const deep = text(`{"a": ${'['.repeat(1e5)}${']'.repeat(1e5)}}`);
    for (const name of ['config.json', 'tokenizer.json']) {
      await expect(load({ [name]: deep })).rejects.toMatchObject({
        message: expect.stringContaining('levels deep'),
      });
    }
  });

  it.each([
    [{}, 'names 0 weight files'],
    [
      Object.fromEntries(Array.from({ length: 1500 }, (_, i) => [`t${i}`, `f${i}.safetensors`])),
      'names 1500',
    ],
    [{ a: '../../etc/passwd' }, 'weight_map.a'],
    [{ a: 'model.safetensors.index.json' }, 'weight_map.a'],
  ])('an index (%#)', async (weight_map, message) => {
    const index = json({ weight_map });
    await expect(
      load({ 'model.safetensors': null, 'model.safetensors.index.json': index }),
    ).rejects.toMatchObject({ message: expect.stringContaining(message) });
  });
});

describe('a quantised checkpoint is refused by its name:', () => {
  it.each([
    [{ quantization_config: { quant_method: 'bitsandbytes', load_in_4bit: true } }, 'bitsandbytes, 4 bits'],
    [{ quantization_config: { quant_method: 'gptq', bits: 4 } }, 'GPTQ, 4 bits'],
    [{ quantization_config: { quant_method: 'awq', bits: 4 } }, 'AWQ, 4 bits'],
    [{ quantization_config: { quant_method: 'toString' } }, '“toString”'],
    [{ quantization: { group_size: 64, bits: 4 } }, 'MLX, 4 bits'],
    [{ text_config: { quantization_config: { quant_method: 'fp8' } } }, 'FP8'],
  ])('%j', async (said, name) => {
    const changed = { ...config, ...said, hidden_size: 16 };
    await expect(load({ 'config.json': json(changed) })).rejects.toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining(`quantised (${name})`),
    });
  });

  it('and one that says so though its weights are all there loads', async () => {
    const said = { ...config, quantization_config: { quant_method: 'gptq', bits: 4 } };
    expect((await load({ 'config.json': json(said) })).dtype).toBe('BF16');
  });
});

describe('a zip of a model', () => {
  const read = async (bytes: Uint8Array) => {
    const source = await filesSource([new File([bytes as Uint8Array<ArrayBuffer>], 'model.zip')]);
    const { weights, identity, tokenizer } = await loadModel(source, { id: 'x' });
    const hash = createHash('sha256');
    for (const { data } of weights.values()) hash.update(data);
    return JSON.stringify([hash.digest('hex'), identity, tokenizer.encode('the thing')]);
  };

  it.each([0, 6] as const)(
    'with one bit changed is never read as another model (level %i)',
    async (level) => {
      const zip = zipOf(files, level);
      const right = await read(zip);
      const wrong: number[] = [];
      for (let i = 0; i < 150; i++) {
        const bit = Math.floor((i * zip.length * 8) / 150) + (i % 8);
        const changed = zip.slice();
        changed[bit >> 3] ^= 1 << (bit & 7);
        const got = await read(changed).catch((error: Error) => error.name);
        if (got !== right && got !== 'ModelError') wrong.push(bit);
      }
      expect(wrong).toEqual([]);
    },
  );

  it('that claims to unpack to gigabytes is refused before memory is taken', async () => {
    const zip = zipOf(files, 6);
    const view = new DataView(zip.buffer);
    for (let at = 0; at + 46 < zip.length; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 0xfffffff0, true);
    }
    await expect(read(zip)).rejects.toMatchObject({ message: expect.stringContaining('is damaged') });
  });
});

describe('a file of a server', () => {
  const large = llamaFiles({ vocab: 16384, hidden: 256, layers: 1, mlp: 512 });
  const wholeOf = (name: string) => {
    const file = large.get(name);
    return file ? file.at(0, file.size) : null;
  };
  type Answer = (bytes: Uint8Array, begin: number, end: number) => Response;
  const honest: Answer = (bytes, begin, end) =>
    new Response(bytes.slice(begin, end) as Uint8Array<ArrayBuffer>, {
      status: 206,
      headers: { 'content-range': `bytes ${begin}-${end - 1}/${bytes.length}`, etag: '"1"' },
    });

  /** Answers ranges of the weights as told, everything else as it should be. */
  const serving = (answer: Answer) => {
    const asked: string[] = [];
    vi.stubGlobal('fetch', async (url: string, init: RequestInit = {}) => {
      const name = url.split('/').at(-1) ?? '';
      const bytes = wholeOf(name);
      asked.push(`${init.method ?? 'GET'} ${name}`);
      if (!bytes) return new Response(null, { status: 404 });
      if (init.method === 'HEAD') return new Response(null, { headers: { etag: '"1"' } });
      const [, first, last] = /bytes=(\d+)-(\d+)/.exec(new Headers(init.headers).get('range') ?? '') ?? [];
      const [begin, end] = [Number(first), Math.min(Number(last) + 1, bytes.length)];
      return (name === 'model.safetensors' && begin > 0 ? answer : honest)(bytes, begin, end);
    });
    return asked;
  };
  const visit = async (store: MemoryStore | null = null) => {
    const opened = await openUrl('http://models.example/m', 'm', store && new ModelStore(store));
    try {
      const model = await openModel(opened.source, { id: 'm' });
      const hash = createHash('sha256');
      for (const { data } of (await collectWeights(model.weights)).values()) hash.update(data);
      await opened.markComplete();
      return { hash: hash.digest('hex'), notes: model.notes, local: model.local };
    } finally {
      await opened.source.close();
      vi.unstubAllGlobals();
    }
  };
  const right = async () => {
    serving(honest);
    return (await visit()).hash;
  };

  it.each<[string, Answer]>([
    ['the range before', (bytes, begin, end) => honest(bytes, begin - 8, end - 8)],
    [
      'other bytes under the right name of the range',
      (bytes, begin, end) => {
        const { headers } = honest(bytes, begin, end);
        return new Response(bytes.slice(0, end - begin + 5) as Uint8Array<ArrayBuffer>, {
          status: 206,
          headers: { ...Object.fromEntries(headers), 'content-length': String(end - begin + 5) },
        });
      },
    ],
    [
      'a range without a sense',
      (bytes, begin, end) => {
        const answer = honest(bytes, begin, end);
        answer.headers.set('content-range', 'bytes */*');
        return answer;
      },
    ],
  ])('that sends %s is refused in words', async (_, answer) => {
    serving(answer);
    await expect(visit()).rejects.toMatchObject({
      kind: 'wrongContent',
      message: expect.stringContaining('The server was asked for bytes'),
    });
  });

  it('that sends the whole file where a part was asked for is read all the same', async () => {
    const expected = await right();
    serving((bytes) => new Response(bytes as Uint8Array<ArrayBuffer>, { headers: { etag: '"1"' } }));
    expect((await visit()).hash).toBe(expected);
  });

  it('that changes while it is read is refused', async () => {
    serving((bytes, begin, end) => {
      const answer = honest(bytes, begin, end);
      answer.headers.set('content-range', `bytes ${begin}-${end - 1}/${bytes.length + 1}`);
      return answer;
    });
    await expect(visit()).rejects.toMatchObject({ kind: 'changed' });
  });

  /** Changes a byte of what is kept, as a disk that fails does. */
  const rot = async (store: MemoryStore, at: number) => {
    const [folder] = await store.folders();
    const manifest = JSON.parse((await store.readText(folder, 'manifest.json')) ?? '');
    const file = await store.open(folder, manifest.files['model.safetensors'].storedAs, 'write');
    const byte = new Uint8Array(1);
    await file.read(at, byte);
    file.write(at, new Uint8Array([byte[0] ^ 1]));
    file.close();
  };

  it.each([5, 100_000, 4 * 2 ** 20 + 7, 8 * 2 ** 20])(
    'that was kept and has changed at byte %i is fetched anew there, with a note',
    async (at) => {
      const store = new MemoryStore();
      const expected = await right();
      serving(honest);
      await visit(store);
      await rot(store, at);
      const asked = serving(honest);
      const model = await visit(store);
      expect(model.hash).toBe(expected);
      expect(model.notes).toEqual([
        expect.stringContaining('was damaged; the damaged part has been downloaded anew'),
      ]);
      // One chunk; where its start is read first, in two requests.
      const fetched = asked.filter((request) => request === 'GET model.safetensors').length;
      expect(fetched).toBeGreaterThan(0);
      expect(fetched).toBeLessThanOrEqual(2);
      serving(honest);
      expect(await visit(store)).toMatchObject({ hash: expected, notes: [], local: true });
    },
  );

  it('that was kept, has changed and cannot be fetched is refused in words', async () => {
    const store = new MemoryStore();
    serving(honest);
    await visit(store);
    await rot(store, 3 * 2 ** 20);
    vi.stubGlobal('fetch', async () => {
      throw new TypeError('no network');
    });
    await expect(visit(store)).rejects.toMatchObject({
      message: expect.stringContaining(
        'as this browser kept it, was damaged, and could not be downloaded anew',
      ),
    });
  });
});
