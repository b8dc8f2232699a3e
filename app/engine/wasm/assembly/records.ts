/** @file How a kernel reads what it is to do: a record of 32 words, of which the first four are the scheduler's. */

/** Number formats of stored weights, the same numbers in `../ops.ts`; those of codes are 8 and above. */
export const enum Type {
  F32 = 0,
  F16 = 1,
  BF16 = 2,
}

@inline
export function number(op: usize, index: i32): i32 {
  return load<i32>(op + 16 + (<usize>index << 2));
}

@inline
export function pointer(op: usize, index: i32): usize {
  return <usize>load<u32>(op + 16 + (<usize>index << 2));
}

@inline
export function float(op: usize, index: i32): f32 {
  return load<f32>(op + 16 + (<usize>index << 2));
}

/** The address of row r, or of the row that a table names for it. */
@inline
export function row(base: usize, stride: i32, map: usize, r: i32): usize {
  const index = map ? load<i32>(map + (<usize>r << 2)) : r;
  return base + ((<usize>index * <usize>stride) << 2);
}
