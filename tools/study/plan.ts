/**
 * @file Which cells a study has, in the order in which they are worth most: where time runs out, what is missing is missed least.
 * The one place that names samples.
 */
import type { MethodId } from '../../app/training/methods/names';
import type { Cell, LearnerCell, PeftRecipe, Start } from './cells';

export interface Plan {
  seeds: number[];
  samples: string[];
  cells: Cell[];
}

/** The one that is hard on purpose, of which the whole grid is made. */
export const HARD = 'desk-color';
/** An extraction and a translation: what most methods can do within a few steps. */
export const EASY = ['order-json', 'english-spanish'];

/** The app's own defaults: what the grid is centred on. */
export const DEFAULT = { virtualTokens: 20, rate: 0.2, steps: 150, validateEvery: 25 };
const VALIDATION_ROWS = 100;

/** Of the bare model's validation loss: how far down counts as having learned the task. */
export const TARGETS = [0.2, 0.1];
export const STARTS: Start[] = ['text', 'vocabulary', 'random', 'normal'];
export const SPEED_RATES = [0.02, 0.2, 0.5];
export const LENGTHS = [5, 20, 40, 80];
export const RATES = [0.05, 0.2, 0.5];
export const METHODS: MethodId[] = ['prompt', 'residual', 'mixture', 'encoder', 'prefix', 'projectedPrefix'];
export const RECIPES: PeftRecipe[] = [
  'prompt-default',
  'prompt-guide',
  'prefix-guide',
  'encoder-guide',
  'prompt-ours',
  'prefix-ours',
  'encoder-ours',
];
/** Steps after which a start that has not got there is given up, and how often it is asked. */
const SPEED = { hard: { steps: 120, validateEvery: 5 }, easy: { steps: 80, validateEvery: 1 } };

export function fullPlan(): Plan {
  const samples = [HARD, ...EASY];
  return {
    seeds: [1, 2, 3],
    samples,
    cells: unique([
      ...samples.map((sample): Cell => ({ by: 'words', sample })),
      ...samples.flatMap((sample) => [app(sample, 'none'), app(sample, 'auto')]),
      ...samples.flatMap((sample) => RECIPES.map((recipe) => peft(sample, recipe))),
      ...samples.flatMap((sample) =>
        SPEED_RATES.flatMap((rate) => STARTS.map((start) => speed(sample, start, rate))),
      ),
      ...LENGTHS.flatMap((virtualTokens) => [0.2, 0.5].map((rate) => learner(HARD, { virtualTokens, rate }))),
      ...METHODS.flatMap((method) => [0.2, 0.5].map((rate) => learner(HARD, { method, rate }))),
      ...EASY.flatMap((sample) => METHODS.map((method) => learner(sample, { method }))),
      ...METHODS.map((method) => learner(HARD, { method, rate: 0.05 })),
      ...EASY.flatMap((sample) =>
        LENGTHS.slice(0, 3).map((virtualTokens) => learner(sample, { virtualTokens })),
      ),
      ...EASY.flatMap((sample) => RATES.map((rate) => learner(sample, { rate }))),
    ]),
  };
}

/** A few steps of everything, to see that it works. */
export function quickPlan(): Plan {
  const sample = EASY[EASY.length - 1];
  const short = { steps: 6, validateEvery: 3, validationRows: 8 };
  return {
    seeds: [1, 2],
    samples: [sample],
    cells: [
      { by: 'words', sample },
      { ...app(sample, 'none'), steps: 6 },
      { ...speed(sample, 'text', 0.2), ...short },
      { ...speed(sample, 'normal', 0.2), ...short },
      { ...learner(sample, {}), ...short },
      { ...learner(sample, { method: 'prefix', virtualTokens: 5 }), ...short },
      { ...peft(sample, 'prompt-ours'), ...short },
      { ...peft(sample, 'prefix-ours'), ...short },
      { ...peft(sample, 'encoder-guide'), ...short },
    ],
  };
}

function app(sample: string, search: 'none' | 'auto'): Extract<Cell, { by: 'app' }> {
  return { by: 'app', sample, search, steps: DEFAULT.steps };
}

function peft(sample: string, recipe: PeftRecipe): Extract<Cell, { by: 'peft' }> {
  const { steps, validateEvery } = DEFAULT;
  return { by: 'peft', sample, recipe, steps, validateEvery, validationRows: VALIDATION_ROWS };
}

/** A cell of the grid: as the app trains, its best prompt tested. */
function learner(sample: string, changes: Partial<LearnerCell>): LearnerCell {
  return {
    by: 'learner',
    sample,
    method: 'prompt',
    virtualTokens: DEFAULT.virtualTokens,
    start: 'text',
    rate: DEFAULT.rate,
    schedule: 'cosine',
    steps: DEFAULT.steps,
    validateEvery: DEFAULT.validateEvery,
    validationRows: VALIDATION_ROWS,
    until: null,
    ...changes,
  };
}

/** How soon a start gets there: at one rate throughout, looked at often, and over when it is there. */
function speed(sample: string, start: Start, rate: number): LearnerCell {
  const often = sample === HARD ? SPEED.hard : SPEED.easy;
  const until = Math.min(...TARGETS);
  return learner(sample, { start, rate, schedule: 'constant', validationRows: 40, until, ...often });
}

/** Questions share cells. */
function unique(cells: readonly Cell[]): Cell[] {
  const seen = new Map(cells.map((cell) => [JSON.stringify(cell), cell]));
  return [...seen.values()];
}
