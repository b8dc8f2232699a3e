/** @file A dataset of the Hub by its name: Parquet files of refs/convert/parquet in ranges, splits, subsets, refusals. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { DataError } from '../../app/data/errors';
import { openHubDataset, parseDatasetAddress } from '../../app/data/hubDataset';
import { DatasetSlot } from '../../app/workers/datasetSlot';
import type { Platform } from '../../app/workers/platform';
import { HubServer, hubFile } from '../hub/server';

const SWEEP = 'test/fixtures/data/sweep';
const file = (name: string) => hubFile(new Uint8Array(readFileSync(`${SWEEP}/${name}`)), true);
const many = file('parquet/codec-snappy-1.0.parquet');
const labelled = file('parquet/classlabel.parquet');
const COMMIT = 'a'.repeat(40);

let server: HubServer;
beforeAll(async () => {
  server = await HubServer.start();
});
afterAll(() => server.close());
beforeEach(() => {
  server.reset();
  server.models.clear();
});

function publish(
  id: string,
  revision: string,
  files: Record<string, ReturnType<typeof hubFile>>,
  gated?: 'token',
) {
  server.models.set(id, {
    refs: { [revision]: COMMIT },
    commits: { [COMMIT]: new Map(Object.entries(files)) },
    gated,
  });
}

const open = (text: string, options = {}) => {
  const address = parseDatasetAddress(text);
  if (!address) throw new Error(`${text} is no address`);
  return openHubDataset(address, { endpoint: server.url, ...options });
};

async function refusal(text: string, options = {}): Promise<DataError> {
  const error = await open(text, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(DataError);
  return error as DataError;
}

describe('names and addresses', () => {
  test.each([
    ['owner/name', 'owner/name', null, null],
    [' datasets/owner/name ', 'owner/name', null, null],
    ['owner/name@v1.0', 'owner/name', null, 'v1.0'],
    ['hf://datasets/owner/name', 'owner/name', null, null],
    ['https://huggingface.co/datasets/owner/name', 'owner/name', null, null],
    ['https://huggingface.co/datasets/owner/name/viewer/en-de/train?p=2', 'owner/name', 'en-de', null],
    ['https://huggingface.co/datasets/owner/name/tree/main/data', 'owner/name', null, null],
    ['https://huggingface.co/datasets/owner/name/tree/dev', 'owner/name', null, 'dev'],
    ['https://huggingface.co/datasets/imdb', 'imdb', null, null],
    ['https://huggingface.co/datasets/imdb/viewer', 'imdb', null, null],
  ])('%s', (text, id, config, revision) => {
    expect(parseDatasetAddress(text)).toEqual({ id, config, revision });
  });

  test.each([
    '',
    'name',
    'a/b/c',
    'https://huggingface.co/owner/model',
    'https://example.org/datasets/a/b',
    'https://huggingface.co/%zz/x',
    'a/b@',
  ])('%j is none', (text) => expect(parseDatasetAddress(text)).toBeNull());
});

describe('a dataset by its name', () => {
  test('its splits become training, validation and test, with the names of classes', async () => {
    publish('owner/set', 'refs/convert/parquet', {
      'default/train/0000.parquet': labelled,
      'default/validation/0000.parquet': labelled,
      'default/test/0000.parquet': labelled,
      'default/unsupervised/0000.parquet': labelled,
    });
    const { train, validation, test: held, notes } = await open('owner/set');
    expect(train.rows).toHaveLength(20);
    expect(train.rows[1].slice(0, 2)).toEqual(['row 1', 'pos']);
    expect([validation?.rows.length, held?.rows.length]).toEqual([20, 20]);
    expect(notes.join()).toMatch(/Left out.*unsupervised/);
  });

  test('only the first rows are read, over several files, and it is said', async () => {
    publish('owner/large', 'refs/convert/parquet', {
      'default/partial-train/0000.parquet': many,
      'default/partial-train/0001.parquet': many,
      'default/partial-train/0002.parquet': many,
    });
    const progress: number[] = [];
    const { train, notes } = await open('owner/large', {
      mostRows: 350,
      onProgress: (done: number, total: number) => progress.push(done / total),
    });
    expect(train.rows).toHaveLength(350);
    expect(train.rows[349][0]).toBe('review number 49, naïve');
    expect(notes.join()).toMatch(/first 350 rows for training were read; the dataset has more/);
    expect(server.requests.some(({ path }) => path.includes('0002'))).toBe(false);
    expect(progress.at(-1)).toBe(1);
  });

  test('files come in ranges', async () => {
    publish('owner/set', 'refs/convert/parquet', { 'default/train/0000.parquet': many });
    await open('owner/set', { mostRows: 10 });
    const sent = server.requests.filter(({ host }) => host === 'cdn');
    expect(sent.length).toBeGreaterThan(1);
    expect(sent.every(({ range }) => range !== null)).toBe(true);
  });

  test('of several subsets one is read and the others are named; one can be asked for', async () => {
    publish('owner/pairs', 'refs/convert/parquet', {
      'de-en/train/0000.parquet': many,
      'fr-en/train/0000.parquet': labelled,
    });
    const { train, notes } = await open('owner/pairs');
    expect(train.rows).toHaveLength(300);
    expect(notes.join()).toMatch(/2 subsets; “de-en” was read. The others: fr-en/);
    const address = { id: 'owner/pairs', config: 'fr-en', revision: null };
    const asked = await openHubDataset(address, { endpoint: server.url });
    expect(asked.train.rows).toHaveLength(20);
    const wrong = openHubDataset({ ...address, config: 'xx' }, { endpoint: server.url });
    await expect(wrong).rejects.toThrow(/no subset “xx”; it has de-en, fr-en/);
  });

  test('without converted files its own are read', async () => {
    const text = (content: string) => hubFile(new TextEncoder().encode(content));
    publish('owner/plain', 'main', {
      'README.md': text('# plain'),
      'data/train.csv': text('text,label\na,x\nb,y\n'),
      'data/test.csv': text('text,label\nc,x\n'),
    });
    const opened = await open('owner/plain');
    expect(opened.train.rows).toHaveLength(2);
    expect(opened.test?.rows).toEqual([['c', 'x']]);
  });
});

describe('refusals', () => {
  test('a name that is not there', async () => {
    expect((await refusal('owner/none')).message).toMatch(/no public dataset owner\/none/);
  });

  test('a gated dataset', async () => {
    publish('owner/gated', 'refs/convert/parquet', { 'default/train/0000.parquet': many }, 'token');
    expect((await refusal('owner/gated')).message).toMatch(/gated/);
  });

  test('a revision that is not there', async () => {
    publish('owner/set', 'main', {});
    expect((await refusal('owner/set@v9')).message).toMatch(/no revision “v9”/);
  });

  test('a busy Hub', async () => {
    server.troubles = { refuse: { status: 429 } };
    expect((await refusal('owner/set')).hint).toMatch(/wait/);
  });

  test('a damaged file', async () => {
    publish('owner/bad', 'refs/convert/parquet', {
      'default/train/0000.parquet': hubFile(new Uint8Array(5000).fill(7), true),
    });
    expect((await refusal('owner/bad')).message).toMatch(/not a readable Parquet file/);
  });

  test('the token is not sent to another address than the Hub', async () => {
    publish('owner/set', 'refs/convert/parquet', { 'default/train/0000.parquet': many });
    await open('owner/set', { token: 'hf_secret' });
    expect(server.requests.every(({ authorization }) => authorization === null)).toBe(true);
  });
});

describe('in the worker', () => {
  const slotWith = (token: string | null) => {
    const platform = { openData: () => Promise.reject(new Error('not asked for')) } as unknown as Platform;
    const access = () => ({ endpoint: server.url, token });
    return new DatasetSlot(platform, 'file:///', null, () => undefined, access);
  };

  test('what a person types is opened, and can be opened again on the next visit', async () => {
    publish('owner/set', 'refs/convert/parquet', { 'default/train/0000.parquet': labelled });
    const opened = await slotWith(null).readHubText(' https://huggingface.co/datasets/owner/set ');
    expect(opened).toMatchObject({
      name: 'owner/set',
      source: { kind: 'hub', address: { id: 'owner/set' } },
    });
    const again = await slotWith(null).readStored({ name: opened.name, source: opened.source, options: {} });
    expect(again.tables.train.rows).toEqual(opened.tables.train.rows);
  });

  test('a text that names no dataset is refused with an example', async () => {
    const error = await slotWith(null)
      .readHubText('my data')
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      message: '“my data” is no dataset of the Hub.',
      hint: expect.stringMatching(/owner\/name/),
    });
  });
});
