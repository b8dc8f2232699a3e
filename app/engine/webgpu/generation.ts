/**
 * @file Token by token, with the keys and values of everything so far kept in the plan's buffers: each further token is a
 * step of one row.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { bucket, fits, neededCapacity } from '../capacity';
import type { SoftPrompt } from '../engine';
import { layoutGeneration, promptShape } from '../layout';
import { buildPlan, encodePlan, type Plan, type PlanSource } from './plan/plan';
import { writeCounts } from './plan/tables';
import { Readback, type StepRunner } from './steps';

/** Decoding plans not in use; each generation has one to itself. */
export class Decoders {
  private readonly free: Plan[] = [];
  private readonly used = new Set<Plan>();

  constructor(
    private readonly source: PlanSource,
    private readonly steps: StepRunner,
  ) {}

  /**
   * Starts after a prompt and a text, with room for `room` tokens in all.
   * `next` gives the logits after everything so far, once; call `push` with the token taken before calling it again.
   */
  start(backend: WebGPUBackend, prompt: SoftPrompt | null, tokenIds: Int32Array, room: number): Decoder {
    const layout = layoutGeneration(promptShape(prompt), tokenIds);
    const needed = neededCapacity(layout, 1);
    needed.rows = bucket(layout.counts.activeEnd + room);
    needed.positions = needed.rows;
    const found = this.free.findIndex((plan) => fits(needed, plan.capacity));
    let plan: Plan;
    if (found >= 0) {
      plan = this.free.splice(found, 1)[0];
    } else {
      // One spare is enough: what is too small goes.
      for (const spare of this.free.splice(0)) spare.destroy();
      plan = buildPlan(this.source, 'decode', 'all', needed);
    }
    this.used.add(plan);
    const logits = this.read(plan);
    this.steps.run(backend, plan, layout, [prompt], (encoder) => logits.copy(encoder));
    return new Decoder(this.source, plan, layout.counts, logits.readback, {
      read: () => this.read(plan),
      release: () => {
        if (this.used.delete(plan)) this.free.push(plan);
      },
    });
  }

  /** Copies the logits of the only slot. */
  private read(plan: Plan) {
    const readback = new Readback(this.source.device, this.source.spec.vocabSize * 4);
    return {
      readback,
      copy: (encoder: GPUCommandEncoder) =>
        encoder.copyBufferToBuffer(plan.head.logits, 0, readback.buffer, 0, readback.bytes),
    };
  }

  get bytes(): number {
    return [...this.free, ...this.used].reduce((sum, plan) => sum + plan.bytes, 0);
  }

  dispose(): void {
    for (const plan of [...this.free, ...this.used]) plan.destroy();
    this.free.length = 0;
    this.used.clear();
  }
}

type StartCounts = ReturnType<typeof layoutGeneration>['counts'];

export class Decoder {
  /** Rows computed so far; prompt and text lie without a gap, so a row's index is its position. */
  private rows: number;

  constructor(
    private readonly source: PlanSource,
    private readonly plan: Plan,
    private readonly counts: StartCounts,
    private pending: Readback,
    private readonly owner: {
      read: () => { readback: Readback; copy: (encoder: GPUCommandEncoder) => void };
      release: () => void;
    },
  ) {
    this.rows = counts.activeEnd;
  }

  /** Logits `[V]` after everything so far. */
  async logits(): Promise<Float32Array> {
    return new Float32Array(await this.pending.read());
  }

  /** Adds a token. */
  push(token: number): void {
    const { device } = this.source;
    const { tables } = this.plan;
    const row = this.rows++;
    const { promptEnd } = this.counts;
    const counts = {
      ...this.counts,
      activeStart: row,
      activeEnd: row + 1,
      slots: 1,
      jobs: 0,
      sequences: 1,
      promptSequences: 0,
      longestText: 1,
      longestPrompt: 0,
    };
    const textLength = this.rows - promptEnd;
    writeCounts(device, tables, counts);
    device.queue.writeBuffer(tables.rowInfo, row * 16, Uint32Array.of(token, row, 0, 0));
    device.queue.writeBuffer(
      tables.sequences,
      0,
      Uint32Array.of(promptEnd, textLength, 0, promptEnd, 0, 1, 0, 0),
    );
    device.queue.writeBuffer(tables.slotRow, 0, Uint32Array.of(row));
    const { readback, copy } = this.owner.read();
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    encodePlan(this.plan, pass, counts);
    pass.end();
    copy(encoder);
    device.queue.submit([encoder.finish()]);
    this.pending = readback;
  }

  release(): void {
    this.owner.release();
  }
}
