/**
 * @file Token by token, with the keys and values of everything so far kept in the plan's buffers: each further token is a
 * step of one row.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import { bucket, fits, neededCapacity } from '../capacity';
import type { SoftPrompt } from '../engine';
import { EngineMemoryError } from '../errors';
import { layoutGeneration, promptShape } from '../layout';
import { widths } from './plan/activations';
import { encodePlan, type Plan } from './plan/plan';
import type { PlanSource } from './plan/source';
import { writeCounts } from './plan/tables';
import { Readback, type StepRunner, tryPlan } from './steps';
import { submitCommands } from './submit';

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
   * `logits` gives those after everything so far, once; call `push` with the token taken before calling it again.
   * @throws EngineMemoryError where the device has not the memory
   */
  async start(
    backend: WebGPUBackend,
    prompt: SoftPrompt | null,
    tokenIds: Int32Array,
    room: number,
  ): Promise<Decoder> {
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
      const made = await tryPlan(this.source, 'decode', 'all', needed);
      if (!made.plan) {
        const why = made.problem instanceof Error ? made.problem.message : String(made.problem);
        throw new EngineMemoryError(`The graphics device has no room for an answer of this length: ${why}`, {
          cause: made.problem,
        });
      }
      plan = made.plan;
    }
    this.used.add(plan);
    const { readback, copy } = this.read(plan);
    let accepted: Promise<void>;
    try {
      accepted = this.steps.run(backend, plan, layout, [prompt], copy);
    } catch (error) {
      this.used.delete(plan);
      this.free.push(plan);
      readback.buffer.destroy();
      throw error;
    }
    return new Decoder(
      this.source,
      plan,
      layout.counts,
      { readback, accepted },
      {
        read: () => this.read(plan),
        release: () => {
          if (this.used.delete(plan)) this.free.push(plan);
        },
      },
    );
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
    private pending: { readback: Readback; accepted: Promise<void> },
    private readonly owner: {
      read: () => { readback: Readback; copy: (encoder: GPUCommandEncoder) => void };
      release: () => void;
    },
  ) {
    this.rows = counts.activeEnd;
  }

  /** Logits `[V]` after everything so far. */
  async logits(): Promise<Float32Array> {
    const { readback, accepted } = this.pending;
    return new Float32Array(await readback.read(accepted));
  }

  /** Keys and values of all rows so far, `[rows, layers · 2K]`, a row as in a prefix. */
  async keysValues(): Promise<Float32Array> {
    const { device, spec } = this.source;
    const { plan, rows } = this;
    const { qkv: stride, keysValues: width } = widths(spec);
    const layers = plan.qkv.length;
    const bytes = rows * stride * 4;
    const readback = new Readback(device, layers * bytes);
    const accepted = submitCommands(device, 'the keys and values of a text', (encoder) => {
      plan.qkv.forEach((buffer, layer) => {
        encoder.copyBufferToBuffer(buffer, 0, readback.buffer, layer * bytes, bytes);
      });
    });
    await this.pending.accepted;
    const all = new Float32Array(await readback.read(accepted));
    const made = new Float32Array(rows * layers * width);
    for (let layer = 0; layer < layers; layer++) {
      for (let row = 0; row < rows; row++) {
        const end = (layer * rows + row + 1) * stride;
        made.set(all.subarray(end - width, end), (row * layers + layer) * width);
      }
    }
    return made;
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
    const { readback, copy } = this.owner.read();
    const accepted = submitCommands(device, 'a token of an answer', (encoder) => {
      writeCounts(device, tables, counts);
      device.queue.writeBuffer(tables.rowInfo, row * 16, Uint32Array.of(token, row, 0, 0));
      device.queue.writeBuffer(
        tables.sequences,
        0,
        Uint32Array.of(promptEnd, textLength, 0, promptEnd, 0, 1, 0, 0),
      );
      device.queue.writeBuffer(tables.slotRow, 0, Uint32Array.of(row));
      const pass = encoder.beginComputePass();
      encodePlan(this.plan, pass, counts);
      pass.end();
      copy(encoder);
    });
    this.pending = { readback, accepted };
  }

  release(): void {
    this.owner.release();
  }
}
