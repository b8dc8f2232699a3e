/**
 * @file The best prompts of a run's lanes asked together: how many is chosen on validation rows, what they are worth is said on
 * test rows.
 */

import type { Dataset } from '../data/dataset';
import type { TokenExample } from '../data/types';
import type { Engine } from '../engine/engine';
import { bestCount, together } from '../evaluation/ensemble';
import { drawRows } from '../evaluation/pickRows';
import { compare, type Measure, reportOf } from '../evaluation/report';
import { type Contender, type ScoredData, scoreRows } from '../evaluation/scoreRows';
import { promptOf, tensorOf } from '../training/learner';
import type { JudgedPrompt } from '../training/proving';
import { StudioRequestError } from './errors';
import type { EnsembleReport } from './protocol';

/** More members take longer and hardly add. */
const MOST_MEMBERS = 5;
const MOST_VALIDATION_ROWS = 200;
const MOST_TEST_ROWS = 1000;

export interface EnsembleInputs {
  engine: Engine;
  data: Dataset;
  /** The run's own prompt first, the lowest validation loss next. */
  prompts: readonly (JudgedPrompt & { name: string })[];
  /** Asks about rows a few at a time; fewer than are given where time runs out. */
  inSlices<T>(rows: readonly number[], ask: (rows: number[]) => Promise<T[]>): Promise<T[]>;
  signal: AbortSignal;
}

/** @throws StudioRequestError where there is nothing to put together, or no row to ask about */
export async function askEnsemble(inputs: EnsembleInputs): Promise<Omit<EnsembleReport, 'runId'>> {
  const { engine, data, signal, inSlices } = inputs;
  const chosen = inputs.prompts.slice(0, MOST_MEMBERS);
  if (chosen.length < 2) {
    throw new StudioRequestError(
      'There is only one validated prompt.',
      'Train with a search, which makes several, and let them reach a validation.',
    );
  }
  if (data.test.length === 0) {
    throw new StudioRequestError(
      'There are no test rows to compare on.',
      'Keep some rows for the test, under Split.',
    );
  }
  const { classes, classTokens } = data;
  const measure: Measure = classes ? 'accuracy' : 'exact';
  const held = chosen.map(({ kind, values, width }) => promptOf(kind, values, width));
  const scored = async (
    examples: ScoredData['examples'],
    texts: readonly TokenExample[],
    most: number,
    count: number,
  ) => {
    const contenders: Contender[] = held.slice(0, count).map((prompt) => ({ prompt, texts }));
    const rows = await inSlices(drawRows(texts.length, most), async (slice) => {
      const options = { rows: slice, ask: 'all', signal } as const;
      const found = await scoreRows(engine, contenders, { examples, classes, classTokens }, options);
      return slice.map((_, i) => found.map((scores) => scores[i]));
    });
    return contenders.map((_, member) => rows.map((row) => row[member]));
  };
  try {
    const chosenBy = await scored(
      data.validationExamples,
      data.validation,
      MOST_VALIDATION_ROWS,
      chosen.length,
    );
    const count = bestCount(chosenBy, measure);
    const members = await scored(data.testExamples, data.test, MOST_TEST_ROWS, count);
    const all = together(members);
    const share = (rows: typeof all) => {
      const { accuracy, exact } = reportOf('', rows, classes?.length ?? 0);
      return measure === 'accuracy' && accuracy ? accuracy : exact;
    };
    return {
      members: chosen.slice(0, count).map(({ name }) => name),
      measure,
      rows: all.length,
      of: data.test.length,
      alone: share(members[0]),
      together: share(all),
      difference: compare(members[0], all, measure),
    };
  } finally {
    for (const prompt of held) tensorOf(prompt).dispose();
  }
}
