/**
 * @file One update after another: batch, loss, gradient, optimizer. Several learners share a step: their texts lie in one packed
 * batch, each behind its own prompt, so that each gets the numbers that it would get alone. What memory does not hold at once
 * is done in parts, learners apart first, then texts, whose gradients add up to the whole batch's.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createOrder, type ExampleOrder } from '../data/order';
import { packExamples } from '../data/pack';
import type { TokenExample } from '../data/types';
import { labelIndices } from '../engine/batch';
import type { Engine, PackedBatch, SoftPrompt, TrainingMemory } from '../engine/engine';
import { EngineMemoryError } from '../engine/errors';
import { TrainingError } from './errors';
import { type Learner, tensorOf } from './learner';
import { largestParts, splitBatch } from './microBatches';
import { learningRateAt } from './schedule';
import type { RunSettings } from './types';

export interface MadeStep {
  /** Loss and gradient norm of each learner in turn, on their way. The caller disposes. */
  measured: tf.Tensor;
  /** Resolves when the device is known to have accepted the step; rejects with why it has not, and the step is of no worth. */
  accepted: Promise<void>;
  /** Of each learner. */
  learningRates: number[];
  /** Text tokens of each learner's batch. */
  tokens: number[];
}

export interface StepMakerInputs {
  engine: Engine;
  training: readonly TokenExample[];
  settings: Pick<RunSettings, 'steps' | 'batchSize' | 'warmupSteps' | 'schedule' | 'virtualTokens'>;
  /** Stay the caller's. */
  learners: readonly Learner[];
  /** Parts a step is done in at least. */
  parts?: number;
}

export class StepMaker {
  /** What the engine has set aside; null before `prepare`. */
  memory: TrainingMemory | null = null;
  /** What memory asked for, in words. */
  notes: readonly string[] = [];
  private partCount: number;
  private readonly orders = new Map<number, ExampleOrder>();

  constructor(private readonly inputs: StepMakerInputs) {
    const { settings, learners, training, parts = 1 } = inputs;
    this.partCount = Math.min(parts, this.mostParts);
    for (const { settings: own } of learners) {
      this.orders.set(own.seed, createOrder(training.length, settings.batchSize, own.seed));
    }
  }

  /** In how many parts a step is done. */
  get parts(): number {
    return this.partCount;
  }

  private get mostParts(): number {
    const { settings, learners } = this.inputs;
    return settings.batchSize * learners.length;
  }

  /**
   * Has the engine make ready for every step of the run, in as many parts as its memory asks for.
   * @throws TrainingError where not even single texts fit.
   */
  async prepare(): Promise<void> {
    const { learners } = this.inputs;
    for (;;) {
      try {
        for (const group of this.groups(learners)) await this.prepareGroup(group);
        return;
      } catch (error) {
        this.divide(error);
      }
    }
  }

  private async prepareGroup(learners: readonly Learner[]): Promise<void> {
    const { engine, training, settings } = this.inputs;
    const textParts = this.textParts(this.inputs.learners.length);
    const batches = [...this.orders.values()].flatMap((order) =>
      largestParts(training, order, settings, textParts).map((texts) => this.pack(learners.map(() => texts))),
    );
    const prompts = learners.map((learner) => learner.snapshot());
    try {
      this.memory = await engine.prepare(prompts, batches);
    } finally {
      tf.dispose(prompts.map(tensorOf));
    }
  }

  /**
   * Twice as many parts from now on, in answer to a lack of memory; `prepare` is to be called again.
   * @throws what it is given where that is something else; TrainingError where a part is a single text already.
   */
  divide(error: unknown): void {
    if (!(error instanceof EngineMemoryError)) throw error;
    const { training, settings, learners } = this.inputs;
    if (this.partCount >= this.mostParts) {
      const longest = training.reduce((most, { tokenIds }) => Math.max(most, tokenIds.length), 0);
      throw new TrainingError(
        `The memory does not hold a single text of a step: ${error.message}`,
        `Cut the examples shorter (the longest has ${longest} tokens), use fewer virtual tokens than ${settings.virtualTokens}, or choose a smaller model.`,
        { cause: error },
      );
    }
    this.partCount = Math.min(2 * this.partCount, this.mostParts);
    const texts = settings.batchSize * learners.length;
    this.notes = [
      `The ${texts} texts of a step do not fit the memory together: each step is done in ${this.partCount} parts, with the loss and the gradient of the whole.`,
    ];
  }

  /** Queues an update of each of these learners on the device; steps count from 0. */
  make(step: number, learners: readonly Learner[] = this.inputs.learners): MadeStep {
    const { engine, training, settings } = this.inputs;
    const examples = learners.map(({ settings: { seed } }) =>
      (this.orders.get(seed) as ExampleOrder).batch(step).map((i) => training[i]),
    );
    const learningRates = learners.map(({ settings: { learningRate } }) =>
      learningRateAt(step, { ...settings, learningRate }),
    );
    const measured = tf.tidy(() => {
      const made = this.groups(learners).flatMap((group) => {
        const from = learners.indexOf(group[0]);
        return this.update(group, examples.slice(from, from + group.length));
      });
      return tf.stack(
        made.flatMap(({ loss, gradient }, i) => [loss, learners[i].update(gradient, learningRates[i])]),
      );
    });
    return {
      measured,
      accepted: engine.settled?.() ?? Promise.resolve(),
      learningRates,
      tokens: examples.map((own) => own.reduce((sum, { tokenIds }) => sum + tokenIds.length, 0)),
    };
  }

  /** Learners that are computed together. */
  private groups(learners: readonly Learner[]): Learner[][] {
    const count = Math.min(this.partCount, learners.length);
    const size = Math.ceil(learners.length / count);
    return Array.from({ length: Math.ceil(learners.length / size) }, (_, i) =>
      learners.slice(i * size, (i + 1) * size),
    );
  }

  /** In how many parts each learner's texts are computed, once learners are apart. */
  private textParts(learners: number): number {
    return Math.ceil(this.partCount / Math.min(this.partCount, learners));
  }

  /** One batch of every learner's texts, in turn. */
  private pack(texts: readonly (readonly TokenExample[])[]): PackedBatch {
    return packExamples(
      texts.flat(),
      texts.flatMap((own, learner) => own.map(() => learner)),
    );
  }

  /** Losses at the prompts, and what to move the parameters by; tensors belong to the caller's tidy. */
  private update(
    learners: readonly Learner[],
    examples: readonly (readonly TokenExample[])[],
  ): { loss: tf.Tensor; gradient: tf.Tensor }[] {
    if (learners.every(({ settings: { noise } }) => noise === 0)) return this.gradients(learners, examples);
    // Where to nudge a prompt is known from its own gradient, so that comes first; learners without noise are done then.
    const still = learners.map((learner) => zerosLike(learner));
    const first = this.gradients(learners, examples, still);
    const nudged = learners.flatMap((learner, i) => (learner.settings.noise > 0 ? [i] : []));
    const nudges = nudged.map((i) => nudge(learners[i], first[i].promptGradient as tf.Tensor2D));
    const second = this.gradients(
      nudged.map((i) => learners[i]),
      nudged.map((i) => examples[i]),
      nudges,
    );
    tf.dispose([...still, ...nudges]);
    return first.map(({ loss, gradient }, i) => {
      const there = second[nudged.indexOf(i)]?.gradient;
      return { loss, gradient: there ? tf.mul(tf.add(gradient, there), 0.5) : gradient };
    });
  }

  /**
   * Losses and gradients of learners over their whole batches: each part's means, weighted by its share of the learner's
   * labels. Tensors belong to the caller's tidy.
   * @param nudges added to the prompts, whose own gradients are then found too
   */
  private gradients(
    learners: readonly Learner[],
    examples: readonly (readonly TokenExample[])[],
    nudges?: readonly tf.Variable<tf.Rank.R2>[],
  ): Found[] {
    const parts = this.textParts(this.inputs.learners.length);
    const divided = examples.map((own) => splitBatch(own, parts));
    const labels = divided.map((groups, i) =>
      groups.map((texts) => countLabels(texts, learners[i].kind === 'prompt')),
    );
    const count = Math.max(...divided.map((groups) => groups.length));
    const sums: Found[] = [];
    for (let part = 0; part < count; part++) {
      const shares = labels.map(
        (own) =>
          (own[part] ?? 0) /
          Math.max(
            1,
            own.reduce((a, b) => a + b),
          ),
      );
      // A part without a label adds nothing; the first one says so where none has any.
      if (part > 0 && shares.every((share) => share === 0)) continue;
      const batch = this.pack(divided.map((groups) => groups[part] ?? []));
      this.one(learners, batch, shares, nudges).forEach((found, i) => {
        sums[i] = sums[i] ? added(sums[i], found) : found;
      });
    }
    return sums;
  }

  /** Of one packed batch; each learner's loss and gradient times its share. */
  private one(
    learners: readonly Learner[],
    batch: PackedBatch,
    shares: readonly number[],
    nudges?: readonly tf.Variable<tf.Rank.R2>[],
  ): Found[] {
    const variables: tf.Variable[] = [...learners.map(({ parameters }) => parameters), ...(nudges ?? [])];
    let losses: tf.Tensor1D | null = null;
    const { grads } = tf.variableGrads(() => {
      const prompts = learners.map((learner, i) =>
        nudges ? moved(learner.prompt(), nudges[i]) : learner.prompt(),
      );
      const means = this.inputs.engine.loss(prompts, batch);
      const shared = shares.every((share) => share === 1) ? means : tf.mul(means, tf.tensor1d([...shares]));
      losses = tf.keep(shared as tf.Tensor1D);
      return tf.sum(shared) as tf.Scalar;
    }, variables);
    // Kept through the gradient's own scope; from here on the caller's.
    const kept = losses as unknown as tf.Tensor1D;
    const made = learners.map(({ parameters }, i) => ({
      loss: tf.reshape(tf.slice(kept, [i], [1]), []),
      gradient: grads[parameters.name],
      ...(nudges && { promptGradient: grads[nudges[i].name] }),
    }));
    kept.dispose();
    return made;
  }
}

/** Of one learner, on the device. */
interface Found {
  loss: tf.Tensor;
  /** By the parameters. */
  gradient: tf.Tensor;
  /** By the prompt's rows, where asked for. */
  promptGradient?: tf.Tensor;
}

function added(a: Found, b: Found): Found {
  return {
    loss: tf.add(a.loss, b.loss),
    gradient: tf.add(a.gradient, b.gradient),
    ...(a.promptGradient &&
      b.promptGradient && { promptGradient: tf.add(a.promptGradient, b.promptGradient) }),
  };
}

function zerosLike(learner: Learner): tf.Variable<tf.Rank.R2> {
  return tf.tidy(() => tf.variable(tf.mul(tensorOf(learner.prompt()), 0)));
}

/** Up the gradient, as long as the learner's noise is to be beside its prompt (FGM, Miyato et al. 2017, on the prompt's rows). */
function nudge(learner: Learner, gradient: tf.Tensor2D): tf.Variable<tf.Rank.R2> {
  return tf.tidy(() => {
    const length = (tensor: tf.Tensor) => tf.sqrt(tf.sum(tf.square(tensor)));
    const far = tf.mul(length(tensorOf(learner.prompt())), learner.settings.noise);
    return tf.variable(tf.mul(gradient, tf.div(far, tf.add(length(gradient), SMALLEST))));
  });
}

function moved(prompt: SoftPrompt, nudge: tf.Variable<tf.Rank.R2>): SoftPrompt {
  return prompt.kind === 'prompt'
    ? { kind: 'prompt', vectors: tf.add(prompt.vectors, nudge) }
    : { kind: 'prefix', keysValues: tf.add(prompt.keysValues, nudge) };
}

/** Keeps a gradient of nothing from being divided by. */
const SMALLEST = 1e-12;

/** Label tokens that rows predict: after a prompt also a text's first, after a prefix not. */
function countLabels(examples: readonly TokenExample[], first: boolean): number {
  const batch = packExamples(examples);
  return batch.texts.reduce((sum, text) => sum + labelIndices(batch, text, first).length, 0);
}
