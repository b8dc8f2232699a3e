/** @file What plans are made from. */
import type { ModelSpec } from '../../spec';
import type { GpuWeights } from '../gpuWeights';
import type { MatmulTile } from '../kernels/tile';
import type { DeviceLimits } from '../limits';
import type { Pipelines } from '../pipelines';

/** Attention through workgroup memory, block by block; or in one thread a row and head, for adapters that are slow at barriers. */
export type AttentionWay = 'blocks' | 'threads';

export interface PlanSource {
  spec: ModelSpec;
  weights: GpuWeights;
  device: GPUDevice;
  pipelines: Pipelines;
  tile: MatmulTile;
  attention: AttentionWay;
  limits: DeviceLimits;
  /** Most bytes of logits at one time. */
  logitBytes: number;
}

/** Most bytes of logits at one time that also fit a binding. */
export function logitBytesOf({ logitBytes, limits }: PlanSource): number {
  return Math.min(logitBytes, limits.binding);
}
