/**
 * @file One thing being trained: a method's parameters, as one flat row of numbers, and their optimizer. One row means one norm to
 * clip by and one update, whatever the method is made of.
 *
 * Around the rows that are learned there may be a frame: rows that stay the embeddings of real words, or of a chat template's
 * pieces. To the model they are virtual tokens like the others, and so are they in the file.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Engine, SoftPrompt } from '../engine/engine';
import { AdamW, type AdamWState } from './adamW';
import { TrainingError } from './errors';
import { embedTokens, type InitialiserSource } from './initialise';
import { methods } from './methods';
import { flatten, type MethodSizes, type Shapes, sizesOf, total, unflatten } from './methods/method';
import { METHODS } from './methods/names';
import type { LearnerSettings, LearnerStart, LearnerState, RunSettings } from './types';

/** The part of a run's settings that its lanes may differ in. */
export function ownSettings(settings: RunSettings): LearnerSettings {
  const { method, virtualTokens, initialiser, initText, before, after, learningRate, noise, seed } = settings;
  return { method, virtualTokens, initialiser, initText, before, after, learningRate, noise, seed };
}

export function kindOf({ method }: Pick<LearnerSettings, 'method'>): SoftPrompt['kind'] {
  return METHODS[method].kind;
}

/** Numbers of a row of the prompt that a method makes for a model. */
export function rowWidth(engine: Pick<Engine, 'spec'>, settings: Pick<LearnerSettings, 'method'>): number {
  const { hidden, prefixWidth } = sizesOf(engine, 1);
  return kindOf(settings) === 'prefix' ? prefixWidth : hidden;
}

/** A prompt on the device from its rows on the host. The caller disposes the tensor. */
export function promptOf(kind: SoftPrompt['kind'], values: Float32Array, width: number): SoftPrompt {
  // A copy: the cpu backend would keep the array itself.
  return wrap(kind, tf.tensor2d(values.slice(), [values.length / width, width]));
}

/** How many numbers a learner's parts have. */
export function learnerSizes(
  engine: Pick<Engine, 'spec'>,
  settings: LearnerSettings,
  [before, after]: LearnerStart['frame'],
): { parameters: number; constants: number; prompt: number } {
  const method = methods[settings.method];
  const sizes = sizesOf(engine, settings.virtualTokens);
  const framed = before + after;
  return {
    parameters: total(method.parameters(sizes)),
    constants: total(method.constants(sizes)) + framed * sizes.hidden,
    prompt: (framed + settings.virtualTokens) * rowWidth(engine, settings),
  };
}

/** Loads what learners with these settings compute with. Before the first of them is made. */
export async function readyFor(
  settings: Pick<LearnerSettings, 'method' | 'before' | 'after' | 'noise'>,
): Promise<void> {
  const { method, before, after, noise } = settings;
  if (method === 'prompt' && before === '' && after === '' && noise === 0) return;
  const { registerMethodKernels } = await import('../engine/methodKernels');
  registerMethodKernels();
}

/**
 * Where a learner with these settings begins; the same settings and source give the same numbers.
 * @throws TrainingError when there is nothing to start from, or a prefix is to have a frame
 */
export async function startLearner(
  engine: Engine,
  settings: LearnerSettings,
  source: InitialiserSource,
): Promise<LearnerStart> {
  await readyFor(settings);
  const method = methods[settings.method];
  const sizes = sizesOf(engine, settings.virtualTokens);
  const { parameters, constants } = await method.start(engine, settings, source);
  const words = [settings.before, settings.after].map((text) =>
    source.tokenizer.encode(text, { specialTokens: false }),
  );
  const framed = words.flat();
  if (framed.length > 0 && kindOf(settings) === 'prefix') {
    throw new TrainingError(
      'A prefix stands in no row, so no words can stand around it.',
      'Leave the words before and after empty, or choose a method that trains vectors.',
    );
  }
  const own = flatten(constants, method.constants(sizes));
  const frame = framed.length > 0 ? await embedTokens(engine, Int32Array.from(framed)) : new Float32Array(0);
  const all = new Float32Array(own.length + frame.length);
  all.set(own);
  all.set(frame, own.length);
  const start = {
    parameters: flatten(parameters, method.parameters(sizes)),
    constants: all,
    frame: [words[0].length, words[1].length] as const,
  };
  const learner = new Learner(engine, settings, start);
  try {
    return { ...start, prompt: (await learner.read()).prompt };
  } finally {
    learner.dispose();
  }
}

/** Owns its parameters, constants and moments on the device; dispose it. */
export class Learner {
  readonly kind: SoftPrompt['kind'];
  readonly parameters: tf.Variable<tf.Rank.R1>;
  private readonly constants: tf.Tensor1D;
  private readonly optimizer: AdamW;
  private readonly sizes: MethodSizes;
  private readonly shapes: { parameters: Shapes; constants: Shapes };

  constructor(
    engine: Engine,
    readonly settings: LearnerSettings,
    private readonly start: Pick<LearnerStart, 'parameters' | 'constants' | 'frame'>,
    optimizer: { clipNorm: number; weightDecay: number } = { clipNorm: 0, weightDecay: 0 },
    moments?: AdamWState,
  ) {
    const method = methods[settings.method];
    this.kind = kindOf(settings);
    this.sizes = sizesOf(engine, settings.virtualTokens);
    this.shapes = {
      parameters: method.parameters(this.sizes),
      constants: method.constants(this.sizes),
    };
    this.parameters = tf.tidy(() => tf.variable(tf.tensor1d(start.parameters.slice())));
    this.constants = tf.tensor1d(start.constants.slice());
    const update = engine.adamW?.bind(engine);
    const options = { ...optimizer, ...(update && { update }) };
    this.optimizer = new AdamW([start.parameters.length], options, moments);
  }

  /** The prompt as it is now, frame included; differentiable, its tensors belong to the present scope. */
  prompt(): SoftPrompt {
    const method = methods[this.settings.method];
    const [before, after] = this.start.frame;
    const { hidden } = this.sizes;
    const own = total(this.shapes.constants);
    const constants = own > 0 ? tf.slice(this.constants, [0], [own]) : this.constants;
    const rows = method.rows(
      unflatten(this.parameters, this.shapes.parameters),
      unflatten(constants, this.shapes.constants),
    );
    const framed = (from: number, count: number) =>
      tf.reshape(tf.slice(this.constants, [own + from * hidden], [count * hidden]), [count, hidden]);
    const parts = [
      ...(before > 0 ? [framed(0, before)] : []),
      rows,
      ...(after > 0 ? [framed(before, after)] : []),
    ];
    return wrap(this.kind, (parts.length === 1 ? rows : tf.concat(parts)) as tf.Tensor2D);
  }

  /** The prompt of this moment, whatever is learned later. The caller disposes the tensor. */
  snapshot(): SoftPrompt {
    return wrap(
      this.kind,
      // What is only another view of the parameters must not go with them.
      tf.tidy(() => tf.clone(tensorOf(this.prompt()))),
    );
  }

  /** Moves the parameters against the gradient and returns its norm before clipping, a scalar of the present scope. */
  update(gradient: tf.Tensor, learningRate: number): tf.Scalar {
    return this.optimizer.apply(this.parameters, gradient, learningRate);
  }

  /** All as it is now; later updates do not change what arrives. */
  async read(): Promise<LearnerState> {
    const { firstMoment, secondMoment } = this.optimizer;
    const all = tf.tidy(() =>
      tf.concat([this.parameters, firstMoment, secondMoment, tf.reshape(tensorOf(this.prompt()), [-1])]),
    );
    try {
      const values = (await all.data()) as Float32Array;
      const size = this.parameters.size;
      // Copies: a backend may hand out its own memory.
      const part = (i: number) => values.slice(i * size, (i + 1) * size);
      return {
        parameters: part(0),
        firstMoment: part(1),
        secondMoment: part(2),
        prompt: values.slice(3 * size),
      };
    } finally {
      all.dispose();
    }
  }

  dispose(): void {
    this.optimizer.dispose();
    tf.dispose([this.parameters, this.constants]);
  }
}

export function tensorOf(prompt: SoftPrompt): tf.Tensor2D {
  return prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues;
}

function wrap(kind: SoftPrompt['kind'], tensor: tf.Tensor2D): SoftPrompt {
  return kind === 'prompt' ? { kind, vectors: tensor } : { kind, keysValues: tensor };
}
