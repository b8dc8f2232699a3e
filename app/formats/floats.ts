/** @file 16-bit floats widened to 32 bits, exactly. */

const float32 = new Float32Array(1);
const bits32 = new Uint32Array(float32.buffer);

/** The value of an IEEE half float given by its 16 bits. NaN payloads are not kept. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** The value of a bfloat16 given by its 16 bits: the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  bits32[0] = bits << 16;
  return float32[0];
}

/** How an element is stored. */
export type FloatType = 'F16' | 'BF16' | 'F32' | 'F64';

/**
 * Reads `count` floats from the start of `bytes` into a new array; F64 is rounded to float32.
 * @param bytes at least `count` elements, any alignment
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
