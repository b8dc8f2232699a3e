/**
 * @file Quantised blocks of GGUF files taken apart: codes of 8 or 4 bits in groups, each group with a scale and, of some types, an offset;
 * a number is scale · code + offset, or scale · (code − centre), centre being 128 or 8. The arithmetic is llama.cpp's, and nothing is
 * rounded here: scales and offsets are products of few enough bits.
 */
import { float16ToNumber } from './floats';

/** How a type's elements become codes. */
export interface BlockGrouping {
  bits: 8 | 4;
  /** Elements that share a scale. */
  group: 16 | 32;
  /** What holds its scales and offsets exactly. */
  scale: 'F16' | 'F32';
  offset: boolean;
}

/** Codes an element, scales and offsets a group. */
export interface UnpackedBlocks {
  codes: Uint8Array;
  scales: Float32Array;
  offsets: Float32Array;
}

/** Takes apart `blocks` whole blocks that begin at byte `from`. */
type Unpack = (view: DataView, from: number, blocks: number, to: UnpackedBlocks) => void;

/** The scale of a block, as stored. */
const scale = (view: DataView, at: number) => float16ToNumber(view.getUint16(at, true));

/** Q4_0, Q4_1, Q5_0, Q5_1: 32 elements; low halves of 16 bytes, then high halves; of five bits the fifth apart. */
function fourOrFive(hasOffset: boolean, five: boolean): Unpack {
  const header = (hasOffset ? 4 : 2) + (five ? 4 : 0);
  const bytes = header + 16;
  // Codes of five bits without offset lie around the middle of eight.
  const shift = five && !hasOffset ? 128 - 16 : 0;
  return (view, from, blocks, { codes, scales, offsets }) => {
    for (let block = 0; block < blocks; block++) {
      const at = from + block * bytes;
      scales[block] = scale(view, at);
      offsets[block] = hasOffset ? scale(view, at + 2) : 0;
      const high = five ? view.getUint32(at + header - 4, true) : 0;
      for (let i = 0; i < 16; i++) {
        const pair = view.getUint8(at + header + i);
        codes[32 * block + i] = ((pair & 15) | (((high >>> i) & 1) << 4)) + shift;
        codes[32 * block + 16 + i] = ((pair >>> 4) | (((high >>> (i + 16)) & 1) << 4)) + shift;
      }
    }
  };
}

const q8_0: Unpack = (view, from, blocks, { codes, scales, offsets }) => {
  for (let block = 0; block < blocks; block++) {
    const at = from + block * 34;
    scales[block] = scale(view, at);
    offsets[block] = 0;
    for (let i = 0; i < 32; i++) codes[32 * block + i] = view.getUint8(at + 2 + i) ^ 128;
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
  return (view, from, blocks, { codes, scales, offsets }) => {
    for (let block = 0; block < blocks; block++) {
      const at = from + block * bytes;
      const d = scale(view, at);
      const least = scale(view, at + 2);
      for (let group = 0; group < 8; group++) {
        const [factor, offset] = groupBits(view, at + 4, group);
        scales[8 * block + group] = d * factor;
        offsets[8 * block + group] = -(least * offset);
        const start = at + quants + 32 * (group >> 1);
        const shift = 4 * (group & 1);
        const target = 256 * block + 32 * group;
        for (let i = 0; i < 32; i++) {
          const low = (view.getUint8(start + i) >>> shift) & 15;
          const high = five ? ((view.getUint8(at + 16 + i) >>> group) & 1) << 4 : 0;
          codes[target + i] = low | high;
        }
      }
    }
  };
}

/** Q6_K: sixteen groups of 16, each with a scale of 8 bits; four bits of an element here, two there. */
const q6_K: Unpack = (view, from, blocks, { codes, scales, offsets }) => {
  for (let block = 0; block < blocks; block++) {
    const at = from + block * 210;
    const d = scale(view, at + 208);
    for (let group = 0; group < 16; group++) {
      scales[16 * block + group] = d * view.getInt8(at + 192 + group);
      offsets[16 * block + group] = 0;
    }
    for (let half = 0; half < 2; half++) {
      for (let quarter = 0; quarter < 4; quarter++) {
        const target = 256 * block + 128 * half + 32 * quarter;
        for (let i = 0; i < 32; i++) {
          const low = view.getUint8(at + 64 * half + 32 * (quarter & 1) + i) >>> (4 * (quarter >> 1));
          const high = view.getUint8(at + 128 + 32 * half + i) >>> (2 * quarter);
          codes[target + i] = ((low & 15) | ((high & 3) << 4)) + 128 - 32;
        }
      }
    }
  }
};

const half = { group: 32, scale: 'F16' } as const;
const single = { group: 32, scale: 'F32', offset: true } as const;

const types = new Map<string, BlockGrouping & { unpack: Unpack }>([
  ['Q4_0', { ...half, bits: 4, offset: false, unpack: fourOrFive(false, false) }],
  ['Q4_1', { ...half, bits: 4, offset: true, unpack: fourOrFive(true, false) }],
  ['Q5_0', { ...half, bits: 8, offset: false, unpack: fourOrFive(false, true) }],
  ['Q5_1', { ...half, bits: 8, offset: true, unpack: fourOrFive(true, true) }],
  ['Q8_0', { ...half, bits: 8, offset: false, unpack: q8_0 }],
  ['Q4_K', { ...single, bits: 4, unpack: superBlock(false) }],
  ['Q5_K', { ...single, bits: 8, unpack: superBlock(true) }],
  ['Q6_K', { bits: 8, group: 16, scale: 'F32', offset: false, unpack: q6_K }],
]);

/** Types that can be taken apart. */
export const unpackedTypes: readonly string[] = [...types.keys()];

/** How the codes of a type are grouped; null for a type that cannot be taken apart. */
export function blockGrouping(type: string): BlockGrouping | null {
  const found = types.get(type);
  if (!found) return null;
  const { bits, group, scale, offset } = found;
  return { bits, group, scale, offset };
}

/**
 * Codes, scales and offsets of whole blocks.
 * @param type one of `unpackedTypes`
 * @param from the byte at which the first block begins
 * @param to room for all elements and groups of the blocks
 */
export function unpackBlocks(
  type: string,
  view: DataView,
  from: number,
  blocks: number,
  to: UnpackedBlocks,
): void {
  const found = types.get(type);
  if (!found) throw new Error(`“${type}” cannot be unpacked.`);
  found.unpack(view, from, blocks, to);
}
