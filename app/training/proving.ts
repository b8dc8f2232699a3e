/**
 * @file When a run compares its prompt with words, and tells of it: words before the first step, a few test rows whenever the
 * best prompt is another, all of them while the run rests.
 */
import type { SoftPrompt } from '../engine/engine';
import { affordableRows } from '../evaluation/pickRows';
import { promptOf, tensorOf } from './learner';
import { type Depth, Proof, type Words } from './proof';
import type { RunEvents, RunInputs, TrainedPrompt } from './run';
import type { RunSettings } from './types';

/** Test rows of a look on the way: enough to see who is ahead, few enough to cost next to nothing. */
const LOOK_ROWS = 48;
/** Test rows that a verdict rests on where there are as many: of 1000, a share of 90 % is known to 2 points. */
const TEST_ROWS = 1000;
/** Milliseconds that a look, and a whole verdict, may take where the device is slow: they then rest on fewer rows. */
const TIME: Record<Depth, number> = { look: 8_000, whole: 60_000 };

/** Stands for the prompt while there is none. */
const BEFORE_ANY = 'none';

/** A lane's prompt, and what is needed to use it. */
export interface JudgedPrompt extends Pick<TrainedPrompt, 'values' | 'lane' | 'step'> {
  kind: SoftPrompt['kind'];
  /** Numbers of a row. */
  width: number;
}

export class Proving {
  private readonly proof: Proof | null;
  /** The prompt that was last looked at, by lane and step; null before the words themselves were scored. */
  private lookedAt: string | null = null;
  /** The prompt that all test rows were last asked about, likewise. */
  private judgedPrompt: string | null = null;
  private judging = new AbortController();
  private judged: Promise<void> = Promise.resolve();

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
  async tell(best: JudgedPrompt | null, signal: AbortSignal): Promise<void> {
    const { proof, events } = this;
    const which = nameOf(best);
    if (!proof || this.lookedAt === which) return;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    if (this.lookedAt === null) events.words?.(await proof.words({ signal, onProgress }));
    await this.compare(best, 'look', signal);
    this.lookedAt = which;
  }

  /**
   * Asks all test rows about what the run has made while it rests, and tells of it. A command that ends the rest
   * interrupts it; the next rest goes on where it was.
   * @param broke told what went wrong
   */
  rest(made: () => Promise<JudgedPrompt>, broke: (error: unknown) => void): void {
    if (!this.proof?.possible) return;
    this.judging.abort();
    this.judging = new AbortController();
    const { signal } = this.judging;
    this.judged = this.judged
      .then(async () => {
        if (signal.aborted) return;
        const prompt = await made();
        if (signal.aborted || this.judgedPrompt === nameOf(prompt)) return;
        await this.compare(prompt, 'whole', signal);
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

  private async compare(judged: JudgedPrompt | null, depth: Depth, signal: AbortSignal): Promise<void> {
    const { proof, events } = this;
    if (!proof?.possible) return;
    const onProgress = (done: number, total: number) => events.validationProgress?.(done, total);
    const prompt = judged && promptOf(judged.kind, judged.values, judged.width);
    try {
      const verdict = await proof.verdict(prompt, judged?.step ?? 0, depth, { signal, onProgress });
      // Few rows are all of them at the first look.
      if (prompt && verdict.whole) this.judgedPrompt = nameOf(judged);
      events.verdict?.(verdict);
    } finally {
      if (prompt) tensorOf(prompt).dispose();
    }
  }
}

function nameOf(prompt: Pick<JudgedPrompt, 'lane' | 'step'> | null): string {
  return prompt ? `${prompt.lane} ${prompt.step}` : BEFORE_ANY;
}
