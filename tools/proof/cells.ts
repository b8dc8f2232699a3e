/**
 * @file What the proof measures: cells, each one contender for one model on one task, with what it got right of the same test rows.
 * Cells and records are plain data, one JSON line each.
 */
import type { MethodId } from '../../app/training/methods/names';
import type { Search } from '../../app/training/types';

/** The rows that a cell is tested on: the same for every contender. */
interface Tested {
  model: string;
  task: string;
  /** Most test rows. */
  testRows: number;
}

/** Rows that a person has of every class, and what is drawn by lot: which rows these are, and all chance in training. */
interface Given extends Tested {
  perClass: number;
  seed: number;
}

/** Words alone: the bare model, or one of the task's instructions. */
export interface WordsCell extends Tested {
  by: 'words';
  /** From 1 on; 0 is the bare model. */
  instruction: number;
}

/** The best of the instructions, and rows with their answers after it. */
export interface ShotsCell extends Given {
  by: 'shots';
  shots: number;
}

/** The page's own run with everything as suggested, but for the steps where they are said. */
export interface AutoCell extends Given {
  by: 'auto';
  /** Null for as many as suggested. */
  steps: number | null;
  /** Null for what is suggested. */
  search: Search | null;
  method: MethodId;
}

/** What PEFT trains as its documentation does it, with the steps and rows of the page's run. */
export type PeftRecipe = 'prompt-guide' | 'prefix-guide' | 'prompt-default';

export interface PeftCell extends Given {
  by: 'peft';
  recipe: PeftRecipe;
  steps: number | null;
}

export type Cell = WordsCell | ShotsCell | AutoCell | PeftCell;

/** On the test rows, in the order of the test's table. */
export interface Scores {
  /** A character a row: `1` where the likeliest class is the right one, else `0`. */
  right: string;
  /** The same of what is written: `1` where greedy decoding gives exactly the target. */
  exact: string;
  /** Nats per label token. */
  loss: number;
}

/** How a prompt came about. */
export interface Training {
  /** Made, of the prompt that was tested and of all together. */
  steps: number;
  laneSteps: number;
  /** Steps that it might have made. */
  most: number;
  /** The step of the prompt that was tested. */
  best: number;
  /** Wall clock of the training with its validations. */
  seconds: number;
  stepSeconds: number;
  rows: { training: number; validation: number };
  virtualTokens: number;
  learningRate: number;
  /** What a search chose. */
  note?: string;
  /** Of a prompt that PEFT trained: its validation loss as PEFT has it, and as this program has it of the file. */
  agreement?: { theirs: number; ours: number };
}

export interface CellRecord {
  kind: 'cell';
  cell: Cell;
  date: string;
  /** Of all of the cell. */
  seconds: number;
  scores: Scores;
  /** The words that stand before the row, examples left out. */
  instruction?: string;
  training?: Training;
  /** Of the model's embedding table. */
  modelHash: string;
  versions?: Record<string, string>;
}

/** What a cell is known by. */
export function keyOf(cell: Cell): string {
  return JSON.stringify(Object.entries(cell).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export const RECIPE_NAMES: Record<PeftRecipe, string> = {
  'prompt-guide': 'PEFT prompt tuning',
  'prefix-guide': 'PEFT prefix tuning',
  'prompt-default': 'PEFT prompt tuning from N(0, 1)',
};

/** A contender by name; cells of one name differ in their seeds alone. */
export function contenderOf(cell: Cell): string {
  switch (cell.by) {
    case 'words':
      return cell.instruction === 0 ? 'bare model' : `instruction ${cell.instruction}`;
    case 'shots':
      return `${cell.shots} examples in context`;
    case 'auto':
      if (cell.search === null && cell.method === 'prompt') return 'Auto';
      return `Auto${cell.search === null ? '' : `, search ${cell.search}`}${cell.method === 'prompt' ? '' : `, ${cell.method}`}`;
    case 'peft':
      return RECIPE_NAMES[cell.recipe];
  }
}

/** What a contender is tested on, in words. */
export function placeOf(cell: Cell): string {
  const where = `${cell.model}, ${cell.task}`;
  return cell.by === 'words' ? where : `${where}, ${cell.perClass} a class, seed ${cell.seed}`;
}

/** A cell in words, for the lines that a person follows the work by and chooses with `--only`. */
export function describeCell(cell: Cell): string {
  return `${placeOf(cell)}: ${contenderOf(cell)}`;
}
