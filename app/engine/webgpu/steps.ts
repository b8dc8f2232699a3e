/** @file Runs steps: chooses a plan that is large enough, writes its tables, brings the prompts, and replays it. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { type Capacity, fits, neededCapacity, union } from '../capacity';
import type { Saving, SoftPrompt } from '../engine';
import { EngineMemoryError } from '../errors';
import type { StepLayout } from '../layout';
import type { PlanMode } from './plan/activations';
import { estimateBytes, type SavingBytes, savingsToTry } from './plan/estimate';
import { buildPlan, checkPlan, encodePlan, type Plan, planKernels } from './plan/plan';
import { logitBytesOf, type PlanSource } from './plan/source';
import { writeTables } from './plan/tables';
import { submitCommands } from './submit';
import { flush, tensorBuffer } from './tensors';

/** What a mode is called before the person. */
const NAMES: Record<PlanMode, string> = {
  train: 'a training step',
  forward: 'an evaluation',
  decode: 'an answer',
};

/** The tensor of a prompt, of either kind. */
export function promptTensor(prompt: SoftPrompt) {
  return prompt.kind === 'prompt' ? prompt.vectors : prompt.keysValues;
}

/** A step's tables, and how many prompts it has. */
export interface StepShape {
  layout: StepLayout;
  prompts: number;
}

export class StepRunner {
  /** One plan a mode; it is replaced when a step needs more than it holds, and never shrinks. */
  private readonly plans = new Map<PlanMode, Plan>();
  /** Plans made so far. */
  made = 0;

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
    return this.put(buildPlan(this.source, mode, saving, capacity));
  }

  /**
   * The training plan that every one of the steps fits, compiled and surely allocated: where the device has not the memory,
   * with a saving that takes less. What did not fit lowers the budget.
   * @throws EngineMemoryError where no saving is thrifty enough, or a step exceeds what the device allows
   */
  async prepare(steps: readonly StepShape[]): Promise<Plan> {
    const needed = steps.map(({ layout, prompts }) => neededCapacity(layout, prompts)).reduce(union);
    const present = this.plans.get('train');
    if (present && fits(needed, present.capacity) && !this.saves(present)) return present;
    const capacity = this.replace('train', needed);
    let last: SavingBytes | null = null;
    let cause: unknown = null;
    for (const one of this.tries(capacity)) {
      last = one;
      await this.source.pipelines.prepare(planKernels(this.source, 'train', one.saving));
      const found = await tryPlan(this.source, 'train', one.saving, capacity);
      if (found.plan) {
        // A step may have made itself one in the meantime.
        this.plans.get('train')?.destroy();
        for (const { layout } of steps) checkPlan(found.plan, layout.counts);
        return this.put(found.plan);
      }
      cause = found.problem;
      this.budget = Math.min(this.budget, one.bytes - 1);
    }
    throw new EngineMemoryError(
      `A training step of this size takes ${megabytes(last?.bytes ?? 0)} of graphics memory beside the model, even when it keeps the least; the device did not give that much. Choose fewer examples a step, shorter texts, a shorter prompt or a smaller model.`,
      { cause },
    );
  }

  /**
   * The forward plan that every one of the steps fits, surely allocated.
   * @throws EngineMemoryError where the device has not the memory, or allows no such step
   */
  async prepareForward(steps: readonly StepShape[]): Promise<Plan> {
    const needed = steps.map(({ layout, prompts }) => neededCapacity(layout, prompts)).reduce(union);
    const present = this.plans.get('forward');
    if (present && fits(needed, present.capacity)) return present;
    const { plan, problem } = await tryPlan(this.source, 'forward', 'all', this.replace('forward', needed));
    if (!plan) {
      const why = problem instanceof Error ? problem.message : String(problem);
      throw new EngineMemoryError(`The graphics device has no room for an evaluation: ${why}`, {
        cause: problem,
      });
    }
    this.plans.get('forward')?.destroy();
    return this.put(plan);
  }

  /** Whether a plan of the same size is to be made with another saving now. */
  private saves(plan: Plan): boolean {
    return plan.bytes > this.budget && this.tries(plan.capacity)[0].saving !== plan.saving;
  }

  private put(plan: Plan): Plan {
    this.made++;
    this.plans.set(plan.mode, plan);
    return plan;
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
   * @returns as `submitCommands`: whether the device has accepted it
   */
  run(
    backend: WebGPUBackend,
    plan: Plan,
    layout: StepLayout,
    prompts: readonly (SoftPrompt | null)[],
    copyOut: (encoder: GPUCommandEncoder) => void,
    encode: (encoder: GPUCommandEncoder) => void = (encoder) => encodeStep(encoder, plan, layout),
  ): Promise<void> {
    const { device } = this.source;
    return submitCommands(device, NAMES[plan.mode], (encoder) => {
      writeTables(device, plan.tables, layout);
      const buffers = prompts.map((prompt) =>
        prompt && promptTensor(prompt).size > 0 ? tensorBuffer(backend, promptTensor(prompt)) : null,
      );
      flush(backend);
      prompts.forEach((prompt, i) => {
        const from = buffers[i];
        if (!prompt || !from) return;
        const [rows, width] = promptTensor(prompt).shape;
        const to = prompt.kind === 'prompt' ? plan.input : (plan.prefix as GPUBuffer);
        encoder.copyBufferToBuffer(from, 0, to, layout.promptStarts[i] * width * 4, rows * width * 4);
      });
      encode(encoder);
      copyOut(encoder);
    });
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

/** A plan, or why the device has not the memory for it. @throws Error where something else goes wrong */
export async function tryPlan(
  source: PlanSource,
  mode: PlanMode,
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
    plan = buildPlan(source, mode, saving, capacity);
  } catch (error) {
    problem = error;
  }
  const [memory, validation] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  if (plan && !memory && !validation) return { plan, problem: null };
  plan?.destroy();
  if (problem && !(problem instanceof EngineMemoryError)) throw problem;
  if (!problem && !memory) throw new Error(`The device refused ${NAMES[mode]}: ${validation?.message}`);
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

  /**
   * The bytes, once everything submitted before has run. The buffer is gone afterwards.
   * @param accepted of the submit that fills it; @throws what it rejects with
   */
  async read(accepted: Promise<void>): Promise<ArrayBuffer> {
    try {
      await Promise.all([accepted, this.buffer.mapAsync(0x01)]); // GPUMapMode.READ
      return this.buffer.getMappedRange().slice(0, this.bytes);
    } finally {
      this.buffer.destroy();
    }
  }
}
