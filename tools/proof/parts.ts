/** @file The records of the proof by what they are of: a model on a task with so many rows a class, and who was tested there. */
import type { ProofHeader } from './carryOut';
import { type Cell, type CellRecord, contenderOf, type PeftRecipe, RECIPE_NAMES } from './cells';
import { bestOf, type Contender } from './compare';
import type { Plan, ProofModel, Task } from './plan';

export interface ProofResults {
  header: ProofHeader;
  plan: Plan;
  /** Of the plan's cells. */
  records: readonly CellRecord[];
  /** Cells of the plan that are not done. */
  missing: readonly Cell[];
}

/** Everything that was tested on one model and task with so many rows a class. */
export class Part {
  constructor(
    readonly model: ProofModel,
    readonly task: Task,
    readonly perClass: number,
    private readonly records: readonly CellRecord[],
  ) {}

  get title(): string {
    return `${this.model.title} on ${this.task.title}, ${this.perClass} rows a class`;
  }

  get auto(): Contender | null {
    return this.trained(({ cell }) => cell.by === 'auto' && cell.search === null && cell.method === 'prompt');
  }

  get bare(): Contender | null {
    return this.trained(({ cell }) => cell.by === 'words' && cell.instruction === 0);
  }

  /** Those that were tested, in the plan's order. */
  get instructions(): Contender[] {
    return this.all(({ cell }) => cell.by === 'words' && cell.instruction > 0);
  }

  /** Right most often on these very test rows; null before all of them were tested. */
  get bestInstruction(): Contender | null {
    const { instructions } = this;
    return instructions.length === this.task.instructions.length ? bestOf(instructions) : null;
  }

  /** By how many examples. */
  get shots(): Contender[] {
    return this.all(({ cell }) => cell.by === 'shots');
  }

  peft(recipe: PeftRecipe): Contender | null {
    return this.trained(({ cell }) => cell.by === 'peft' && cell.recipe === recipe);
  }

  /** What was trained besides. */
  get extras(): Contender[] {
    const asked = [this.auto?.name, this.peft('prompt-guide')?.name, this.peft('prefix-guide')?.name];
    return this.all(({ cell }) => cell.by === 'auto' || cell.by === 'peft').filter(
      ({ name }) => !asked.includes(name),
    );
  }

  /** Whom Auto is held against, by name; null where that is not measured. */
  get opponents(): [name: string, contender: Contender | null][] {
    return [
      [`the best of ${inWords(this.task.instructions.length)} instructions`, this.bestInstruction],
      ['the best instruction with examples in context', bestOf(this.shots)],
      [RECIPE_NAMES['prompt-guide'], this.peft('prompt-guide')],
      [RECIPE_NAMES['prefix-guide'], this.peft('prefix-guide')],
    ];
  }

  private trained(is: (record: CellRecord) => boolean): Contender | null {
    return this.all(is)[0] ?? null;
  }

  /** Records of one contender are one for each of its seeds. */
  private all(is: (record: CellRecord) => boolean): Contender[] {
    const names = [...new Set(this.records.filter(is).map(({ cell }) => contenderOf(cell)))];
    return names.map((name) => ({
      name,
      records: this.records.filter((record) => is(record) && contenderOf(record.cell) === name),
    }));
  }
}

/** In the plan's order, those of which nothing is done as well. */
export function partsOf({ plan, records }: Pick<ProofResults, 'plan' | 'records'>): Part[] {
  const parts = new Map<string, Part>();
  for (const cell of plan.cells) {
    if (cell.by === 'words') continue;
    const { model, task, perClass } = cell;
    const key = JSON.stringify([model, task, perClass]);
    if (parts.has(key)) continue;
    const own = records.filter(
      ({ cell: other }) =>
        other.model === model && other.task === task && (other.by === 'words' || other.perClass === perClass),
    );
    const named = {
      model: plan.models.find(({ id }) => id === model),
      task: plan.tasks.find(({ id }) => id === task),
    };
    if (named.model && named.task) parts.set(key, new Part(named.model, named.task, perClass, own));
  }
  return [...parts.values()];
}

const WORDS = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];

function inWords(count: number): string {
  return WORDS[count] ?? String(count);
}
