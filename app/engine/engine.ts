/**
 * @file What computes loss and gradient for a prompt and a batch. The trainer knows this interface and tfjs,
 * and nothing of kernels or model families, so every optimizer and regulariser is written once.
 */
import type * as tf from '@tensorflow/tfjs-core';
import type { ModelSpec } from './spec';

export type Backend = 'webgpu' | 'wasm' | 'cpu';

/** `p` learned vectors placed before the text: `[p, hidden]`, as the first block receives them (prompt tuning). */
export interface VectorPrompt {
  kind: 'prompt';
  vectors: tf.Tensor2D;
}

/**
 * Learned keys and values for every layer (prefix tuning): `[p, layers · 2 · kvHeads · headDim]`,
 * a row laid out `[layer][key, value][head][headDim]`; keys enter attention as they are, without rotation.
 */
export interface PrefixPrompt {
  kind: 'prefix';
  keysValues: tf.Tensor2D;
}

export type SoftPrompt = VectorPrompt | PrefixPrompt;

/** One text of a packed batch: `length` rows from `start`, following the prompt of that index. */
export interface PackedText {
  start: number;
  length: number;
  prompt: number;
}

/**
 * All examples of a step as one ragged list of rows, without padding.
 *
 * Position of a text row is the prompt's length plus its index in the text. The row before a label predicts it;
 * a first token that is a label is predicted from the last virtual token. Where there is no row before it
 * (no prompt, or a prefix) it is not predicted and does not count.
 */
export interface PackedBatch {
  /** Token ids of every text, one after another, `[rows]`. */
  tokenIds: Int32Array;
  /** 1 where the token counts in the loss, `[rows]`. */
  isLabel: Uint8Array;
  texts: PackedText[];
}

/** What the model made of one text. */
export interface ExampleScore {
  /** Negative log-likelihood summed over the label tokens, in nats. */
  nats: number;
  /** Label tokens that were predicted. */
  labels: number;
  /** Of these, how many were the model's first choice. */
  hits: number;
}

export interface SamplingOptions {
  maxTokens: number;
  /** 0 takes the likeliest token each time. */
  temperature: number;
  /** Sample among this many likeliest tokens; 0 or absent for all. */
  topK?: number;
  /** Sample among the likeliest tokens that together reach this probability; 1 or absent for all. */
  topP?: number;
  seed?: number;
  /** Generation ends before any of these. */
  stopIds: readonly number[];
  signal?: AbortSignal;
}

export interface Neighbour {
  tokenId: number;
  /** Cosine similarity, or the Euclidean distance, by the metric asked for. */
  value: number;
}

export type Metric = 'cosine' | 'euclidean';

/**
 * What training keeps of the forward pass, from most memory and least work to the opposite: everything, everything in
 * half precision, everything but the MLP's inside, or each layer's input alone.
 */
export type Saving = 'all' | 'half' | 'mlp' | 'layers';

/** Where an engine's memory went, in bytes. */
export interface TrainingMemory {
  weights: number;
  /** Activations, gradients and logits of a training step. */
  training: number;
  /** Null where the engine leaves memory to tfjs. */
  saving: Saving | null;
}

/** What an update of AdamW changes, all of one shape. */
export interface AdamWTensors {
  parameter: tf.Tensor;
  firstMoment: tf.Tensor;
  secondMoment: tf.Tensor;
}

/** The numbers of one update of AdamW (Loshchilov & Hutter 2019) after clipping, bias correction worked out. */
export interface AdamWScalars {
  beta1: number;
  beta2: number;
  epsilon: number;
  /** Largest norm of the gradient; 0 for no clipping. */
  clipNorm: number;
  /** Learning rate / (1 − β₁ᵗ), t counting updates from 1. */
  stepSize: number;
  /** √(1 − β₂ᵗ) */
  rootCorrection: number;
  /** The parameter is multiplied by this first: 1 − learning rate · weight decay. */
  decay: number;
}

/** New tensors after one update, and the gradient's norm before clipping; in the present scope. Nothing is read back. */
export type AdamWUpdate = (
  before: AdamWTensors,
  gradient: tf.Tensor,
  scalars: AdamWScalars,
) => AdamWTensors & { norm: tf.Scalar };

export interface Engine {
  readonly name: 'reference' | 'webgpu' | 'wasm';
  readonly spec: ModelSpec;
  /** Embeddings of tokens `[n, hidden]` as the first block receives them, positions not added. The caller disposes. */
  embed(tokenIds: Int32Array): tf.Tensor2D;
  /**
   * Mean negative log-likelihood in nats per label token over the texts that name each prompt, `[prompts]`.
   * Differentiable with respect to every prompt's tensor. A prompt whose texts have no label gets 0.
   */
  loss(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor1D;
  /**
   * Makes ready for training steps that are in no respect larger than the largest of these batches: as many rows, labels, texts …
   * What they need is allocated and compiled.
   * @throws EngineMemoryError where the memory cannot be had even with the thriftiest saving; smaller batches may do.
   */
  prepare(prompts: readonly SoftPrompt[], batches: readonly PackedBatch[]): Promise<TrainingMemory>;
  /**
   * Resolves when the device is known to have accepted what `loss`, `adamW` and `embed` have asked of it so far; costs the device nothing.
   * Absent where they throw by themselves.
   * @throws EngineFaultError in the device's words, once: what they gave is of no worth. EngineMemoryError where memory ran out
   */
  settled?(): Promise<void>;
  /** Logits at the rows that predict a label, texts in order, positions ascending: `[labels, vocab]`. For tests and inspection of small batches. */
  labelLogits(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor2D;
  /** Scores of every text of the batch, which may be of any size, under the prompt that it names; null is the bare model. */
  evaluate(prompts: readonly (SoftPrompt | null)[], batch: PackedBatch): Promise<ExampleScore[]>;
  /** Token ids after `tokenIds`, one at a time. @throws RangeError when prompt and text do not fit the context length. */
  generate(prompt: SoftPrompt | null, tokenIds: Int32Array, options: SamplingOptions): AsyncIterable<number>;
  /**
   * Keys and values of every layer for tokens at the positions from 0 on, `[n, layers · 2 · kvHeads · headDim]`, a row as in a
   * `PrefixPrompt`: as a prefix they say to what follows exactly what the tokens would. On the host.
   * @throws RangeError where there are no tokens, or more than the model has positions
   */
  keysValues(tokenIds: Int32Array): Promise<Float32Array>;
  /** The k nearest rows of the embedding table to each vector, nearest first; table as the first block receives it. */
  nearest(vectors: tf.Tensor2D, k: number, metric: Metric): Promise<Neighbour[][]>;
  /** The update of AdamW as one dispatch, where the engine has such a kernel; else it is composed of tfjs operations. */
  readonly adamW?: AdamWUpdate;
  /** Most bytes that training should take beside the weights, from the next `prepare` on; absent where that is tfjs's to decide. */
  setMemoryBudget?(bytes: number): void;
  /** What it has taken, in bytes; absent where weights are widened to tensors of tfjs. */
  usage?(): { weightBytes: number };
  dispose(): void;
}
