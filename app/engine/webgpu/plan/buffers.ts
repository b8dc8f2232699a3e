/** @file Every buffer of a plan. Nothing here needs a device, so the same code says what a plan would take. */

import type { Capacity } from '../../capacity';
import type { Saving } from '../../engine';
import type { ModelSpec } from '../../spec';
import type { GpuMemory } from '../memory';
import { type LayerBuffers, makeLayerBuffers, type PlanMode, widths } from './activations';
import { type BackwardBuffers, makeBackwardBuffers } from './backwardBuffers';
import { type HeadBuffers, makeHeadBuffers } from './headBuffers';
import { makeTables, type Tables } from './tables';

/** Buffers that hold something only for a moment. */
export interface Scratch {
  /** `[rows, hidden]`: normed rows, or the gradient of these. */
  normed: GPUBuffer;
  /** `[rows, F]`: activated rows. */
  activated: GPUBuffer;
}

export interface PlanBuffers {
  tables: Tables;
  layers: LayerBuffers[];
  scratch: Scratch;
  /** Given keys and values `[prefix rows, layers · 2 · K · d]`, where the plan has prefix rows. */
  prefix: GPUBuffer | null;
  head: HeadBuffers;
  /** Training only. */
  gradients: BackwardBuffers | null;
}

/** @throws GpuMemoryError where a buffer is larger than the device allows */
export function makePlanBuffers(
  memory: GpuMemory,
  spec: ModelSpec,
  capacity: Capacity,
  { mode, saving, logitBytes }: { mode: PlanMode; saving: Saving; logitBytes: number },
): PlanBuffers {
  const keysValues = widths(spec).keysValues * spec.layers.length;
  return {
    tables: makeTables(memory, capacity, spec.ropes),
    layers: makeLayerBuffers(memory, spec, capacity, mode, saving),
    scratch: {
      normed: memory.storage('normed', capacity.rows * spec.hidden * 4),
      activated: memory.storage('activated', capacity.rows * spec.mlpWidth * 4),
    },
    prefix: capacity.prefixRows > 0 ? memory.storage('prefix', capacity.prefixRows * keysValues * 4) : null,
    head: makeHeadBuffers(memory, spec, capacity, logitBytes),
    gradients: mode === 'train' ? makeBackwardBuffers(memory, spec, capacity) : null,
  };
}
