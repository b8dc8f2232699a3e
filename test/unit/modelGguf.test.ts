/** @file GGUF files are read as the `gguf` package and transformers read them, and damaged or foreign ones are told apart in words. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  emptyRow,
  isQuantised,
  packRow,
  quantisedType,
  rowLayout,
  widenRows,
} from '../../app/engine/quantised';
import { collectWeights, widened } from '../../app/engine/weightStream';
import { toFloat16Bits, toFloat32 } from '../../app/formats/floats';
import { blockGrouping, unpackBlocks, unpackedTypes } from '../../app/formats/ggmlBlocks';
import { MoreNeeded, parseGguf } from '../../app/formats/gguf';
import { createRandom } from '../../app/formats/random';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import type { ChatMessage } from '../../app/model/chatTemplate';
import { describeModel } from '../../app/model/families';
import { filesSource } from '../../app/model/filesSource';
import { Metadata } from '../../app/model/gguf/metadata';
import { originalOf } from '../../app/model/gguf/original';
import { ggufSource } from '../../app/model/gguf/source';
import { loadModel, openModel } from '../../app/model/load';
import { memoryFile, memorySource, type SourceFile } from '../../app/model/source';
import { type GgufField, writeGguf } from '../../tools/fuzz/ggufWriter';

const home = join(import.meta.dirname, '../fixtures/gguf');
const read = (name: string) => new Uint8Array(readFileSync(join(home, name)));

interface Expected {
  config: Record<string, unknown>;
  /** SHA-256 of float32 values by Hugging Face's name. */
  weights: Record<string, string>;
  texts: { text: string; ids: number[] }[];
  conversations: { messages: ChatMessage[]; rendered: string }[];
}

const models = readdirSync(home)
  .filter((name) => name.endsWith('.json'))
  .map((name) => name.slice(0, -'.json'.length));
const expectedOf = (name: string) => JSON.parse(readFileSync(join(home, `${name}.json`), 'utf8')) as Expected;
const sourceOf = (bytes: Uint8Array, name = 'a.gguf') =>
  ggufSource(memoryFile(bytes), { name, location: 'here' });

/** A file whose chunks are of so many bytes, in the same memory each. */
function inChunks(bytes: Uint8Array, size: number): SourceFile {
  return {
    ...memoryFile(bytes),
    async *stream() {
      const memory = new Uint8Array(size);
      for (let at = 0; at < bytes.byteLength; at += size) {
        const piece = bytes.subarray(at, at + size);
        memory.set(piece);
        yield memory.subarray(0, piece.byteLength);
      }
    },
  };
}

describe('quantised blocks', () => {
  const file = read('types.gguf');
  const { tensors } = parseGguf(file);
  const expectedFile = read('types.safetensors');
  const expected = parseSafetensorsHeader(expectedFile).tensors;

  it.each(unpackedTypes)(
    'of %s become codes that stand for the floats that the gguf package makes of them',
    (name) => {
      const tensor = tensors.get(name);
      const want = expected.get(name);
      if (!tensor?.type || !want) throw new Error(`no ${name}`);
      const grouping = blockGrouping(name);
      if (!grouping) throw new Error(`no ${name}`);
      // All blocks as one row: they do not know where a row ends.
      const blocks = (tensor.end - tensor.begin) / tensor.type.bytes;
      const width = blocks * tensor.type.elements;
      const row = emptyRow(grouping, width);
      unpackBlocks(name, new DataView(file.buffer, file.byteOffset), tensor.begin, blocks, row);
      const packed = new DataView(new ArrayBuffer(rowLayout(grouping, width).bytes));
      packRow(grouping, width, row, packed, 0);
      const found = widenRows(quantisedType(grouping), new Uint8Array(packed.buffer), width);
      const values = new Float32Array(expectedFile.slice(want.begin, want.end).buffer);
      expect(tensor.shape).toEqual(want.shape);
      // Adding 0 makes one of both zeros.
      const unsigned = (all: Float32Array) => all.map((each) => each + 0);
      expect(unsigned(found)).toEqual(unsigned(values));
      expect(new Set(found).size).toBeGreaterThan(100);
    },
  );

  it('are no worse rounded than a table of all half floats says', () => {
    const halves = Array.from({ length: 0x7c01 }, (_, bits) => bits);
    const values = toFloat32({ dtype: 'F16', data: new Uint8Array(Uint16Array.from(halves).buffer) });
    for (const bits of halves) {
      expect(toFloat16Bits(values[bits])).toBe(bits);
      expect(toFloat16Bits(-values[bits])).toBe(bits | 0x8000);
    }
    const random = createRandom(4);
    for (let i = 0; i < 2000; i++) {
      const at = random.int(0x7bff);
      const [low, high] = [values[at], values[at + 1]];
      const middle = (low + high) / 2;
      expect(toFloat16Bits(middle)).toBe(at % 2 === 0 ? at : at + 1);
      expect(toFloat16Bits(Math.fround(middle + (high - low) / 64))).toBe(at + 1);
      expect(toFloat16Bits(Math.fround(middle - (high - low) / 64))).toBe(at);
    }
    expect(toFloat16Bits(65519)).toBe(0x7bff);
    expect(toFloat16Bits(65520)).toBe(0x7c00);
    expect(toFloat16Bits(Number.NaN) & 0x7fff).toBeGreaterThan(0x7c00);
  });
});

describe('a GGUF model', () => {
  it('is tried in every architecture but two whose changes the others have', () => {
    expect(models.sort()).toEqual(['gemma2', 'gemma3', 'llama', 'llama-pieces', 'qwen2', 'qwen3']);
  });

  it.each(models)(
    '(%s) has the specification, weights, ids and chats that transformers finds',
    async (name) => {
      const expected = expectedOf(name);
      const source = await filesSource([new File([read(`${name}.gguf`)], `${name}.gguf`)]);
      const model = await loadModel(source, { id: name });
      const theirs = describeModel(expected.config, new Map());
      // The scale of embeddings is rounded to the type that they are stored in.
      expect({ ...model.spec, embedScale: 0 }).toEqual({ ...theirs.spec, embedScale: 0 });
      for (const { name: canonical, parts } of theirs.sources) {
        const found = model.weights.get(canonical);
        if (!found) throw new Error(`no ${canonical}`);
        const values = widened(found);
        let at = 0;
        for (const part of parts) {
          const count = part.shape.reduce((product, n) => product * n, 1);
          // Adding 0 makes one of both zeros.
          const bytes = new Uint8Array(values.slice(at, at + count).map((each) => each + 0).buffer);
          at += count;
          expect([part.name, createHash('sha256').update(bytes).digest('hex')]).toEqual([
            part.name,
            expected.weights[part.name],
          ]);
        }
        expect(at).toBe(values.length);
      }
      for (const { text, ids } of expected.texts) {
        expect([text, model.tokenizer.encode(text)]).toEqual([text, ids]);
      }
      expect(model.chat !== null).toBe(expected.conversations.length > 0);
      for (const { messages, rendered } of expected.conversations) {
        expect(model.chat?.render(messages, { generationPrompt: true })).toBe(rendered);
      }
    },
  );

  it.each([1, 7, 1000, 65536])('is the same in chunks of %i bytes', async (size) => {
    const bytes = read('llama.gguf');
    const whole = await loadModel(await sourceOf(bytes), { id: 'x' });
    const source = await ggufSource(inChunks(bytes, size), { name: 'a.gguf', location: 'here' });
    const model = await openModel(source, { id: 'x' });
    const weights = await collectWeights(model.weights);
    for (const [name, { data }] of weights)
      expect(Buffer.compare(data, whole.weights.get(name)?.data ?? data)).toBe(0);
    expect(model.identity()).toEqual(whole.identity);
  });

  it('has its quantised matrices as codes, of one type where it is made of several', async () => {
    const { weights } = await loadModel(await sourceOf(read('llama.gguf')), { id: 'x' });
    const types = new Map([...weights].map(([name, { dtype }]) => [name, dtype]));
    // The parts of queries, keys and values are Q4_0, Q4_1 and Q5_0.
    expect(types.get('layers.0.attention.qkv.weight')).toBe('q8/32/f32+offset');
    expect(types.get('embed.tokens')).toBe('q8/32/f16');
    const matrices = [...weights.values()].filter(({ shape }) => shape.length === 2);
    expect(matrices.filter(({ dtype }) => isQuantised(dtype)).length).toBeGreaterThan(matrices.length / 2);
    for (const { dtype, shape } of weights.values()) if (shape.length === 1) expect(dtype).toBe('F32');
  });

  it.each<[string, Record<string, GgufField>, string | null]>([
    ['nothing', {}, null],
    ['an address', { 'general.source.repo_url': 'https://huggingface.co/a/B-1.5' }, 'a/B-1.5'],
    ['a name', { 'general.source.huggingface.repository': 'a/b' }, 'a/b'],
    [
      'a base of its own name',
      { 'general.name': 'Tea 1B Instruct', base: 'a/Tea-1B-Instruct' },
      'a/Tea-1B-Instruct',
    ],
    ['the base that it was tuned from', { 'general.name': 'Tea 1B Instruct', base: 'a/Tea-1B' }, null],
    ['a base, and no name', { base: 'a/Tea-1B' }, 'a/Tea-1B'],
    ['an owner alone', { 'general.repo_url': 'https://huggingface.co/a' }, null],
    ['another site', { 'general.repo_url': 'https://example.org/a/b' }, null],
    ['where such files are', { 'general.repo_url': 'https://huggingface.co/a/b-GGUF' }, null],
    ['what is no text', { 'general.repo_url': 3, 'general.name': [1] }, null],
  ])('knows its original of %s', (_, { base, ...fields }, original) => {
    const from: Record<string, GgufField> = {};
    if (base !== undefined) from['general.base_model.0.repo_url'] = `https://huggingface.co/${base}`;
    const header = parseGguf(writeGguf({ ...fields, ...from }, {}));
    expect(originalOf(new Metadata(header, 'a.gguf'))).toBe(original);
  });

  it('says that its weights were quantised, and what reading it takes', async () => {
    const bytes = read('llama.gguf');
    const seen: number[] = [];
    const model = await openModel(await sourceOf(bytes), {
      id: 'x',
      onProgress: ({ loaded, total }) => seen.push(loaded, total),
    });
    expect(model.notes.join()).toMatch(/quantised \(.*Q4_0.*\)/);
    expect(model.quantised).toEqual({
      types: expect.arrayContaining(['Q4_0', 'Q8_0']),
      original: null,
      called: 'llama',
    });
    expect(model.dtype).toMatch(/^8-bit.*4-bit/);
    await collectWeights(model.weights);
    expect(model.bytes).toBeLessThan(2 * bytes.byteLength);
    expect(Math.max(...seen)).toBeLessThan(2 * bytes.byteLength);
  });

  it('gives the start of its weights without reading them, and more than that by reading', async () => {
    const weights = await (await sourceOf(read('llama.gguf'))).open('model.safetensors');
    if (!weights?.size) throw new Error('no weights');
    const all = await weights.head(weights.size + 10);
    expect(all.byteLength).toBe(weights.size);
    expect(await weights.head(5000)).toEqual(all.subarray(0, 5000));
    expect(parseSafetensorsHeader(all).tensors.size).toBe(Object.keys(expectedOf('llama').weights).length);
  });

  it('is found among other files, and asked for where there are several', async () => {
    const gguf = new File([read('llama.gguf')], 'm.GGUF');
    const source = await filesSource([new File(['# M'], 'README.md'), gguf]);
    expect((await openModel(source, { id: 'x' })).spec.modelType).toBe('llama');
    await expect(filesSource([gguf, new File([read('qwen2.gguf')], 'n.gguf')])).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('2 GGUF files: m.GGUF, n.gguf'),
    });
  });

  it('is named where a folder holds nothing else', async () => {
    const folder = memorySource(new Map([['m-Q4_K_M.gguf', read('llama.gguf')]]));
    await expect(openModel(folder, { id: 'x' })).rejects.toMatchObject({
      kind: 'missingFile',
      message: expect.stringContaining('It has m-Q4_K_M.gguf'),
      hint: expect.stringContaining('owner/model/FILE.gguf'),
    });
  });
});

describe('a GGUF file that is not read', () => {
  const base: Record<string, GgufField> = {
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.context_length': 8,
    'llama.embedding_length': 8,
    'llama.feed_forward_length': 8,
    'llama.attention.head_count': 2,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': ['a', 'b', 'ab'],
    'tokenizer.ggml.merges': ['a b'],
  };
  const embedding = { 'token_embd.weight': { type: 'F16', shape: [3, 8] } };
  const refusal = async (
    fields: Record<string, GgufField>,
    tensors: Parameters<typeof writeGguf>[1] = embedding,
  ) => {
    const opened = sourceOf(writeGguf({ ...base, ...fields }, tensors)).then((source) =>
      openModel(source, { id: 'x' }),
    );
    const error = await opened.catch((thrown: unknown) => thrown);
    return error as { name: string; kind: string; message: string; hint: string };
  };

  it.each<[string, Record<string, GgufField>, RegExp]>([
    ['an architecture', { 'general.architecture': 'mamba' }, /“mamba”.*llama, .*gemma3/],
    ['a mixture', { 'llama.expert_count': 8 }, /8 experts/],
    ['an adapter', { 'general.type': 'adapter' }, /adapter/],
    ['one part of several', { 'split.count': 3 }, /one of 3 parts/],
    ['a tokenizer', { 'tokenizer.ggml.model': 'rwkv' }, /“rwkv”/],
    ['a way to cut texts', { 'tokenizer.ggml.pre': 'chameleon' }, /“chameleon”/],
    ['a rotation of half a head', { 'llama.rope.dimension_count': 2 }, /rotates 2 of a head's 4/],
    [
      'a scaling of rotation',
      { 'llama.rope.scaling.type': 'yarn', 'llama.rope.scaling.factor': 4 },
      /"yarn"/,
    ],
    ['layers that differ', { 'llama.attention.head_count': [2, 4] }, /not the same in all/],
  ])('is told apart by %s', async (_, fields, message) => {
    const error = await refusal(fields);
    expect(error).toMatchObject({
      name: 'ModelError',
      kind: 'unsupported',
      message: expect.stringMatching(message),
    });
    expect(error.hint.length).toBeGreaterThan(10);
  });

  it('is told what to take instead of its quantisation', async () => {
    const error = await refusal({}, { 'token_embd.weight': { type: 'IQ3_S', shape: [2, 256] } });
    expect(error).toMatchObject({
      kind: 'unsupported',
      message: expect.stringContaining('token_embd.weight as IQ3_S'),
    });
    expect(error.hint).toMatch(/Q4_K_M/);
  });

  it.each([
    'general.architecture',
    'llama.block_count',
    'llama.embedding_length',
    'tokenizer.ggml.model',
    'tokenizer.ggml.tokens',
    'tokenizer.ggml.merges',
  ])('is told that %s is missing', async (key) => {
    const { [key]: _, ...fields } = base;
    const file = writeGguf(fields, embedding);
    await expect(sourceOf(file)).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining(key),
    });
  });
});

describe('a damaged GGUF header', () => {
  const file = writeGguf(
    { 'general.name': 'x', list: [1, 2, 3], texts: ['a', 'b'], flag: true, deep: [[1], [2]] },
    {
      one: { type: 'F32', shape: [2, 4] },
      two: { type: 'Q8_0', shape: [3, 64] },
      odd: { type: 99, shape: [1] },
    },
  );

  it('has values and tensors, of types that are not known too', () => {
    const { metadata, tensors } = parseGguf(file);
    expect(metadata.get('general.name')).toBe('x');
    expect([...(metadata.get('list') as Float64Array)]).toEqual([1, 2, 3]);
    expect(metadata.get('texts')).toEqual(['a', 'b']);
    expect(metadata.get('flag')).toBe(true);
    expect(metadata.has('deep')).toBe(false);
    expect(tensors.get('two')).toMatchObject({ shape: [3, 64], typeName: 'Q8_0' });
    expect(tensors.get('odd')).toMatchObject({ type: null, typeName: 'type 99' });
  });

  it('asks for more until it is whole, and says where the file itself ends too early', () => {
    const { dataStart } = parseGguf(file);
    const fileBytes = file.byteLength;
    for (let length = 4; length < dataStart - 32; length += 3) {
      expect(() => parseGguf(file.subarray(0, length), { fileBytes })).toThrow(MoreNeeded);
      expect(() => parseGguf(file.subarray(0, length))).toThrow(/truncated/);
    }
    expect(parseGguf(file.subarray(0, dataStart), { fileBytes }).tensors.size).toBe(3);
    expect(() => parseGguf(file.subarray(0, fileBytes - 200))).toThrow(/truncated/);
  });

  it.each<[string, (view: DataView) => void, RegExp]>([
    ['another version', (view) => view.setUint32(4, 1, true), /version 1/],
    ['numbers the other way round', (view) => view.setUint32(4, 3), /big-endian/],
    [
      'more tensors than there can be',
      (view) => view.setBigUint64(8, 2n ** 40n, true),
      /1099511627776 tensors/,
    ],
    [
      'more values than there can be',
      (view) => view.setBigUint64(16, 2n ** 63n, true),
      /values is 9223372036854775808/,
    ],
    [
      'a name without end',
      (view) => view.setBigUint64(24, 2n ** 62n, true),
      /name of 4611686018427387904 bytes/,
    ],
  ])('is told by %s', (_, change, message) => {
    const copy = file.slice();
    change(new DataView(copy.buffer));
    expect(() => parseGguf(copy)).toThrow(message);
  });

  it('is told by tensors that overlap, and by names that come twice', () => {
    const tensor = { type: 'F32', shape: [2, 4] };
    expect(() => parseGguf(writeGguf({}, { one: tensor, two: { ...tensor, at: 0 } }))).toThrow(/overlap/);
    expect(() => parseGguf(writeGguf({}, { one: { ...tensor, at: 4 } }))).toThrow(/no multiple of 32/);
    const bytes = writeGguf({}, { one: tensor, two: tensor });
    const text = Buffer.from(bytes.buffer).toString('latin1').replace('two', 'one');
    expect(() => parseGguf(new Uint8Array(Buffer.from(text, 'latin1')))).toThrow(/“one” twice/);
  });

  it('is told by rows that are no whole blocks', () => {
    expect(() => parseGguf(writeGguf({}, { one: { type: 'Q4_K', shape: [8, 32], at: 0 } }))).toThrow(
      /no whole blocks of Q4_K/,
    );
    // A single number in blocks of 32: said with a number, not with what is missing.
    expect(() => parseGguf(writeGguf({}, { one: { type: 'Q5_0', shape: [], at: 0 } }))).toThrow(
      /rows of 1 elements, which are no whole blocks of Q5_0/,
    );
  });
});
