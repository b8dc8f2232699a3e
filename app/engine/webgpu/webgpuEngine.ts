/**
 * @file The fused engine: packed rows without padding, prompt rows once a step, weights as stored, and a gradient with respect to the
 * prompt alone, computed in the same submit as the loss.
 */
import * as tf from '@tensorflow/tfjs-core';
import { checkContext, checkRows, generationRoom, promptLength } from '../batch';
import { neededCapacity } from '../capacity';
import type {
  AdamWScalars,
  AdamWTensors,
  Engine,
  ExampleScore,
  Metric,
  Neighbour,
  PackedBatch,
  SamplingOptions,
  Saving,
  SoftPrompt,
  TrainingMemory,
} from '../engine';
import { layoutStep, promptShape, type StepLayout } from '../layout';
import { sample, uniform } from '../sampling';
import { evaluationGroups, lossWithGradients, recordsGradient, zeroLoss } from '../shared';
import type { ModelSpec, WeightFormat, WeightStream } from '../spec';
import { AdamWUpdater } from './adamW';
import { adamWKernel } from './adamWKernel';
import { isSoftware } from './adapter';
import { Decoders } from './generation';
import { uploadWeights } from './gpuWeights';
import { DEFAULT_TILE, type MatmulTile } from './kernels/matmul';
import { GpuMemory } from './memory';
import { Pipelines } from './pipelines';
import { estimateBytes, LOGIT_BYTES } from './plan/estimate';
import { type AttentionWay, logitBytesOf, type PlanSource, planKernels } from './plan/plan';
import { type KernelTime, profileStep } from './profile';
import { promptTensor, Readback, StepRunner } from './steps';
import { emptyTensor, sharedBackend } from './tensors';
import { Vocabulary } from './vocabulary';

export interface WebGpuEngineOptions {
  /** What training keeps of the forward pass; `auto`, the default, takes the least work that fits `memoryBudget`. */
  saving?: Saving | 'auto';
  /** Most bytes that training should take beside the weights; no limit by default. The thriftiest saving may exceed it. */
  memoryBudget?: number;
  /** How weights lie on the GPU; as stored by default. */
  format?: WeightFormat;
  /** Most bytes of one binding, where less than the device's limit is wanted. */
  bindingLimit?: number;
  /** Most bytes of logits at one time. */
  logitBytes?: number;
  /** How products are divided among threads; see `tuneTile`. */
  tile?: MatmulTile;
  /** By default threads on software adapters, else blocks. */
  attention?: AttentionWay;
}

/** What an engine has made of its device, in bytes and dispatches. */
export interface WebGpuUsage {
  weightBytes: number;
  /** Buffers of plans, tables included. */
  planBytes: number;
  /** Dispatches of a training step; 0 before the first. */
  dispatches: number;
  /** What training keeps of the forward pass; null before the first step. */
  saving: Saving | null;
}

/**
 * Uploads the weights and compiles the kernels. tfjs must run on the same device when the engine is used.
 * @throws Error naming a missing weight; GpuMemoryError where the device's limits are too small.
 */
export async function createWebGpuEngine(
  spec: ModelSpec,
  weights: WeightStream,
  device: GPUDevice,
  options: WebGpuEngineOptions = {},
): Promise<WebGpuEngine> {
  const memory = new GpuMemory(device);
  try {
    const limit = device.limits.maxStorageBufferBindingSize;
    const source: PlanSource = {
      spec,
      weights: await uploadWeights(spec, weights, device, memory, options.format),
      device,
      pipelines: Pipelines.of(device),
      tile: options.tile ?? DEFAULT_TILE,
      attention: options.attention ?? (isSoftware(device.adapterInfo) ? 'threads' : 'blocks'),
      bindingLimit: Math.min(limit, options.bindingLimit ?? limit),
      logitBytes: options.logitBytes ?? LOGIT_BYTES,
    };
    const kernels = [...planKernels(source, 'train'), ...planKernels(source, 'forward'), adamWKernel];
    await source.pipelines.prepare(kernels);
    return new WebGpuEngine(source, memory, options);
  } catch (error) {
    memory.destroyAll();
    throw error;
  }
}

export class WebGpuEngine implements Engine {
  readonly name = 'webgpu';
  readonly spec: ModelSpec;
  private readonly steps: StepRunner;
  private readonly decoders: Decoders;
  private readonly vocabulary: Vocabulary;
  private readonly optimizer: AdamWUpdater;

  constructor(
    private readonly source: PlanSource,
    private readonly memory: GpuMemory,
    options: Pick<WebGpuEngineOptions, 'saving' | 'memoryBudget'>,
  ) {
    this.spec = source.spec;
    this.steps = new StepRunner(
      source,
      options.saving ?? 'auto',
      options.memoryBudget ?? Number.POSITIVE_INFINITY,
    );
    this.decoders = new Decoders(source, this.steps);
    this.vocabulary = new Vocabulary(source);
    this.optimizer = new AdamWUpdater(source.device, memory);
  }

  embed(tokenIds: Int32Array): tf.Tensor2D {
    return this.vocabulary.embed(this.backend(), tokenIds);
  }

  loss(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor1D {
    for (const text of batch.texts) this.check(prompts[text.prompt] ?? null, text.length);
    const layout = layoutStep(prompts.map(promptShape), batch);
    if (layout.counts.labels === 0 || prompts.length === 0) {
      return tf.tidy(() =>
        prompts.length === 0 ? tf.tensor1d([]) : zeroLoss(prompts.map(promptTensor), prompts.length),
      );
    }
    const wanted = recordsGradient();
    return lossWithGradients(prompts.map(promptTensor), () => this.step(prompts, layout, wanted));
  }

  async prepare(prompts: readonly SoftPrompt[], batch: PackedBatch): Promise<TrainingMemory> {
    for (const text of batch.texts) this.check(prompts[text.prompt] ?? null, text.length);
    const plan = await this.steps.prepare(layoutStep(prompts.map(promptShape), batch), prompts.length);
    return { weights: this.source.weights.bytes, training: plan.bytes, saving: plan.saving };
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
    return this.optimizer.update(this.backend(), before, gradient, scalars);
  }

  labelLogits(prompts: readonly SoftPrompt[], batch: PackedBatch): tf.Tensor2D {
    for (const text of batch.texts) this.check(prompts[text.prompt] ?? null, text.length);
    const layout = layoutStep(prompts.map(promptShape), batch);
    const order = layout.textLabels.flat();
    const { vocabSize } = this.spec;
    if (order.length === 0) return tf.zeros([0, vocabSize]);
    const backend = this.backend();
    const plan = this.steps.planFor('forward', layout, prompts.length);
    const { tensor, buffer } = emptyTensor<tf.Tensor2D>(backend, [order.length, vocabSize]);
    const slotOfLabel = labelSlots(layout);
    const rowBytes = vocabSize * 4;
    const inPass = (encoder: GPUCommandEncoder, list: typeof plan.forward) => {
      const pass = encoder.beginComputePass();
      list.encode(pass, layout.counts);
      pass.end();
    };
    this.steps.run(
      backend,
      plan,
      layout,
      prompts,
      () => {},
      (encoder) => {
        inPass(encoder, plan.forward);
        plan.head.chunks.forEach((chunk, i) => {
          inPass(encoder, plan.chunks[i]);
          order.forEach((label, row) => {
            const local = slotOfLabel[label] - chunk.start;
            if (local < 0 || local >= chunk.size) return;
            encoder.copyBufferToBuffer(plan.head.logits, local * rowBytes, buffer, row * rowBytes, rowBytes);
          });
        });
      },
    );
    return tensor;
  }

  async evaluate(prompt: SoftPrompt | null, batch: PackedBatch): Promise<ExampleScore[]> {
    checkContext(batch, promptLength(prompt), this.spec.contextLength);
    const shape = promptShape(prompt);
    const pending: { group: number[]; layout: StepLayout; readback: Readback }[] = [];
    for (const group of evaluationGroups(batch)) {
      const texts = group.map((i) => ({ ...batch.texts[i], prompt: 0 }));
      const layout = layoutStep([shape], { ...batch, texts });
      if (layout.counts.labels === 0) continue;
      const plan = this.steps.planFor('forward', layout, 1);
      const readback = new Readback(this.source.device, layout.counts.labels * 8);
      this.steps.run(this.backend(), plan, layout, [prompt], (encoder) =>
        encoder.copyBufferToBuffer(plan.head.scores, 0, readback.buffer, 0, readback.bytes),
      );
      pending.push({ group, layout, readback });
    }
    const scores: ExampleScore[] = batch.texts.map(() => ({ nats: 0, labels: 0, hits: 0 }));
    for (const { group, layout, readback } of pending) {
      const values = new Float32Array(await readback.read());
      group.forEach((text, i) => {
        for (const label of layout.textLabels[i]) {
          scores[text].nats += values[2 * label];
          scores[text].hits += values[2 * label + 1];
          scores[text].labels++;
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
    const random = uniform(options.seed ?? 0);
    if (room <= 0) return;
    const decoder = this.decoders.start(this.backend(), prompt, tokenIds, room);
    try {
      for (let made = 0; made < room; made++) {
        const next = sample(await decoder.logits(), options, random);
        if (options.signal?.aborted || options.stopIds.includes(next)) return;
        // The next step runs while the caller looks at this token.
        if (made + 1 < room) decoder.push(next);
        yield next;
      }
    } finally {
      decoder.release();
    }
  }

  nearest(vectors: tf.Tensor2D, k: number, metric: Metric): Promise<Neighbour[][]> {
    return this.vocabulary.nearest(this.backend(), vectors, k, metric);
  }

  /**
   * Milliseconds on the GPU of each kind of kernel in one training step, longest first.
   * @throws Error where the device lacks `timestamp-query`.
   */
  profile(prompts: readonly SoftPrompt[], batch: PackedBatch): Promise<KernelTime[]> {
    const layout = layoutStep(prompts.map(promptShape), batch);
    const plan = this.steps.planFor('train', layout, prompts.length);
    return profileStep(this.source.device, plan, layout.counts, (encode, copyOut) =>
      this.steps.run(this.backend(), plan, layout, prompts, copyOut, encode),
    );
  }

  /** What a training step of this batch would take beside the weights, in bytes, with each saving. */
  estimate(prompts: readonly SoftPrompt[], batch: PackedBatch): Record<Saving, number> {
    const capacity = neededCapacity(layoutStep(prompts.map(promptShape), batch), prompts.length);
    const bytes = (saving: Saving) => estimateBytes(this.spec, saving, capacity, logitBytesOf(this.source));
    return { all: bytes('all'), half: bytes('half'), mlp: bytes('mlp'), layers: bytes('layers') };
  }

  usage(): WebGpuUsage {
    return {
      weightBytes: this.source.weights.bytes,
      planBytes: this.steps.bytes + this.decoders.bytes + this.vocabulary.bytes,
      dispatches: this.steps.plan('train')?.dispatches ?? 0,
      saving: this.steps.plan('train')?.saving ?? null,
    };
  }

  dispose(): void {
    this.steps.dispose();
    this.decoders.dispose();
    this.vocabulary.dispose();
    this.memory.destroyAll();
  }

  private backend() {
    return sharedBackend(this.source.device);
  }

  /** @throws RangeError where prompt and text do not fit the context. */
  private check(prompt: SoftPrompt | null, length: number): void {
    checkRows(promptLength(prompt), length, this.spec.contextLength);
  }

  /** Losses, and each prompt's gradient of its own loss where `gradient`; tensors in tfjs's present scope. */
  private step(prompts: readonly SoftPrompt[], layout: StepLayout, gradient: boolean) {
    const backend = this.backend();
    const plan = this.steps.planFor(gradient ? 'train' : 'forward', layout, prompts.length);
    const loss = emptyTensor<tf.Tensor1D>(backend, [prompts.length]);
    const { gradients } = plan;
    const outputs = gradients
      ? prompts.map((prompt) => emptyTensor(backend, promptTensor(prompt).shape))
      : [];
    this.steps.run(backend, plan, layout, prompts, (encoder) => {
      encoder.copyBufferToBuffer(plan.head.loss, 0, loss.buffer, 0, prompts.length * 4);
      outputs.forEach(({ buffer }, i) => {
        const [rows, width] = promptTensor(prompts[i]).shape;
        const from = prompts[i].kind === 'prompt' ? gradients?.rows : gradients?.prefix;
        if (!from || rows === 0) return;
        encoder.copyBufferToBuffer(from, layout.promptStarts[i] * width * 4, buffer, 0, rows * width * 4);
      });
    });
    return { loss: loss.tensor, gradients: outputs.map(({ tensor }) => tensor) };
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
