/** @file How large the buffers of a plan are. Sizes come from few buckets, so a run allocates at its first steps and then never again. */
import type { StepLayout } from './layout';

export interface Capacity {
  rows: number;
  slots: number;
  labels: number;
  sequences: number;
  /** Rows of prompts and prefixes. */
  promptRows: number;
  /** Of these, rows of prefixes. */
  prefixRows: number;
  jobs: number;
  prompts: number;
  /** Positions in the tables of rotations. */
  positions: number;
}

/** 0, or the next of 16, 24, 32, 48, 64, 96, … */
export function bucket(n: number): number {
  if (n === 0) return 0;
  let size = 16;
  while (size < n) size *= 2;
  return size > 16 && size * 0.75 >= n ? size * 0.75 : size;
}

export function neededCapacity(layout: StepLayout, prompts: number): Capacity {
  const { counts } = layout;
  return {
    rows: bucket(counts.activeEnd),
    slots: bucket(counts.slots),
    labels: bucket(counts.labels),
    sequences: bucket(layout.sequences.length / 8),
    promptRows: bucket(counts.promptEnd),
    prefixRows: bucket(counts.prefixEnd),
    jobs: bucket(counts.jobs),
    prompts: bucket(prompts),
    positions: bucket(layout.positions),
  };
}

const fields = [
  'rows',
  'slots',
  'labels',
  'sequences',
  'promptRows',
  'prefixRows',
  'jobs',
  'prompts',
  'positions',
] as const satisfies (keyof Capacity)[];

export function fits(needed: Capacity, has: Capacity): boolean {
  return fields.every((field) => needed[field] <= has[field]);
}

/** The smallest capacity that both fit. */
export function union(a: Capacity, b: Capacity): Capacity {
  return Object.fromEntries(
    fields.map((field) => [field, Math.max(a[field], b[field])]),
  ) as unknown as Capacity;
}
