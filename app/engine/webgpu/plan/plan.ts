/**
 * @file A plan: every buffer, bind group and pipeline of a step, made once for a model and its capacities and
 * replayed with each step's tables.
 */

import type { Capacity } from '../../capacity';
import type { Saving } from '../../engine';
import { EngineMemoryError } from '../../errors';
import type { Counts } from '../../layout';
import { type DispatchList, Recorder } from '../dispatches';
import { type GpuWeights, type MatrixPart, matrixParts } from '../gpuWeights';
import type { Kernel } from '../kernels/wgsl';
import { GpuMemory, GpuMemoryError } from '../memory';
import type { PlanMode } from './activations';
import { recordBackward } from './backward';
import type { BackwardBuffers } from './backwardBuffers';
import { makePlanBuffers } from './buffers';
import type { PlanContext } from './context';
import { recordEmbedding, recordLayer } from './forward';
import { recordChunks, recordFinalNorm, recordLoss } from './head';
import { type HeadBuffers, writeChunks } from './headBuffers';
import { logitBytesOf, type PlanSource } from './source';
import { type Tables, writeTurns } from './tables';

export interface Plan {
  mode: PlanMode;
  saving: Saving;
  capacity: Capacity;
  tables: Tables;
  /** Input of the first layer `[rows, hidden]`: prompts' vectors are copied here before a step. */
  input: GPUBuffer;
  /** Prefixes are copied here before a step. */
  prefix: GPUBuffer | null;
  /** Queries, keys and values of every layer, `[rows, (heads + 2K) · d]`; each layer has its own where the plan is for decoding. */
  qkv: GPUBuffer[];
  head: HeadBuffers;
  /** Training only. */
  gradients: BackwardBuffers | null;
  forward: DispatchList;
  chunks: DispatchList[];
  backward: DispatchList;
  dispatches: number;
  bytes: number;
  destroy(): void;
}

/** The buffers of a plan in `memory`, and its dispatches; with `compile` false these are only named, not bound. */
function record(
  source: PlanSource,
  mode: PlanMode,
  saving: Saving,
  capacity: Capacity,
  memory: GpuMemory,
  compile: boolean,
): { plan: Plan; kernels: Kernel[] } {
  const { spec, weights, limits } = source;
  const recorder = new Recorder(compile ? source.pipelines : null, limits.groups);
  const parts = (tensor: GpuWeights['embedding']): MatrixPart[] => matrixParts(tensor, limits);
  const buffers = makePlanBuffers(memory, spec, capacity, { mode, saving, logitBytes: logitBytesOf(source) });
  const { head, gradients } = buffers;
  const context: PlanContext = {
    ...buffers,
    mode,
    saving,
    spec,
    weights,
    headParts: parts(weights.head.weight),
    embeddingParts: parts(weights.embedding),
    capacity,
    tile: source.tile,
    attention: source.attention,
    recorder,
  };
  recordEmbedding(context);
  for (let layer = 0; layer < spec.layers.length; layer++) recordLayer(context, layer);
  recordFinalNorm(context, head);
  const forward = recorder.take();
  const chunks = recordChunks(context, head, gradients !== null);
  recordLoss(context, head, gradients?.slots ?? null);
  if (gradients) recordBackward(context, gradients);
  const backward = recorder.take();
  const lists = [forward, ...chunks, backward];
  return {
    kernels: recorder.kernels,
    plan: {
      mode,
      saving,
      capacity,
      tables: context.tables,
      input: context.layers[0].input,
      prefix: context.prefix,
      qkv: context.layers.map(({ qkv }) => qkv),
      head,
      gradients,
      forward,
      chunks,
      backward,
      dispatches: lists.reduce((sum, list) => sum + list.length, 0),
      bytes: memory.bytes,
      destroy: () => memory.destroyAll(),
    },
  };
}

/** @throws EngineMemoryError where a buffer would be larger than the device allows */
export function buildPlan(source: PlanSource, mode: PlanMode, saving: Saving, capacity: Capacity): Plan {
  const { device, spec, limits } = source;
  const memory = new GpuMemory(device, limits);
  try {
    const { plan } = record(source, mode, saving, capacity, memory, true);
    writeTurns(device, plan.tables, capacity, spec.ropes);
    writeChunks(device, plan.head);
    return plan;
  } catch (error) {
    memory.destroyAll();
    if (error instanceof GpuMemoryError) {
      // Of a plan's buffers each is as large as its batch, so a smaller one does.
      const message = `${error.message} Choose fewer examples a step, or shorter texts.`;
      throw new EngineMemoryError(message, { cause: error });
    }
    throw error;
  }
}

/** The kernels of the plans of a mode, with and without prefixes, whatever their capacities. */
export function planKernels(source: PlanSource, mode: PlanMode, saving: Saving = 'all'): Kernel[] {
  const sizes = { rows: 16, slots: 16, labels: 16, sequences: 16, promptRows: 16, jobs: 16, prompts: 16 };
  return [0, 16].flatMap((prefixRows) => {
    const capacity = { ...sizes, prefixRows, positions: 16 };
    return record(source, mode, saving, capacity, GpuMemory.counting(), false).kernels;
  });
}

/** Whether a step of these counts is within the device's grids. @throws EngineMemoryError where it is not */
export function checkPlan(plan: Plan, counts: Counts): void {
  for (const list of [plan.forward, ...plan.chunks, plan.backward]) list.check(counts);
}

/** Encodes a whole step. */
export function encodePlan(plan: Plan, pass: GPUComputePassEncoder, counts: Counts): void {
  plan.forward.encode(pass, counts);
  for (const chunk of plan.chunks) chunk.encode(pass, counts);
  plan.backward.encode(pass, counts);
}
