/** @file Number formats of stored weights: sizes, widening to 32 bits, rounding. */
import type { HostTensor, WeightType } from '../engine/spec';

/** Weight types that can be trained on, and bytes an element. */
export const weightTypeBytes: Record<WeightType, 2 | 4> = { F32: 4, F16: 2, BF16: 2 };

export function isWeightType(dtype: string): dtype is WeightType {
  return Object.hasOwn(weightTypeBytes, dtype);
}

/** The elements of a tensor as 32-bit floats; exact for every weight type. F32 data is viewed, not copied. */
export function toFloat32(tensor: Pick<HostTensor, 'dtype' | 'data'>): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === 'F32') return new Float32Array(data.buffer, data.byteOffset, data.byteLength / 4);
  const stored = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  const bits = new Uint32Array(stored.length);
  if (dtype === 'BF16') for (let i = 0; i < stored.length; i++) bits[i] = stored[i] << 16;
  else for (let i = 0; i < stored.length; i++) bits[i] = halfToFloatBits(stored[i]);
  return new Float32Array(bits.buffer);
}

/** Bits of a 16-bit float as the bits of the same number in 32. */
function halfToFloatBits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >> 10) & 0x1f;
  const fraction = half & 0x3ff;
  if (exponent === 0x1f) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: fraction · 2^-24, whose leading bit becomes the implicit one.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 0x3ff) << 13);
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
