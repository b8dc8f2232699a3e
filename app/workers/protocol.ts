/**
 * @file The only door between page and GPU: what the page may ask (`Studio`, called through comlink) and what
 * the worker tells (`StudioEvent`). Everything here is structured-cloneable data.
 */
import type { DataOptions, DatasetReport, Turn } from '../data/types';
import type { AddedExample } from '../data/writeParts';
import type { EngineReport } from '../engine/choice';
import type { Backend, SamplingOptions } from '../engine/engine';
import type { MemoryReport } from '../engine/memoryForecast';
import type { WeightFormat } from '../engine/spec';
import type { SimdLevel } from '../engine/wasm/pool';
import type { InputsLoss } from '../evaluation/inputsLoss';
import type { Difference, Measure, Share } from '../evaluation/report';
import type { NeighbourTable } from '../inspect/nearest';
import type { PromptFormat } from '../prompt/types';
import type { SettingName } from '../training/settingsTable';
import type {
  AnswerRow,
  Checkpoint,
  RunHistory,
  RunSettings,
  RunState,
  StepRecord,
  SuggestedSettings,
  ValidationRecord,
  Verdict,
  WordsRecord,
} from '../training/types';

export type {
  DataCheck,
  DataOptions,
  DatasetReport,
  PreviewExample,
  PreviewToken,
  Turn,
} from '../data/types';
export type { AddedExample } from '../data/writeParts';
export type { EngineReport } from '../engine/choice';
export type { Backend, Saving } from '../engine/engine';
export type { MemoryReport } from '../engine/memoryForecast';
export type { WeightFormat } from '../engine/spec';
export type { NeighbourTable, VirtualTokenRow } from '../inspect/nearest';
export type { PromptFormat } from '../prompt/types';
export { METHODS, type MethodId } from '../training/methods/names';
export {
  isNumeric,
  type NumericSetting,
  numericSettings,
  rangeWords,
  SETTINGS,
  type SettingName,
  settingNames,
} from '../training/settingsTable';
export type {
  AnswerRow,
  Initialiser,
  LaneReport,
  RunHistory,
  RunPhase,
  RunSettings,
  RunState,
  Schedule,
  Search,
  StepRecord,
  SuggestedSettings,
  ValidationRecord,
  Verdict,
  WordsRecord,
  WrongRow,
} from '../training/types';

/** What the training runs on, and if it is not WebGPU, why. */
export interface DeviceReport {
  backend: Backend;
  /** The adapter's name, or the processor's. */
  name: string;
  /** A software adapter: WebGPU without a GPU. */
  software: boolean;
  /** Threads of the processor that compute; 0 on a GPU. */
  threads: number;
  /** How the processor's kernels multiply and add; absent on a GPU. */
  simd?: SimdLevel;
  /** Why WebGPU is not used, for the person; null when it is. */
  reason: string | null;
  /** Bytes of the largest buffer that the GPU allows; null without WebGPU. */
  largestBuffer: number | null;
}

/** Where a model comes from. */
export type ModelOrigin =
  /** A folder in Hugging Face layout at an absolute URL, the embedded model's included. */
  | { kind: 'url'; url: string; id: string }
  /** `revision` is a branch, a tag or a commit. */
  | { kind: 'hub'; id: string; revision: string }
  /** The files of a folder, or one zip of them. */
  | { kind: 'files'; files: File[] };

export interface ModelReport {
  id: string;
  /** The commit, of models from the Hub. */
  revision: string | null;
  weightFormat: WeightFormat;
  /** Whether it has a chat template. */
  chat: boolean;
  /** Of the weights on the device, in bytes. */
  weightBytes: number;
  /** Why its files are not kept in this browser, for the person; null where they are, or need not be. */
  notKept: string | null;
  /** What the person should know of its files though it loads. */
  notes: readonly string[];
  modelType: string;
  parameters: number;
  /** Of the download. */
  bytes: number;
  dtype: string;
  /** Whether its weights are quantised in its file. */
  quantised: boolean;
  vocabSize: number;
  hidden: number;
  layers: number;
  contextLength: number;
  fromCache: boolean;
  engine: EngineReport;
}

/** Progress of loading a model, in bytes of all its files where bytes are what passes; of `comparing`, in rows. */
export interface ModelProgress {
  /** `downloading` also uploads: weights go to the GPU as they come. `reading` takes them from this machine. */
  phase: 'downloading' | 'reading' | 'compiling' | 'comparing';
  file: string;
  loaded: number;
  /** 0 while unknown. */
  total: number;
  /** Bytes a second over the last seconds; null while unknown. */
  speed: number | null;
}

/** What 8-bit weights cost: the bare model's validation loss in nats per label token, and the rows it was measured on. */
export interface Int8Cost {
  stored: number;
  int8: number;
  rows: number;
}

/** A model that can be chosen from a list, with what matters before the download. */
export interface CatalogueModel {
  /** Hub id; the embedded model's own id for that. */
  id: string;
  /** Branch, tag or commit to load. */
  revision: string;
  title: string;
  family: string;
  parameters: number;
  downloadBytes: number;
  licence: string;
  kind: 'base' | 'chat';
  contextLength: number;
  /** The Hub asks for an access token and an accepted licence. */
  gated: boolean;
  /** How well it suits, in a sentence. */
  note: string;
  memory: MemoryReport;
  /** Files are on this machine already. */
  stored: boolean;
}

/** A model whose files are kept in this browser. */
export interface StoredModel {
  /** Names it to `deleteStored`. */
  key: string;
  id: string;
  revision: string | null;
  bytes: number;
  /** Every file is whole; an interrupted download goes on where it broke off. */
  complete: boolean;
  /** Milliseconds since 1970. */
  usedAt: number;
}

export interface StorageReport {
  models: StoredModel[];
  /** Bytes that this page's origin uses and may use, as far as the browser says. */
  used: number | null;
  quota: number | null;
  /** The browser has promised not to clear it by itself. */
  persisted: boolean;
}

export interface SampleDataset {
  id: string;
  title: string;
  description: string;
  task: 'class' | 'text';
  instruction: string;
}

/** What a person has chosen for files beyond the files. */
export interface FileChoices {
  /** Rows for validation only, whatever this file's name. */
  validation?: File | null;
  /** Rows for the test only, likewise. */
  test?: File | null;
  /** Of text: a label that `TextDecoder` knows. Null guesses it. */
  encoding?: string | null;
}

export interface PromptReport {
  /** Other vectors have another; the same prompt told again has the same. */
  id: string;
  /** Where it came from: the run, or the file's name. */
  name: string;
  origin: 'run' | 'file';
  /** Vectors before the text, or keys and values of every layer. */
  kind: 'prompt' | 'prefix';
  virtualTokens: number;
  /** A fingerprint that differs though the shape fits, in words; null when all is well. */
  warning: string | null;
  card: Record<string, string>;
}

/** How well the model knows the kind of text that the inputs of the dataset are. */
export interface InputsReading extends InputsLoss {
  /** Tokens a word, white space apart. */
  pieces: number;
  /** Products and sums a second that reading them took; of a small model a fraction of what the device can do. */
  flops: number;
}

/** A training row that the prompt in use finds hard. */
export interface HardRow {
  /** As the person's file counts it. */
  row: number;
  input: string;
  /** Of a conversation. */
  turns?: readonly Turn[];
  target: string;
  /** The class that it is taken for; null where the task has none. */
  said: string | null;
  /** Nats per label token. */
  loss: number;
}

export interface HardRows {
  /** That found them hard. */
  prompt: PromptReport;
  /** Training rows that were asked about, and that there are. */
  rows: number;
  of: number;
  /** The hardest first. */
  hardest: HardRow[];
}

/** Several prompts of a run asked together, against its own prompt alone. */
export interface EnsembleReport {
  runId: string;
  /** Names of the lanes, the run's own first. */
  members: string[];
  measure: Measure;
  /** Test rows that were asked about, and that there are. */
  rows: number;
  of: number;
  alone: Share;
  together: Share;
  /** Of together to alone. */
  difference: Difference;
}

/** Rows without an answer, with what the prompt in use would answer. */
export interface RankedRows {
  prompt: PromptReport;
  /** Of the file; a single one has the name that it has in the dataset. */
  columns: string[];
  /** The column that the right answer belongs in; not one of the file's. */
  target: string;
  /** Rows of the file; those without an input, and those beyond what there was time for, are not ranked. */
  of: number;
  /** `classes`: uncertainty is the entropy of the class probabilities, 0 to 1. `answers`: nats per token of the answer. */
  by: 'classes' | 'answers';
  /** The least sure first. */
  rows: { row: number; cells: string[]; guess: string; uncertainty: number }[];
}

/** A failure in words. `kind` lets the page put it where it happened. */
export interface StudioError {
  kind: 'device' | 'model' | 'data' | 'training' | 'prompt' | 'generation';
  message: string;
  /** What to do about it. */
  hint?: string;
  /** What the page can offer at once: a field for the access token. */
  remedy?: 'token';
}

/** Work found from the last visit. */
export interface SavedWork {
  /** The dataset's name and options, or null. Its rows are loaded again by `restore`. */
  dataset: string | null;
  run: {
    runId: string;
    step: number;
    steps: number;
    phase: Checkpoint['phase'];
    /** Another tab works on it: it cannot be restored here until that tab is closed. */
    elsewhere: boolean;
  } | null;
}

/** Which answer of the playground a token belongs to. */
export type AnswerColumn = 'without' | 'hard' | 'with';

export interface GenerateRequest {
  input: string;
  /** Empty for none. */
  hardPrompt: string;
  columns: AnswerColumn[];
  sampling: Omit<SamplingOptions, 'stopIds' | 'signal'>;
}

export type StudioEvent =
  | { type: 'modelProgress'; progress: ModelProgress }
  /** The device is gone; model and run are being brought back on a new one (or could not be, with the error). */
  | { type: 'deviceLost'; message: string }
  | { type: 'deviceRestored'; device: DeviceReport; model: ModelReport | null }
  | { type: 'deviceGone'; error: StudioError }
  /** The page computes on another device from now on, for the reason in its report; nothing was lost. */
  | { type: 'deviceChanged'; device: DeviceReport }
  /** `waiting`: the rows have been read, and are prepared as soon as there is a model. */
  | {
      type: 'dataProgress';
      phase: 'reading' | 'parsing' | 'waiting' | 'tokenizing';
      done: number;
      total: number;
    }
  | { type: 'runStarted'; runId: string; settings: RunSettings; history: RunHistory; state: RunState }
  | { type: 'runState'; runId: string; state: RunState }
  | { type: 'steps'; runId: string; records: StepRecord[] }
  | { type: 'validation'; runId: string; record: ValidationRecord }
  | { type: 'validationProgress'; runId: string; done: number; total: number }
  | { type: 'words'; runId: string; records: WordsRecord[] }
  | { type: 'verdict'; runId: string; verdict: Verdict }
  | { type: 'neighbours'; runId: string; table: NeighbourTable }
  | { type: 'answers'; runId: string; step: number; rows: AnswerRow[]; instruction: string | null }
  | { type: 'saved'; runId: string; step: number }
  /** What `saved` answers may be another now: a tab that had the run was closed, another version of the page was opened. */
  | { type: 'savedChanged' }
  /** A checkpoint could not be kept (storage full or forbidden); training goes on. */
  | { type: 'notSaved'; runId: string; message: string }
  /** Rows asked about so far by `hardestRows`, `rankUnlabelled` or `askTogether`. */
  | { type: 'rowWork'; done: number; total: number }
  | { type: 'promptChanged'; prompt: PromptReport | null }
  /** Answers begin, in the form of this prompt, and those *with* it are its own; null while there is none. */
  | { type: 'answering'; requestId: number; prompt: PromptReport | null }
  | { type: 'token'; requestId: number; column: AnswerColumn; text: string }
  | { type: 'generated'; requestId: number; column: AnswerColumn; tokens: number; milliseconds: number };

/** What the worker tells beside its calls and events, as a plain message. */
export interface LifeSign {
  /** The lock that the worker holds for as long as it lives. */
  alive?: string;
  /** A message of the page could not be read, one to the page not be sent. */
  fault?: 'unread' | 'unsent';
}

/**
 * The worker's side, one instance a page. Methods reject with a plain `StudioError` object (never a bare Error),
 * and a rejected method leaves everything as it was before. Whatever is asked for at the same time, the outcome is that
 * of one after the other: see `turns.ts`.
 */
export interface Studio {
  /**
   * Chooses backend and engine; `force` overrides the choice (tests, and the page's "use the CPU"). Call first.
   * `baseUrl` is the page's own: models and datasets that ship with it lie below.
   */
  open(baseUrl: string, onEvent: (event: StudioEvent) => void, force?: Backend): Promise<DeviceReport>;
  /**
   * Loads a model (files `config.json`, `tokenizer.json`, `model.safetensors` or its index, …); the one before stays until
   * it is whole. Refused while a run goes on; while it loads none can begin or go on.
   */
  loadModel(origin: ModelOrigin, format?: WeightFormat): Promise<ModelReport>;
  cancelModel(): Promise<void>;
  /**
   * Models to choose from, those that fit this device first; memory is for these settings, or usual ones, and for weights
   * as stored or as `format` has them.
   */
  catalogue(settings?: RunSettings, format?: WeightFormat): Promise<CatalogueModel[]>;
  /** The access token sent to the Hub, and nowhere else; null for none. Kept by the worker until the page closes. */
  setHubToken(token: string | null): Promise<void>;
  /** What this browser keeps of models. */
  storage(): Promise<StorageReport>;
  deleteStored(key: string): Promise<StorageReport>;
  /** What training with these settings would take. Needs a model; data, where there is some, says how long texts are. */
  memory(settings: RunSettings): Promise<MemoryReport>;
  /** Bytes of GPU memory that may be used; null for the guess. Counts from the next run. */
  setMemoryBudget(bytes: number | null): Promise<void>;
  /**
   * The validation loss, in nats per label token, of the bare model with weights as stored and as 8-bit integers, on
   * the dataset in use. Needs a model loaded as `int8`; reads its files once more. Null when cancelled.
   */
  compareInt8(): Promise<Int8Cost | null>;
  /** Resolves when the second copy of the weights is gone. Loading another model and training do it, too. */
  cancelComparison(): Promise<void>;

  samples(): Promise<SampleDataset[]>;
  /** Opens as soon as there is a model; so does a file. Of several openings the newest counts. */
  openSample(id: string): Promise<DatasetReport>;
  /** Files that were dropped together: one, or several whose names say which rows are for what. */
  openDataset(files: File[], choices?: FileChoices): Promise<DatasetReport>;
  /** A dataset of the Hub: `owner/name`, or the address of one of its pages. Its first rows are read. */
  openHubDataset(text: string): Promise<DatasetReport>;
  setDataOptions(options: DataOptions): Promise<DatasetReport>;
  /** Ends the opening under way, or one that waits for a model; it rejects. */
  cancelOpening(): Promise<void>;
  /** The dataset in use, prepared for the model in use where it was another's; null where there is none. */
  dataset(): Promise<DatasetReport | null>;
  /** The dataset that was in use before the last that was opened. */
  restoreDataset(): Promise<DatasetReport>;

  /** Needs model and dataset. */
  suggestSettings(): Promise<SuggestedSettings>;
  /**
   * Starts a run and returns its id at once; progress comes as events.
   * @param own Settings that the person has chosen, which an automatic search leaves as they are
   */
  train(settings: RunSettings, own?: readonly SettingName[]): Promise<string>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** One step of the paused run, or of a new one. */
  step(settings: RunSettings, own?: readonly SettingName[]): Promise<string>;
  stop(): Promise<void>;
  /** The resting run's prompt is this lane's from now on; null leaves the choice to the run. */
  takeLane(lane: number | null): Promise<void>;

  /** Work of the last visit, found without loading it. */
  saved(): Promise<SavedWork>;
  /**
   * Loads dataset and run of the last visit, or the kept run that is named, or with null the dataset in use alone; the run
   * comes back paused with its history.
   */
  restore(runId?: string | null): Promise<{ dataset: DatasetReport | null; runId: string | null }>;
  discardSaved(): Promise<void>;

  /** Streams answers as `token` and `generated` events with this id; resolves when all columns are done. */
  generate(requestId: number, request: GenerateRequest): Promise<void>;
  cancelGenerate(): Promise<void>;

  /**
   * Training rows of the dataset in use that the prompt in use finds hardest. Refused while a run goes on. Null when cancelled,
   * as by whatever takes its model away.
   */
  hardestRows(): Promise<HardRows | null>;
  /** Rows of files without answers, those first that the prompt in use is least sure of. As `hardestRows`. */
  rankUnlabelled(files: File[]): Promise<RankedRows | null>;
  /**
   * What the bare model makes of a few inputs of the dataset in use; needs no prompt. Null where they are too short to tell, and
   * as `hardestRows`.
   */
  readInputs(): Promise<InputsReading | null>;
  /**
   * The best prompts of the run asked together; as `hardestRows`.
   */
  askTogether(): Promise<EnsembleReport | null>;
  /** Ends any of these; it answers null. */
  cancelRowWork(): Promise<void>;
  /**
   * The dataset in use as files, its rows on the sides of the split where they are, with more to learn from: open `training` with
   * the two others as choices. Changes nothing.
   */
  datasetFiles(
    added: AddedExample[],
  ): Promise<{ training: File; validation: File | null; test: File | null }>;

  /** The prompt in use (the run's best, or the imported one) as a file. */
  download(format: PromptFormat): Promise<{ name: string; type: string; bytes: Uint8Array<ArrayBuffer> }>;
  /**
   * Loads a prompt file: PEFT zip, safetensors (with adapter_config.json beside it), npy, Kobold zip, JSON. It waits for
   * the model that is on its way. Of several the newest counts.
   */
  importPrompt(files: File[]): Promise<PromptReport>;
  /** Ends an import that waits for its model; it rejects. */
  cancelImport(): Promise<void>;
  /** Back to the run's own prompt, if there is one. */
  forgetPrompt(): Promise<PromptReport | null>;
}
