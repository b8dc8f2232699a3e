/** @file Runs steps: chooses a plan that is large enough, writes its tables, brings the prompts, and replays it. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type { SoftPrompt } from '../engine';
import type { StepLayout } from './layout';
import type { PlanMode, Saving } from './plan/activations';
import { fits, neededCapacity, union } from './plan/capacity';
import { chooseSaving } from './plan/estimate';
import { buildPlan, encodePlan, type Plan, type PlanSource } from './plan/plan';
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
    private readonly budget: number,
  ) {}

  /** The plan of a mode that a step fits. Steps submitted with the plan before still finish. */
  planFor(mode: 'train' | 'forward', layout: StepLayout, prompts: number): Plan {
    const needed = neededCapacity(layout, prompts);
    const present = this.plans.get(mode);
    if (present && fits(needed, present.capacity)) return present;
    present?.destroy();
    this.plans.delete(mode);
    const capacity = present ? union(needed, present.capacity) : needed;
    const saving = this.saving === 'auto' ? chooseSaving(this.source, capacity, this.budget) : this.saving;
    const plan = buildPlan(this.source, mode, saving, capacity);
    this.plans.set(mode, plan);
    return plan;
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
