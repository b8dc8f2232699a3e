/** @file Sets of bytes as ranges `[begin, end)`, ascending, neither touching nor overlapping. */

export type Range = [begin: number, end: number];

/** The set with `[begin, end)` added. */
export function addRange(ranges: readonly Range[], begin: number, end: number): Range[] {
  if (begin >= end) return [...ranges];
  const before = ranges.filter(([, e]) => e < begin);
  const after = ranges.filter(([b]) => b > end);
  const touched = ranges.filter(([b, e]) => e >= begin && b <= end);
  const first = Math.min(begin, ...touched.map(([b]) => b));
  const last = Math.max(end, ...touched.map(([, e]) => e));
  return [...before, [first, last], ...after];
}

/** `[begin, end)` cut where the set begins and ends. */
export function splitRange(
  ranges: readonly Range[],
  begin: number,
  end: number,
): { begin: number; end: number; inside: boolean }[] {
  const pieces: { begin: number; end: number; inside: boolean }[] = [];
  let at = begin;
  for (const [b, e] of ranges) {
    if (e <= at || b >= end) continue;
    if (b > at) pieces.push({ begin: at, end: b, inside: false });
    const from = Math.max(at, b);
    at = Math.min(e, end);
    pieces.push({ begin: from, end: at, inside: true });
  }
  if (at < end) pieces.push({ begin: at, end, inside: false });
  return pieces;
}

/** Bytes in the set. */
export function rangeBytes(ranges: readonly Range[]): number {
  return ranges.reduce((sum, [begin, end]) => sum + end - begin, 0);
}
