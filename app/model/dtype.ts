/** @file Number formats of stored weights: sizes, rounding. */
import type { WeightType } from '../engine/spec';
import { floatBytes } from '../formats/floats';

/** Weight types that can be trained on, and bytes an element. */
export const weightTypeBytes: Readonly<Record<WeightType, number>> = {
  F32: floatBytes.F32,
  F16: floatBytes.F16,
  BF16: floatBytes.BF16,
};

export function isWeightType(dtype: string): dtype is WeightType {
  return Object.hasOwn(weightTypeBytes, dtype);
}

const significandBits: Record<WeightType, number> = { F32: 24, F16: 11, BF16: 8 };

/** A positive number of moderate size, rounded to the nearest of its type, ties to even. */
export function roundToType(value: number, dtype: WeightType): number {
  const quantum = 2 ** (Math.floor(Math.log2(value)) - significandBits[dtype] + 1);
  const steps = value / quantum;
  const floor = Math.floor(steps);
  const rest = steps - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 === 1);
  return (up ? floor + 1 : floor) * quantum;
}
