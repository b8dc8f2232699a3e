/**
 * @file Quantised blocks of GGUF files to 16-bit floats. The arithmetic is llama.cpp's: every product is exact or rounded once to 32 bits,
 * and the value then to 16. A weight above 65,504, which no model has, becomes infinite.
 */
import { float16ToNumber, toFloat16Bits } from './floats';

/** Writes the elements of `blocks` whole blocks from `from` on. */
type Unpack = (stored: DataView, to: Uint16Array, blocks: number) => void;

/** The scale of a block, as stored. */
const scale = (view: DataView, at: number) => float16ToNumber(view.getUint16(at, true));

/** A group's possible values: there are fewer of them than elements, so that each is rounded once. */
const levels = new Uint16Array(32);

/** Fills `levels` with the 16-bit floats of `scale · q + offset` for q = 0 … count − 1. */
function fillLevels(count: number, factor: number, offset: number): void {
  for (let q = 0; q < count; q++) levels[q] = toFloat16Bits(factor * q + offset);
}

/** Q4_0, Q4_1, Q5_0, Q5_1: 32 elements; low halves of 16 bytes, then high halves; of five bits the fifth apart. */
function fourOrFive(hasOffset: boolean, five: boolean): Unpack {
  const header = (hasOffset ? 4 : 2) + (five ? 4 : 0);
  const bytes = header + 16;
  return (view, to, blocks) => {
    for (let block = 0; block < blocks; block++) {
      const at = block * bytes;
      const d = scale(view, at);
      fillLevels(five ? 32 : 16, d, hasOffset ? scale(view, at + 2) : -(five ? 16 : 8) * d);
      const high = five ? view.getUint32(at + header - 4, true) : 0;
      for (let i = 0; i < 16; i++) {
        const pair = view.getUint8(at + header + i);
        to[32 * block + i] = levels[(pair & 15) | (((high >>> i) & 1) << 4)];
        to[32 * block + 16 + i] = levels[(pair >>> 4) | (((high >>> (i + 16)) & 1) << 4)];
      }
    }
  };
}

const q8_0: Unpack = (view, to, blocks) => {
  for (let block = 0; block < blocks; block++) {
    const at = block * 34;
    const d = scale(view, at);
    for (let i = 0; i < 32; i++) to[32 * block + i] = toFloat16Bits(d * view.getInt8(at + 2 + i));
  }
};

/** Scale and least of one of the eight groups of a block of Q4_K or Q5_K: six bits each, packed in twelve bytes. */
function groupBits(view: DataView, at: number, group: number): [factor: number, least: number] {
  const byte = (i: number) => view.getUint8(at + i);
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  return [
    (byte(group + 4) & 15) | ((byte(group - 4) >>> 6) << 4),
    (byte(group + 4) >>> 4) | ((byte(group) >>> 6) << 4),
  ];
}

/** Q4_K and Q5_K: eight groups of 32; two groups share 32 bytes, of five bits the fifth apart. */
function superBlock(five: boolean): Unpack {
  const quants = five ? 48 : 16;
  const bytes = quants + 128;
  return (view, to, blocks) => {
    for (let block = 0; block < blocks; block++) {
      const at = block * bytes;
      const d = scale(view, at);
      const least = scale(view, at + 2);
      for (let group = 0; group < 8; group++) {
        const [factor, offset] = groupBits(view, at + 4, group);
        fillLevels(five ? 32 : 16, d * factor, -(least * offset));
        const start = at + quants + 32 * (group >> 1);
        const shift = 4 * (group & 1);
        const target = 256 * block + 32 * group;
        for (let i = 0; i < 32; i++) {
          const low = (view.getUint8(start + i) >>> shift) & 15;
          const high = five ? ((view.getUint8(at + 16 + i) >>> group) & 1) << 4 : 0;
          to[target + i] = levels[low | high];
        }
      }
    }
  };
}

/** Q6_K: sixteen groups of 16, each with a scale of 8 bits; four bits of an element here, two there. */
const q6_K: Unpack = (view, to, blocks) => {
  for (let block = 0; block < blocks; block++) {
    const at = block * 210;
    const d = scale(view, at + 208);
    for (let half = 0; half < 2; half++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        for (let i = 0; i < 32; i++) {
          const low = view.getUint8(at + 64 * half + 32 * (quarter & 1) + i) >>> (4 * (quarter >> 1));
          const high = view.getUint8(at + 128 + 32 * half + i) >>> (2 * quarter);
          const factor = view.getInt8(at + 192 + 8 * half + 2 * quarter + (i >> 4));
          const q = ((low & 15) | ((high & 3) << 4)) - 32;
          to[256 * block + 128 * half + 32 * quarter + i] = toFloat16Bits(d * factor * q);
        }
      }
    }
  }
};

const unpackers = new Map<string, Unpack>([
  ['Q4_0', fourOrFive(false, false)],
  ['Q4_1', fourOrFive(true, false)],
  ['Q5_0', fourOrFive(false, true)],
  ['Q5_1', fourOrFive(true, true)],
  ['Q8_0', q8_0],
  ['Q4_K', superBlock(false)],
  ['Q5_K', superBlock(true)],
  ['Q6_K', q6_K],
]);

/** Types that can be unpacked. */
export const unpackedTypes: readonly string[] = [...unpackers.keys()];

/**
 * The elements of whole blocks as bits of half floats.
 * @param type one of `unpackedTypes`
 * @param to room for `blocks` times the elements of one
 */
export function unpackBlocks(type: string, stored: Uint8Array, to: Uint16Array, blocks: number): void {
  const unpack = unpackers.get(type);
  if (!unpack) throw new Error(`“${type}” cannot be unpacked.`);
  unpack(new DataView(stored.buffer, stored.byteOffset, stored.byteLength), to, blocks);
}
