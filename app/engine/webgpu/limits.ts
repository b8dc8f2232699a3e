/**
 * @file What devices allow, and how work is made to fit it: workgroups along a dimension, bytes of a binding, bytes of a buffer.
 *
 * A grid has one axis that grows with the batch. Where it is longer than the device allows, the rest goes on along another axis,
 * and the kernel finds its place again: `makeKernel` writes that into every entry point, so kernels only ever see
 * the grid as it was meant.
 */
import { EngineMemoryError } from '../errors';

/** Workgroups along x, y and z. */
export type Groups = [number, number, number];

type Axis = 0 | 1 | 2;
const AXES = ['x', 'y', 'z'] as const;

/** How the workgroups of a kernel lie. */
export interface Grid {
  /** Threads of a workgroup along x and y. */
  threads: readonly [number, number];
  /** The axis that grows with the batch. */
  long: Axis;
  /** The axis that takes what the long one has too many. */
  spare: Axis;
  /** Workgroups along the spare axis as it is meant, the same in every step. */
  spareLength: number;
}

/** Grows along x; z is spare. */
export function growsAlongX(...threads: [number, number?]): Grid {
  return { threads: [threads[0], threads[1] ?? 1], long: 0, spare: 2, spareLength: 1 };
}

/** Grows along y; z is spare. */
export function growsAlongY(...threads: [number, number?]): Grid {
  return { threads: [threads[0], threads[1] ?? 1], long: 1, spare: 2, spareLength: 1 };
}

/** Grows along z; y has `spareLength` workgroups and takes the rest. */
export function growsAlongZ(threads: number, spareLength: number): Grid {
  return { threads: [threads, 1], long: 2, spare: 1, spareLength };
}

/**
 * What is dispatched for a grid of `groups`, at most `most` along each axis. It may hold a few workgroups more than were
 * meant, beyond the end of the long axis: kernels end there.
 * @throws EngineMemoryError where no folding helps
 */
export function foldGroups(groups: Groups, { long, spare, spareLength }: Grid, most: number): Groups {
  if (groups[0] <= most && groups[1] <= most && groups[2] <= most) return groups;
  const folds = Math.ceil(groups[long] / most);
  const folded: Groups = [...groups];
  folded[long] = Math.ceil(groups[long] / Math.max(1, folds));
  folded[spare] = spareLength * folds;
  if (folded.some((count) => count > most)) {
    throw new EngineMemoryError(
      `A step of this size needs ${groups.join(' × ')} workgroups; this device allows ${most} along a dimension. Choose shorter texts, or fewer examples a step.`,
    );
  }
  return folded;
}

/** WGSL for the workgroup's place in the grid as it was meant, from its place `at` in what was dispatched, of `size`. */
export function unfoldedGroup({ long, spare, spareLength }: Grid, at: string, size: string): string {
  const [l, s] = [AXES[long], AXES[spare]];
  const [fold, rest] =
    spareLength === 1
      ? [`${at}.${s}`, '0u']
      : [`(${at}.${s} / ${spareLength}u)`, `${at}.${s} % ${spareLength}u`];
  const place = AXES.map((axis) => {
    if (axis === l) return `${fold} * ${size}.${l} + ${at}.${l}`;
    return axis === s ? rest : `${at}.${axis}`;
  });
  return `vec3<u32>(${place.join(', ')})`;
}

/** What a device allows, or less. */
export interface DeviceLimits {
  /** Workgroups along a dimension. */
  groups: number;
  /** Bytes of a binding. */
  binding: number;
  /** Bytes of a buffer. */
  buffer: number;
  /** Multiple of bytes at which a binding may begin. */
  alignment: number;
}

export const NO_LIMITS: DeviceLimits = {
  groups: Number.POSITIVE_INFINITY,
  binding: Number.POSITIVE_INFINITY,
  buffer: Number.POSITIVE_INFINITY,
  alignment: 256,
};

/** The device's limits, or the lower ones that are given. */
export function limitsOf(
  { limits }: Pick<GPUDevice, 'limits'>,
  lower: Partial<DeviceLimits> = {},
): DeviceLimits {
  const least = (own: number, given: number | undefined) => Math.min(own, given ?? own);
  return {
    groups: least(limits.maxComputeWorkgroupsPerDimension, lower.groups),
    binding: least(limits.maxStorageBufferBindingSize, lower.binding),
    buffer: least(limits.maxBufferSize, lower.buffer),
    alignment: limits.minStorageBufferOffsetAlignment,
  };
}

/** Consecutive rows. */
export interface RowChunk {
  start: number;
  size: number;
}

/** All of `rows` rows in chunks of at most `most`, a multiple of `step` each but the last. At least one row, or step, is in a chunk. */
export function rowChunks(rows: number, most: number, step = 1): RowChunk[] {
  const size = Math.max(step, Math.floor(most / step) * step);
  const chunks: RowChunk[] = [];
  for (let start = 0; start < rows; start += size) chunks.push({ start, size: Math.min(size, rows - start) });
  return chunks;
}
