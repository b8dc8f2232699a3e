/** @file Runs steps: chooses a plan that is large enough, writes its tables, brings the prompts, and replays it. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { type Capacity, fits, neededCapacity, union } from '../capacity';
import type { Saving, SoftPrompt } from '../engine';
import { EngineMemoryError } from '../errors';
import type { StepLayout } from '../layout';
import type { PlanMode } from './plan/activations';
import { estimateBytes, type SavingBytes, savingsToTry } from './plan/estimate';
import { buildPlan, encodePlan, logitBytesOf, type Plan, type PlanSource, planKernels } from './plan/plan';
import { writeTables } from './plan/tables';
import { flush, tensorBuffer } from './tensors';

/** The tensor of a prompt, of either kind. */
export function promptTensor(prompt: SoftPrompt) {
  return prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues;
}

export class StepRunner {
  /** One plan a mode; it is replaced when a step needs more than it holds, and never shrinks. */
  private readonly plans = new Map<PlanMode, Plan>();

  constructor(
    private readonly source: PlanSource,
    private readonly saving: Saving | 'auto',
    /** Most bytes that a training plan should take; for `auto`. */
    private budget: number,
  ) {}

  /** From the next `prepare`, or plan that a step makes necessary, on. */
  setBudget(bytes: number): void {
    this.budget = bytes;
  }

  /** The plan of a mode that a step fits. Steps submitted with the plan before still finish. */
  planFor(mode: 'train' | 'forward', layout: StepLayout, prompts: number): Plan {
    const needed = neededCapacity(layout, prompts);
    const present = this.plans.get(mode);
    if (present && fits(needed, present.capacity)) return present;
    const capacity = this.replace(mode, needed);
    const saving = mode === 'train' ? this.tries(capacity)[0].saving : 'all';
    const plan = buildPlan(this.source, mode, saving, capacity);
    this.plans.set(mode, plan);
    return plan;
  }

  /**
   * The training plan that a step fits, compiled and surely allocated: where the device has not the memory, with a saving that
   * takes less. What did not fit lowers the budget.
   * @throws EngineMemoryError where no saving is thrifty enough
   */
  async prepare(layout: StepLayout, prompts: number): Promise<Plan> {
    const needed = neededCapacity(layout, prompts);
    const present = this.plans.get('train');
    if (present && fits(needed, present.capacity) && !this.saves(present)) return present;
    const capacity = this.replace('train', needed);
    let last: SavingBytes | null = null;
    let cause: unknown = null;
    for (const one of this.tries(capacity)) {
      last = one;
      await this.source.pipelines.prepare(planKernels(this.source, 'train', one.saving));
      const found = await tryPlan(this.source, one.saving, capacity);
      if (found.plan) {
        // A step may have made itself one in the meantime.
        this.plans.get('train')?.destroy();
        this.plans.set('train', found.plan);
        return found.plan;
      }
      cause = found.problem;
      this.budget = Math.min(this.budget, one.bytes - 1);
    }
    throw new EngineMemoryError(
      `A training step of this size takes ${megabytes(last?.bytes ?? 0)} of graphics memory beside the model, even when it keeps the least; the device did not give that much. Choose fewer examples a step, shorter texts, a shorter prompt or a smaller model.`,
      { cause },
    );
  }

  /** Whether a plan of the same size is to be made with another saving now. */
  private saves(plan: Plan): boolean {
    return plan.bytes > this.budget && this.tries(plan.capacity)[0].saving !== plan.saving;
  }

  /** Lets go of the present plan; the capacity of the one in its place, which also does for what the other did. */
  private replace(mode: PlanMode, needed: Capacity): Capacity {
    const present = this.plans.get(mode);
    present?.destroy();
    this.plans.delete(mode);
    return present ? union(needed, present.capacity) : needed;
  }

  private tries(capacity: Capacity): [SavingBytes, ...SavingBytes[]] {
    const { spec } = this.source;
    const logitBytes = logitBytesOf(this.source);
    if (this.saving === 'auto') return savingsToTry(spec, capacity, this.budget, logitBytes);
    return [{ saving: this.saving, bytes: estimateBytes(spec, this.saving, capacity, logitBytes) }];
  }

  /**
   * Submits one step. `encode` records the plan's dispatches and what is to be copied out of its buffers, which the
   * next step overwrites; by default all dispatches, then `copyOut`.
   */
  run(
    backend: WebGPUBackend,
    plan: Plan,
    layout: StepLayout,
    prompts: readonly (SoftPrompt | null)[],
    copyOut: (encoder: GPUCommandEncoder) => void,
    encode: (encoder: GPUCommandEncoder) => void = (encoder) => encodeStep(encoder, plan, layout),
  ): void {
    const { device } = this.source;
    writeTables(device, plan.tables, layout);
    const buffers = prompts.map((prompt) =>
      prompt && promptTensor(prompt).size > 0 ? tensorBuffer(backend, promptTensor(prompt)) : null,
    );
    flush(backend);
    const encoder = device.createCommandEncoder();
    prompts.forEach((prompt, i) => {
      const from = buffers[i];
      if (!prompt || !from) return;
      const [rows, width] = promptTensor(prompt).shape;
      const to = prompt.kind === 'prompt' ? plan.input : (plan.prefix as GPUBuffer);
      encoder.copyBufferToBuffer(from, 0, to, layout.promptStarts[i] * width * 4, rows * width * 4);
    });
    encode(encoder);
    copyOut(encoder);
    device.queue.submit([encoder.finish()]);
  }

  /** Bytes of all plans' buffers. */
  get bytes(): number {
    return [...this.plans.values()].reduce((sum, plan) => sum + plan.bytes, 0);
  }

  plan(mode: PlanMode): Plan | undefined {
    return this.plans.get(mode);
  }

  dispose(): void {
    for (const plan of this.plans.values()) plan.destroy();
    this.plans.clear();
  }
}

/** A training plan, or why the device has not the memory for it. @throws Error where something else goes wrong */
async function tryPlan(
  source: PlanSource,
  saving: Saving,
  capacity: Capacity,
): Promise<{ plan: Plan; problem: null } | { plan: null; problem: unknown }> {
  const { device } = source;
  // Buffers that are not there make invalid bind groups of themselves, too.
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  let plan: Plan | null = null;
  let problem: unknown = null;
  try {
    plan = buildPlan(source, 'train', saving, capacity);
  } catch (error) {
    problem = error;
  }
  const [memory, validation] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  if (plan && !memory && !validation) return { plan, problem: null };
  plan?.destroy();
  if (problem && !(problem instanceof EngineMemoryError)) throw problem;
  if (!problem && !memory)
    throw new Error(`The training step was refused by the device: ${validation?.message}`);
  return { plan: null, problem: problem ?? memory };
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1e6).toLocaleString('en')} MB`;
}

function encodeStep(encoder: GPUCommandEncoder, plan: Plan, layout: StepLayout): void {
  const pass = encoder.beginComputePass();
  encodePlan(plan, pass, layout.counts);
  pass.end();
}

/** Reads a small part of a buffer back: to be copied in `encode`, read once submitted. */
export class Readback {
  readonly buffer: GPUBuffer;

  constructor(
    device: GPUDevice,
    readonly bytes: number,
  ) {
    // MAP_READ | COPY_DST
    this.buffer = device.createBuffer({ label: 'readback', size: Math.max(4, bytes), usage: 0x01 | 0x08 });
  }

  /** The bytes, once everything submitted before has run. The buffer is gone afterwards. */
  async read(): Promise<ArrayBuffer> {
    try {
      await this.buffer.mapAsync(0x01); // GPUMapMode.READ
      return this.buffer.getMappedRange().slice(0, this.bytes);
    } finally {
      this.buffer.destroy();
    }
  }
}
