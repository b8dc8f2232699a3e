/**
 * @file Weights that are no numbers, named while they are loaded: training on them would blame its own settings. A float
 * of any type is NaN or infinite where all bits of its exponent are set, so that words of 32 bits are enough to look at.
 */
import { type Grouping, groupingOf, rowLayout } from '../engine/quantised';
import type { WeightShape, WeightSink, WeightType } from '../engine/spec';
import { ModelError } from './errors';

/** The bits of the exponent in a word, and what carries into the bit above where all of them are set. */
const words: Readonly<Record<WeightType, { exponent: number; carry: number; above: number }>> = {
  F32: { exponent: 0x7f800000, carry: 0x00800000, above: 0x80000000 },
  BF16: { exponent: 0x7f807f80, carry: 0x00800080, above: 0x80008000 },
  F16: { exponent: 0x7c007c00, carry: 0x04000400, above: 0x80008000 },
};

/** Names in the words of an error; a model that is broken throughout has hundreds. */
const MOST_NAMED = 3;

/** Counts, in weights as they pass, the elements that are no finite numbers. */
export class FiniteCheck {
  private readonly found = new Map<string, number>();

  constructor(
    private readonly shapes: ReadonlyMap<string, WeightShape>,
    /** What a weight is called in the model's files. */
    private readonly nameOf: (weight: string) => string = (weight) => weight,
  ) {}

  /** The same sink, looked over. */
  over(sink: WeightSink): WeightSink {
    return (name, offset, bytes) => {
      const weight = this.shapes.get(name);
      const grouping = weight ? groupingOf(weight.dtype) : null;
      let count = 0;
      if (weight && grouping) count = countInGroups(offset, bytes, grouping, weight.shape[1]);
      else if (weight) count = countNotFinite(bytes, weight.dtype as WeightType);
      if (count > 0) this.found.set(name, (this.found.get(name) ?? 0) + count);
      return sink(name, offset, bytes);
    };
  }

  /** @throws ModelError that names the tensors with numbers that are none, when all has passed. */
  finish(): void {
    if (this.found.size === 0) return;
    const named = [...this.found].slice(0, MOST_NAMED).map(([weight, count]) => {
      const all = this.shapes.get(weight)?.shape.reduce((product, n) => product * n, 1) ?? 0;
      return `${this.nameOf(weight)} (${count.toLocaleString('en')} of ${all.toLocaleString('en')})`;
    });
    const others = this.found.size - named.length;
    throw new ModelError(
      'malformed',
      `Some weights of this model are not finite numbers (NaN or infinite): ${named.join(', ')}${others > 0 ? ` and ${others} more tensors` : ''}. Nothing it computes would be a number.`,
      'Load another copy or revision of the model. A model that was converted to 16 bits may have overflowed: its original is whole.',
    );
  }
}

/** How many elements have a scale or an offset that is NaN or infinite, in rows of codes of which the bytes from `offset` on are given. */
function countInGroups(offset: number, bytes: Uint8Array, grouping: Grouping, width: number): number {
  const { scales, groups, bytes: rowBytes } = rowLayout(grouping, width);
  const size = grouping.scale === 'F16' ? 2 : 4;
  const end = scales + groups * size * (grouping.offset ? 2 : 1);
  let count = 0;
  for (let row = Math.floor(offset / rowBytes); row * rowBytes < offset + bytes.byteLength; row++) {
    const from = Math.max(row * rowBytes + scales - offset, 0);
    const to = Math.min(row * rowBytes + end - offset, bytes.byteLength);
    if (to > from) count += countNotFinite(bytes.subarray(from, to), grouping.scale);
  }
  return count * grouping.group;
}

/** How many of these elements are NaN or infinite. Quick where none is. */
export function countNotFinite(bytes: Uint8Array, dtype: WeightType): number {
  const { exponent, above } = words[dtype];
  const size = dtype === 'F32' ? 4 : 2;
  const whole = bytes.byteOffset % 4 === 0 ? Math.floor(bytes.byteLength / 4) : 0;
  const view = new Uint32Array(bytes.buffer, whole > 0 ? bytes.byteOffset : 0, whole);
  // A half word too many is left over, or all of it where memory does not begin at a word.
  const begin = (carriesOf(view, dtype) & above) === 0 ? 4 * whole : 0;
  if (begin === bytes.byteLength) return 0;
  const each = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mask = size === 4 ? exponent : exponent & 0xffff;
  let count = 0;
  for (let at = begin; at + size <= bytes.byteLength; at += size) {
    const bits = size === 4 ? each.getUint32(at, true) : each.getUint16(at, true);
    if ((bits & mask) === mask) count++;
  }
  return count;
}

/** The carries out of all exponents. Eight words at a time: 5 GB a second, where one at a time makes 3. */
function carriesOf(view: Uint32Array, dtype: WeightType): number {
  const { exponent: e, carry: c } = words[dtype];
  const eights = view.length - (view.length % 8);
  let seen = 0;
  for (let i = 0; i < eights; i += 8) {
    seen |=
      ((view[i] & e) + c) |
      ((view[i + 1] & e) + c) |
      ((view[i + 2] & e) + c) |
      ((view[i + 3] & e) + c) |
      ((view[i + 4] & e) + c) |
      ((view[i + 5] & e) + c) |
      ((view[i + 6] & e) + c) |
      ((view[i + 7] & e) + c);
  }
  for (let i = eights; i < view.length; i++) seen |= (view[i] & e) + c;
  return seen;
}
