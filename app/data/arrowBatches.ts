/** @file Whether the data of an Arrow batch is all there: buffers long enough, offsets in order and inside what they divide. */
import { type Batch, type DataType, Type } from '@uwdata/flechette';

/** @throws RangeError naming what is missing */
export function checkBatch({
  length,
  type,
  validity,
  values,
  offsets,
  sizes,
  children,
}: Batch<unknown>): void {
  if (length < 0) throw new RangeError('a negative length');
  if (validity && validity.length > 0 && validity.length * 8 < length)
    throw new RangeError('validity is cut short');
  const limit = children?.[0]?.length ?? values?.length ?? 0;
  if (offsets && sizes) checkViews(offsets, sizes, length, limit);
  else if (offsets && offsets.length > 0) checkOffsets(offsets, length, limit);
  else checkFixed(type, length, values?.length ?? 0, children ?? []);
  for (const child of children ?? []) checkBatch(child);
}

/** Types whose values all take as much room. */
function checkFixed(
  type: DataType,
  length: number,
  values: number,
  children: readonly Batch<unknown>[],
): void {
  let needed = length;
  switch (type.typeId) {
    case Type.Null:
    case Type.RunEndEncoded:
      return;
    case Type.Struct:
      if (children.some((child) => child.length < length)) throw new RangeError('a field is cut short');
      return;
    case Type.FixedSizeList:
      if (length > 0 && children[0].length < length * type.stride)
        throw new RangeError('a list is cut short');
      return;
    case Type.Bool:
      needed = length / 8;
      break;
    case Type.FixedSizeBinary:
      needed = length * type.stride;
      break;
    case Type.Decimal:
      needed = length * Math.max(1, type.bitWidth / 64);
      break;
    case Type.Interval:
      return;
  }
  if (values < needed) throw new RangeError('values are cut short');
}

type Offsets = ArrayLike<number | bigint>;

function checkOffsets(offsets: Offsets, length: number, limit: number): void {
  if (offsets.length < length + 1) throw new RangeError('offsets are cut short');
  let before = Number(offsets[0]);
  if (before < 0) throw new RangeError('an offset is negative');
  for (let i = 1; i <= length; i++) {
    const offset = Number(offsets[i]);
    if (offset < before) throw new RangeError('offsets are out of order');
    before = offset;
  }
  if (before > limit) throw new RangeError('an offset lies outside the data');
}

function checkViews(offsets: Offsets, sizes: Offsets, length: number, limit: number): void {
  if (offsets.length < length || sizes.length < length) throw new RangeError('views are cut short');
  for (let i = 0; i < length; i++) {
    const [start, size] = [Number(offsets[i]), Number(sizes[i])];
    if (start < 0 || size < 0 || start + size > limit) throw new RangeError('a view lies outside the data');
  }
}
