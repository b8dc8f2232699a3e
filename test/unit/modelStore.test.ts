/** @file The parts of keeping and choosing files: byte ranges, folders and zips that were dropped, progress. */
import { Zip, ZipDeflate, ZipPassThrough, zipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { filesSource } from '../../app/model/filesSource';
import { type LoadProgress, ProgressMeter } from '../../app/model/progress';
import { readWhole } from '../../app/model/source';
import { MemoryStore } from '../../app/model/store/fileStore';
import { ModelStore } from '../../app/model/store/modelStore';
import { addRange, type Range, rangeBytes, splitRange } from '../../app/model/store/ranges';

describe('byte ranges', () => {
  it('join where they touch or overlap, in whatever order they come', () => {
    let ranges: Range[] = [];
    for (const [begin, end] of [
      [20, 30],
      [0, 5],
      [30, 40],
      [4, 10],
      [50, 50],
    ]) {
      ranges = addRange(ranges, begin, end);
    }
    expect(ranges).toEqual([
      [0, 10],
      [20, 40],
    ]);
    expect(rangeBytes(ranges)).toBe(30);
    expect(addRange(ranges, 8, 25)).toEqual([[0, 40]]);
  });

  it('tell what of a stretch is there and what is not', () => {
    const ranges: Range[] = [
      [0, 10],
      [20, 40],
    ];
    expect(splitRange(ranges, 5, 25)).toEqual([
      { begin: 5, end: 10, inside: true },
      { begin: 10, end: 20, inside: false },
      { begin: 20, end: 25, inside: true },
    ]);
    expect(splitRange(ranges, 40, 50)).toEqual([{ begin: 40, end: 50, inside: false }]);
    expect(splitRange([], 0, 0)).toEqual([]);
  });
});

const text = (value: string) => new TextEncoder().encode(value);
const weights = Uint8Array.from({ length: 30_000 }, (_, i) => (i * i) >> 3);
const file = (name: string, bytes: Uint8Array<ArrayBuffer>) => new File([bytes], name);

async function read(
  source: Awaited<ReturnType<typeof filesSource>>,
  name: string,
): Promise<Uint8Array | null> {
  const opened = await source.open(name);
  return opened && readWhole(opened);
}

/** Compared at once: one by one takes seconds. */
const same = (one: Uint8Array | null, other: Uint8Array) => one !== null && Buffer.compare(one, other) === 0;

describe('dropped files', () => {
  it('are a folder by their names', async () => {
    const source = await filesSource([file('config.json', text('{}')), file('model.safetensors', weights)]);
    expect(source.names).toEqual(['config.json', 'model.safetensors']);
    expect(same(await read(source, 'model.safetensors'), weights)).toBe(true);
    expect(await read(source, 'tokenizer.json')).toBeNull();
  });

  it('without a configuration are no model, and say what they are', async () => {
    await expect(filesSource([file('rows.csv', text('a,b'))])).rejects.toMatchObject({
      name: 'ModelError',
      kind: 'missingFile',
      message: expect.stringContaining('rows.csv'),
    });
  });

  it('in a zip are read where they lie, stored or deflated, from the outermost folder with a configuration', async () => {
    const zip = zipSync({
      'model/original/config.json': text('{"inner":true}'),
      'model/config.json': [text('{"outer":true}'), { level: 9 }],
      'model/packed.safetensors': [weights, { level: 6 }],
      'model/stored.safetensors': [weights, { level: 0 }],
    });
    const source = await filesSource([file('model.zip', zip as Uint8Array<ArrayBuffer>)]);
    expect(source.names).toEqual(['config.json', 'packed.safetensors', 'stored.safetensors']);
    expect(await read(source, 'config.json')).toEqual(text('{"outer":true}'));
    for (const name of ['packed.safetensors', 'stored.safetensors']) {
      expect(same(await read(source, name), weights)).toBe(true);
      const opened = await source.open(name);
      expect(same((await opened?.head(1000)) ?? null, weights.subarray(0, 1000))).toBe(true);
      expect(opened?.size).toBe(weights.byteLength);
    }
  });

  it('in a zip that was written without going back are read as well', async () => {
    // Such zips have no sizes in the headers before the files, only in the directory at the end.
    const chunks: Uint8Array[] = [];
    const zip = new Zip((_, chunk) => chunks.push(chunk));
    const config = new ZipDeflate('config.json');
    const model = new ZipPassThrough('model.safetensors');
    for (const [entry, bytes] of [
      [config, text('{}')],
      [model, weights],
    ] as const) {
      zip.add(entry);
      entry.push(bytes, true);
    }
    zip.end();
    const source = await filesSource([new File(chunks as Uint8Array<ArrayBuffer>[], 'streamed.zip')]);
    expect(await read(source, 'config.json')).toEqual(text('{}'));
    expect(same(await read(source, 'model.safetensors'), weights)).toBe(true);
  });

  it('in a damaged zip are refused in words', async () => {
    const zip = zipSync({ 'config.json': text('{}'), w: [weights, { level: 6 }] });
    const half = zip.slice(0, zip.byteLength / 2) as Uint8Array<ArrayBuffer>;
    await expect(filesSource([file('half.zip', half)])).rejects.toMatchObject({
      kind: 'malformed',
      message: expect.stringContaining('half.zip'),
    });
    const broken = Uint8Array.from(zip);
    broken.fill(0xff, 200, 1200);
    const source = await filesSource([file('broken.zip', broken)]);
    await expect(read(source, 'w')).rejects.toMatchObject({ kind: 'malformed' });
  });
});

describe('progress', () => {
  it('tells speed over the last seconds, at a pace, and never more than all', () => {
    let now = 0;
    const told: LoadProgress[] = [];
    const meter = new ProgressMeter(
      (progress) => told.push(progress),
      () => now,
    );
    meter.begin('model.safetensors');
    meter.expect(10_000, 'downloading');
    for (; now < 4000; now += 10) meter.add(20);
    expect(told.length).toBeLessThan(60);
    expect(told.at(-1)?.speed).toBeCloseTo(2000, -2);
    meter.add(5000);
    meter.report();
    expect(told.at(-1)).toMatchObject({ loaded: 10_000, total: 10_000, file: 'model.safetensors' });
  });
});

it('a folder without a readable manifest is cleared away, and what is open is not', async () => {
  const store = new MemoryStore();
  await store.writeText('stray', 'manifest.json', '{"version":1');
  const models = new ModelStore(store);
  const kept = await models.open({ address: 'https://x/', id: 'x', revision: null });
  kept.begin('w', { size: 3, validator: null });
  await kept.prepare('w');
  kept.write('w', 0, new Uint8Array([1, 2, 3]));
  expect(await models.list()).toEqual([]);
  expect(await store.folders()).toEqual([kept.folder]);
  await expect(models.remove(kept.folder)).rejects.toMatchObject({ kind: 'storage' });
  await kept.close();
  expect(await models.list()).toMatchObject([{ id: 'x', bytes: 3, complete: false }]);
});
