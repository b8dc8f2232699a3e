/**
 * @file The engine in plain tfjs: padded sequences, the prompt repeated for each, gradients by autodiff.
 * It is the measure of every other engine, so it is written to be read, and runs on cpu, wasm and webgpu.
 */
import * as tf from '@tensorflow/tfjs-core';
import '../everyKernel';
import { createRandom } from '../../formats/random';
import { presentDevice } from '../backend';
import { checkContext, generationRoom, labelIndices, predictsFirstToken, promptLength } from '../batch';
import type {
  Engine,
  ExampleScore,
  Metric,
  Neighbour,
  PackedBatch,
  PackedText,
  SamplingOptions,
  SoftPrompt,
  TrainingMemory,
} from '../engine';
import { Faults } from '../faults';
import { sample } from '../sampling';
import type { ModelSpec, WeightStream } from '../spec';
import { collectWeights } from '../weightStream';
import { gatherRows } from './operations';
import { type Blocks, headLogits, type KeysValues, runBlocks } from './transformer';
import { type ReferenceWeights, uploadWeights } from './weights';

/** Rows of padded text that `evaluate` runs at a time; bounds its memory. */
const EVALUATION_ROWS = 2048;

/** Gathers the weights and uploads them to the backend that is tfjs's once they are there, where the engine then lives. */
export async function createReferenceEngine(spec: ModelSpec, weights: WeightStream): Promise<Engine> {
  const collected = await collectWeights(weights);
  const before = tf.memory().numBytes;
  const uploaded = uploadWeights(spec, collected);
  return new ReferenceEngine(spec, uploaded, tf.memory().numBytes - before);
}

/** Logits of one prompt's texts, and what the rows predict. */
interface Predictions {
  /** `[labels, V]` */
  logits: tf.Tensor2D;
  /** The label tokens' ids, `[labels]`. */
  targets: number[];
  /** How many of the rows belong to each text. */
  counts: number[];
}

class ReferenceEngine implements Engine {
  readonly name = 'reference';
  /** Where tfjs runs on a GPU, what that refuses of its work. */
  private readonly faults = new Faults(presentDevice());

  constructor(
    readonly spec: ModelSpec,
    private readonly weights: ReferenceWeights,
    private readonly weightBytes: number,
  ) {}

  embed(tokenIds: Int32Array): tf.Tensor2D {
    return tf.tidy(() => tf.gather(this.weights.embedding, tf.tensor1d(tokenIds, 'int32')));
  }

  loss(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor1D {
    return tf.tidy(() => {
      const losses = prompts.map((prompt, index) => {
        const texts = batch.texts.filter((text) => text.prompt === index);
        const predictions = this.predict(prompt, batch, texts);
        if (!predictions) return tf.scalar(0);
        return tf.mean(tokenNats(predictions.logits, predictions.targets)) as tf.Scalar;
      });
      return tf.stack(losses) as tf.Tensor1D;
    });
  }

  /** Nothing to make ready: tfjs allocates as it computes, so what a step takes is not foreseen. */
  async prepare(): Promise<TrainingMemory> {
    this.faults.forget();
    return { weights: this.weightBytes, training: 0, saving: null };
  }

  settled(): Promise<void> {
    return this.faults.settled();
  }

  labelLogits(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor2D {
    return tf.tidy(() => {
      const rows = batch.texts.map((text) => this.predict(prompts[text.prompt], batch, [text])?.logits);
      return tf.concat(rows.filter((row) => row !== undefined)) as tf.Tensor2D;
    });
  }

  async evaluate(prompts: readonly (SoftPrompt | null)[], batch: PackedBatch): Promise<ExampleScore[]> {
    const scores: ExampleScore[] = batch.texts.map(() => ({ nats: 0, labels: 0, hits: 0 }));
    for (const group of evaluationGroups(batch, prompts.map(promptLength))) {
      const prompt = prompts[batch.texts[group[0]].prompt];
      const texts = group.map((index) => batch.texts[index]);
      let counts: number[] = [];
      const natsAndHits = tf.tidy(() => {
        const predictions = this.predict(prompt, batch, texts);
        if (!predictions) return tf.zeros([2, 0]);
        const { logits, targets } = predictions;
        counts = predictions.counts;
        const firstChoice = tf.argMax(logits, 1);
        const hits = tf.cast(tf.equal(firstChoice, tf.tensor1d(targets, 'int32')), 'float32');
        return tf.stack([tokenNats(logits, targets), hits]);
      });
      const [nats, hits] = (await natsAndHits.array()) as number[][];
      natsAndHits.dispose();
      let row = 0;
      group.forEach((index, i) => {
        for (const end = row + (counts[i] ?? 0); row < end; row++) {
          scores[index].nats += nats[row];
          scores[index].hits += hits[row];
          scores[index].labels++;
        }
      });
    }
    return scores;
  }

  async *generate(
    prompt: SoftPrompt | null,
    tokenIds: Int32Array,
    options: SamplingOptions,
  ): AsyncIterable<number> {
    const room = generationRoom(prompt, tokenIds, options.maxTokens, this.spec.contextLength);
    const random = createRandom(options.seed ?? 0).next;
    let cache: KeysValues[] | null = null;
    try {
      let next: number | null = null;
      for (let made = 0; made < room; made++) {
        const result = tf.tidy(() => this.nextLogits(prompt, tokenIds, next, cache));
        tf.dispose(cache ?? []);
        cache = result.cache;
        const logits = (await result.logits.data()) as Float32Array;
        result.logits.dispose();
        next = sample(logits, options, random);
        if (options.signal?.aborted || options.stopIds.includes(next)) return;
        yield next;
      }
    } finally {
      tf.dispose(cache ?? []);
    }
  }

  async keysValues(tokenIds: Int32Array): Promise<Float32Array> {
    generationRoom(null, tokenIds, 0, this.spec.contextLength);
    const rows = tf.tidy(() => {
      const parts = this.run(null, tokenIds, 1).cache.flatMap(({ keys, values }) => [keys, values]);
      // [1, K, n, d] each, to [n, K · d].
      const flat = parts.map((part) => tf.reshape(tf.transpose(part, [0, 2, 1, 3]), [tokenIds.length, -1]));
      return tf.concat(flat, 1);
    });
    try {
      return Float32Array.from(await rows.data());
    } finally {
      rows.dispose();
    }
  }

  async nearest(vectors: tf.Tensor2D, k: number, metric: Metric): Promise<Neighbour[][]> {
    const { embedding } = this.weights;
    const top = tf.tidy(() => {
      const products = tf.matMul(vectors, embedding, false, true);
      const squares = (x: tf.Tensor2D) => tf.sum(tf.square(x), 1);
      if (metric === 'cosine') {
        const norms = tf.mul(
          tf.expandDims(tf.sqrt(squares(vectors)), 1),
          tf.expandDims(tf.sqrt(squares(embedding)), 0),
        );
        return tf.topk(tf.div(products, tf.maximum(norms, 1e-12)), k);
      }
      const sums = tf.add(tf.expandDims(squares(vectors), 1), tf.expandDims(squares(embedding), 0));
      const { values, indices } = tf.topk(tf.neg(tf.sub(sums, tf.mul(products, 2))), k);
      return { values: tf.sqrt(tf.maximum(tf.neg(values), 0)), indices };
    });
    const [values, ids] = (await Promise.all([top.values.array(), top.indices.array()])) as [
      number[][],
      number[][],
    ];
    tf.dispose([top.values, top.indices]);
    return ids.map((row, i) => row.map((tokenId, j) => ({ tokenId, value: values[i][j] })));
  }

  dispose(): void {
    this.faults.dispose();
    tf.dispose(this.weights as unknown as tf.TensorContainerObject);
  }

  /** Runs texts after their prompt; null where nothing is predicted. Tensors belong to the caller's tidy. */
  private predict(
    prompt: SoftPrompt | null,
    batch: PackedBatch,
    texts: readonly PackedText[],
  ): Predictions | null {
    checkContext({ ...batch, texts: [...texts] }, promptLength(prompt), this.spec.contextLength);
    const first = predictsFirstToken(prompt);
    const labels = texts.map((text) => labelIndices(batch, text, first));
    const counts = labels.map((indices) => indices.length);
    if (counts.every((count) => count === 0)) return null;

    const longest = Math.max(...texts.map((text) => text.length));
    const padded = new Int32Array(texts.length * longest);
    texts.forEach((text, i) => {
      padded.set(batch.tokenIds.subarray(text.start, text.start + text.length), i * longest);
    });
    const { hidden } = this.run(prompt, padded, texts.length);
    const rows = hidden.shape[1];
    // The row before a label predicts it; virtual tokens that are rows themselves come first.
    const offset = rows - longest - 1;
    const predicting = labels.flatMap((indices, i) => indices.map((t) => i * rows + offset + t));
    const targets = labels.flatMap((indices, i) => indices.map((t) => batch.tokenIds[texts[i].start + t]));
    const flat = tf.reshape(hidden, [texts.length * rows, this.spec.hidden]) as tf.Tensor2D;
    const picked = gatherRows(flat, tf.tensor1d(predicting, 'int32'));
    return { logits: headLogits(this.spec, this.weights, picked), targets, counts };
  }

  /** All blocks over `[sequences, prompt rows + T]`; `padded` is `[sequences, T]`. */
  private run(prompt: SoftPrompt | null, padded: Int32Array, sequences: number): Blocks {
    const { spec, weights } = this;
    const length = padded.length / sequences;
    const embedded = tf.gather(weights.embedding, tf.tensor1d(padded, 'int32'));
    const text = tf.reshape(embedded, [sequences, length, spec.hidden]) as tf.Tensor3D;
    if (prompt?.kind === 'prefix') {
      return runBlocks(spec, weights, text, splitPrefix(spec, prompt.keysValues, sequences));
    }
    if (!prompt) return runBlocks(spec, weights, text, null);
    const shared = repeat(prompt.vectors, sequences);
    return runBlocks(spec, weights, tf.concat([shared, text], 1) as tf.Tensor3D, null);
  }

  /** Logits after everything so far: the whole text the first time, then one token at a time. */
  private nextLogits(
    prompt: SoftPrompt | null,
    tokenIds: Int32Array,
    last: number | null,
    cache: KeysValues[] | null,
  ): { logits: tf.Tensor; cache: KeysValues[] } {
    const { spec, weights } = this;
    const blocks =
      last === null
        ? this.run(prompt, tokenIds, 1)
        : runBlocks(
            spec,
            weights,
            tf.expandDims(tf.gather(weights.embedding, [last]), 0) as tf.Tensor3D,
            cache,
          );
    const rows = blocks.hidden.shape[1];
    const lastRow = tf.reshape(tf.slice(blocks.hidden, [0, rows - 1, 0], [1, 1, spec.hidden]), [
      1,
      spec.hidden,
    ]);
    return { logits: headLogits(spec, weights, lastRow as tf.Tensor2D), cache: blocks.cache };
  }
}

/** x `[p, W]` as `[sequences, p, W]`. Written as an addition because its gradient is one sum; tile's is a loop of slices. */
function repeat(x: tf.Tensor2D, sequences: number): tf.Tensor {
  return tf.add(tf.expandDims(x, 0), tf.zeros([sequences, 1, 1]));
}

/** A prefix `[p, layers · 2 · K · d]` as every layer's keys and values `[sequences, K, p, d]`. */
function splitPrefix(spec: ModelSpec, prefix: tf.Tensor2D, sequences: number): KeysValues[] {
  const { kvHeads, headDim } = spec;
  const length = prefix.shape[0];
  const all = tf.reshape(repeat(prefix, sequences), [sequences, length, spec.layers.length * 2, -1]);
  const part = (index: number): tf.Tensor => {
    const rows = tf.slice(all, [0, 0, index, 0], [sequences, length, 1, kvHeads * headDim]);
    return tf.transpose(tf.reshape(rows, [sequences, length, kvHeads, headDim]), [0, 2, 1, 3]);
  };
  return spec.layers.map((_, layer) => ({ keys: part(2 * layer), values: part(2 * layer + 1) }));
}

/** Negative log-likelihood of each target, `[labels]`, in nats. */
function tokenNats(logits: tf.Tensor2D, targets: number[]): tf.Tensor1D {
  const oneHot = tf.oneHot(tf.tensor1d(targets, 'int32'), logits.shape[1]);
  return tf.neg(tf.sum(tf.mul(tf.logSoftmax(logits), oneHot), 1)) as tf.Tensor1D;
}

/**
 * Indices of texts in groups of one prompt and like length, each at most `EVALUATION_ROWS` padded rows.
 * @param lengths rows of each prompt
 */
function evaluationGroups({ texts }: PackedBatch, lengths: readonly number[]): number[][] {
  const order = texts
    .map((_, i) => i)
    .sort((a, b) => texts[a].prompt - texts[b].prompt || texts[a].length - texts[b].length);
  const groups: number[][] = [];
  let group: number[] = [];
  for (const index of order) {
    const { prompt, length } = texts[index];
    const full = (group.length + 1) * (lengths[prompt] + length) > EVALUATION_ROWS;
    if (group.length > 0 && (full || texts[group[0]].prompt !== prompt)) {
      groups.push(group);
      group = [];
    }
    group.push(index);
  }
  if (group.length > 0) groups.push(group);
  return groups;
}
