/**
 * @file The only door between page and GPU: what the page may ask (`Studio`, called through comlink) and what
 * the worker tells (`StudioEvent`). Everything here is structured-cloneable data.
 */
import type { DataOptions, DatasetReport } from '../data/types';
import type { SamplingOptions } from '../engine/engine';
import type { PromptFormat } from '../prompt/types';
import type {
  AnswerRow,
  Checkpoint,
  NeighbourTable,
  RunHistory,
  RunSettings,
  RunState,
  StepRecord,
  SuggestedSettings,
  ValidationRecord,
} from '../training/types';

export type { DataOptions, DatasetReport, PreviewExample, PreviewToken } from '../data/types';
export type { PromptFormat } from '../prompt/types';
export { SETTINGS_RANGES } from '../training/settingsRanges';
export type {
  AnswerRow,
  Initialiser,
  NeighbourTable,
  RunHistory,
  RunPhase,
  RunSettings,
  RunState,
  Schedule,
  StepRecord,
  SuggestedSettings,
  ValidationRecord,
  VirtualTokenRow,
} from '../training/types';

export type Backend = 'webgpu' | 'wasm' | 'cpu';

/** What the training runs on, and if it is not WebGPU, why. */
export interface DeviceReport {
  backend: Backend;
  /** The adapter's name, or the processor's threads. */
  name: string;
  /** A software adapter: WebGPU without a GPU. */
  software: boolean;
  threads: number;
  /** Why WebGPU is not used, for the person; null when it is. */
  reason: string | null;
}

/** What computes loss and gradient. */
export interface EngineReport {
  name: 'reference' | 'webgpu';
  /** Why the fused engine is not used though WebGPU is there: for the person, and in numbers to copy. */
  problem: { message: string; details: string } | null;
}

export interface ModelReport {
  id: string;
  modelType: string;
  parameters: number;
  /** Of the download. */
  bytes: number;
  dtype: string;
  vocabSize: number;
  hidden: number;
  layers: number;
  contextLength: number;
  fromCache: boolean;
  engine: EngineReport;
}

/** Progress of loading a model, in bytes where bytes are what passes. */
export interface ModelProgress {
  phase: 'downloading' | 'reading' | 'uploading' | 'compiling';
  file: string;
  loaded: number;
  total: number;
}

export interface SampleDataset {
  id: string;
  title: string;
  description: string;
  task: 'class' | 'text';
  instruction: string;
}

export interface PromptReport {
  /** Where it came from: the run, or the file's name. */
  name: string;
  origin: 'run' | 'file';
  virtualTokens: number;
  /** A fingerprint that differs though the shape fits, in words; null when all is well. */
  warning: string | null;
  card: Record<string, string>;
}

/** A failure in words. `kind` lets the page put it where it happened. */
export interface StudioError {
  kind: 'device' | 'model' | 'data' | 'training' | 'prompt' | 'generation';
  message: string;
  /** What to do about it. */
  hint?: string;
}

/** Work found from the last visit. */
export interface SavedWork {
  /** The dataset's name and options, or null. Its rows are loaded again by `restore`. */
  dataset: string | null;
  run: { runId: string; step: number; steps: number; phase: Checkpoint['phase'] } | null;
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
  | { type: 'dataProgress'; phase: 'reading' | 'parsing' | 'tokenizing'; done: number; total: number }
  | { type: 'runStarted'; runId: string; settings: RunSettings; history: RunHistory; state: RunState }
  | { type: 'runState'; runId: string; state: RunState }
  | { type: 'steps'; runId: string; records: StepRecord[] }
  | { type: 'validation'; runId: string; record: ValidationRecord }
  | { type: 'validationProgress'; runId: string; done: number; total: number }
  | { type: 'neighbours'; runId: string; table: NeighbourTable }
  | { type: 'answers'; runId: string; step: number; rows: AnswerRow[] }
  | { type: 'saved'; runId: string; step: number }
  /** A checkpoint could not be kept (storage full or forbidden); training goes on. */
  | { type: 'notSaved'; runId: string; message: string }
  | { type: 'promptChanged'; prompt: PromptReport | null }
  | { type: 'token'; requestId: number; column: AnswerColumn; text: string }
  | { type: 'generated'; requestId: number; column: AnswerColumn; tokens: number; milliseconds: number };

/**
 * The worker's side, one instance a page. Methods reject with a plain `StudioError` object (never a bare Error),
 * and a rejected method leaves everything as it was before.
 */
export interface Studio {
  /**
   * Chooses backend and engine; `force` overrides the choice (tests, and the page's "use the CPU"). Call first.
   * `baseUrl` is the page's own: models and datasets that ship with it lie below.
   */
  open(baseUrl: string, onEvent: (event: StudioEvent) => void, force?: Backend): Promise<DeviceReport>;
  /** Loads a model folder at a URL (files `config.json`, `tokenizer.json`, …). */
  loadModel(url: string, id: string): Promise<ModelReport>;
  cancelModel(): Promise<void>;

  samples(): Promise<SampleDataset[]>;
  openSample(id: string): Promise<DatasetReport>;
  /** `validation` is an optional second file with rows for validation only. */
  openDataset(file: File, validation?: File): Promise<DatasetReport>;
  setDataOptions(options: DataOptions): Promise<DatasetReport>;
  /** Forgets the dataset; `restoreDataset` brings the last one back. */
  closeDataset(): Promise<void>;
  /** The dataset that was in use before the last open, sample or close. */
  restoreDataset(): Promise<DatasetReport>;

  /** Needs model and dataset. */
  suggestSettings(): Promise<SuggestedSettings>;
  /** Starts a run and returns its id at once; progress comes as events. */
  train(settings: RunSettings): Promise<string>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** One step; starts a paused run when there is none. */
  step(settings: RunSettings): Promise<string>;
  stop(): Promise<void>;

  /** Work of the last visit, found without loading it. */
  saved(): Promise<SavedWork>;
  /** Loads dataset and run of the last visit; the run comes back paused with its history. */
  restore(): Promise<{ dataset: DatasetReport | null; runId: string | null }>;
  discardSaved(): Promise<void>;

  /** Streams answers as `token` and `generated` events with this id; resolves when all columns are done. */
  generate(requestId: number, request: GenerateRequest): Promise<void>;
  cancelGenerate(): Promise<void>;

  /** The prompt in use (the run's best, or the imported one) as a file. */
  download(format: PromptFormat): Promise<{ name: string; type: string; bytes: Uint8Array<ArrayBuffer> }>;
  /** Loads a prompt file: PEFT zip, safetensors (with adapter_config.json beside it), npy, Kobold zip, JSON. */
  importPrompt(files: File[]): Promise<PromptReport>;
  /** Back to the run's own prompt, if there is one. */
  forgetPrompt(): Promise<PromptReport | null>;
}
