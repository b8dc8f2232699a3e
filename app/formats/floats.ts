/** @file Stored floats to 32-bit ones. Exact for 16 and 32 bits: every half float and bfloat16 is a float32. */

const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

/** The value of an IEEE half float (IEEE 754-2008, binary16) given by its 16 bits. NaN payloads are not kept. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The bits of the half float that is nearest to a number once it is a float32; ties to even. */
export function toFloat16Bits(value: number): number {
  float32[0] = value;
  const bits = bits32[0];
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  // From 65,520 on.
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  // Below the least normal one, float32's own rounding does it: beside 0.5 its last bit is worth 2⁻²⁴.
  float32[0] = Math.abs(float32[0]) + 0.5;
  return sign | (bits32[0] - 0x3f000000);
}

/** The value of a bfloat16 given by its 16 bits: the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  bits32[0] = bits << 16;
  return float32[0];
}

/** How an element is stored. */
export type FloatType = 'F16' | 'BF16' | 'F32' | 'F64';

/** Bytes an element takes. */
export const floatBytes: Readonly<Record<FloatType, number>> = { F16: 2, BF16: 2, F32: 4, F64: 8 };

/**
 * Reads `count` floats from the start of `bytes` into a new array, whatever their alignment and byte order; F64 is
 * rounded to float32. For small files; `toFloat32` is the quick way for a model's tensors.
 * @param bytes at least `count` elements
 */
export function decodeFloats(
  bytes: Uint8Array,
  type: FloatType,
  count: number,
  littleEndian = true,
): Float32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i++) {
    switch (type) {
      case 'F16':
        values[i] = float16ToNumber(view.getUint16(2 * i, littleEndian));
        break;
      case 'BF16':
        values[i] = bfloat16ToNumber(view.getUint16(2 * i, littleEndian));
        break;
      case 'F32':
        values[i] = view.getFloat32(4 * i, littleEndian);
        break;
      case 'F64':
        values[i] = view.getFloat64(8 * i, littleEndian);
        break;
    }
  }
  return values;
}

/** Little-endian bytes of float32 values, on any machine. */
export function encodeFloat32(values: Float32Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 * values.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i], true);
  return bytes;
}

/** Little-endian elements whose first byte lies at a multiple of their size in the buffer. */
export interface StoredFloats {
  dtype: 'F32' | 'F16' | 'BF16';
  data: Uint8Array;
}

/** The elements of a tensor as float32. F32 data is viewed, not copied. */
export function toFloat32({ dtype, data }: StoredFloats): Float32Array {
  const { buffer, byteOffset, byteLength } = data;
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, byteLength / 4);
  const bits = new Uint16Array(buffer, byteOffset, byteLength / 2);
  return dtype === 'F16' ? widenF16(bits) : widenBF16(bits);
}

/** The value of each of the 65,536 half floats; built on first use. A look-up beats arithmetic in large tensors. */
let halfTable: Float32Array | null = null;

function widenF16(bits: Uint16Array): Float32Array {
  halfTable ??= Float32Array.from({ length: 65536 }, (_, half) => float16ToNumber(half));
  const table = halfTable;
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = table[bits[i]];
  return values;
}

function widenBF16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}
