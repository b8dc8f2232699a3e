/**
 * @file A plan: every buffer, bind group and pipeline of a step, made once for a model and its capacities and
 * replayed with each step's tables.
 */
import type { ModelSpec } from '../../spec';
import { type DispatchList, Recorder } from '../dispatches';
import type { GpuWeights, MatrixPart } from '../gpuWeights';
import { matrixParts } from '../gpuWeights';
import type { MatmulTile } from '../kernels/matmul';
import type { Counts, Kernel } from '../kernels/wgsl';
import { GpuMemory } from '../memory';
import type { Pipelines } from '../pipelines';
import { makeLayerBuffers, type PlanMode, type Saving, widths } from './activations';
import { type BackwardBuffers, makeBackwardBuffers, recordBackward } from './backward';
import type { Capacity } from './capacity';
import type { PlanContext } from './context';
import { recordEmbedding, recordLayer } from './forward';
import { type HeadBuffers, makeHeadBuffers, recordChunks, recordFinalNorm, recordLoss } from './head';
import { makeTables, type Tables } from './tables';

/** What plans are made from. */
export interface PlanSource {
  spec: ModelSpec;
  weights: GpuWeights;
  device: GPUDevice;
  pipelines: Pipelines;
  tile: MatmulTile;
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

/** Allocates and records. `kernelsOnly` names the kernels without compiling or binding any. */
function record(
  source: PlanSource,
  mode: PlanMode,
  saving: Saving,
  capacity: Capacity,
  kernelsOnly: boolean,
): { plan: Plan; kernels: Kernel[] } {
  const { spec, weights, device, bindingLimit } = source;
  const memory = new GpuMemory(device);
  try {
    const recorder = new Recorder(kernelsOnly ? null : source.pipelines);
    const alignment = device.limits.minStorageBufferOffsetAlignment;
    const parts = (tensor: GpuWeights['embedding']): MatrixPart[] =>
      matrixParts(tensor, bindingLimit, alignment);
    const keysValues = widths(spec).keysValues * spec.layers.length;
    const context: PlanContext = {
      spec,
      weights,
      headParts: parts(weights.head.weight),
      embeddingParts: parts(weights.embedding),
      capacity,
      tile: source.tile,
      recorder,
      tables: makeTables(memory, device, capacity, spec.ropes),
      layers: makeLayerBuffers(memory, spec, capacity, mode, saving),
      scratch: {
        normed: memory.storage('normed', capacity.rows * spec.hidden * 4),
        activated: memory.storage('activated', capacity.rows * spec.mlpWidth * 4),
      },
      prefix: capacity.prefixRows > 0 ? memory.storage('prefix', capacity.prefixRows * keysValues * 4) : null,
    };
    const head = makeHeadBuffers(memory, device, context, Math.min(source.logitBytes, bindingLimit));
    const gradients = mode === 'train' ? makeBackwardBuffers(memory, context, capacity) : null;

    recordEmbedding(context);
    for (let layer = 0; layer < spec.layers.length; layer++) recordLayer(context, layer);
    recordFinalNorm(context, head);
    const forward = recorder.take();
    const chunks = recordChunks(context, head, gradients !== null);
    recordLoss(context, head, gradients?.slots ?? null);
    if (gradients) recordBackward(context, gradients, saving);
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
  } catch (error) {
    memory.destroyAll();
    throw error;
  }
}

export function buildPlan(source: PlanSource, mode: PlanMode, saving: Saving, capacity: Capacity): Plan {
  return record(source, mode, saving, capacity, false).plan;
}

/** Every kernel that plans of a mode use, whatever their capacities and what they keep. */
export function planKernels(source: PlanSource, mode: PlanMode): Kernel[] {
  const sizes = { rows: 16, slots: 16, labels: 16, sequences: 16, promptRows: 16, jobs: 16, prompts: 16 };
  return [0, 16].flatMap((prefixRows) => {
    const { plan, kernels } = record(source, mode, 'all', { ...sizes, prefixRows, positions: 16 }, true);
    plan.destroy();
    return kernels;
  });
}

/** Encodes a whole step. */
export function encodePlan(plan: Plan, pass: GPUComputePassEncoder, counts: Counts): void {
  plan.forward.encode(pass, counts);
  for (const chunk of plan.chunks) chunk.encode(pass, counts);
  plan.backward.encode(pass, counts);
}
