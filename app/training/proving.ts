/** @file When a run compares its prompt with words, and tells of it: before the first step, and whenever the best prompt is another. */
import * as tf from '@tensorflow/tfjs-core';
import { rowsForClasses } from '../evaluation/pickRows';
import { Proof } from './proof';
import type { RunEvents, RunInputs } from './run';
import type { Checkpoint, RunSettings } from './types';

/**
 * Test rows that a verdict rests on where there are as many, however few validation rows there are: of 300, a share
 * of 90 % is known to 3.5 points.
 */
const TEST_ROWS = 300;

export class Proving {
  private readonly proof: Proof | null;
  /** Step of the prompt that was last compared; null before the words themselves were scored. */
  private comparedStep: number | null = null;

  constructor(
    { engine, data, words = [] }: RunInputs,
    private readonly settings: RunSettings,
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
    return this.proof !== null && this.comparedStep === null;
  }

  /**
   * Tells what words reach, and how the best prompt so far compares with them, unless that is told already.
   * @throws the signal's reason when aborted.
   */
  async tell(best: Checkpoint['best'], signal: AbortSignal): Promise<void> {
    const { proof, events } = this;
    const step = best?.step ?? 0;
    if (!proof || this.comparedStep === step) return;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    if (this.comparedStep === null) events.words?.(await proof.words({ signal, onProgress }));
    if (proof.possible) {
      const { virtualTokens } = this.settings;
      const vectors =
        best && tf.tensor2d(best.prompt.slice(), [virtualTokens, best.prompt.length / virtualTokens]);
      try {
        const prompt = vectors && ({ kind: 'prompt', vectors } as const);
        events.verdict?.(await proof.verdict(prompt, step, { signal, onProgress }));
      } finally {
        vectors?.dispose();
      }
    }
    this.comparedStep = step;
  }
}
