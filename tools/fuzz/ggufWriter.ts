/** @file Small GGUF files, sound or not, for tests and the campaign. */
import { ggmlType, ggmlTypeNumber } from '../../app/formats/ggmlTypes';

/** Whole numbers become u32, others f32; a list of lists is one of u32s. */
export type GgufField = number | string | boolean | readonly (number | string | readonly number[])[];

export interface GgufInput {
  /** A type's name, or a number of one that there is not. */
  type: string | number;
  /** Rows first. */
  shape: readonly number[];
  /** Zeros where left out. */
  data?: Uint8Array;
  /** Where it is said to begin, where that is not after the one before. */
  at?: number;
}

const ALIGNMENT = 32;
const U32 = 4;
const F32 = 6;
const TRUTH = 7;
const TEXT = 8;
const LIST = 9;

/** A file of version 3. */
export function writeGguf(
  fields: Readonly<Record<string, GgufField>>,
  tensors: Readonly<Record<string, GgufInput>>,
): Uint8Array<ArrayBuffer> {
  const out: number[] = [...Buffer.from('GGUF')];
  const u32 = (value: number) => out.push(...new Uint8Array(Uint32Array.of(value).buffer));
  const u64 = (value: number) => out.push(...new Uint8Array(BigUint64Array.of(BigInt(value)).buffer));
  const f32 = (value: number) => out.push(...new Uint8Array(Float32Array.of(value).buffer));
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    u64(bytes.byteLength);
    out.push(...bytes);
  };
  const typeOf = (value: GgufField | readonly number[]): number => {
    if (typeof value === 'string') return TEXT;
    if (typeof value === 'boolean') return TRUTH;
    if (typeof value === 'number') return Number.isInteger(value) && value >= 0 ? U32 : F32;
    return LIST;
  };
  const write = (value: GgufField | readonly number[], type: number): void => {
    if (typeof value === 'string') text(value);
    else if (typeof value === 'boolean') out.push(value ? 1 : 0);
    else if (typeof value === 'number') (type === U32 ? u32 : f32)(value);
    else {
      const inner = Math.max(U32, ...value.map(typeOf));
      u32(inner);
      u64(value.length);
      for (const each of value) write(each, inner);
    }
  };
  u32(3);
  u64(Object.keys(tensors).length);
  u64(Object.keys(fields).length);
  for (const [name, value] of Object.entries(fields)) {
    text(name);
    u32(typeOf(value));
    write(value, typeOf(value));
  }
  let end = 0;
  const data: [at: number, bytes: Uint8Array][] = [];
  for (const [name, { type, shape, at, data: given }] of Object.entries(tensors)) {
    const number = typeof type === 'string' ? ggmlTypeNumber(type) : type;
    const { elements, bytes } = ggmlType(number) ?? { elements: 1, bytes: 1 };
    const size = Math.ceil(shape.reduce((product, n) => product * n, 1) / elements) * bytes;
    const place = at ?? Math.ceil(end / ALIGNMENT) * ALIGNMENT;
    text(name);
    u32(shape.length);
    for (const length of shape.toReversed()) u64(length);
    u32(number);
    u64(place);
    data.push([place, given ?? new Uint8Array(size)]);
    end = Math.max(end, place + size);
  }
  const start = Math.ceil(out.length / ALIGNMENT) * ALIGNMENT;
  const file = new Uint8Array(start + end);
  file.set(out);
  for (const [at, bytes] of data) file.set(bytes, start + at);
  return file;
}
