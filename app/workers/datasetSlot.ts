/**
 * @file The dataset in use: files read and parsed, examples prepared for a model, the one before kept for undo. Reading
 * needs no model and takes no turn; whatever puts a dataset in use happens in a command's turn.
 */
import { z } from 'zod';
import { type Dataset, prepareDataset } from '../data/dataset';
import type { HubDatasetAddress } from '../data/hubDataset';
import type { OpenOptions } from '../data/open';
import { completeOptions } from '../data/options';
import type { DataFile, DataOptions, DatasetReport, OpenedData, Table } from '../data/types';
import type { AddedExample } from '../data/writeParts';
import { type DatasetStore, filesOf, IN_USE, type StoredDataset } from './datasetStore';
import { StudioRequestError } from './errors';
import type { HubAccess } from './modelFiles';
import type { ActiveModel } from './modelSlot';
import type { Platform } from './platform';
import type { FileChoices, SampleDataset, StudioEvent } from './protocol';

/** Positions kept for virtual tokens when a dataset is measured before the settings are known. */
const ROOM_FOR_PROMPT = 20;

const samplesSchema = z.array(
  z.object({
    id: z.string(),
    title: z.string(),
    description: z.string(),
    task: z.enum(['class', 'text']),
    instruction: z.string(),
    train: z.string(),
    validation: z.string(),
  }),
);
type SampleEntry = z.infer<typeof samplesSchema>[number];

/** What has been read of a dataset; it waits for a model to become examples. */
export interface OpenedDataset {
  name: string;
  source: StoredDataset['source'];
  tables: OpenedData;
  /** How rows become examples, where somebody has said so; null leaves it to the columns. */
  asked: DataOptions | null;
  /**
   * What the person has said about the chat template; null while nothing: models that have one then use it. Kept
   * apart from the options, which say what holds for the model in use.
   */
  chatChoice: boolean | null;
}

/** A dataset whose token ids are those of one model. */
export interface ActiveDataset extends OpenedDataset {
  dataset: Dataset;
  /** `textKey` of the model that it was tokenised for. */
  textKey: string;
}

/** How the rows of a dataset become examples, where that has been chosen before. */
type Chosen = Pick<OpenedDataset, 'asked' | 'chatChoice'>;
const nothingChosen: Chosen = { asked: null, chatChoice: null };

export class DatasetSlot {
  private active: ActiveDataset | null = null;
  private before: ActiveDataset | null = null;
  private samplesRead: Promise<SampleEntry[]> | null = null;

  constructor(
    private readonly platform: Platform,
    /** Folder of the sample datasets, an absolute URL. */
    private readonly samplesUrl: string,
    private readonly store: DatasetStore | null,
    private readonly emit: (event: StudioEvent) => void,
    private readonly hubAccess: () => HubAccess,
  ) {}

  get current(): ActiveDataset | null {
    return this.active;
  }

  /**
   * The dataset in use with the token ids of this model: prepared anew where it was another's. In a turn.
   * @throws StudioRequestError when there is none; DataError when its options do not suit the model.
   */
  async for(model: ActiveModel): Promise<ActiveDataset> {
    const present = this.get();
    if (present.textKey === model.textKey) return present;
    this.active = await this.prepare(present, model);
    return this.active;
  }

  /** The dataset in use, if its token ids are those of this model. */
  preparedFor(model: ActiveModel | null): ActiveDataset | null {
    return this.active?.textKey === model?.textKey ? this.active : null;
  }

  async samples(): Promise<SampleDataset[]> {
    const entries = await this.readSamples();
    return entries.map(({ train: _train, validation: _validation, ...shown }) => shown);
  }

  /** The best words known for a sample; null where the list cannot be read, or has it no more. */
  async instructionFor(id: string): Promise<string | null> {
    const entries = await this.readSamples().catch(() => []);
    return entries.find((sample) => sample.id === id)?.instruction ?? null;
  }

  /** @throws DataError; the signal's reason when aborted */
  async readSample(id: string, signal?: AbortSignal, chosen = nothingChosen): Promise<OpenedDataset> {
    const entry = (await this.readSamples()).find((sample) => sample.id === id);
    if (!entry) throw new StudioRequestError(`There is no sample dataset “${id}”.`);
    const read = async (name: string) => ({
      name,
      bytes: await this.platform.fetchBytes(new URL(name, this.samplesUrl).href),
    });
    const tables = await this.parse([await read(entry.train)], { signal });
    const { train: held } = await this.parse([await read(entry.validation)], { signal });
    const source = { kind: 'sample', id } as const;
    return { name: entry.title, source, tables: { ...tables, ...halved(held) }, ...chosen };
  }

  /**
   * Files that were dropped together; their names tell which rows are for what. `validation` is for that whatever its name.
   * @throws DataError; the signal's reason when aborted
   */
  async readFiles(
    files: File[],
    { validation = null, test = null, encoding = null }: FileChoices = {},
    signal?: AbortSignal,
    chosen = nothingChosen,
  ): Promise<OpenedDataset> {
    const read = async (from: File) => {
      this.emit({ type: 'dataProgress', phase: 'reading', done: 0, total: from.size });
      return { name: from.name, bytes: new Uint8Array(await from.arrayBuffer()) };
    };
    const options = { signal, ...(encoding !== null && { encoding }) };
    const tables = await this.parse(await Promise.all(files.map(read)), options);
    if (validation) tables.validation = (await this.parse([await read(validation)], options)).train;
    if (test) tables.test = (await this.parse([await read(test)], options)).train;
    const source = { kind: 'files', files, validation, test, encoding } as const;
    return { name: tables.train.name, source, tables, ...chosen };
  }

  /**
   * A dataset of the Hub by what a person typed: its name or the address of one of its pages.
   * @throws DataError; StudioRequestError where the text names none; the signal's reason when aborted
   */
  async readHubText(text: string, signal?: AbortSignal): Promise<OpenedDataset> {
    const { parseDatasetAddress } = await import('../data/hubDataset');
    const address = parseDatasetAddress(text);
    if (address) return this.readHub(address, signal);
    throw new StudioRequestError(
      text.trim() === '' ? 'No dataset was named.' : `“${text.trim()}” is no dataset of the Hub.`,
      'Enter a name such as owner/name, or the address of its page, https://huggingface.co/datasets/owner/name.',
    );
  }

  private async readHub(
    address: HubDatasetAddress,
    signal?: AbortSignal,
    chosen = nothingChosen,
  ): Promise<OpenedDataset> {
    const { openHubDataset } = await import('../data/hubDataset');
    this.emit({ type: 'dataProgress', phase: 'reading', done: 0, total: 0 });
    const tables = await openHubDataset(address, {
      ...this.hubAccess(),
      signal,
      onProgress: (done, total) => this.emit({ type: 'dataProgress', phase: 'parsing', done, total }),
    });
    return { name: address.id, source: { kind: 'hub', address }, tables, ...chosen };
  }

  /** Reads what a visit before has kept. */
  async readStored(stored: StoredDataset): Promise<OpenedDataset> {
    const { name, source, chatChoice = null } = stored;
    const chosen = { asked: completeOptions({ chat: false, ...stored.options }), chatChoice };
    const read = () => {
      if (source.kind === 'sample') return this.readSample(source.id, undefined, chosen);
      if (source.kind === 'hub') return this.readHub(source.address, undefined, chosen);
      return this.readFiles(filesOf(source), source, undefined, chosen);
    };
    // As it was called then: not everything that keeps files keeps their names.
    return { ...(await read()), name };
  }

  /** Says that rows have been read and a model is waited for. */
  tellWaiting(): void {
    this.emit({ type: 'dataProgress', phase: 'waiting', done: 0, total: 0 });
  }

  /** Token ids for a model; nothing is put in use. @throws DataError; the signal's reason when aborted */
  async prepare(opened: OpenedDataset, model: ActiveModel, signal?: AbortSignal): Promise<ActiveDataset> {
    const { tables, asked, chatChoice } = opened;
    const { contextLength } = model.report;
    const dataset = await prepareDataset({
      table: tables.train,
      validationTable: tables.validation,
      testTable: tables.test,
      options: asked && { ...asked, chat: chatChoice ?? true },
      tokenizer: model.tokenizer,
      chatTemplate: model.chat,
      longest: Math.max(contextLength - ROOM_FOR_PROMPT, Math.ceil(contextLength / 2)),
      onProgress: (done, total) => this.emit({ type: 'dataProgress', phase: 'tokenizing', done, total }),
      signal,
    });
    return { ...opened, dataset, textKey: model.textKey };
  }

  /** Puts a prepared dataset in the place of the one in use, which is kept for undo. */
  use(prepared: ActiveDataset): DatasetReport {
    if (this.active) this.before = this.active;
    return this.put(prepared);
  }

  /** Prepares the same rows in another way. In a turn. @throws DataError; the signal's reason when aborted */
  async setOptions(options: DataOptions, model: ActiveModel, signal: AbortSignal): Promise<DatasetReport> {
    const present = this.get();
    const said = options.chat !== present.dataset.report.options.chat;
    const chatChoice = said ? options.chat : present.chatChoice;
    return this.put(await this.prepare({ ...present, asked: options, chatChoice }, model, signal));
  }

  /** Exchanges the dataset in use with the one before. In a turn. */
  async restoreBefore(model: ActiveModel): Promise<DatasetReport> {
    const { before } = this;
    if (!before) throw new StudioRequestError('There is no dataset before this one.');
    // The model may have changed since.
    return this.use(before.textKey === model.textKey ? before : await this.prepare(before, model));
  }

  /** The dataset in use as files, with more examples to learn from. @throws DataError where these cannot be put into its columns */
  async asFiles(
    added: readonly AddedExample[],
  ): Promise<{ training: File; validation: File | null; test: File | null }> {
    const { name, dataset, tables } = this.get();
    const { writeParts } = await import('../data/writeParts');
    const { training, validation, test } = writeParts(dataset, tables, added);
    const stem = name.replace(/\.[a-z0-9]+$/i, '').replace(/ \+ \d+$/, '');
    const file = (text: string, part: string) => new File([text], `${stem}${part}.jsonl`);
    return {
      training: file(training, added.length > 0 ? ` + ${added.length}` : ''),
      validation: validation === null ? null : file(validation, '.validation'),
      test: test === null ? null : file(test, '.test'),
    };
  }

  /** Keeps the dataset in use under a key for the next visit. Keeping is a courtesy: where it fails, work goes on. */
  keep(key: string): void {
    if (!this.active || !this.store) return;
    const { name, source, dataset, chatChoice } = this.active;
    const { options } = dataset.report;
    void this.store.save(key, { name, source, options, chatChoice }).catch(() => undefined);
  }

  forget(key: string): void {
    void this.store?.remove(key).catch(() => undefined);
  }

  async stored(key: string): Promise<StoredDataset | null> {
    return (await this.store?.load(key).catch(() => null)) ?? null;
  }

  private get(): ActiveDataset {
    if (this.active) return this.active;
    throw new StudioRequestError('There is no dataset yet.', 'Drop a file, or choose a sample.');
  }

  private put(prepared: ActiveDataset): DatasetReport {
    this.active = prepared;
    this.keep(IN_USE);
    return reportOf(prepared);
  }

  private parse(files: DataFile[], options: Pick<OpenOptions, 'signal' | 'encoding'>): Promise<OpenedData> {
    return this.platform.openData(files, {
      onProgress: (done, total) => this.emit({ type: 'dataProgress', phase: 'parsing', done, total }),
      ...options,
    });
  }

  private readSamples(): Promise<SampleEntry[]> {
    this.samplesRead ??= this.platform
      .fetchBytes(new URL('index.json', this.samplesUrl).href)
      .then((bytes) => samplesSchema.parse(JSON.parse(new TextDecoder().decode(bytes))))
      .catch((error) => {
        this.samplesRead = null;
        throw error;
      });
    return this.samplesRead;
  }
}

/** A sample's rows kept out of training: one half chooses, the other is only reported on. */
function halved(table: Table): Pick<OpenedData, 'validation' | 'test'> {
  const half = Math.ceil(table.rows.length / 2);
  const part = (from: number, to: number): Table => ({
    ...table,
    rows: table.rows.slice(from, to),
    rowNumbers: table.rowNumbers.slice(from, to),
  });
  return { validation: part(0, half), test: part(half, table.rows.length) };
}

/** What the page is told: of a sample by its title, of files by the first one's name. */
export function reportOf({ name, dataset, tables }: ActiveDataset): DatasetReport {
  const { report } = dataset;
  return {
    ...report,
    name,
    encoding: tables.encoding,
    notes: [...new Set([...tables.notes, ...report.notes])],
  };
}
