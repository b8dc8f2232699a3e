/** @file How much memory a training plan takes, before it is made; and the least saving that fits a budget. */
import { GpuMemory } from '../memory';
import { makeLayerBuffers, type Saving } from './activations';
import { makeBackwardBuffers } from './backward';
import type { Capacity } from './capacity';
import type { PlanSource } from './plan';

/** From most memory and least work to least memory and most work. */
export const SAVINGS: readonly Saving[] = ['all', 'mlp', 'layers'];

/** Counts what would be allocated. */
class CountingMemory extends GpuMemory {
  protected override create(descriptor: GPUBufferDescriptor): GPUBuffer {
    return { size: descriptor.size, destroy: () => {} } as GPUBuffer;
  }
}

/** Bytes of a training plan's activations, gradients and logits; its tables are small. Weights are not in it. */
export function estimateBytes(source: PlanSource, saving: Saving, capacity: Capacity): number {
  const { spec, device, logitBytes } = source;
  const memory = new CountingMemory(device);
  makeLayerBuffers(memory, spec, capacity, 'train', saving);
  makeBackwardBuffers(memory, { spec }, capacity);
  const scratch = capacity.rows * (spec.hidden + spec.mlpWidth) * 4;
  const logits = Math.min(capacity.slots * spec.vocabSize * 4, logitBytes);
  return memory.bytes + scratch + logits;
}

/** The first saving whose estimate is within `budget` bytes; the last where none is. */
export function chooseSaving(source: PlanSource, capacity: Capacity, budget: number): Saving {
  return (
    SAVINGS.find((saving) => estimateBytes(source, saving, capacity) <= budget) ?? SAVINGS[SAVINGS.length - 1]
  );
}
