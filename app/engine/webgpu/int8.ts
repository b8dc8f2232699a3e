/**
 * @file Weights as 8-bit integers: every 32 numbers of a row share a scale, so 32 numbers take 36 bytes. Made from stored
 * weights as they stream in; kernels widen them on load.
 *
 * A group is one f32 scale and 32 signed bytes; number = scale · byte, scale = largest magnitude / 127. The last group of a
 * row is filled with zeros, so every row begins a group.
 */
import { encodeFloat32, toFloat32 } from '../../formats/floats';
import type { HostTensor, ModelWeights, WeightShape, WeightType } from '../spec';
import { storedElementBytes } from '../weightStream';

/** How a matrix lies on the GPU: as stored, or in groups of 8-bit integers. */
export type MatrixType = WeightType | 'INT8';

/** Numbers that share a scale. */
export const GROUP = 32;
/** u32 words of a group: the scale and four bytes a word. */
export const GROUP_WORDS = 9;

/** Whether a weight becomes 8-bit: the matrices of the layers, the embedding table and the head. Norms, biases and positions stay. */
export function becomesInt8(name: string, { shape }: WeightShape): boolean {
  return shape.length === 2 && name !== 'embed.positions';
}

/** Bytes of a matrix `[rows, width]`. */
export function int8Bytes([rows, width]: readonly number[]): number {
  return rows * Math.ceil(width / GROUP) * GROUP_WORDS * 4;
}

/** Takes groups in the order in which they become whole: words from word `at` on, reused after the call. */
export type GroupSink = (at: number, words: Uint32Array<ArrayBuffer>) => void;

/** A group that came in pieces. */
interface Partial {
  values: Float32Array;
  missing: number;
}

/** Quantises one matrix whose bytes come in pieces, in any order. */
export class Int8Writer {
  private readonly groups: number;
  private readonly partial = new Map<number, Partial>();

  /** @param shape of the matrix, `[rows, width]`, stored as `dtype` */
  constructor(
    private readonly shape: readonly number[],
    private readonly dtype: WeightType,
    private readonly sink: GroupSink,
  ) {
    this.groups = Math.ceil(shape[1] / GROUP);
  }

  /** @param offset bytes from the matrix's start, a multiple of an element's size */
  push(offset: number, bytes: Uint8Array): void {
    const size = storedElementBytes(this.dtype);
    const aligned = bytes.byteOffset % size === 0 ? bytes : new Uint8Array(bytes);
    const values = toFloat32({ dtype: this.dtype, data: aligned });
    const [, width] = this.shape;
    const words = new Uint32Array(Math.ceil(values.length / GROUP + 1) * GROUP_WORDS);
    let ready = 0;
    let readyAt = 0;
    const flush = () => {
      if (ready > 0) this.sink(readyAt, words.subarray(0, ready));
      ready = 0;
    };
    for (let at = 0; at < values.length; ) {
      const element = offset / size + at;
      const row = Math.floor(element / width);
      const column = element - row * width;
      const group = Math.floor(column / GROUP);
      const length = Math.min(GROUP, width - group * GROUP);
      const within = column - group * GROUP;
      const take = Math.min(length - within, values.length - at);
      const index = row * this.groups + group;
      const piece = values.subarray(at, at + take);
      at += take;
      const whole = take === length ? piece : this.complete(index, length, within, piece);
      if (!whole) continue;
      if (ready + GROUP_WORDS > words.length || (ready > 0 && readyAt + ready !== index * GROUP_WORDS))
        flush();
      if (ready === 0) readyAt = index * GROUP_WORDS;
      quantise(whole, words, ready);
      ready += GROUP_WORDS;
    }
    flush();
  }

  /** Adds a piece to a group; the group's numbers once they are all there. */
  private complete(index: number, length: number, within: number, piece: Float32Array): Float32Array | null {
    const group = this.partial.get(index) ?? { values: new Float32Array(length), missing: length };
    group.values.set(piece, within);
    group.missing -= piece.length;
    if (group.missing > 0) {
      this.partial.set(index, group);
      return null;
    }
    this.partial.delete(index);
    return group.values;
  }
}

const scale = new Float32Array(1);
const scaleBits = new Uint32Array(scale.buffer);

/** One group into nine words from `at`. Numbers that are none become 0: a byte cannot say them. */
function quantise(values: Float32Array, words: Uint32Array, at: number): void {
  let most = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(values[i]);
    if (magnitude > most) most = magnitude;
  }
  scale[0] = most / 127;
  words[at] = scaleBits[0];
  const inverse = scale[0] > 0 ? 1 / scale[0] : 0;
  for (let word = 0; word < GROUP / 4; word++) {
    let packed = 0;
    for (let j = 0; j < 4; j++) {
      const i = 4 * word + j;
      const byte = i < values.length ? Math.round(values[i] * inverse) : 0;
      packed |= (Math.max(-127, Math.min(127, byte)) & 0xff) << (8 * j);
    }
    words[at + 1 + word] = packed;
  }
}

/** The numbers that a matrix `[rows, width]` of groups stands for, row-major. */
export function fromInt8(words: Uint32Array, [rows, width]: readonly number[]): Float32Array {
  const groups = Math.ceil(width / GROUP);
  const values = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < width; column++) {
      const at = (row * groups + Math.floor(column / GROUP)) * GROUP_WORDS;
      const within = column % GROUP;
      scaleBits[0] = words[at];
      const byte = (words[at + 1 + (within >> 2)] << (24 - 8 * (within & 3))) >> 24;
      values[row * width + column] = scale[0] * byte;
    }
  }
  return values;
}

/** Weights whose numbers are exactly what their 8-bit form stands for: what an engine that holds them so computes with. */
export function roundedToInt8(weights: ModelWeights): ModelWeights {
  const round = (name: string, tensor: HostTensor): HostTensor => {
    if (!becomesInt8(name, tensor)) return tensor;
    const { dtype, shape, data } = tensor;
    const words = new Uint32Array(int8Bytes(shape) / 4);
    new Int8Writer(shape, dtype, (at, piece) => words.set(piece, at)).push(0, data);
    return { dtype: 'F32', shape, data: encodeFloat32(fromInt8(words, shape)) };
  };
  return new Map([...weights].map(([name, tensor]) => [name, round(name, tensor)]));
}
