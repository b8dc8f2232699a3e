/** @file 16-bit floats to 32-bit ones, as stored little-endian in checkpoints. Exact: every f16 and bf16 is an f32. */
import type { HostTensor } from './spec';

/** The f32 value of each of the 65,536 half floats; built on first use (IEEE 754-2008, binary16). */
let halfTable: Float32Array | null = null;

function buildHalfTable(): Float32Array {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 0x1f;
    const fraction = bits & 0x3ff;
    if (exponent === 0) table[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) table[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else table[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return table;
}

/** Half floats, as raw bits, to f32. */
export function widenF16(bits: Uint16Array): Float32Array {
  halfTable ??= buildHalfTable();
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = halfTable[bits[i]];
  return out;
}

/** bfloat16, as raw bits, to f32: the upper half of its bits. */
export function widenBF16(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = bits[i] << 16;
  return new Float32Array(out.buffer);
}

/** The elements of a stored tensor as f32; a view of the stored bytes where they are f32 already. */
export function toFloat32(tensor: HostTensor): Float32Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  if (tensor.dtype === 'F32') return new Float32Array(buffer, byteOffset, byteLength / 4);
  const bits = new Uint16Array(buffer, byteOffset, byteLength / 2);
  return tensor.dtype === 'F16' ? widenF16(bits) : widenBF16(bits);
}
