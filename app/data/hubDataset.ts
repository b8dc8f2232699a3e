/**
 * @file A dataset of the Hugging Face Hub: its Parquet files (the Hub keeps them for every public dataset on the branch
 * refs/convert/parquet, as CONFIG/SPLIT/0000.parquet), of which only the first rows are fetched; else its own files.
 */
import { type FileMetaData, parquetMetadataAsync } from 'hyparquet';
import { z } from 'zod';
import { ModelError } from '../model/errors';
import { request, type Target } from '../model/http';
import { HUB_ENDPOINT } from '../model/hub';
import { DataError } from './errors';
import { openData } from './open';
import type { WorkOptions } from './pace';
import { checkSize, type ParquetFile, readTable, unreadableFile } from './parquet';
import { rawParsers } from './parquetValues';
import { PART_NAMES, type Part, partOfName } from './parts';
import { joinTables, MAX_BYTES } from './table';
import type { DataFile, OpenedData, Table } from './types';

/** What a person names: a dataset, and where it has several configurations (“subsets”), one of them. */
export interface HubDatasetAddress {
  /** `owner/name`; a few old ones have no owner. */
  id: string;
  config: string | null;
  /** A branch, tag or commit of the dataset's own files; null takes the Hub's Parquet files. */
  revision: string | null;
}

export interface HubDatasetOptions extends WorkOptions {
  /** Without a trailing slash. */
  endpoint?: string;
  /** Goes to the Hub's own https address and nowhere else. */
  token?: string | null;
  /** Rows that are read for training; a fifth of them for validation and for test. */
  mostRows?: number;
}

const CONVERTED = 'refs/convert/parquet';
const MOST_ROWS = 20_000;
const NAME = /^[\w.-]+\/[\w.-]+$/;

/**
 * Reads `owner/name`, `owner/name@revision`, `hf://datasets/owner/name` and the Hub's own addresses of datasets
 * (`/viewer/CONFIG/SPLIT`, `/tree/REVISION`). Null for anything else.
 */
export function parseDatasetAddress(text: string): HubDatasetAddress | null {
  const trimmed = text.trim().replace(/^hf:\/\//, `${HUB_ENDPOINT}/`);
  if (!/^https?:/i.test(trimmed)) {
    const [id, revision = null, ...more] = trimmed.replace(/^datasets\//, '').split('@');
    return NAME.test(id) && more.length === 0 && revision !== '' ? { id, config: null, revision } : null;
  }
  if (!URL.canParse(trimmed)) return null;
  const url = new URL(trimmed);
  if (!/^(www\.)?(huggingface\.co|hf\.co)$/.test(url.hostname)) return null;
  const parts = url.pathname.split('/').filter((part) => part !== '');
  if (parts[0] !== 'datasets' || parts.length < 2) return null;
  const views = ['viewer', 'tree', 'resolve', 'blob', 'discussions', 'raw'];
  const owned = parts.length > 2 && !views.includes(parts[2]);
  const id = parts.slice(1, owned ? 3 : 2).join('/');
  const [view, first = null] = parts.slice(owned ? 3 : 2);
  if (!/^[\w.-]+(\/[\w.-]+)?$/.test(id)) return null;
  if (view === 'viewer') return { id, config: first && decodePart(first), revision: null };
  return { id, config: null, revision: view && first && first !== 'main' ? decodePart(first) : null };
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** @throws DataError that tells what the Hub refuses and what to do; the signal's reason when aborted. */
export async function openHubDataset(
  address: HubDatasetAddress,
  options: HubDatasetOptions = {},
): Promise<OpenedData> {
  const { endpoint = HUB_ENDPOINT, token = null, signal } = options;
  const hub = new DatasetHub(endpoint, address.id, token, signal);
  try {
    if (address.revision === null) {
      const converted = await hub.list(CONVERTED);
      if (converted) return await openConverted(hub, converted, address.config, options);
    }
    const own = await hub.list(address.revision ?? 'main');
    if (own) return await openOwnFiles(hub, own, options);
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    throw new DataError(error.message, {
      hint: 'Check the connection and open the dataset again, or download its files and drop them here.',
      cause: error,
    });
  }
  throw new DataError(`The dataset ${address.id} has no revision “${address.revision ?? 'main'}”.`, {
    hint: `Choose a branch, tag or commit that ${hub.page} lists.`,
  });
}

interface Listing {
  commit: string;
  files: { name: string; size: number | null }[];
}

const infoSchema = z.looseObject({
  sha: z.string().regex(/^[0-9a-f]{7,64}$/),
  siblings: z.array(
    z.looseObject({
      rfilename: z.string(),
      size: z.number().int().nonnegative().nullish(),
      lfs: z.looseObject({ size: z.number().nullish() }).nullish(),
    }),
  ),
});

/** Addresses, the token, and errors of one dataset. */
class DatasetHub {
  constructor(
    private readonly endpoint: string,
    readonly id: string,
    private readonly token: string | null,
    readonly signal: AbortSignal | undefined,
  ) {}

  get page(): string {
    return `${this.endpoint}/datasets/${this.id}`;
  }

  /** The files of a revision, null where there is no such revision. @throws DataError, ModelError */
  async list(revision: string): Promise<Listing | null> {
    const url = `${this.endpoint}/api/datasets/${this.id}/revision/${encodeURIComponent(revision)}?blobs=true`;
    const response = await this.get({ name: `What the Hub knows of ${this.id}`, url });
    if (response.status === 404 && response.headers.get('x-error-code') === 'RevisionNotFound') {
      await response.body?.cancel();
      return null;
    }
    if (!response.ok) throw await this.refused(response);
    const parsed = infoSchema.safeParse(await response.json().catch(() => null));
    if (!parsed.success) {
      throw new DataError(`The Hub's answer about ${this.id} is not what was expected (${url}).`, {
        hint: 'Try again later; if it stays so, download the files of the dataset and drop them here.',
      });
    }
    const { sha, siblings } = parsed.data;
    const files = siblings.map(({ rfilename, size, lfs }) => ({
      name: rfilename,
      size: lfs?.size ?? size ?? null,
    }));
    return { commit: sha, files };
  }

  /** A whole file. @throws DataError, ModelError */
  async file(commit: string, name: string): Promise<Uint8Array> {
    const response = await this.get({ name, url: this.addressOf(commit, name) });
    if (!response.ok) throw await this.refused(response);
    return new Uint8Array(await response.arrayBuffer());
  }

  /** A Parquet file of which only the parts that are asked for are fetched. */
  async parquet(commit: string, name: string, size: number): Promise<ParquetFile> {
    const target = { name, url: this.addressOf(commit, name) };
    return {
      byteLength: size,
      slice: async (begin, end = size) => {
        const response = await this.get(target, { begin, end });
        if (!response.ok) throw await this.refused(response);
        const bytes = await response.arrayBuffer();
        const part = response.status === 206 ? bytes : bytes.slice(begin, end);
        if (part.byteLength !== end - begin) {
          throw new DataError(
            `The Hub was asked for ${end - begin} bytes of ${name} and sent ${part.byteLength}.`,
            {
              hint: 'Open the dataset again.',
            },
          );
        }
        return part;
      },
    };
  }

  private addressOf(commit: string, name: string): string {
    return `${this.page}/resolve/${commit}/${name.split('/').map(encodeURIComponent).join('/')}`;
  }

  private get(target: Target, range?: { begin: number; end: number }): Promise<Response> {
    const own = new URL(target.url).origin === HUB_ENDPOINT;
    const headers: Record<string, string> =
      own && this.token !== null ? { authorization: `Bearer ${this.token}` } : {};
    return request(target, { range, headers, cache: 'no-store', signal: this.signal });
  }

  private async refused(response: Response): Promise<DataError> {
    await response.body?.cancel();
    const { status, headers } = response;
    const code = headers.get('x-error-code');
    if (code === 'GatedRepo' || status === 403) {
      return new DataError(`The dataset ${this.id} is gated: the Hub answered ${status}.`, {
        hint: `Sign in at ${this.page} and accept its terms there, then enter an access token that may read gated datasets.`,
      });
    }
    if (status === 401 || status === 404) {
      return new DataError(`The Hub has no public dataset ${this.id} (it answered ${status}).`, {
        hint: 'Check the name, which is owner/name; a private dataset needs an access token.',
      });
    }
    const wait = status === 429 ? 'Too many requests: wait a minute, then try again.' : 'Try again later.';
    return new DataError(`The Hub answered ${status} for the dataset ${this.id}.`, { hint: wait });
  }
}

type PartFiles = Record<Part, { name: string; size: number }[]>;

async function openConverted(
  hub: DatasetHub,
  { commit, files }: Listing,
  asked: string | null,
  options: HubDatasetOptions,
): Promise<OpenedData> {
  const parquet = files.filter(({ name }) => /^[^/]+\/[^/]+\/[^/]+\.parquet$/.test(name));
  const configs = [...new Set(parquet.map(({ name }) => name.split('/')[0]))].sort();
  const config = asked ?? (configs.includes('default') ? 'default' : configs[0]);
  if (config === undefined || !configs.includes(config)) {
    throw new DataError(
      config === undefined
        ? `The Hub has no Parquet files of ${hub.id}.`
        : `The dataset ${hub.id} has no subset “${config}”; it has ${configs.join(', ')}.`,
      {
        hint:
          config === undefined
            ? `Download its files from ${hub.page} and drop them here.`
            : 'Choose one of them.',
      },
    );
  }
  const notes: string[] = [];
  if (asked === null && configs.length > 1) {
    const others = configs.filter((name) => name !== config);
    const shown =
      others.length > 8
        ? `${others.slice(0, 8).join(', ')} and ${others.length - 8} more`
        : others.join(', ');
    notes.push(`The dataset has ${configs.length} subsets; “${config}” was read. The others: ${shown}.`);
  }
  const parts: PartFiles = { train: [], validation: [], test: [] };
  const unknown = new Set<string>();
  for (const { name, size } of parquet) {
    const [from, folder] = name.split('/');
    if (from !== config || size === null) continue;
    // Of large datasets the Hub converts only the first part.
    const split = folder.replace(/^partial-/, '');
    const part = partOfName(split);
    if (part) parts[part].push({ name, size });
    else unknown.add(split);
  }
  if (parts.train.length === 0 && unknown.size === 1) {
    const [only] = unknown;
    parts.train = parquet.flatMap(({ name, size }) =>
      size !== null && name.split('/')[0] === config && name.split('/')[1].replace(/^partial-/, '') === only
        ? [{ name, size }]
        : [],
    );
    notes.push(`Its one split is called “${only}”; it was taken for training.`);
  } else if (unknown.size > 0) {
    notes.push(
      `Left out, since they are no part for training, validation or test: ${[...unknown].join(', ')}.`,
    );
  }
  return openParts(hub, commit, parts, notes, options);
}

/** The first rows of each part. */
async function openParts(
  hub: DatasetHub,
  commit: string,
  parts: PartFiles,
  notes: string[],
  { mostRows = MOST_ROWS, onProgress, signal }: HubDatasetOptions,
): Promise<OpenedData> {
  const wanted: [Part, number][] = [
    ['train', mostRows],
    ['validation', Math.ceil(mostRows / 5)],
    ['test', Math.ceil(mostRows / 5)],
  ];
  const total = wanted.reduce((sum, [part, most]) => sum + (parts[part].length > 0 ? most : 0), 0);
  let before = 0;
  const tables: Record<Part, Table | null> = { train: null, validation: null, test: null };
  for (const [part, most] of wanted) {
    if (parts[part].length === 0) continue;
    const work = {
      signal,
      onProgress: (done: number) => onProgress?.(Math.min(total, before + done), total),
    };
    const { table, rows } = await openPart(hub, commit, parts[part], most, work);
    tables[part] = { ...table, name: `${hub.id} (${PART_NAMES[part]})` };
    const shown = table.rows.length.toLocaleString('en');
    if (rows === null) {
      notes.push(`The first ${shown} rows for ${PART_NAMES[part]} were read; the dataset has more.`);
    } else if (rows > table.rows.length) {
      notes.push(
        `Of ${rows.toLocaleString('en')} rows for ${PART_NAMES[part]} the first ${shown} were read.`,
      );
    }
    before += most;
  }
  const { train, validation, test } = tables;
  if (!train) {
    throw new DataError(`The dataset ${hub.id} has no rows for training.`, {
      hint: `Look at ${hub.page} for its splits.`,
    });
  }
  return { train, validation, test, notes, encoding: null };
}

/** The first rows of files that follow each other, and how many rows there are, as far as that is known. */
async function openPart(
  hub: DatasetHub,
  commit: string,
  files: PartFiles[Part],
  most: number,
  work: WorkOptions,
): Promise<{ table: Table; rows: number | null }> {
  const tables: Table[] = [];
  let read = 0;
  let rows = 0;
  let visited = 0;
  for (const { name, size } of files.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const file = await hub.parquet(commit, name, size);
    const metadata = await readEnd(name, file, most - read);
    rows += Number(metadata.num_rows);
    if (Number(metadata.num_rows) > 0) {
      const before = read;
      const table = await readTable(name, file, metadata, {
        signal: work.signal,
        onProgress: (done, total) =>
          work.onProgress?.(
            before + (done / total) * Math.min(most - before, Number(metadata.num_rows)),
            most,
          ),
        mostRows: most - read,
      });
      tables.push(table);
      read += table.rows.length;
    }
    visited++;
    if (read >= most) break;
  }
  if (tables.length === 0) throw new DataError(`${files[0].name} of ${hub.id} has no rows.`);
  // Files that were not needed were not asked for their number of rows either.
  const known = visited === files.length ? rows : null;
  return { table: tables.length === 1 ? tables[0] : joinTables(tables), rows: known };
}

async function readEnd(name: string, file: ParquetFile, mostRows: number): Promise<FileMetaData> {
  let metadata: FileMetaData;
  try {
    metadata = await parquetMetadataAsync(file, { parsers: rawParsers, geoparquet: false });
  } catch (cause) {
    if (cause instanceof DataError || cause instanceof ModelError) throw cause;
    throw unreadableFile(name, cause);
  }
  checkSize(name, metadata, file.byteLength, mostRows);
  return metadata;
}

/** Datasets that the Hub has not converted: their own files. */
async function openOwnFiles(
  hub: DatasetHub,
  { commit, files }: Listing,
  options: HubDatasetOptions,
): Promise<OpenedData> {
  const ofKind = (pattern: RegExp) =>
    files.filter(({ name }) => pattern.test(name) && !/(^|\/)(\.|readme)/i.test(name));
  const parquet = ofKind(/\.parquet$/i);
  if (parquet.length > 0) {
    const parts: PartFiles = { train: [], validation: [], test: [] };
    for (const { name, size } of parquet) {
      if (size !== null) parts[partOfName(name) ?? 'train'].push({ name, size });
    }
    return openParts(hub, commit, parts, [], options);
  }
  const others = ofKind(/\.(csv|tsv|jsonl?|ndjson|txt|xlsx|arrow|zip)$/i);
  const total = others.reduce((sum, { size }) => sum + (size ?? 0), 0);
  if (others.length === 0 || total > MAX_BYTES) {
    throw new DataError(
      others.length === 0
        ? `The dataset ${hub.id} has no files that are read: ${files
            .slice(0, 5)
            .map(({ name }) => name)
            .join(', ')}.`
        : `The files of ${hub.id} have ${Math.ceil(total / 2 ** 20)} MB together; at most ${MAX_BYTES / 2 ** 20} MB are read.`,
      { hint: `Download what you need from ${hub.page} and drop it here.` },
    );
  }
  const fetched: DataFile[] = [];
  for (const { name } of others) fetched.push({ name, bytes: await hub.file(commit, name) });
  return openData(fetched, options);
}
