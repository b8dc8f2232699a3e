/** @file The words of a run: settings, records, state. Plain data that travels through the protocol and into files. */
import type { Turn } from '../data/types';
import type { TrainingMemory } from '../engine/engine';
import type { InputsLoss } from '../evaluation/inputsLoss';
import type { ContenderReport, Difference, Measure } from '../evaluation/report';

export type Initialiser = 'text' | 'labels' | 'vocabulary' | 'random' | 'file';
export type Schedule = 'cosine' | 'linear' | 'constant';

export interface RunSettings {
  method: 'prompt';
  virtualTokens: number;
  initialiser: Initialiser;
  /** Words for the `text` initialiser. */
  initText: string;
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
  /** Words that the prompt is compared with, at most ten; nothing is trained by them. */
  instructions: string[];
}

/** Settings chosen from model and data, each with the reason in words, shown beside its control. */
export interface SuggestedSettings {
  settings: RunSettings;
  reasons: Partial<Record<keyof RunSettings, string>>;
}

export interface StepRecord {
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
  step: number;
  /** Nats per label token. */
  loss: number;
  /** Part of the rows whose target is the likeliest of the classes; null where the task has no classes. */
  accuracy: number | null;
  /** Part of label tokens that are the model's first choice. */
  tokenAccuracy: number;
  /** Part of the rows that greedy generation answers with exactly the target. */
  exact: number;
  rows: number;
  /** Whether this is the best prompt so far (lowest loss). */
  best: boolean;
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
  /** Step of the best validation loss, 0 before the first validation. */
  bestStep: number;
}

/** Everything a chart or a table needs to be drawn again. */
export interface RunHistory {
  steps: StepRecord[];
  validations: ValidationRecord[];
}

/** What a run continues from, exactly. Arrays are `[virtualTokens, hidden]` row-major. */
export interface Checkpoint {
  runId: string;
  /** Fingerprints that must match for the run to go on. */
  modelKey: string;
  dataHash: string;
  settings: RunSettings;
  step: number;
  prompt: Float32Array;
  initialPrompt: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
  best: { step: number; loss: number; prompt: Float32Array } | null;
  history: RunHistory;
  /** Milliseconds spent training so far. */
  elapsed: number;
  phase: RunPhase;
}
