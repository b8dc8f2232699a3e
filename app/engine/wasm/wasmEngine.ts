/**
 * @file The processor's engine: packed rows without padding, prompts' rows once a step, weights as stored, on WebAssembly kernels of our
 * own and as many threads as there may be. Loss and gradient are computed in one go; tfjs holds only what is prompt-sized.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import { checkRows, generationRoom, promptLength } from '../batch';
import { neededCapacity, union } from '../capacity';
import type {
  AdamWScalars,
  AdamWTensors,
  Engine,
  ExampleScore,
  Metric,
  Neighbour,
  PackedBatch,
  SamplingOptions,
  SoftPrompt,
  TrainingMemory,
} from '../engine';
import { layoutStep, promptShape, type StepLayout } from '../layout';
import { sample } from '../sampling';
import { evaluationGroups, lossWithGradients, recordsGradient, textsOf, zeroLoss } from '../shared';
import type { ModelSpec, WeightStream } from '../spec';
import { adamW } from './adamW';
import { type WasmSaving, widthsOf } from './buffers';
import { recordEmbedding, recordLayers } from './forward';
import { Decoder } from './generation';
import { headChunks, recordFinalNorm, recordHeadChunk } from './head';
import { Pool, type Processor } from './pool';
import { profileStep, type StepProfile } from './profile';
import { type Plan, promptTensor, StepRunner } from './steps';
import { Vocabulary } from './vocabulary';
import { placeWeights } from './weights';

export interface WasmEngineOptions {
  /** What training keeps of the forward pass; `auto`, the default, takes the least work that fits `memoryBudget`. */
  saving?: WasmSaving | 'auto';
  /** Most bytes that training should take beside the weights; no limit by default. The thriftiest saving may exceed it. */
  memoryBudget?: number;
  /** Most bytes of logits at one time. */
  logitBytes?: number;
}

/**
 * Takes the weights from the stream and starts the processor's other threads.
 * @throws Error naming a missing weight; EngineMemoryError where WebAssembly has not the room for them
 */
export async function createWasmEngine(
  spec: ModelSpec,
  weights: WeightStream,
  processor: Processor,
  options: WasmEngineOptions = {},
): Promise<WasmEngine> {
  const pool = new Pool(processor);
  try {
    const placed = await placeWeights(spec, weights, pool.heap);
    await pool.started();
    const { saving = 'auto', memoryBudget: budget = Number.POSITIVE_INFINITY, logitBytes } = options;
    return new WasmEngine(new StepRunner(spec, placed, pool, { saving, budget, logitBytes }));
  } catch (error) {
    pool.dispose();
    throw error;
  }
}

/** Floats of a label's score: Σ e^(z − max), max − z of the label, whether it is the first choice. */
const SCORE = 3;

export class WasmEngine implements Engine {
  readonly name = 'wasm';
  readonly spec: ModelSpec;
  private readonly vocabulary: Vocabulary;

  constructor(private readonly steps: StepRunner) {
    this.spec = steps.spec;
    this.vocabulary = new Vocabulary(steps);
  }

  embed(tokenIds: Int32Array): tf.Tensor2D {
    return this.vocabulary.embed(tokenIds);
  }

  loss(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor1D {
    if (prompts.length === 0) return tf.tensor1d([]);
    const layout = this.layOut(prompts, batch);
    const inputs = prompts.map(promptTensor);
    if (layout.counts.labels === 0) return tf.tidy(() => zeroLoss(inputs, prompts.length));
    const wanted = recordsGradient();
    return lossWithGradients(inputs, () => this.step(prompts, layout, wanted));
  }

  async prepare(prompts: readonly SoftPrompt[], batches: readonly PackedBatch[]): Promise<TrainingMemory> {
    const needed = batches.map((batch) => neededCapacity(this.layOut(prompts, batch), prompts.length));
    const plan = this.steps.prepare(needed.reduce(union));
    return { weights: this.steps.weights.bytes, training: plan.bytes, saving: plan.saving };
  }

  /** Most bytes that training should take beside the weights, from the next `prepare` on. */
  setMemoryBudget(bytes: number): void {
    this.steps.setBudget(bytes);
  }

  adamW(
    before: AdamWTensors,
    gradient: tf.Tensor,
    scalars: AdamWScalars,
  ): AdamWTensors & { norm: tf.Scalar } {
    return adamW(before, gradient, scalars);
  }

  labelLogits(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor2D {
    const layout = this.layOut(prompts, batch);
    const { steps } = this;
    const { vocabSize } = this.spec;
    const order = layout.textLabels.flat();
    const logits = new Float32Array(order.length * vocabSize);
    if (order.length === 0) return tf.tensor2d(logits, [0, vocabSize]);
    const slotOf = labelSlots(layout);
    steps.patiently(() => {
      const plan = steps.planFor('forward', layout, prompts.length);
      steps.write(plan, layout, prompts);
      const source = steps.source(plan, layout);
      let list = steps.list();
      recordEmbedding(list, source);
      recordLayers(list, source);
      recordFinalNorm(list, source);
      for (const chunk of headChunks(source)) {
        recordHeadChunk(list, source, chunk, false);
        steps.pool.run(list, plan.buffers);
        list = steps.list();
        const { floats } = steps.pool.heap;
        order.forEach((label, row) => {
          const local = slotOf[label] - chunk.first;
          if (local < 0 || local >= chunk.slots) return;
          const from = plan.buffers.logits / 4 + local * vocabSize;
          logits.set(floats.subarray(from, from + vocabSize), row * vocabSize);
        });
      }
    });
    return tf.tensor2d(logits, [order.length, vocabSize]);
  }

  async evaluate(prompts: readonly (SoftPrompt | null)[], batch: PackedBatch): Promise<ExampleScore[]> {
    for (const text of batch.texts) {
      checkRows(promptLength(prompts[text.prompt]), text.length, this.spec.contextLength);
    }
    const scores: ExampleScore[] = batch.texts.map(() => ({ nats: 0, labels: 0, hits: 0 }));
    for (const group of evaluationGroups(batch)) {
      const { texts, followed } = textsOf(group, prompts, batch);
      const layout = layoutStep(followed.map(promptShape), { ...batch, texts });
      if (layout.counts.labels === 0) continue;
      const plan = this.steps.planFor('forward', layout, followed.length);
      this.steps.step(plan, layout, followed);
      group.forEach((text, i) => {
        for (const label of layout.textLabels[i]) {
          const { nats, hit } = this.score(plan, label);
          scores[text].nats += nats;
          scores[text].hits += hit;
          scores[text].labels++;
        }
      });
      // Whoever waits for a word with this thread gets it between groups.
      await new Promise((resolve) => setTimeout(resolve));
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
    if (room <= 0) return;
    const decoder = new Decoder(this.steps, prompt, tokenIds, room);
    try {
      for (let made = 0; made < room; made++) {
        const next = sample(decoder.logits, options, random);
        if (options.signal?.aborted || options.stopIds.includes(next)) return;
        yield next;
        // Computed only once it is asked for, so that the caller's word to stop comes first.
        if (made + 1 < room) await decoder.push(next);
      }
    } finally {
      decoder.release();
    }
  }

  async keysValues(tokenIds: Int32Array): Promise<Float32Array> {
    generationRoom(null, tokenIds, 0, this.spec.contextLength);
    const decoder = new Decoder(this.steps, null, tokenIds, 0);
    try {
      return decoder.keysValues();
    } finally {
      decoder.release();
    }
  }

  async nearest(vectors: tf.Tensor2D, k: number, metric: Metric): Promise<Neighbour[][]> {
    return this.vocabulary.nearest(vectors, k, metric);
  }

  /** What a training step of this batch would take beside the weights, in bytes, with each saving. */
  estimate(prompts: readonly SoftPrompt[], batch: PackedBatch): Record<WasmSaving, number> {
    return this.steps.estimate(neededCapacity(this.layOut(prompts, batch), prompts.length));
  }

  /** Milliseconds of each kind of record of a training step, each record run by itself. */
  profile(prompts: readonly SoftPrompt[], batch: PackedBatch): StepProfile {
    const layout = this.layOut(prompts, batch);
    return profileStep(this.steps, this.steps.planFor('train', layout, prompts.length), layout, prompts);
  }

  /** Bytes, what training keeps (null before the first step), and how many threads compute. */
  usage(): {
    weightBytes: number;
    planBytes: number;
    memoryBytes: number;
    saving: WasmSaving | null;
    threads: number;
  } {
    const { weights, bytes, pool } = this.steps;
    return {
      weightBytes: weights.bytes,
      planBytes: bytes,
      memoryBytes: pool.heap.memory.buffer.byteLength,
      saving: this.steps.plan('train')?.saving ?? null,
      threads: pool.working,
    };
  }

  /** For tests: another thread was killed amid its work. */
  pretendThreadDied(): void {
    this.steps.pool.pretendThreadDied();
  }

  dispose(): void {
    this.steps.pool.dispose();
  }

  /** @throws RangeError where a prompt and a text do not fit the context */
  private layOut(prompts: readonly SoftPrompt[], batch: PackedBatch): StepLayout {
    for (const text of batch.texts) {
      checkRows(promptLength(prompts[text.prompt] ?? null), text.length, this.spec.contextLength);
    }
    return layoutStep(prompts.map(promptShape), batch);
  }

  /** Losses, and each prompt's gradient of its own loss where `gradient`; tensors in tfjs's present scope. */
  private step(prompts: readonly SoftPrompt[], layout: StepLayout, gradient: boolean) {
    const { steps } = this;
    const plan = steps.planFor(gradient ? 'train' : 'forward', layout, prompts.length);
    steps.step(plan, layout, prompts);
    const sums = new Float64Array(prompts.length);
    const counts = new Float64Array(prompts.length);
    for (let label = 0; label < layout.counts.labels; label++) {
      const prompt = layout.targets[2 * label + 1];
      sums[prompt] += this.score(plan, label).nats;
      counts[prompt]++;
    }
    const loss = tf.tensor1d(Float32Array.from(sums, (sum, i) => sum / Math.max(1, counts[i])));
    return { loss, gradients: gradient ? this.gradients(plan, layout, prompts) : [] };
  }

  private gradients({ buffers }: Plan, layout: StepLayout, prompts: readonly SoftPrompt[]): tf.Tensor[] {
    const { gradients } = buffers;
    if (!gradients) return [];
    const { floats } = this.steps.pool.heap;
    const { prefix } = widthsOf(this.spec);
    return prompts.map((prompt, i) => {
      const [at, width] =
        prompt.kind === 'prefix' ? [gradients.prefixes, prefix] : [gradients.stream, this.spec.hidden];
      const { shape, size } = promptTensor(prompt);
      const from = at / 4 + layout.promptStarts[i] * width;
      return tf.tensor2d(floats.slice(from, from + size), shape);
    });
  }

  private score(plan: Plan, label: number): { nats: number; hit: number } {
    const { floats } = this.steps.pool.heap;
    const at = plan.buffers.scores / 4 + label * SCORE;
    return { nats: Math.log(floats[at]) + floats[at + 1], hit: floats[at + 2] };
  }
}

/** The slot that predicts each label. */
function labelSlots({ counts, slotTargets }: StepLayout): Uint32Array {
  const slots = new Uint32Array(counts.labels);
  for (let slot = 0; slot < counts.slots; slot++) {
    const [first, count] = slotTargets.subarray(slot * 4);
    slots.fill(slot, first, first + count);
  }
  return slots;
}
