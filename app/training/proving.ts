/**
 * @file When a run compares its prompt with words, and tells of it: words before the first step, a few test rows whenever the
 * best prompt is another, all of them while the run rests.
 */
import * as tf from '@tensorflow/tfjs-core';
import { affordableRows } from '../evaluation/pickRows';
import { type Depth, Proof, type Words } from './proof';
import type { RunEvents, RunInputs, TrainedPrompt } from './run';
import type { RunSettings } from './types';

/** Test rows of a look on the way: enough to see who is ahead, few enough to cost next to nothing. */
const LOOK_ROWS = 48;
/** Test rows that a verdict rests on where there are as many: of 1000, a share of 90 % is known to 2 points. */
const TEST_ROWS = 1000;
/** Milliseconds that a look, and a whole verdict, may take where the device is slow: they then rest on fewer rows. */
const TIME: Record<Depth, number> = { look: 8_000, whole: 60_000 };

/** Stands for the step of the prompt while there is none. */
const BEFORE_ANY = -1;

export class Proving {
  private readonly proof: Proof | null;
  /** Step of the prompt that was last looked at; null before the words themselves were scored. */
  private lookedAt: number | null = null;
  /** Step of the prompt that all test rows were last asked about. */
  private judgedStep: number | null = null;
  private judging = new AbortController();
  private judged: Promise<void> = Promise.resolve();

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
              validation: affordableRows(settings.validationRows, engine, data.validation, data.classTokens),
              look: LOOK_ROWS,
              whole: TEST_ROWS,
            },
            time: TIME,
          })
        : null;
  }

  /** Whether words are still to be scored. */
  get due(): boolean {
    return this.proof !== null && this.lookedAt === null;
  }

  /** The instruction that does best on the validation rows; null before words are scored. */
  get bestInstruction(): Words | null {
    return this.proof?.bestInstruction ?? null;
  }

  /**
   * Tells what words reach, and at a first look how the best prompt so far compares with them, unless that is told already.
   * @throws the signal's reason when aborted.
   */
  async tell(best: { step: number; prompt: Float32Array } | null, signal: AbortSignal): Promise<void> {
    const { proof, events } = this;
    const step = best?.step ?? BEFORE_ANY;
    if (!proof || this.lookedAt === step) return;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    if (this.lookedAt === null) events.words?.(await proof.words({ signal, onProgress }));
    await this.compare(best?.prompt ?? null, Math.max(0, step), 'look', signal);
    this.lookedAt = step;
  }

  /**
   * Asks all test rows about what the run has made while it rests, and tells of it. A command that ends the rest
   * interrupts it; the next rest goes on where it was.
   * @param broke told what went wrong
   */
  rest(made: () => Promise<TrainedPrompt>, broke: (error: unknown) => void): void {
    if (!this.proof?.possible) return;
    this.judging.abort();
    this.judging = new AbortController();
    const { signal } = this.judging;
    this.judged = this.judged
      .then(async () => {
        if (signal.aborted) return;
        const { values, step } = await made();
        if (signal.aborted || this.judgedStep === step) return;
        await this.compare(values, step, 'whole', signal);
      })
      .catch((error) => {
        if (!signal.aborted) broke(error);
      });
  }

  /** Ends what `rest` began, at the next word with the device. */
  interrupt(): void {
    this.judging.abort();
  }

  /** Resolves when nothing that `rest` began is under way. */
  settled(): Promise<void> {
    return this.judged;
  }

  private async compare(
    values: Float32Array | null,
    step: number,
    depth: Depth,
    signal: AbortSignal,
  ): Promise<void> {
    const { proof, events } = this;
    if (!proof?.possible) return;
    const { virtualTokens } = this.settings;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    const vectors = values && tf.tensor2d(values.slice(), [virtualTokens, values.length / virtualTokens]);
    try {
      const prompt = vectors && ({ kind: 'prompt', vectors } as const);
      const verdict = await proof.verdict(prompt, step, depth, { signal, onProgress });
      // Few rows are all of them at the first look.
      if (prompt && verdict.whole) this.judgedStep = step;
      events.verdict?.(verdict);
    } finally {
      vectors?.dispose();
    }
  }
}
