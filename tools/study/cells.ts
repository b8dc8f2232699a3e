/**
 * @file What a study measures: cells, each one way of training on one sample, with the outcome of every seed. Cells and outcomes
 * are plain data, one JSON line each.
 */
import type { MethodId } from '../../app/training/methods/names';

/** Where a prompt starts: the app's starts, and PEFT's N(0, 1). */
export type Start = 'text' | 'vocabulary' | 'random' | 'normal';

/** Nothing is trained: the bare model, and the sample's instruction before the text. */
export interface WordsCell {
  by: 'words';
  sample: string;
}

/** A learner of the app, its seeds side by side in the lanes of one packed batch. */
export interface LearnerCell {
  by: 'learner';
  sample: string;
  method: MethodId;
  virtualTokens: number;
  start: Start;
  /** The learning rate as a multiple of the embedding table's RMS. */
  rate: number;
  /** `constant` is from the first step on; `cosine` after the app's warm-up. */
  schedule: 'constant' | 'cosine';
  steps: number;
  validateEvery: number;
  validationRows: number;
  /** A lane ends at this share of the bare model's validation loss; null: as the app ends it, and its best prompt is tested. */
  until: number | null;
}

/** A whole run of the app with everything as suggested, but for the search. */
export interface AppCell {
  by: 'app';
  sample: string;
  search: 'none' | 'auto';
  steps: number;
}

/** What PEFT trains: as its guide does, or as the app does. */
export type PeftRecipe =
  | 'prompt-default'
  | 'prompt-guide'
  | 'prefix-guide'
  | 'encoder-guide'
  | 'prompt-ours'
  | 'prefix-ours'
  | 'encoder-ours';

export interface PeftCell {
  by: 'peft';
  sample: string;
  recipe: PeftRecipe;
  steps: number;
  validateEvery: number;
  validationRows: number;
}

export type Cell = WordsCell | LearnerCell | AppCell | PeftCell;

/** On rows: mean nats per label token, and the part answered exactly as written. */
export interface Score {
  loss: number;
  exact: number;
}

/** What became of one seed of a cell. */
export interface Outcome {
  seed: number;
  /** Validation loss by step; of a search, of the lane whose prompt it gave. */
  curve: [step: number, loss: number][];
  /** Of the prompt with the lowest validation loss, which is the one tested. */
  best: { step: number } & Score;
  /** Null where only the way there is asked about. */
  test: Score | null;
  /** Steps made; of a search, by its longest lane. */
  steps: number;
  /** Of all lanes of a search together; else `steps`. */
  laneSteps: number;
  /** Wall clock of the steps alone, and with the validations. */
  stepSeconds: number;
  seconds: number;
  /** What a search chose, or why a lane ended with numbers that are none. */
  note?: string;
}

export interface WordsOutcome {
  validation: { bare: Score; told: Score };
  test: { bare: Score; told: Score };
  rows: { training: number; validation: number; test: number };
}

export interface CellRecord {
  kind: 'cell';
  key: string;
  cell: Cell;
  date: string;
  /** One a seed; of words none. */
  outcomes: Outcome[];
  words?: WordsOutcome;
  /** Of what trained it, where that is not this program. */
  versions?: Record<string, string>;
}

/** What a cell is known by: the same cell on the same rows with the same seeds is not trained twice. */
export function keyOf(cell: Cell, dataHash: string, seeds: readonly number[]): string {
  const fields = Object.entries(cell).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([...fields.map(([, value]) => value), dataHash.slice(0, 12), ...seeds]);
}

/** A cell in words, for the lines that a person follows a study by. */
export function describeCell(cell: Cell): string {
  switch (cell.by) {
    case 'words':
      return `${cell.sample}: words alone`;
    case 'learner': {
      const { sample, method, virtualTokens, start, rate, schedule } = cell;
      return `${sample}: ${method}, ${virtualTokens} tokens from ${start}, ${rate}·RMS, ${schedule}`;
    }
    case 'app':
      return `${cell.sample}: the app, ${cell.search === 'auto' ? 'automatic' : 'one prompt'}`;
    case 'peft':
      return `${cell.sample}: PEFT, ${cell.recipe}`;
  }
}
