/**
 * @file One update of the prompt after another: batch, loss, gradient, optimizer; a batch that memory does not hold is
 * done in parts whose gradients add up to the whole batch's.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createOrder, type ExampleOrder } from '../data/order';
import { packExamples } from '../data/pack';
import type { TokenExample } from '../data/types';
import { labelIndices } from '../engine/batch';
import type { Engine, PackedBatch, TrainingMemory, VectorPrompt } from '../engine/engine';
import { EngineMemoryError } from '../engine/errors';
import { AdamW, type AdamWState } from './adamW';
import { TrainingError } from './errors';
import { largestParts, splitBatch } from './microBatches';
import { learningRateAt } from './schedule';
import type { RunSettings } from './types';

/** What updates change, on the host: `[virtualTokens, hidden]` each, row-major. */
export interface PromptState {
  prompt: Float32Array;
  firstMoment: Float32Array;
  secondMoment: Float32Array;
}

export interface MadeStep {
  /** Loss and gradient norm, on their way. The caller disposes. */
  measured: tf.Tensor;
  /** Resolves when the device is known to have accepted the step; rejects with why it has not, and the step is of no worth. */
  accepted: Promise<void>;
  learningRate: number;
  /** Text tokens of the batch. */
  tokens: number;
}

export interface StepMakerInputs {
  engine: Engine;
  training: readonly TokenExample[];
  settings: RunSettings;
  /** Where the prompt starts. */
  prompt: Float32Array;
  moments?: AdamWState;
  /** Parts a step is done in at least. */
  parts?: number;
}

/** Owns the prompt and its moments on the device; dispose it. */
export class StepMaker {
  readonly prompt: tf.Variable<tf.Rank.R2>;
  /** What the engine has set aside; null before `prepare`. */
  memory: TrainingMemory | null = null;
  /** What memory asked for, in words. */
  notes: readonly string[] = [];
  private partCount: number;
  private readonly optimizer: AdamW;
  private readonly order: ExampleOrder;

  constructor(private readonly inputs: StepMakerInputs) {
    const { engine, training, settings, prompt, moments, parts = 1 } = inputs;
    const { virtualTokens, clipNorm, weightDecay } = settings;
    const shape: [number, number] = [virtualTokens, engine.spec.hidden];
    this.order = createOrder(training.length, settings.batchSize, settings.seed);
    this.partCount = Math.min(parts, settings.batchSize);
    this.prompt = tf.tidy(() => tf.variable(tf.tensor2d(prompt.slice(), shape)));
    const update = engine.adamW?.bind(engine);
    this.optimizer = new AdamW(shape, { clipNorm, weightDecay, ...(update && { update }) }, moments);
  }

  /** In how many parts a step is done. */
  get parts(): number {
    return this.partCount;
  }

  /**
   * Has the engine make ready for every step of the run, in as many parts as its memory asks for.
   * @throws TrainingError where not even single texts fit.
   */
  async prepare(): Promise<void> {
    const { engine, training, settings } = this.inputs;
    for (;;) {
      const largest = largestParts(training, this.order, settings, this.partCount);
      try {
        const batches = largest.map((group) => packExamples(group));
        this.memory = await engine.prepare(this.prompts, batches);
        return;
      } catch (error) {
        this.divide(error);
      }
    }
  }

  /**
   * Twice as many parts from now on, in answer to a lack of memory; `prepare` is to be called again.
   * @throws what it is given where that is something else; TrainingError where a part is a single text already.
   */
  divide(error: unknown): void {
    if (!(error instanceof EngineMemoryError)) throw error;
    const { training, settings } = this.inputs;
    if (this.partCount >= settings.batchSize) {
      const longest = training.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 0);
      throw new TrainingError(
        `The memory does not hold a single text of a step: ${error.message}`,
        `Cut the examples shorter (the longest has ${longest} tokens), use fewer virtual tokens than ${settings.virtualTokens}, or choose a smaller model.`,
        { cause: error },
      );
    }
    this.partCount = Math.min(2 * this.partCount, settings.batchSize);
    const whole = `The ${settings.batchSize} texts of a step do not fit the memory together`;
    this.notes = [
      `${whole}: each step is done in ${this.partCount} parts, with the loss and the gradient of the whole.`,
    ];
  }

  /** Queues the update of a step on the device; steps count from 0. */
  make(step: number): MadeStep {
    const { engine, training, settings } = this.inputs;
    const examples = this.order.batch(step).map((i) => training[i]);
    const batches = splitBatch(examples, this.partCount).map((group) => packExamples(group));
    const learningRate = learningRateAt(step, settings);
    const measured = tf.tidy(() => {
      const { loss, gradient } = this.gradient(batches);
      return tf.stack([loss, this.optimizer.apply(this.prompt, gradient, learningRate)]);
    });
    return {
      measured,
      accepted: engine.settled?.() ?? Promise.resolve(),
      learningRate,
      tokens: examples.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0),
    };
  }

  /** Prompt and moments as they are now, in one read; later updates do not change what arrives. */
  async read(): Promise<PromptState> {
    const { firstMoment, secondMoment } = this.optimizer;
    const all = tf.tidy(() => tf.stack([this.prompt, firstMoment, secondMoment]));
    try {
      const values = (await all.data()) as Float32Array;
      const size = values.length / 3;
      // Copies: a backend may hand out its own memory.
      const part = (i: number) => values.slice(i * size, (i + 1) * size);
      return { prompt: part(0), firstMoment: part(1), secondMoment: part(2) };
    } finally {
      all.dispose();
    }
  }

  dispose(): void {
    this.optimizer.dispose();
    this.prompt.dispose();
  }

  private get prompts(): VectorPrompt[] {
    return [{ kind: 'prompt', vectors: this.prompt }];
  }

  /** Of the whole batch: each part's means, weighted by its share of the labels. Tensors belong to the caller's tidy. */
  private gradient(batches: readonly PackedBatch[]): { loss: tf.Scalar; gradient: tf.Tensor } {
    const { engine } = this.inputs;
    const { prompt, prompts } = this;
    const one = (batch: PackedBatch, share: number) => {
      const { value, grads } = tf.variableGrads(() => {
        const loss = tf.sum(engine.loss(prompts, batch)) as tf.Scalar;
        return share === 1 ? loss : tf.mul(loss, share);
      }, [prompt]);
      return { loss: value, gradient: grads[prompt.name] };
    };
    const labels = batches.map(countLabels);
    const all = labels.reduce((a, b) => a + b);
    const shares = batches.map((batch, i) => ({ batch, share: labels[i] / all }));
    const counted = shares.filter(({ share }) => share > 0);
    if (batches.length === 1 || counted.length === 0) return one(batches[0], 1);
    return counted
      .map(({ batch, share }) => one(batch, share))
      .reduce((sum, next) => ({
        loss: tf.add(sum.loss, next.loss) as tf.Scalar,
        gradient: tf.add(sum.gradient, next.gradient),
      }));
  }
}

/** Label tokens that rows predict; a prompt has at least one virtual token, so the first token counts. */
function countLabels(batch: PackedBatch): number {
  return batch.texts.reduce((sum, text) => sum + labelIndices(batch, text, true).length, 0);
}
