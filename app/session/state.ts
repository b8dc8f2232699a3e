/** @file Everything the page knows, as plain data. Panels read slices of it; `reduce.ts` and the actions write it. */
import type {
  AddedExample,
  AnswerColumn,
  AnswerRow,
  CatalogueModel,
  DataOptions,
  DatasetReport,
  DeviceReport,
  EnsembleReport,
  HardRows,
  InputsReading,
  Int8Cost,
  MemoryReport,
  ModelOrigin,
  ModelProgress,
  ModelReport,
  NeighbourTable,
  PromptReport,
  RankedRows,
  RunHistory,
  RunSettings,
  RunState,
  SampleDataset,
  SavedWork,
  StepRecord,
  StorageReport,
  StudioError,
  SuggestedSettings,
  ValidationRecord,
  Verdict,
  WeightFormat,
  WordsRecord,
} from '../workers/protocol';
import type { EnteredSettings } from './settings';

/** A model as it is asked for. */
export interface ModelRequest {
  origin: ModelOrigin;
  format: WeightFormat;
}

/** A request and how far it has come. */
export interface ModelLoad {
  request: ModelRequest;
  progress: ModelProgress | null;
}

/** What 8-bit weights cost, in nats per label token of the validation rows. */
export interface Int8Comparison {
  busy: boolean;
  /** The dataset it was measured on: it says nothing about another. */
  data: DatasetReport | null;
  progress: ModelProgress | null;
  result: Int8Cost | null;
  error: StudioError | null;
}

export interface ModelSlice {
  report: ModelReport | null;
  /** What the present model was loaded by. */
  request: ModelRequest | null;
  loading: ModelLoad | null;
  /** Of the last load that failed; the model before it stays in use. */
  error: StudioError | null;
  /** The last load that failed or was cancelled. */
  failed: ModelLoad | null;
  comparison: Int8Comparison;
}

/** Models to choose from, with memory for their weights as stored, and as 8-bit integers where the device can have them. */
export interface CatalogueSlice {
  stored: CatalogueModel[] | null;
  int8: CatalogueModel[] | null;
  error: StudioError | null;
}

export interface MemorySlice {
  /** For the settings as they stand; null while there are none. */
  report: MemoryReport | null;
  /** The person's own budget in bytes; null for the guess. */
  budget: number | null;
}

export interface StorageSlice {
  report: StorageReport | null;
  error: StudioError | null;
  /** Key of the model that is being deleted. */
  deleting: string | null;
}

/** The access token, as far as the page shows it. */
export interface HubSlice {
  /** Its last letters; null while there is none. */
  ending: string | null;
  /** Kept in this browser beyond this visit. */
  remembered: boolean;
}

export interface DataSlice {
  samples: SampleDataset[] | null;
  report: DatasetReport | null;
  /** Counts the datasets opened, so that forms know when theirs is another one. */
  opened: number;
  /** The sample in use, or null when the data came from a file. */
  sample: SampleDataset | null;
  loading: { name: string; progress: { phase: string; done: number; total: number } | null } | null;
  /** Options changed or sent, and not yet answered. */
  updating: boolean;
  /** What is wrong with options as they were typed, by the name of their box; those before are in use. */
  faults: Record<string, string>;
  /** Of a file that could not be opened; the dataset before it stays. */
  error: StudioError | null;
  /** Of options that do not fit the data; the last ones that do stay in use. */
  optionsError: StudioError | null;
  /** Options before the last that were sent, newest last: what *Undo change* goes back through. */
  optionsBefore: DataOptions[];
  /** Name of the dataset that *Undo* brings back. */
  undo: string | null;
  /** What the model makes of the inputs; of which data and model it says. Null until it has read some. */
  reading: { hash: string; model: string; found: InputsReading } | null;
}

/** Wall-clock bookkeeping of a run, in milliseconds. */
export interface Clock {
  /** Spent before `since`. */
  spent: number;
  /** When the present stretch of work began, or null while nothing runs. */
  since: number | null;
  /** Of `spent` and the present stretch, how much went into validation passes that are over. */
  validating: number;
  validatingSince: number | null;
}

export interface RunSlice {
  id: string;
  settings: RunSettings;
  /** What it trains on, as far as the page has to tell; null if that is not known. */
  dataset: { name: string; hasClasses: boolean } | null;
  state: RunState;
  /** Of all lanes. */
  all: RunHistory;
  /** Of the lane that leads. */
  steps: StepRecord[];
  validations: ValidationRecord[];
  validationProgress: { done: number; total: number } | null;
  /** What words alone reach on the validation rows; null before they are scored. */
  words: WordsRecord[] | null;
  /** On rows that nothing is chosen by; null before the first. */
  verdict: Verdict | null;
  neighbours: NeighbourTable | null;
  /** Nearest token of every virtual token in the table before, to show what changed. */
  previousNearest: number[];
  answers: { step: number; rows: AnswerRow[]; instruction: string | null } | null;
  savedStep: number | null;
  /** Why the last checkpoint could not be kept, or null. */
  notSaved: string | null;
  clock: Clock;
}

export interface Answer {
  text: string;
  tokens: number;
  milliseconds: number;
  done: boolean;
}

/** An input as it is typed, and the answer that is wanted, where it is known. */
export interface AskedExample {
  input: string;
  wanted: string | null;
}

export interface PlaygroundSlice {
  /** Id of the last request; its answers are shown. */
  requestId: number;
  running: boolean;
  columns: AnswerColumn[];
  /** The prompt that those *with* it were made with; it may be another than the one in use by now. */
  prompt: PromptReport | null;
  answers: Partial<Record<AnswerColumn, Answer>>;
  /** A row that was put into the box to be tried; counted, so that the same can be put there again. */
  example: (AskedExample & { id: number }) | null;
  /** What the answers shown are to. */
  asked: AskedExample | null;
  /** Where in the answers' reading the person stopped it. */
  cancelled: boolean;
  error: StudioError | null;
}

/** An answer that the person has confirmed or put right: an example of the next round. */
export interface Correction extends AddedExample {
  id: number;
}

export type RowJob = 'hardest' | 'unlabelled' | 'together';

/** Work on the person's rows with the prompt in use. */
export interface RowsSlice {
  busy: RowJob | null;
  progress: { done: number; total: number } | null;
  hardest: HardRows | null;
  together: EnsembleReport | null;
  unlabelled: { name: string; ranked: RankedRows } | null;
  /** Of the work that was asked for last. */
  error: { kind: RowJob; error: StudioError } | null;
  corrections: Correction[];
  /** A next round is being made ready. */
  continuing: boolean;
  /** Why a next round could not begin. */
  continueError: StudioError | null;
}

/** What a finished piece of work has to say. */
export interface Notice {
  id: number;
  title: string;
  body: string;
}

/** A command on its way to the worker. */
export type PendingCommand = 'train' | 'step' | 'pause' | 'resume' | 'stop' | 'lane';

export interface StudioState {
  device: {
    report: DeviceReport | null;
    error: StudioError | null;
    /** Why it was lost, while model and run are being brought back. */
    lost: string | null;
  };
  trainer: {
    /** What went wrong in the worker itself; null while all is well. */
    error: StudioError | null;
    /** It is gone: nothing can be asked of it until it is started again. */
    ended: boolean;
    restarting: boolean;
  };
  model: ModelSlice;
  catalogue: CatalogueSlice;
  memory: MemorySlice;
  storage: StorageSlice;
  hub: HubSlice;
  data: DataSlice;
  settings: { suggested: SuggestedSettings | null; entered: EnteredSettings; error: StudioError | null };
  run: RunSlice | null;
  pending: PendingCommand | null;
  trainError: StudioError | null;
  prompt: {
    /** The prompt in use. */
    report: PromptReport | null;
    /** The last one that came from a file: a run may start from it even when its own is in use. */
    imported: PromptReport | null;
    busy: 'importing' | 'downloading' | null;
    /** Name of the file that is being imported, or waits for its model. */
    importing: string | null;
    error: StudioError | null;
  };
  playground: PlaygroundSlice;
  rows: RowsSlice;
  saved: {
    work: SavedWork | null;
    busy: boolean;
    error: StudioError | null;
    /** What is known of it is to be asked for again. */
    outdated: boolean;
  };
  notice: Notice | null;
}

export const noComparison: Int8Comparison = {
  busy: false,
  data: null,
  progress: null,
  result: null,
  error: null,
};

export const initialState: StudioState = {
  device: { report: null, error: null, lost: null },
  trainer: { error: null, ended: false, restarting: false },
  model: { report: null, request: null, loading: null, error: null, failed: null, comparison: noComparison },
  catalogue: { stored: null, int8: null, error: null },
  memory: { report: null, budget: null },
  storage: { report: null, error: null, deleting: null },
  hub: { ending: null, remembered: false },
  data: {
    samples: null,
    report: null,
    opened: 0,
    sample: null,
    loading: null,
    updating: false,
    faults: {},
    error: null,
    optionsError: null,
    optionsBefore: [],
    undo: null,
    reading: null,
  },
  settings: { suggested: null, entered: {}, error: null },
  run: null,
  pending: null,
  trainError: null,
  prompt: { report: null, imported: null, busy: null, importing: null, error: null },
  playground: {
    requestId: 0,
    running: false,
    columns: [],
    prompt: null,
    answers: {},
    example: null,
    asked: null,
    cancelled: false,
    error: null,
  },
  rows: {
    busy: null,
    progress: null,
    hardest: null,
    together: null,
    unlabelled: null,
    error: null,
    corrections: [],
    continuing: false,
    continueError: null,
  },
  saved: { work: null, busy: false, error: null, outdated: false },
  notice: null,
};

/** Whether the worker is making steps or about to: data and settings stay as they are meanwhile. */
export function isRunning(run: RunSlice | null): boolean {
  const phase = run?.state.phase;
  return phase === 'starting' || phase === 'training' || phase === 'validating';
}
