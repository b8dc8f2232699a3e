/** @file A seeded random generator (sfc32, Chris Doty-Humphrey, PractRand). */

export interface Random {
  /** Uniform in [0, 1), 32 bits fine. */
  next(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** Normal with mean 0 and deviation 1. */
  normal(): number;
  /** Shuffles in place (Fisher–Yates) and returns the array. */
  shuffle<T extends { length: number; [index: number]: unknown }>(array: T): T;
}

/** A generator whose numbers follow from the seed, and from `stream`: the same seed gives independent numbers a stream. */
export function createRandom(seed: number, stream = 0): Random {
  // A fractional or huge seed still counts in full: both halves of its float64 are used.
  const halves = new Uint32Array(new Float64Array([seed]).buffer);
  let a = halves[0];
  let b = halves[1];
  let c = stream >>> 0;
  let counter = 1;

  const word = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  // Similar seeds start alike; sfc32 needs a dozen rounds to part them.
  for (let i = 0; i < 15; i++) word();

  const next = (): number => word() / 2 ** 32;
  const int = (n: number): number => Math.floor(next() * n);
  return {
    next,
    int,
    normal() {
      // Box–Muller; the second number is thrown away so that every call draws as many.
      const radius = Math.sqrt(-2 * Math.log(1 - next()));
      return radius * Math.cos(2 * Math.PI * next());
    },
    shuffle(array) {
      const items = array as { length: number; [index: number]: unknown };
      for (let i = items.length - 1; i > 0; i--) {
        const j = int(i + 1);
        const swap = items[i];
        items[i] = items[j];
        items[j] = swap;
      }
      return array;
    },
  };
}
