/** @file Runs steps: finds buffers that are large enough, writes a step's tables and prompts, and reads what came out. */
import type * as tf from '@tensorflow/tfjs-core';
import { type Capacity, fits, neededCapacity, union } from '../capacity';
import type { SoftPrompt } from '../engine';
import { EngineMemoryError } from '../errors';
import type { StepLayout } from '../layout';
import type { ModelSpec } from '../spec';
import { recordBackward } from './backward';
import {
  LOGIT_BYTES,
  layOut,
  type StepBuffers,
  stepBytes,
  WASM_SAVINGS,
  type WasmSaving,
  widthsOf,
} from './buffers';
import { recordEmbedding, recordLayers, type StepSource } from './forward';
import { headChunks, recordFinalNorm, recordHeadChunk } from './head';
import { OpList } from './ops';
import { type Pool, ThreadError } from './pool';
import type { WasmWeights } from './weights';

export type Mode = 'train' | 'forward';

/** The buffers of steps up to a capacity. */
export interface Plan {
  mode: Mode;
  saving: WasmSaving;
  capacity: Capacity;
  bytes: number;
  at: number;
  buffers: StepBuffers;
}

/** Of a prompt, the tensor of either kind. */
export function promptTensor(prompt: SoftPrompt): tf.Tensor2D {
  return prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues;
}

export interface StepOptions {
  saving: WasmSaving | 'auto';
  /** Most bytes that a training step should take; for `auto`. */
  budget: number;
  logitBytes?: number;
}

export class StepRunner {
  /** One plan a mode; it is replaced when a step needs more than it holds, and never shrinks. */
  private readonly plans = new Map<Mode, Plan>();

  constructor(
    readonly spec: ModelSpec,
    readonly weights: WasmWeights,
    readonly pool: Pool,
    private readonly options: StepOptions,
  ) {}

  setBudget(bytes: number): void {
    this.options.budget = bytes;
  }

  /** The plan of a mode that a step fits. @throws EngineMemoryError */
  planFor(mode: Mode, layout: StepLayout, prompts: number): Plan {
    const needed = neededCapacity(layout, prompts);
    const present = this.plans.get(mode);
    if (present && fits(needed, present.capacity)) return present;
    return this.replace(mode, present ? union(needed, present.capacity) : needed);
  }

  /**
   * The training plan for steps up to that size, with the least work that the budget and the memory allow.
   * @throws EngineMemoryError where no saving is thrifty enough
   */
  prepare(needed: Capacity): Plan {
    const present = this.plans.get('train');
    const thriftier = present && present.bytes > this.options.budget && this.firstTry(present.capacity);
    if (present && fits(needed, present.capacity) && (!thriftier || thriftier === present.saving)) {
      return present;
    }
    return this.replace('train', present ? union(needed, present.capacity) : needed);
  }

  /** Bytes of a training plan with each saving. */
  estimate(capacity: Capacity): Record<WasmSaving, number> {
    const bytes = (saving: WasmSaving) => stepBytes(this.spec, capacity, this.stepOptions('train', saving));
    return { all: bytes('all'), mlp: bytes('mlp'), layers: bytes('layers') };
  }

  private stepOptions(mode: Mode, saving: WasmSaving) {
    const { logitBytes = LOGIT_BYTES } = this.options;
    return { mode, saving, threads: this.pool.threads, logitBytes };
  }

  private firstTry(capacity: Capacity): WasmSaving {
    const { saving, budget } = this.options;
    if (saving !== 'auto') return saving;
    const bytes = this.estimate(capacity);
    return WASM_SAVINGS.find((one) => bytes[one] <= budget) ?? 'layers';
  }

  private replace(mode: Mode, capacity: Capacity): Plan {
    const present = this.plans.get(mode);
    if (present) this.pool.heap.free(present.at);
    this.plans.delete(mode);
    const first = mode === 'train' ? this.firstTry(capacity) : 'all';
    const auto = mode === 'train' && this.options.saving === 'auto';
    const tries = auto ? WASM_SAVINGS.slice(WASM_SAVINGS.indexOf(first)) : [first];
    let cause: unknown;
    for (const saving of tries) {
      const options = this.stepOptions(mode, saving);
      const bytes = stepBytes(this.spec, capacity, options);
      try {
        const at = this.pool.heap.allocate(bytes);
        const { buffers } = layOut(this.spec, capacity, options, at);
        const plan: Plan = { mode, saving, capacity, bytes, at, buffers };
        this.plans.set(mode, plan);
        this.writeTurns(plan);
        return plan;
      } catch (error) {
        if (!(error instanceof EngineMemoryError)) throw error;
        cause = error;
      }
    }
    const least = stepBytes(this.spec, capacity, this.stepOptions(mode, tries[tries.length - 1]));
    throw new EngineMemoryError(
      `A step of this size takes ${Math.ceil(least / 1e6).toLocaleString('en')} MB of memory beside the model, even when it keeps the least; WebAssembly did not get that much. Choose fewer examples a step, shorter texts, a shorter prompt or a smaller model.`,
      { cause },
    );
  }

  /** Cosines, then sines, of every position and rotation. */
  private writeTurns({ buffers, capacity }: Plan): void {
    const { floats } = this.pool.heap;
    this.spec.ropes.forEach(({ dims, inverseFrequencies }, rope) => {
      const half = dims / 2;
      for (let position = 0; position < capacity.positions; position++) {
        const at = buffers.turns[rope] / 4 + position * dims;
        for (let i = 0; i < half; i++) {
          const angle = position * inverseFrequencies[i];
          floats[at + i] = Math.cos(angle);
          floats[at + half + i] = Math.sin(angle);
        }
      }
    });
  }

  source(plan: Plan, layout: StepLayout): StepSource {
    const { spec, weights } = this;
    const { buffers } = plan;
    return {
      spec,
      weights,
      buffers,
      layout,
      prefixes: buffers.prefixes,
      prefixRows: layout.counts.prefixEnd,
    };
  }

  list(): OpList {
    return new OpList(this.pool.threads);
  }

  /** Tables and prompts into the plan's buffers. */
  write({ buffers }: Plan, layout: StepLayout, prompts: readonly (SoftPrompt | null)[]): void {
    const { words, floats } = this.pool.heap;
    words.set(layout.rowInfo, buffers.rowInfo / 4);
    words.set(layout.sequences, buffers.sequences / 4);
    words.set(layout.slotRow, buffers.slotRow / 4);
    words.set(layout.slotTargets, buffers.slotTargets / 4);
    words.set(layout.targets, buffers.targets / 4);
    words.set(layout.promptRows, buffers.promptRows / 4);
    const { hidden } = this.spec;
    const { prefix } = widthsOf(this.spec);
    prompts.forEach((prompt, i) => {
      if (!prompt) return;
      const values = promptTensor(prompt).dataSync() as Float32Array;
      const start = layout.promptStarts[i];
      if (prompt.kind === 'prefix') floats.set(values, buffers.prefixes / 4 + start * prefix);
      else floats.set(values, buffers.prompts / 4 + (start - layout.counts.prefixEnd) * hidden);
    });
  }

  /** The whole of a step; its outputs are in the plan's buffers afterwards. */
  step(plan: Plan, layout: StepLayout, prompts: readonly (SoftPrompt | null)[]): void {
    this.patiently(() => {
      this.write(plan, layout, prompts);
      this.pool.run(this.record(plan, layout), plan.buffers);
    });
  }

  /** All that a step does once its tables and prompts are written. */
  record(plan: Plan, layout: StepLayout): OpList {
    const source = this.source(plan, layout);
    const { gradients } = plan.buffers;
    const list = this.list();
    recordEmbedding(list, source);
    recordLayers(list, source);
    recordFinalNorm(list, source);
    for (const chunk of headChunks(source)) recordHeadChunk(list, source, chunk, gradients !== null);
    if (gradients) recordBackward(list, { ...source, layout, gradients, saving: plan.saving });
    return list;
  }

  /** Does something again, by this thread alone, where another one ended amid it. */
  patiently(compute: () => void): void {
    try {
      compute();
    } catch (error) {
      if (!(error instanceof ThreadError)) throw error;
      compute();
    }
  }

  /** Bytes of all plans. */
  get bytes(): number {
    return [...this.plans.values()].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  plan(mode: Mode): Plan | undefined {
    return this.plans.get(mode);
  }
}
