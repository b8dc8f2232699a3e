/** @file The dataset in use: files read and parsed, examples prepared for the model, the one before kept for undo. */
import { z } from 'zod';
import { type Dataset, prepareDataset } from '../data/dataset';
import { parseTable } from '../data/parse';
import type { DataOptions, DatasetReport, Table } from '../data/types';
import { type DatasetStore, IN_USE, type StoredDataset } from './datasetStore';
import { StudioRequestError } from './errors';
import type { ActiveModel } from './modelSlot';
import type { Platform } from './platform';
import type { SampleDataset, StudioEvent } from './protocol';

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

export interface ActiveDataset {
  name: string;
  source: StoredDataset['source'];
  table: Table;
  validationTable: Table | null;
  dataset: Dataset;
  /**
   * What the person has said about the chat template; null while nothing: models that have one then use it. Kept
   * apart from the options, which say what holds for the model in use.
   */
  chatChoice: boolean | null;
}

/** How the rows of a dataset become examples, where that has been chosen before. */
interface Chosen {
  options?: DataOptions;
  chatChoice?: boolean | null;
}

export class DatasetSlot {
  private active: ActiveDataset | null = null;
  private before: ActiveDataset | null = null;
  private samplesRead: Promise<SampleEntry[]> | null = null;
  /** Counts what was asked for, so that of several openings the last one wins, not the slowest. */
  private asked = 0;

  constructor(
    private readonly platform: Platform,
    /** Folder of the sample datasets, an absolute URL. */
    private readonly samplesUrl: string,
    private readonly store: DatasetStore | null,
    private readonly emit: (event: StudioEvent) => void,
  ) {}

  /** @throws StudioRequestError when there is none. */
  get(): ActiveDataset {
    if (!this.active) {
      throw new StudioRequestError('There is no dataset yet.', 'Drop a file, or choose a sample.');
    }
    return this.active;
  }

  get current(): ActiveDataset | null {
    return this.active;
  }

  async samples(): Promise<SampleDataset[]> {
    const entries = await this.readSamples();
    return entries.map(({ train: _train, validation: _validation, ...shown }) => shown);
  }

  /** @throws DataError; what is in use stays. */
  async openSample(id: string, model: ActiveModel, chosen: Chosen = {}): Promise<DatasetReport> {
    const ticket = ++this.asked;
    const entry = (await this.readSamples()).find((sample) => sample.id === id);
    if (!entry) throw new StudioRequestError(`There is no sample dataset “${id}”.`);
    const read = async (name: string) => {
      const bytes = await this.platform.fetchBytes(new URL(name, this.samplesUrl).href);
      return this.parse(name, bytes);
    };
    const table = await read(entry.train);
    const validationTable = await read(entry.validation);
    const source = { kind: 'sample', id } as const;
    return this.take(ticket, { name: entry.title, source, table, validationTable }, chosen, model);
  }

  /** @throws DataError; what is in use stays. */
  async openFiles(
    file: File,
    validation: File | null,
    model: ActiveModel,
    chosen: Chosen = {},
  ): Promise<DatasetReport> {
    const ticket = ++this.asked;
    const read = async (from: File) => {
      this.emit({ type: 'dataProgress', phase: 'reading', done: 0, total: from.size });
      return this.parse(from.name, new Uint8Array(await from.arrayBuffer()));
    };
    const table = await read(file);
    const validationTable = validation && (await read(validation));
    const source = { kind: 'files', file, validation } as const;
    return this.take(ticket, { name: file.name, source, table, validationTable }, chosen, model);
  }

  /** Opens what a visit before has kept. */
  async openStored(stored: StoredDataset, model: ActiveModel): Promise<DatasetReport> {
    const { source, chatChoice } = stored;
    const options = { chat: false, systemText: '', ...stored.options };
    if (source.kind === 'sample') return this.openSample(source.id, model, { options, chatChoice });
    return this.openFiles(source.file, source.validation, model, { options, chatChoice });
  }

  /** Prepares the same rows in another way, or for another model. */
  async setOptions(options: DataOptions, model: ActiveModel): Promise<DatasetReport> {
    const present = this.get();
    const ticket = ++this.asked;
    const said = options.chat !== present.dataset.report.options.chat;
    const chatChoice = said ? options.chat : present.chatChoice;
    const dataset = await this.prepare({ ...present, chatChoice }, options, model);
    this.checkLast(ticket);
    return this.use({ ...present, chatChoice, dataset });
  }

  close(): void {
    if (!this.active) return;
    this.before = this.active;
    this.active = null;
    this.forget(IN_USE);
  }

  /** Exchanges the dataset in use with the one before. */
  async restoreBefore(model: ActiveModel): Promise<DatasetReport> {
    const { before } = this;
    if (!before) throw new StudioRequestError('There is no dataset before this one.');
    const ticket = ++this.asked;
    // The model may have changed since.
    const dataset = await this.prepare(before, before.dataset.report.options, model);
    this.checkLast(ticket);
    this.before = this.active;
    return this.use({ ...before, dataset });
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

  private async take(
    ticket: number,
    opened: Omit<ActiveDataset, 'dataset' | 'chatChoice'>,
    { options, chatChoice = null }: Chosen,
    model: ActiveModel,
  ): Promise<DatasetReport> {
    const dataset = await this.prepare({ ...opened, chatChoice }, options ?? null, model);
    this.checkLast(ticket);
    if (this.active) this.before = this.active;
    return this.use({ ...opened, chatChoice, dataset });
  }

  private use(active: ActiveDataset): DatasetReport {
    this.active = active;
    this.keep(IN_USE);
    return { ...active.dataset.report, name: active.name };
  }

  private checkLast(ticket: number): void {
    if (ticket !== this.asked) throw new StudioRequestError('Another dataset was asked for meanwhile.');
  }

  private prepare(
    { table, validationTable, chatChoice }: Pick<ActiveDataset, 'table' | 'validationTable' | 'chatChoice'>,
    options: DataOptions | null,
    model: ActiveModel,
  ): Promise<Dataset> {
    const { contextLength } = model.report;
    return prepareDataset({
      table,
      validationTable,
      options: options && { ...options, chat: chatChoice ?? true },
      tokenizer: model.tokenizer,
      chatTemplate: model.chat,
      longest: Math.max(contextLength - ROOM_FOR_PROMPT, Math.ceil(contextLength / 2)),
      onProgress: (done, total) => this.emit({ type: 'dataProgress', phase: 'tokenizing', done, total }),
    });
  }

  private parse(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<Table> {
    return parseTable(name, bytes, {
      onProgress: (done, total) => this.emit({ type: 'dataProgress', phase: 'parsing', done, total }),
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
