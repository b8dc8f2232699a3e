/** @file The records of a study, asked for by what they are of. */
import type { AppCell, Cell, CellRecord, LearnerCell, Outcome, PeftRecipe } from './cells';
import { DEFAULT } from './plan';
import type { StudyHeader } from './record';
import { type Estimate, estimate, estimateDifference } from './statistics';

export interface StudyResults {
  header: StudyHeader;
  records: readonly CellRecord[];
  /** Cells of the plan that are not done. */
  missing: readonly Cell[];
  seeds: readonly number[];
}

/** What was trained on one sample, one outcome a seed. */
export interface Trained {
  sample: string;
  name: string;
  outcomes: readonly Outcome[];
}

export class Facts {
  readonly samples: string[];

  constructor(readonly results: StudyResults) {
    this.samples = [...new Set(results.records.map(({ cell }) => cell.sample))];
  }

  words(sample: string): CellRecord['words'] {
    return this.results.records.find(({ cell }) => cell.by === 'words' && cell.sample === sample)?.words;
  }

  app(sample: string, search: AppCell['search']): Trained | null {
    const name = search === 'auto' ? 'Automatic' : 'the app’s default, one prompt';
    return this.trained(
      sample,
      name,
      ({ cell }) => cell.by === 'app' && cell.sample === sample && cell.search === search,
    );
  }

  peft(sample: string, recipe: PeftRecipe): Trained | null {
    return this.trained(
      sample,
      RECIPE_NAMES[recipe],
      ({ cell }) => cell.by === 'peft' && cell.sample === sample && cell.recipe === recipe,
    );
  }

  /** A cell of the grid; what is not said is the default. */
  learner(sample: string, changes: Partial<LearnerCell> = {}): Trained | null {
    const { virtualTokens, rate } = DEFAULT;
    const wanted = { method: 'prompt', virtualTokens, rate, start: 'text', until: null, ...changes };
    return this.trained(sample, '', ({ cell }) => cell.by === 'learner' && has(cell, { sample, ...wanted }));
  }

  /** How soon a start gets to a loss. */
  speed(sample: string, start: LearnerCell['start'], rate: number): (Trained & { limit: number }) | null {
    const record = this.results.records.find(
      ({ cell }) => cell.by === 'learner' && cell.until !== null && has(cell, { sample, start, rate }),
    );
    if (record?.cell.by !== 'learner') return null;
    return { sample, name: start, outcomes: record.outcomes, limit: record.cell.steps };
  }

  /** Of the whole grid the cell with the lowest mean validation loss: chosen in hindsight, but not by the test rows. */
  best(sample: string): Trained | null {
    return lowest(
      this.results.records.flatMap(({ cell, outcomes }) =>
        cell.by === 'learner' && cell.until === null && cell.sample === sample
          ? [
              {
                sample,
                name: `${cell.method}, ${cell.virtualTokens} tokens, ${cell.rate}·RMS`,
                outcomes,
              },
            ]
          : [],
      ),
    );
  }

  private trained(sample: string, name: string, is: (record: CellRecord) => boolean): Trained | null {
    const record = this.results.records.find(is);
    return record ? { sample, name, outcomes: record.outcomes } : null;
  }
}

export const RECIPE_NAMES: Record<PeftRecipe, string> = {
  'prompt-default': 'PEFT prompt tuning, its own start N(0, 1)',
  'prompt-guide': 'PEFT prompt tuning as in its guide, from the text',
  'prefix-guide': 'PEFT prefix tuning as in its guide',
  'encoder-guide': 'PEFT P-tuning as in its guide',
  'prompt-ours': 'PEFT prompt tuning with our start, rate and schedule',
  'prefix-ours': 'PEFT prefix tuning with our start, rate and schedule',
  'encoder-ours': 'PEFT P-tuning with our rate and schedule',
};

/** The one with the lowest mean validation loss; null of none. */
export function lowest<T extends Trained>(all: readonly T[]): T | null {
  if (all.length === 0) return null;
  return all.reduce((a, b) => (lossOf(b).mean < lossOf(a).mean ? b : a));
}

/** Part of the test rows answered exactly, over the seeds. */
export function exactOf({ outcomes }: Trained): Estimate {
  return estimate(testsOf(outcomes));
}

export function lossOf({ outcomes }: Trained): Estimate {
  return estimate(outcomes.map(({ best }) => best.loss));
}

export function meanOf({ outcomes }: Trained, of: (outcome: Outcome) => number): number {
  return estimate(outcomes.map(of)).mean;
}

/** Points of test rows that b is ahead of a, over the seeds and samples that both have; null where there are none. */
export function ahead(pairs: readonly (readonly [Trained | null, Trained | null])[]): Estimate | null {
  const both = pairs.filter((pair): pair is [Trained, Trained] => pair[0] !== null && pair[1] !== null);
  if (both.length === 0) return null;
  return estimateDifference(
    both.flatMap(([a]) => testsOf(a.outcomes)),
    both.flatMap(([, b]) => testsOf(b.outcomes)),
  );
}

function testsOf(outcomes: readonly Outcome[]): number[] {
  return outcomes.map(({ test }) => test?.exact ?? Number.NaN);
}

function has(cell: LearnerCell, wanted: Partial<LearnerCell> | object): boolean {
  return Object.entries(wanted).every(([key, value]) => cell[key as keyof LearnerCell] === value);
}
