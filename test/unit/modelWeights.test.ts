/** @file Tensors of a checkpoint are found, checked and brought into canonical order; broken files are told apart. */
import { describe, expect, it } from 'vitest';
import { collectWeights, widened } from '../../app/engine/weightStream';
import { toFloat32 } from '../../app/formats/floats';
import { openCheckpoint } from '../../app/model/checkpoint';
import { describeModel } from '../../app/model/families';
import { loadNetwork } from '../../app/model/load';
import { planReading } from '../../app/model/readingPlan';
import { parseSafetensorsHeader } from '../../app/model/safetensors';
import { memoryFile, memorySource, type SourceFile } from '../../app/model/source';
import { weightsOf } from '../../app/model/weights';

interface TensorInput {
  dtype?: string;
  shape: number[];
  data?: Uint8Array;
}

/** A file in memory that is read in chunks of so many bytes, in the same memory each. */
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

/** A safetensors file; `pad` is data bytes before the first tensor. */
function safetensors(tensors: Record<string, TensorInput>, pad = 0): Uint8Array<ArrayBuffer> {
  let at = pad;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const data: [number, Uint8Array][] = [];
  for (const [name, { dtype = 'F32', shape, data: given }] of Object.entries(tensors)) {
    const bytes = given ?? new Uint8Array(shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2));
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.byteLength] };
    data.push([at, bytes]);
    at += bytes.byteLength;
  }
  return withHeader(JSON.stringify(header), at, data);
}

function withHeader(
  header: string,
  dataBytes: number,
  data: [number, Uint8Array][] = [],
): Uint8Array<ArrayBuffer> {
  const json = new TextEncoder().encode(header);
  const file = new Uint8Array(8 + json.length + dataBytes);
  new DataView(file.buffer).setBigUint64(0, BigInt(json.length), true);
  file.set(json, 8);
  for (const [at, bytes] of data) file.set(bytes, 8 + json.length + at);
  return file;
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const halves = (...values: number[]) => new Uint8Array(Uint16Array.from(values).buffer);

describe('weights', () => {
  const part = (
    name: string,
    shape: number[],
    layout: 'stored' | 'transposed' | { qkvByHead: number } = 'stored',
  ) => ({ name, shape, layout });
  /** The weight made of these parts, and the pieces it was delivered in; the file arrives in chunks of so many bytes. */
  const read = async (
    file: Uint8Array<ArrayBuffer>,
    shape: number[],
    parts: ReturnType<typeof part>[],
    chunk = file.byteLength,
  ) => {
    const files = new Map([['model.safetensors', inChunks(file, chunk)]]);
    const { tensors } = await openCheckpoint(files);
    const plan = planReading([{ name: 'w', shape, parts }], tensors);
    const pieces: { offset: number; length: number; aligned: boolean }[] = [];
    const stream = weightsOf(plan, files);
    const weight = (
      await collectWeights({
        shapes: stream.shapes,
        deliver: (sink) =>
          stream.deliver((name, offset, bytes) => {
            pieces.push({ offset, length: bytes.byteLength, aligned: bytes.byteOffset % 4 === 0 });
            return sink(name, offset, bytes);
          }),
      })
    ).get('w');
    if (!weight) throw new Error('no weight came back');
    return { ...weight, values: [...widened(weight)], pieces };
  };

  it.each([
    ['F32', floats(1, 2, 3, 4, 5, 6)],
    ['BF16', halves(0x3f80, 0x4000, 0x4040, 0x4080, 0x40a0, 0x40c0)],
    ['F16', halves(0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600)],
  ])('stored [in, out] as %s are turned', async (dtype, data) => {
    const file = safetensors({ a: { dtype, shape: [2, 3], data } });
    const { values } = await read(file, [3, 2], [part('a', [2, 3], 'transposed')]);
    expect(values).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('larger than a tile are turned whole', async () => {
    const values = Array.from({ length: 70 * 45 }, (_, i) => i);
    const file = safetensors({ a: { shape: [70, 45], data: floats(...values) } });
    const { values: turned } = await read(file, [45, 70], [part('a', [70, 45], 'transposed')], 1000);
    expect(turned).toEqual(Array.from({ length: 70 * 45 }, (_, i) => (i % 70) * 45 + Math.floor(i / 70)));
  });

  it('interleaved by head are sorted into queries, keys, values', async () => {
    // Two heads of two rows, one column: q0 q0 k0 k0 v0 v0 q1 q1 …
    const file = safetensors({ a: { shape: [12, 1], data: floats(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12) } });
    const { values } = await read(file, [12, 1], [part('a', [12, 1], { qkvByHead: 2 })], 7);
    expect(values).toEqual([1, 2, 7, 8, 3, 4, 9, 10, 5, 6, 11, 12]);
  });

  it('in several parts are stacked, in 32 bits where types differ', async () => {
    const same = safetensors({
      a: { dtype: 'F16', shape: [1], data: halves(0x3c00) },
      b: { dtype: 'F16', shape: [1], data: halves(0x4000) },
    });
    expect(await read(same, [2], [part('a', [1]), part('b', [1])])).toMatchObject({
      dtype: 'F16',
      values: [1, 2],
    });
    const mixed = safetensors({
      a: { dtype: 'F16', shape: [1], data: halves(0x3c00) },
      b: { shape: [1], data: floats(0.1) },
    });
    expect(await read(mixed, [2], [part('a', [1]), part('b', [1])])).toMatchObject({
      dtype: 'F32',
      values: [1, Math.fround(0.1)],
    });
  });

  it.each([0, 1, 2, 3])('come from any byte offset (%i)', async (pad) => {
    const file = safetensors({ a: { shape: [2], data: floats(1.5, -2) } }, pad);
    const { values, pieces } = await read(file, [2], [part('a', [2])], 5);
    expect(values).toEqual([1.5, -2]);
    expect(pieces.every(({ aligned }) => aligned)).toBe(true);
  });

  it('come whole, once, in pieces of whole words, whatever the file is cut into', async () => {
    const values = Array.from({ length: 3 * 2 * 6 * 5 }, (_, i) => i);
    const file = safetensors({
      odd: { dtype: 'F16', shape: [3], data: halves(1, 2, 3) },
      rows: { shape: [36, 5], data: floats(...values) },
    });
    for (const chunk of [1, 3, 64, 1000]) {
      const rows = await read(file, [36, 5], [part('rows', [36, 5], { qkvByHead: 2 })], chunk);
      expect(rows.values.slice(30, 60)).toEqual(values.slice(90, 120));
      expect(
        rows.pieces.every(({ offset, length, aligned }) => aligned && offset % 4 === 0 && length % 4 === 0),
      ).toBe(true);
      expect(rows.pieces.reduce((sum, { length }) => sum + length, 0)).toBe(4 * values.length);
      // Two parts of three halves each: the second would begin in the middle of a word.
      const both = await read(file, [6], [part('odd', [3]), part('odd', [3])], chunk);
      expect([...new Uint16Array(both.data.buffer)]).toEqual([1, 2, 3, 1, 2, 3]);
      expect(both.pieces).toEqual([{ offset: 0, length: 12, aligned: true }]);
    }
  });

  it('of 16 bits widen exactly, to zeros, subnormals and infinities', () => {
    const f16 = toFloat32({
      dtype: 'F16',
      data: halves(0x0000, 0x8000, 0x0001, 0x03ff, 0x0400, 0x7bff, 0xfc00, 0x7e00),
    });
    expect([...f16]).toEqual([0, -0, 2 ** -24, 1023 * 2 ** -24, 2 ** -14, 65504, -Infinity, NaN]);
    expect([...toFloat32({ dtype: 'BF16', data: halves(0x3f80, 0xc049, 0x0001) })]).toEqual([
      1,
      -3.140625,
      2 ** -133,
    ]);
  });

  it('are named with the expected shape when missing', async () => {
    const file = safetensors({ b: { shape: [1] } });
    await expect(read(file, [2, 3], [part('a', [2, 3])])).rejects.toThrow(
      'no tensor "a", which should be [2, 3]',
    );
  });

  it('are named with both shapes when of another', async () => {
    const file = safetensors({ a: { shape: [3, 2] } });
    await expect(read(file, [2, 3], [part('a', [2, 3])])).rejects.toThrow(
      '"a" is [3, 2]; by config.json it should be [2, 3]',
    );
  });

  it('are refused in a type that is none for weights', async () => {
    const file = safetensors({ a: { dtype: 'F8_E4M3', shape: [2], data: new Uint8Array(2) } });
    await expect(read(file, [2], [part('a', [2])])).rejects.toThrow(
      'stored as F8_E4M3; supported are F32, F16, BF16',
    );
  });

  it('are refused as codes of a size that cannot be, or whose rows would change places', async () => {
    const codes = (bytes: number) =>
      safetensors({ a: { dtype: 'q4/32/f16', shape: [2, 32], data: new Uint8Array(bytes) } });
    await expect(read(codes(36), [2, 32], [part('a', [2, 32])])).rejects.toThrow('stored as q4/32/f16');
    await expect(read(codes(40), [32, 2], [{ ...part('a', [2, 32]), layout: 'transposed' }])).rejects.toThrow(
      'stored as q4/32/f16',
    );
    const { values } = await read(codes(40), [2, 32], [part('a', [2, 32])]);
    expect(values).toEqual(new Array(64).fill(0));
  });

  it('with names under any usual prefix are found', async () => {
    const config = { model_type: 'gpt2', vocab_size: 4, n_embd: 2, n_layer: 1, n_head: 1, n_positions: 4 };
    const named = (prefix: string) => {
      const { sources } = describeModel(config, new Map([[`${prefix}wte.weight`, { dtype: 'F32' }]]));
      return safetensors(
        Object.fromEntries(sources.flatMap(({ parts }) => parts.map(({ name, shape }) => [name, { shape }]))),
      );
    };
    for (const prefix of ['', 'transformer.']) {
      const file = named(prefix);
      expect(parseSafetensorsHeader(file, 'f').tensors.has(`${prefix}h.0.ln_1.weight`)).toBe(true);
      const source = memorySource(
        new Map([
          ['config.json', new TextEncoder().encode(JSON.stringify(config))],
          ['model.safetensors', file],
        ]),
      );
      expect((await loadNetwork(source)).weights.size).toBe(16);
    }
  });
});

describe('a safetensors file', () => {
  const entry = (offsets: number[], shape = [1]) => ({ dtype: 'F32', shape, data_offsets: offsets });
  const parse = (file: Uint8Array) => parseSafetensorsHeader(file, 'model.safetensors');

  it.each([
    ['ends within its first eight bytes', new Uint8Array(5), 'truncated', 'ends after 5 bytes'],
    [
      'is something else',
      new TextEncoder().encode('<!doctype html><html>'),
      'wrongContent',
      'should be a safetensors file, and is a web page',
    ],
    [
      'ends within its header',
      withHeader('{"a":1}', 0).subarray(0, 12),
      'truncated',
      'header alone needs 15 bytes, the file has 12',
    ],
    ['has a header that is not JSON', withHeader('{"a":', 0), 'malformed', 'header is not JSON'],
    ['has a header that is a list', withHeader('[1, 2]', 0), 'malformed', 'should be a JSON object'],
    [
      'has an entry without a type',
      withHeader('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4),
      'malformed',
      '"a": dtype',
    ],
    [
      'has offsets that do not fit a shape',
      withHeader(JSON.stringify({ a: entry([0, 8]) }), 8),
      'malformed',
      'needs 4 bytes, its offsets 0 to 8 hold 8',
    ],
    [
      'has offsets that run backwards',
      withHeader(JSON.stringify({ a: entry([8, 4]) }), 8),
      'malformed',
      'offsets 8 to 4',
    ],
    [
      'has tensors that overlap',
      withHeader(JSON.stringify({ a: entry([0, 4]), b: entry([2, 6]) }), 8),
      'malformed',
      'tensors "a" and "b" overlap',
    ],
  ])('that %s says so', (_, file, kind, message) => {
    expect(() => parse(file)).toThrow(
      expect.objectContaining({ kind, message: expect.stringContaining(message) }),
    );
  });

  it('that is cut off says how many bytes it should have', () => {
    const file = safetensors({ a: { shape: [100] } });
    expect(() => parse(file.subarray(0, file.length - 7))).toThrow(
      `header describes ${file.length} bytes, the file has ${file.length - 7}`,
    );
  });

  it('may hold tensors of types that no one needs', () => {
    const file = safetensors({
      mask: { dtype: 'U8', shape: [2], data: new Uint8Array(2) },
      new: { dtype: 'F4', shape: [4], data: new Uint8Array(2) },
    });
    expect([...parse(file).tensors.keys()]).toEqual(['mask', 'new']);
  });

  it('may have bytes after its last tensor and metadata that are no strings', () => {
    const header = JSON.stringify({ __metadata__: { version: 1 }, a: entry([0, 4]) });
    expect(parse(withHeader(header, 10))).toMatchObject({ metadata: {} });
    expect([...parse(withHeader(header, 10)).tensors.keys()]).toEqual(['a']);
  });

  it('beside another with the same tensor is refused', async () => {
    const file = safetensors({ a: { shape: [1] } });
    await expect(
      openCheckpoint(
        new Map([
          ['1', memoryFile(file)],
          ['2', memoryFile(file)],
        ]),
      ),
    ).rejects.toThrow('"a" is in 2 and in another file');
  });
});
