/**
 * @file Which cells the proof has, in the order in which they are worth most: where time runs out, what is missing is missed least.
 * The one place that names models, tasks, rows and steps.
 */
import type { AutoCell, Cell, PeftCell, PeftRecipe, ShotsCell, WordsCell } from './cells';
import { INSTRUCTIONS } from './instructions';

/** A task: two files of rows with labels, and what is taken of them. */
export interface Task {
  id: string;
  title: string;
  /** Files of the data folder. */
  train: string;
  test: string;
  /** Their columns. */
  input: string;
  target: string;
  /** Labels taken, the first in the alphabet; null for all. */
  labels: number | null;
  /** Most test rows, drawn by lot once for all. */
  testRows: number;
  instructions: readonly string[];
  /** Where the rows come from. */
  source: string;
}

export interface ProofModel {
  id: string;
  title: string;
  /** Folder below the folder of models; null for the model that ships with the page. */
  folder: string | null;
}

export interface Plan {
  models: ProofModel[];
  tasks: Task[];
  cells: Cell[];
}

const SST2 = {
  train: 'sst2.train.csv',
  test: 'sst2.test.csv',
  input: 'sentence',
  target: 'label',
  source: 'SST-2 (Socher et al. 2013, in GLUE; on the Hugging Face Hub `stanfordnlp/sst2`), labels in words',
};
const BANKING77 = {
  train: 'banking77.train.csv',
  test: 'banking77.test.csv',
  input: 'text',
  target: 'category',
  source: 'Banking77 (Casanueva et al. 2020; on the Hugging Face Hub `PolyAI/banking77`), labels in words',
};

const SENTIMENT: Task = {
  ...SST2,
  id: 'sst2',
  title: 'SST-2',
  labels: null,
  testRows: 150,
  instructions: INSTRUCTIONS.sentiment,
};
const TEN: Task = {
  ...BANKING77,
  id: 'banking77-10',
  title: 'Banking77, 10 classes',
  labels: 10,
  testRows: 80,
  instructions: INSTRUCTIONS.banking,
};
const ALL: Task = {
  ...BANKING77,
  id: 'banking77',
  title: 'Banking77, all 77 classes',
  labels: null,
  testRows: 40,
  instructions: INSTRUCTIONS.banking,
};

const SMOLLM: ProofModel = {
  id: 'smollm2-135m-instruct',
  title: 'SmolLM2-135M-Instruct',
  folder: 'smollm2-135m-instruct-bf16',
};
const GEMMA: ProofModel = { id: 'gemma-3-270m', title: 'Gemma 3 270M', folder: 'gemma-3-270m-bf16' };

/** Steps of everything that is trained, where the page would take 150 or more: what three hours on two cores allow. */
export const STEPS = 40;
const SHOTS = [4, 16];
const RECIPES: PeftRecipe[] = ['prompt-guide', 'prefix-guide'];

/** A model on a task with so many rows a class. */
interface Part {
  model: ProofModel;
  task: Task;
  perClass: number;
  seeds: number[];
}

/** Three seeds where it says most; by what steps and rows take on two cores, just under three hours in all. */
const PARTS: Part[] = [
  { model: SMOLLM, task: SENTIMENT, perClass: 16, seeds: [1] },
  { model: SMOLLM, task: TEN, perClass: 16, seeds: [1] },
  { model: GEMMA, task: SENTIMENT, perClass: 16, seeds: [1] },
  { model: SMOLLM, task: SENTIMENT, perClass: 128, seeds: [1] },
  { model: SMOLLM, task: SENTIMENT, perClass: 16, seeds: [2, 3] },
];

/** What takes longer than that: about eight hours more. */
const FURTHER: Part[] = [
  { model: GEMMA, task: TEN, perClass: 16, seeds: [1] },
  { model: SMOLLM, task: ALL, perClass: 16, seeds: [1] },
  { model: GEMMA, task: SENTIMENT, perClass: 128, seeds: [1] },
  { model: SMOLLM, task: TEN, perClass: 16, seeds: [2, 3] },
  { model: GEMMA, task: SENTIMENT, perClass: 16, seeds: [2, 3] },
  { model: GEMMA, task: ALL, perClass: 16, seeds: [1] },
];

export interface PlanOptions {
  /** Null for as many as the page suggests. */
  steps?: number | null;
  /** Also what takes longer, and what is beside the question: PEFT's start from N(0, 1), a search over prefixes. */
  further?: boolean;
}

export function fullPlan({ steps = STEPS, further = false }: PlanOptions = {}): Plan {
  const parts = [...PARTS, ...(further ? FURTHER : [])];
  const cells = parts.flatMap(({ model, task, perClass, seeds }) => [
    ...words(model, task),
    ...seeds.flatMap((seed) => {
      const where = { model, task, perClass, seed };
      return [...trained({ ...where, steps }), ...shots(where)];
    }),
  ]);
  const more = further ? besides(steps) : [];
  return { models: [SMOLLM, GEMMA], tasks: [SENTIMENT, TEN, ALL], cells: unique([...cells, ...more]) };
}

/** A few steps and rows of everything, with the model and a sample that ship with the page. */
export function quickPlan(): Plan {
  const model: ProofModel = { id: 'studio-2.6m', title: 'the embedded model', folder: null };
  const task: Task = {
    id: 'review-sentiment',
    title: 'Review sentiment',
    train: 'review-sentiment.csv',
    test: 'review-sentiment.validation.csv',
    input: 'input',
    target: 'target',
    labels: null,
    testRows: 24,
    instructions: INSTRUCTIONS.reviews,
    source: 'made for this page',
  };
  const given = { model, task, perClass: 8 };
  return {
    models: [model],
    tasks: [task],
    cells: [
      ...words(model, task),
      ...trained({ ...given, seed: 1, steps: 6 }),
      ...trained({ ...given, seed: 2, steps: 6 }),
      ...shots({ ...given, seed: 1 }).slice(0, 1),
    ],
  };
}

function besides(steps: number | null): Cell[] {
  const given = { model: SMOLLM.id, task: SENTIMENT.id, testRows: SENTIMENT.testRows, perClass: 16, seed: 1 };
  const widest: AutoCell = { by: 'auto', ...given, steps, search: 'auto', method: 'prefix' };
  const plain: PeftCell = { by: 'peft', ...given, steps, recipe: 'prompt-default' };
  return [plain, widest];
}

interface Where {
  model: ProofModel;
  task: Task;
  perClass: number;
  seed: number;
}

function words(model: ProofModel, task: Task): WordsCell[] {
  return [null, ...task.instructions].map((_, instruction) => ({
    by: 'words',
    model: model.id,
    task: task.id,
    testRows: task.testRows,
    instruction,
  }));
}

function trained({ steps, ...where }: Where & { steps: number | null }): Cell[] {
  return [
    { by: 'auto', ...given(where), steps, search: null, method: 'prompt' },
    ...RECIPES.map((recipe): PeftCell => ({ by: 'peft', ...given(where), recipe, steps })),
  ];
}

function shots(where: Where): ShotsCell[] {
  return SHOTS.map((count) => ({ by: 'shots', ...given(where), shots: count }));
}

function given({ model, task, perClass, seed }: Where) {
  return { model: model.id, task: task.id, testRows: task.testRows, perClass, seed };
}

/** Tasks of one test share its words. */
function unique(cells: readonly Cell[]): Cell[] {
  return [...new Map(cells.map((cell) => [JSON.stringify(cell), cell])).values()];
}
