/** @file What a run shows beside its curve: the tokens nearest to the prompt, and what the model answers with it. */
import * as tf from '@tensorflow/tfjs-core';
import type { SoftPrompt } from '../engine/engine';
import { neighbourTable } from '../inspect/nearest';
import { AnswerBook } from './answers';
import { tensorOf } from './learner';
import type { Words } from './proof';
import type { RunEvents, RunInputs } from './run';

/** Tells tables and answers of the moment they are asked for, while training goes on. */
export class Showing {
  private readonly answerBook: AnswerBook;
  private telling: Promise<void> | null = null;
  private told = '';

  constructor(
    private readonly inputs: RunInputs,
    private readonly events: Partial<RunEvents>,
    /** Of the validation, of which the first few are answered. */
    rows: readonly number[],
    private readonly broke: (error: unknown) => void,
    /** The instruction that does best so far, or null. */
    private readonly instruction: () => Words | null = () => null,
  ) {
    this.answerBook = new AnswerBook(inputs.engine, { ...inputs, rows, instruction });
  }

  /** Whether a table of nearest tokens is on its way. */
  get busy(): boolean {
    return this.telling !== null;
  }

  /** Resolves when the tables asked for are told. */
  async settled(): Promise<void> {
    await this.telling;
  }

  /**
   * Asks for the table of nearest tokens of a lane's prompt, which it disposes; it comes after those asked for before. A prefix
   * is near no token.
   * @param initial Where the prompt started, `[rows, hidden]`
   */
  nearest(prompt: SoftPrompt, initial: Float32Array, lane: number, step: number): void {
    const which = `${lane} ${step}`;
    if (prompt.kind === 'prefix' || this.told === which) {
      tensorOf(prompt).dispose();
      return;
    }
    this.told = which;
    const { engine, measures, tokenizer } = this.inputs;
    const { vectors } = prompt;
    const started = tf.tensor2d(initial.slice(), vectors.shape);
    const textOf = (id: number) => tokenizer.tokenText(id);
    const told: Promise<void> = Promise.resolve(this.telling)
      .then(() => neighbourTable({ engine, measures, vectors, initial: started, step, textOf }))
      .then((table) => this.events.neighbours?.(table))
      .catch((error) => this.broke(error))
      .finally(() => {
        tf.dispose([vectors, started]);
        if (this.telling === told) this.telling = null;
      });
    this.telling = told;
  }

  /** Tells the model's answers under a prompt that stays as it is meanwhile. @throws the signal's reason when aborted. */
  async answers(prompt: SoftPrompt, step: number, signal: AbortSignal): Promise<void> {
    const answers = await this.answerBook.answers(prompt, signal);
    if (answers.length > 0) this.events.answers?.(step, answers, this.instruction()?.instruction ?? null);
  }

  /** Tells the answers of a prompt, which it disposes, while training may go on. */
  async answersOf(prompt: SoftPrompt, step: number, signal: AbortSignal): Promise<void> {
    try {
      await this.answers(prompt, step, signal);
    } catch (error) {
      if (!signal.aborted) this.broke(error);
    } finally {
      tensorOf(prompt).dispose();
    }
  }
}
