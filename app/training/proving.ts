/** @file When a run compares its prompt with words, and tells of it: before the first step, and whenever the best prompt is another. */

import type { SoftPrompt } from '../engine/engine';
import { rowsForClasses } from '../evaluation/pickRows';
import { promptOf, tensorOf } from './learner';
import { Proof } from './proof';
import type { RunEvents, RunInputs } from './run';
import type { BestPrompt, RunSettings } from './types';

/**
 * Test rows that a verdict rests on where there are as many, however few validation rows there are: of 300, a share
 * of 90 % is known to 3.5 points.
 */
const TEST_ROWS = 300;

/** A lane's best prompt, and what is needed to use it. */
export interface JudgedPrompt extends BestPrompt {
  lane: number;
  kind: SoftPrompt['kind'];
  width: number;
}

export class Proving {
  private readonly proof: Proof | null;
  /** The prompt that was last compared, by lane and step; null before the words themselves were scored. */
  private compared: string | null = null;

  constructor(
    { engine, data, words = [] }: RunInputs,
    settings: RunSettings,
    private readonly events: Partial<RunEvents>,
  ) {
    this.proof =
      words.length > 0
        ? new Proof({
            engine,
            data,
            words,
            mostRows: {
              validation: rowsForClasses(settings.validationRows, data.classes?.length ?? 0),
              test: rowsForClasses(Math.max(settings.validationRows, TEST_ROWS), data.classes?.length ?? 0),
            },
          })
        : null;
  }

  /** Whether words are still to be scored. */
  get due(): boolean {
    return this.proof !== null && this.compared === null;
  }

  /**
   * Tells what words reach, and how the best prompt so far compares with them, unless that is told already.
   * @throws the signal's reason when aborted.
   */
  async tell(best: JudgedPrompt | null, signal: AbortSignal): Promise<void> {
    const { proof, events } = this;
    const step = best?.step ?? 0;
    const which = `${best?.lane ?? 0} ${step}`;
    if (!proof || this.compared === which) return;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    if (this.compared === null) events.words?.(await proof.words({ signal, onProgress }));
    if (proof.possible) {
      const prompt = best && promptOf(best.kind, best.prompt, best.width);
      try {
        events.verdict?.(await proof.verdict(prompt, step, { signal, onProgress }));
      } finally {
        if (prompt) tensorOf(prompt).dispose();
      }
    }
    this.compared = which;
  }
}
