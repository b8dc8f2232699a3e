/** @file Changes to bytes that know nothing of what they mean: what disks, networks and editors do, and number extremes. */
import type { Random } from '../../app/formats/random';

export type Mutator = (bytes: Uint8Array, random: Random) => Uint8Array;

/** Numbers at which readers go wrong, as 64 bits. */
const extremes = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];

const flipBits: Mutator = (bytes, random) => {
  const changed = bytes.slice();
  for (let times = 1 + random.int(3); times > 0; times--) {
    changed[random.int(changed.length)] ^= 1 << random.int(8);
  }
  return changed;
};

const setByte: Mutator = (bytes, random) => {
  const changed = bytes.slice();
  changed[random.int(changed.length)] = random.int(256);
  return changed;
};

const truncate: Mutator = (bytes, random) => bytes.slice(0, random.int(bytes.length));

const cutStart: Mutator = (bytes, random) => bytes.slice(random.int(bytes.length));

const append: Mutator = (bytes, random) =>
  joined(
    bytes,
    Uint8Array.from({ length: 1 + random.int(64) }, () => random.int(256)),
  );

/** A stretch of it again, in another place. */
const splice: Mutator = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  const at = random.int(bytes.length + 1);
  return joined(bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at));
};

const remove: Mutator = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return joined(bytes.subarray(0, from), bytes.subarray(to));
};

/** A block of a broken download. */
const zeroes: Mutator = (bytes, random) => {
  const [from, to] = stretch(bytes, random);
  return bytes.slice().fill(0, from, to);
};

/** An extreme in the place of a number of 1, 2, 4 or 8 bytes, little-endian. */
const extreme: Mutator = (bytes, random) => {
  const changed = bytes.slice();
  const value = extremes[random.int(extremes.length)];
  const width = 1 << random.int(4);
  // Numbers of formats stand at their start and end.
  const near = Math.min(changed.length, 96);
  const place = [random.int(changed.length), random.int(near), changed.length - 1 - random.int(near)][
    random.int(3)
  ];
  for (let i = 0; i < width && place + i < changed.length; i++) {
    changed[place + i] = Number((value >> BigInt(8 * i)) & 0xffn);
  }
  return changed;
};

/** All that need a byte to work on. */
export const byteMutators: readonly Mutator[] = [
  flipBits,
  flipBits,
  setByte,
  truncate,
  cutStart,
  append,
  splice,
  remove,
  zeroes,
  extreme,
  extreme,
];

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function stretch(bytes: Uint8Array, random: Random): [number, number] {
  const from = random.int(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + random.int(Math.min(256, bytes.length)))];
}
