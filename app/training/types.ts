/** @file The words of a run: settings, records, state. Plain data that travels through the protocol and into files. */
import type { Turn } from '../data/types';
import type { TrainingMemory } from '../engine/engine';
import type { InputsLoss } from '../evaluation/inputsLoss';
import type { ContenderReport, Difference, Measure } from '../evaluation/report';
import type { MethodId } from './methods/names';

export type Initialiser = 'text' | 'labels' | 'examples' | 'vocabulary' | 'random' | 'file';
export type Schedule = 'cosine' | 'linear' | 'constant';
/** What is varied among the lanes of a run; `none` trains one. */
export type Search = 'none' | 'auto' | 'rates' | 'lengths' | 'starts' | 'methods' | 'seeds';

export interface RunSettings {
  search: Search;
  method: MethodId;
  /** Rows that are learned. */
  virtualTokens: number;
  initialiser: Initialiser;
  /** Words for the `text` initialiser. */
  initText: string;
  /** Words that stand before and after the learned rows, in rows of their own that stay as they are. */
  before: string;
  after: string;
  learningRate: number;
  steps: number;
  batchSize: number;
  seed: number;
  warmupSteps: number;
  schedule: Schedule;
  /** Largest gradient norm; 0 for no clipping. */
  clipNorm: number;
  /** Decoupled (AdamW), a step: p ← p − lr · weightDecay · p. */
  weightDecay: number;
  /** Validate every this many steps and after the last. */
  validateEvery: number;
  /** Most validation rows used each time. */
  validationRows: number;
  /** A lane ends when so many validations in a row were no better than its best; 0 never ends one. */
  patience: number;
  /** Most minutes of training; 0 for no limit. */
  minutes: number;
  /**
   * Length of the nudge against the prompt at which each step learns too, as a part of the prompt's own length (FGM, Miyato et
   * al. 2017); 0 for none.
   */
  noise: number;
  /** Words that the prompt is compared with, at most ten; nothing is trained by them. */
  instructions: string[];
  /** Examples in context that the first of these is compared with too; 0 for none. */
  shots: number;
}

/** The settings that one learner has for itself; learners of a run may differ in them. */
export type LearnerSettings = Pick<
  RunSettings,
  | 'method'
  | 'virtualTokens'
  | 'initialiser'
  | 'initText'
  | 'before'
  | 'after'
  | 'learningRate'
  | 'noise'
  | 'seed'
>;

/** Where a learner begins; it stays what it is for all of a run. On the host, row-major. */
export interface LearnerStart {
  /** Flat, in the order of the method's shapes. */
  parameters: Float32Array;
  /** The method's, then the frame's rows. */
  constants: Float32Array;
  /** Rows of the frame before and after those that are learned. */
  frame: readonly [before: number, after: number];
  /** The prompt before the first step, `[rows, width]`. */
  prompt: Float32Array;
}

/** What updates change, on the host. */
export interface LearnerState {
  parameters: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  /** The prompt that the parameters make, `[rows, width]`. */
  prompt: Float32Array;
}

/** Settings chosen from model and data, each with the reason in words, shown beside its control. */
export interface SuggestedSettings {
  settings: RunSettings;
  reasons: Partial<Record<keyof RunSettings, string>>;
}

export interface StepRecord {
  /** 0 where a run trains one prompt. */
  lane: number;
  /** 1-based: the record of the step that has just been made. */
  step: number;
  /** Loss of the step's batch before the update, nats per label token. */
  loss: number;
  /** Before clipping. */
  gradientNorm: number;
  learningRate: number;
  /** Text tokens of the batch, virtual tokens not counted. */
  tokens: number;
  milliseconds: number;
}

export interface ValidationRecord {
  lane: number;
  step: number;
  /** Nats per label token. */
  loss: number;
  /** Standard error of that mean, over the rows. */
  error: number;
  /** Part of the rows whose target is the likeliest of the classes; null where the task has no classes. */
  accuracy: number | null;
  /** Part of label tokens that are the model's first choice. */
  tokenAccuracy: number;
  /** Part of the rows that greedy generation answers with exactly the target. */
  exact: number;
  rows: number;
  /** Whether this is the lane's best prompt so far (lowest loss). */
  best: boolean;
}

/** How one lane of a run stands. */
export interface LaneReport {
  lane: number;
  /** What sets it apart, in words; '' where a run trains one prompt. */
  name: string;
  /** What it has for itself. */
  settings: LearnerSettings;
  /** Why it trains no more, and after which step; null while it goes on. */
  ended: LaneEnd | null;
  best: { step: number; loss: number; accuracy: number | null; exact: number } | null;
}

export interface LaneEnd {
  step: number;
  /** It fell behind others, was no better for long, or flew off. */
  how: 'dropped' | 'settled' | 'diverged';
  why: string;
}

/** What words alone reach on the validation rows. */
export interface WordsRecord {
  name: string;
  /** '' for the bare model. */
  instruction: string;
  /** Nats per label token. */
  loss: number;
  /** Null where the task has no classes. */
  accuracy: number | null;
  exact: number;
  /** Validation rows that were scored. */
  rows: number;
}

/** A row that the prompt gets wrong. */
export interface WrongRow {
  /** As the person's file counts it. */
  row: number;
  input: string;
  /** Of a conversation. */
  turns?: readonly Turn[];
  target: string;
  /** The class that it was taken for; null where the task has none. */
  said: string | null;
  /** Whether the best words get it right; null where there are none. */
  wordsRight: boolean | null;
  /** Of the target, summed over its label tokens. */
  nats: number;
}

/** Contenders on rows that nothing was chosen by. */
export interface Verdict {
  /** Of the prompt that is judged. */
  step: number;
  /** Test rows that it rests on. */
  rows: number;
  /** Test rows that there are. */
  of: number;
  /** No more rows will be looked at; else it is a first look on a few of them, while the run goes on. */
  whole: boolean;
  measure: Measure;
  /** Part of the rows that the commonest answer is right on. */
  majority: number | null;
  /** Names of the classes, in the order of the confusion matrices; null where there are none. */
  classes: string[] | null;
  /** Words first, in their order; the soft prompt last, where there is one. */
  contenders: ContenderReport[];
  /** The soft prompt against the best words; null while there is no prompt. */
  difference: (Difference & { against: string }) | null;
  wrong: WrongRow[];
  /** What the bare model makes of the inputs themselves; null where they are too short to tell. */
  inputs: InputsLoss | null;
}

/** A validation example with the model's greedy answers. */
export interface AnswerRow {
  input: string;
  target: string;
  /** Of a conversation. */
  turns?: readonly Turn[];
  without: string;
  /** After the best instruction; null where nothing is compared with one. */
  told: string | null;
  with: string;
}

export type RunPhase = 'starting' | 'training' | 'validating' | 'paused' | 'finished' | 'stopped' | 'failed';

export interface RunState {
  phase: RunPhase;
  /** Steps made. */
  step: number;
  steps: number;
  /** Why it failed and what to try, for the person. */
  message?: string;
  /** What was done that the person did not ask for, such as smaller parts of a batch where memory is short. */
  notes?: string[];
  /** Where the memory goes; absent before the first step. */
  memory?: TrainingMemory;
  /** Step of the prompt that the run would give now, 0 before the first validation. */
  bestStep: number;
  /** The lane that it is of. */
  leader: number;
  lanes: LaneReport[];
}

/** Everything a chart or a table needs to be drawn again; of all lanes, in the order in which it came. */
export interface RunHistory {
  steps: StepRecord[];
  validations: ValidationRecord[];
}

/** A prompt on the host, where in its lane it was, and how good. */
export interface BestPrompt {
  step: number;
  loss: number;
  /** Standard error of the loss. */
  error: number;
  /** `[rows, width]` */
  prompt: Float32Array;
}

/** What one lane continues from. Numbers are row-major. */
export interface LaneState extends LearnerState, Omit<LearnerStart, 'prompt'> {
  name: string;
  settings: LearnerSettings;
  ended: LaneEnd | null;
  /** `[rows, width]` */
  initialPrompt: Float32Array;
  best: BestPrompt | null;
}

/** What a run continues from, exactly. */
export interface Checkpoint {
  runId: string;
  /** Fingerprints that must match for the run to go on. */
  modelKey: string;
  dataHash: string;
  settings: RunSettings;
  step: number;
  lanes: LaneState[];
  /** The lane that the person has taken; null leaves it to the run. */
  chosen: number | null;
  /** Why the run ended before its last step; null where it did not. */
  endedEarly: string | null;
  history: RunHistory;
  /** Milliseconds spent training so far. */
  elapsed: number;
  phase: RunPhase;
}
