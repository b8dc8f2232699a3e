/**
 * @file The fused engine: packed rows without padding, prompt rows once a step, weights as stored, and a gradient with respect to the
 * prompt alone, computed in the same submit as the loss.
 */
import * as tf from '@tensorflow/tfjs-core';
import { createRandom } from '../../formats/random';
import { quotedSaying } from '../../formats/readable';
import { checkRows, generationRoom, promptLength } from '../batch';
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
import { EngineUnusableError } from '../errors';
import { Faults } from '../faults';
import { layoutStep, promptShape, type StepLayout } from '../layout';
import { sample } from '../sampling';
import { lossWithGradients, recordsGradient, zeroLoss } from '../shared';
import type { ModelSpec, WeightFormat, WeightStream } from '../spec';
import { AdamWUpdater } from './adamW';
import { adamWKernel } from './adamWKernel';
import { adapterNames, isSoftware } from './adapter';
import { evaluateTexts } from './evaluation';
import { Decoders } from './generation';
import { allocateWeights } from './gpuWeights';
import { DEFAULT_TILE, type MatmulTile } from './kernels/tile';
import type { Kernel } from './kernels/wgsl';
import { type DeviceLimits, limitsOf } from './limits';
import { GpuMemory } from './memory';
import { Pipelines } from './pipelines';
import { estimateBytes, LOGIT_BYTES } from './plan/estimate';
import { planKernels } from './plan/plan';
import { type AttentionWay, logitBytesOf, type PlanSource } from './plan/source';
import { type KernelTime, profileStep } from './profile';
import { promptTensor, StepRunner } from './steps';
import { emptyTensor, sharedBackend } from './tensors';
import { Vocabulary } from './vocabulary';

export interface WebGpuEngineOptions {
  /** What training keeps of the forward pass; `auto`, the default, takes the least work that fits `memoryBudget`. */
  saving?: Saving | 'auto';
  /** Most bytes that training should take beside the weights; no limit by default. The thriftiest saving may exceed it. */
  memoryBudget?: number;
  /** How weights lie on the GPU; as stored by default. */
  format?: WeightFormat;
  /** Where less than the device's limits is wanted. */
  limits?: Partial<DeviceLimits>;
  /** Most bytes of logits at one time. */
  logitBytes?: number;
  /** How products are divided among threads; see `tuneTile`. */
  tile?: MatmulTile;
  /** By default threads on software adapters, else blocks. */
  attention?: AttentionWay;
  /** What is compiled now rather than when it is first used; `training` where the engine will neither answer nor search. */
  compile?: 'everything' | 'training';
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
  /** Plans that steps and evaluations have needed so far: a run that was prepared needs no more. */
  plansMade: number;
}

/**
 * Compiles the kernels and uploads the weights; until all is compiled none is taken from the stream. tfjs must run on the same
 * device when the engine is used.
 * @throws Error naming a missing weight; EngineMemoryError where the device has no room for the weights;
 * EngineUnusableError where the driver does not compile the kernels
 */
export async function createWebGpuEngine(
  spec: ModelSpec,
  weights: WeightStream,
  device: GPUDevice,
  options: WebGpuEngineOptions = {},
): Promise<WebGpuEngine> {
  const limits = limitsOf(device, options.limits);
  const memory = new GpuMemory(device, limits);
  try {
    const allocated = await allocateWeights(spec, weights, device, memory, options.format);
    const source: PlanSource = {
      spec,
      weights: allocated.weights,
      device,
      pipelines: Pipelines.of(device),
      tile: options.tile ?? DEFAULT_TILE,
      attention: options.attention ?? (isSoftware(adapterNames(device)) ? 'threads' : 'blocks'),
      limits,
      logitBytes: options.logitBytes ?? LOGIT_BYTES,
    };
    const engine = new WebGpuEngine(source, memory, options);
    await source.pipelines.prepare(engine.kernels(options.compile)).catch((error) => {
      const said = quotedSaying(error);
      throw new EngineUnusableError(`The graphics driver does not compile the engine${said}.`, {
        cause: error,
      });
    });
    await allocated.fill();
    return engine;
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
  private readonly faults: Faults;

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
    this.faults = new Faults(source.device);
    this.decoders = new Decoders(source, this.steps);
    this.vocabulary = new Vocabulary(source, this.faults);
    this.optimizer = new AdamWUpdater(source, memory, this.faults);
  }

  /** What is to be compiled before the engine is used. */
  kernels(which: WebGpuEngineOptions['compile'] = 'everything'): Kernel[] {
    const { source } = this;
    const training = [...planKernels(source, 'train'), ...planKernels(source, 'forward'), adamWKernel];
    if (which === 'training') return training;
    return [...training, ...planKernels(source, 'decode'), ...this.vocabulary.kernels()];
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

  async prepare(prompts: readonly SoftPrompt[], batches: readonly PackedBatch[]): Promise<TrainingMemory> {
    const steps = batches.map((batch) => {
      for (const text of batch.texts) this.check(prompts[text.prompt] ?? null, text.length);
      return { layout: layoutStep(prompts.map(promptShape), batch), prompts: prompts.length };
    });
    this.faults.forget();
    const plan = await this.steps.prepare(steps);
    return { weights: this.source.weights.bytes, training: plan.bytes, saving: plan.saving };
  }

  settled(): Promise<void> {
    return this.faults.settled();
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
    const accepted = this.steps.run(
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
    this.faults.watch(accepted);
    return tensor;
  }

  async evaluate(prompts: readonly (SoftPrompt | null)[], batch: PackedBatch): Promise<ExampleScore[]> {
    for (const text of batch.texts) this.check(prompts[text.prompt], text.length);
    return evaluateTexts(this.source.device, this.steps, () => this.backend(), prompts, batch);
  }

  async *generate(
    prompt: SoftPrompt | null,
    tokenIds: Int32Array,
    options: SamplingOptions,
  ): AsyncIterable<number> {
    const room = generationRoom(prompt, tokenIds, options.maxTokens, this.spec.contextLength);
    const random = createRandom(options.seed ?? 0).next;
    if (room <= 0) return;
    const decoder = await this.decoders.start(this.backend(), prompt, tokenIds, room);
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

  async keysValues(tokenIds: Int32Array): Promise<Float32Array> {
    generationRoom(null, tokenIds, 0, this.spec.contextLength);
    const decoder = await this.decoders.start(this.backend(), null, tokenIds, 0);
    try {
      return await decoder.keysValues();
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
      plansMade: this.steps.made,
    };
  }

  dispose(): void {
    this.faults.dispose();
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
    const accepted = this.steps.run(backend, plan, layout, prompts, (encoder) => {
      encoder.copyBufferToBuffer(plan.head.loss, 0, loss.buffer, 0, prompts.length * 4);
      outputs.forEach(({ buffer }, i) => {
        const [rows, width] = promptTensor(prompts[i]).shape;
        const from = prompts[i].kind === 'prompt' ? gradients?.rows : gradients?.prefix;
        if (!from || rows === 0) return;
        encoder.copyBufferToBuffer(from, layout.promptStarts[i] * width * 4, buffer, 0, rows * width * 4);
      });
    });
    this.faults.watch(accepted);
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
