/** @file The buffers that a step writes from the host: counts, tables, and the rotations of positions. */

import type { Capacity } from '../../capacity';
import type { Counts, StepLayout } from '../../layout';
import type { RopeSpec } from '../../spec';
import { COUNT_BYTES, countValues } from '../kernels/wgsl';
import type { GpuMemory } from '../memory';

export interface Tables {
  counts: GPUBuffer;
  rowInfo: GPUBuffer;
  sequences: GPUBuffer;
  slotRow: GPUBuffer;
  slotTargets: GPUBuffer;
  targets: GPUBuffer;
  promptRows: GPUBuffer;
  /** Cosine and sine of each rope's angles, `[positions, dims / 2]`; see `writeTurns`. */
  turns: GPUBuffer[];
}

export function makeTables(memory: GpuMemory, capacity: Capacity, ropes: readonly RopeSpec[]): Tables {
  return {
    counts: memory.uniform('counts', COUNT_BYTES),
    rowInfo: memory.storage('rowInfo', capacity.rows * 16),
    sequences: memory.storage('sequences', capacity.sequences * 32),
    slotRow: memory.storage('slotRow', capacity.slots * 4),
    slotTargets: memory.storage('slotTargets', capacity.slots * 16),
    targets: memory.storage('targets', capacity.labels * 8),
    promptRows: memory.storage('promptRows', capacity.promptRows * 16),
    turns: ropes.map(({ dims }) => memory.storage('turns', capacity.positions * dims * 4)),
  };
}

/** What of the tables depends on the model alone. */
export function writeTurns(
  device: GPUDevice,
  tables: Tables,
  capacity: Capacity,
  ropes: readonly RopeSpec[],
): void {
  ropes.forEach((rope, i) => {
    device.queue.writeBuffer(tables.turns[i], 0, rotations(rope, capacity.positions));
  });
}

/** Angles reach thousands of radians, where a GPU's own cosine is only promised to be good near zero: made here, in f64. */
function rotations(rope: RopeSpec, positions: number): Float32Array<ArrayBuffer> {
  const half = rope.dims / 2;
  const values = new Float32Array(positions * half * 2);
  for (let position = 0; position < positions; position++) {
    for (let i = 0; i < half; i++) {
      const angle = position * rope.inverseFrequencies[i];
      values[2 * (position * half + i)] = Math.cos(angle);
      values[2 * (position * half + i) + 1] = Math.sin(angle);
    }
  }
  return values;
}

/** Writes a step's tables; the queue orders this before what is submitted afterwards. */
export function writeTables(device: GPUDevice, tables: Tables, layout: StepLayout): void {
  writeCounts(device, tables, layout.counts);
  const names = ['rowInfo', 'sequences', 'slotRow', 'slotTargets', 'targets', 'promptRows'] as const;
  for (const name of names) {
    const values = layout[name] as Uint32Array<ArrayBuffer>;
    if (values.length > 0) device.queue.writeBuffer(tables[name], 0, values);
  }
}

export function writeCounts(device: GPUDevice, tables: Tables, counts: Counts): void {
  device.queue.writeBuffer(tables.counts, 0, countValues(counts));
}
