/**
 * @file A plan: every buffer, bind group and pipeline of a step, made once for a model and its capacities and
 * replayed with each step's tables.
 */

import type { Capacity } from '../../capacity';
import type { Saving } from '../../engine';
import { EngineMemoryError } from '../../errors';
import type { Counts } from '../../layout';
import type { ModelSpec } from '../../spec';
import { type DispatchList, Recorder } from '../dispatches';
import type { GpuWeights, MatrixPart } from '../gpuWeights';
import { matrixParts } from '../gpuWeights';
import type { MatmulTile } from '../kernels/matmul';
import type { Kernel } from '../kernels/wgsl';
import { GpuMemory, GpuMemoryError, NOWHERE } from '../memory';
import type { Pipelines } from '../pipelines';
import type { PlanMode } from './activations';
import { type BackwardBuffers, recordBackward } from './backward';
import { makePlanBuffers } from './buffers';
import type { PlanContext } from './context';
import { recordEmbedding, recordLayer } from './forward';
import { type HeadBuffers, recordChunks, recordFinalNorm, recordLoss, writeChunks } from './head';
import { type Tables, writeTurns } from './tables';

/** Attention through workgroup memory, block by block; or in one thread a row and head, for adapters that are slow at barriers. */
export type AttentionWay = 'blocks' | 'threads';

/** What plans are made from. */
export interface PlanSource {
  spec: ModelSpec;
  weights: GpuWeights;
  device: GPUDevice;
  pipelines: Pipelines;
  tile: MatmulTile;
  attention: AttentionWay;
  /** Most bytes of a binding; the device's limit, or less. */
  bindingLimit: number;
  /** Most bytes of logits at one time. */
  logitBytes: number;
}

export interface Plan {
  mode: PlanMode;
  saving: Saving;
  capacity: Capacity;
  tables: Tables;
  /** Input of the first layer `[rows, hidden]`: prompts' vectors are copied here before a step. */
  input: GPUBuffer;
  /** Prefixes are copied here before a step. */
  prefix: GPUBuffer | null;
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
  const { spec, weights, device, bindingLimit } = source;
  const recorder = new Recorder(compile ? source.pipelines : null);
  const alignment = device.limits.minStorageBufferOffsetAlignment;
  const parts = (tensor: GpuWeights['embedding']): MatrixPart[] =>
    matrixParts(tensor, bindingLimit, alignment);
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

/** Most bytes of logits at one time that also fit a binding. */
export function logitBytesOf({ logitBytes, bindingLimit }: PlanSource): number {
  return Math.min(logitBytes, bindingLimit);
}

/** @throws EngineMemoryError where a buffer would be larger than the device allows */
export function buildPlan(source: PlanSource, mode: PlanMode, saving: Saving, capacity: Capacity): Plan {
  const { device, spec } = source;
  const memory = new GpuMemory(device);
  try {
    const { plan } = record(source, mode, saving, capacity, memory, true);
    writeTurns(device, plan.tables, capacity, spec.ropes);
    writeChunks(device, plan.head);
    return plan;
  } catch (error) {
    memory.destroyAll();
    // Of a plan's buffers each is as large as its batch, so a smaller one does.
    if (error instanceof GpuMemoryError) throw new EngineMemoryError(error.message, { cause: error });
    throw error;
  }
}

/** The kernels of the plans of a mode, with and without prefixes, whatever their capacities. */
export function planKernels(source: PlanSource, mode: PlanMode, saving: Saving = 'all'): Kernel[] {
  const sizes = { rows: 16, slots: 16, labels: 16, sequences: 16, promptRows: 16, jobs: 16, prompts: 16 };
  return [0, 16].flatMap((prefixRows) => {
    const capacity = { ...sizes, prefixRows, positions: 16 };
    return record(source, mode, saving, capacity, new GpuMemory(NOWHERE), false).kernels;
  });
}

/** Encodes a whole step. */
export function encodePlan(plan: Plan, pass: GPUComputePassEncoder, counts: Counts): void {
  plan.forward.encode(pass, counts);
  for (const chunk of plan.chunks) chunk.encode(pass, counts);
  plan.backward.encode(pass, counts);
}
