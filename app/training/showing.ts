/** @file What a run shows beside its curve: the tokens nearest to the prompt, and what the model answers with it. */
import * as tf from '@tensorflow/tfjs-core';
import type { VectorPrompt } from '../engine/engine';
import { neighbourTable } from '../inspect/nearest';
import { AnswerBook } from './answers';
import type { Words } from './proof';
import type { RunEvents, RunInputs } from './run';

/** Tells tables and answers of the moment they are asked for, while training goes on. */
export class Showing {
  private readonly answerBook: AnswerBook;
  private readonly initial: tf.Tensor2D;
  private telling: Promise<void> | null = null;
  private toldStep = -1;

  constructor(
    private readonly inputs: RunInputs,
    private readonly events: Partial<RunEvents>,
    /** Where the prompt started, `[virtualTokens, hidden]`. */
    initialPrompt: Float32Array,
    /** Of the validation, of which the first few are answered. */
    rows: readonly number[],
    private readonly broke: (error: unknown) => void,
    /** The instruction that does best so far, or null. */
    private readonly instruction: () => Words | null = () => null,
  ) {
    const { hidden } = inputs.engine.spec;
    this.initial = tf.tensor2d(initialPrompt.slice(), [initialPrompt.length / hidden, hidden]);
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

  /** Asks for the table of nearest tokens of this moment; it comes after those asked for before. */
  nearest(prompt: tf.Tensor2D, step: number): void {
    if (this.toldStep === step) return;
    this.toldStep = step;
    const { engine, measures, tokenizer } = this.inputs;
    const { initial } = this;
    const vectors = tf.clone(prompt);
    const told: Promise<void> = Promise.resolve(this.telling)
      .then(() =>
        neighbourTable({ engine, measures, vectors, initial, step, textOf: (id) => tokenizer.tokenText(id) }),
      )
      .then((table) => this.events.neighbours?.(table))
      .catch((error) => this.broke(error))
      .finally(() => {
        vectors.dispose();
        if (this.telling === told) this.telling = null;
      });
    this.telling = told;
  }

  /** Tells the model's answers under a prompt that stays as it is meanwhile. @throws the signal's reason when aborted. */
  async answers(prompt: VectorPrompt, step: number, signal: AbortSignal): Promise<void> {
    const answers = await this.answerBook.answers(prompt, signal);
    if (answers.length > 0) this.events.answers?.(step, answers, this.instruction()?.instruction ?? null);
  }

  /** Tells the answers of this moment's prompt, while training may go on. */
  async answersOf(prompt: tf.Tensor2D, step: number, signal: AbortSignal): Promise<void> {
    const vectors = tf.clone(prompt);
    try {
      await this.answers({ kind: 'prompt', vectors }, step, signal);
    } catch (error) {
      if (!signal.aborted) this.broke(error);
    } finally {
      vectors.dispose();
    }
  }

  dispose(): void {
    this.initial.dispose();
  }
}
