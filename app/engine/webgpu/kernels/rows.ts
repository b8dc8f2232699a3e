/** @file Kernels that move rows: embedding lookup, the packing of predicting rows, and prefixes in and out of the keys and values. */
import type { StoredType, WeightType } from '../../spec';
import { type Groups, growsAlongY } from '../limits';
import {
  type Binding,
  domainBindings,
  domainRows,
  floats,
  type Kernel,
  makeKernel,
  real,
  stored,
  storedElement,
} from './wgsl';

const LANES = 64;

/** Workgroups for one thread an element: `width` elements of each of `rows` rows. */
export function elementGroups(width: number, rows: number): Groups {
  return [Math.ceil(width / LANES), rows, 1];
}

/** `row` of the domain and element `i < width` of it. */
const threadHead = (width: number) => `  let row = first() + id.y;
  let i = id.x;
  if (row >= last() || i >= ${width}u) { return; }`;

const rowInfoBinding: Binding = { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' };

/**
 * x = embedding · scale (+ learned position) for text rows; rows of vector prompts hold their vectors already and
 * get the position only. The table may be bound in parts: this one has the tokens `firstToken … firstToken + tokens - 1`.
 * Bindings: counts, rowInfo, table, (positions), x.
 */
export function embedKernel(shape: {
  hidden: number;
  scale: number;
  table: StoredType;
  positions: { dtype: WeightType; offset: number } | null;
  firstToken: number;
  tokens: number;
}): Kernel {
  const { hidden, scale, table, positions, firstToken, tokens } = shape;
  return makeKernel(
    'embed',
    growsAlongY(LANES),
    [
      ...domainBindings('active'),
      rowInfoBinding,
      stored('table', table),
      ...(positions ? [stored('positions', positions.dtype)] : []),
      floats('x', 'write'),
    ],
    `${domainRows('active')}
${storedElement('table', table, hidden)}
${positions ? storedElement('positions', positions.dtype) : ''}`,
    `${threadHead(hidden)}
  let info = rowInfo[row];
  let at = row * ${hidden}u + i;
  let isPrompt = row < counts.promptEnd;
  let here = info.x - ${firstToken}u;
  ${
    // Prompt rows are done with the first part.
    `if (select(here >= ${tokens}u, ${firstToken !== 0}, isPrompt)) { return; }`
  }
  var value = 0.0;
  if (isPrompt) { value = x[at]; } else { value = tableAt(here * ${hidden}u + i) * ${real(scale)}; }
  ${positions ? `value += positionsAt((info.y + ${positions.offset}u) * ${hidden}u + i);` : ''}
  x[at] = value;`,
  );
}

/**
 * y = embedding · scale for a list of tokens, which lies after the uniform (number of tokens, 0, 0, 0).
 * Bindings: size, tokens, table, y.
 */
export function lookupKernel(shape: {
  hidden: number;
  scale: number;
  table: StoredType;
  firstToken: number;
  tokens: number;
}): Kernel {
  const { hidden, scale, table, firstToken, tokens } = shape;
  return makeKernel(
    'lookup',
    growsAlongY(LANES),
    [
      { name: 'size', type: 'vec4<u32>', access: 'uniform' },
      { name: 'ids', type: 'array<u32>', access: 'read' },
      stored('table', table),
      floats('y', 'write'),
    ],
    `fn first() -> u32 { return 0u; }
fn last() -> u32 { return size.x; }
${storedElement('table', table, hidden)}`,
    `${threadHead(hidden)}
  let here = ids[row] - ${firstToken}u;
  if (here >= ${tokens}u) { return; }
  y[row * ${hidden}u + i] = tableAt(here * ${hidden}u + i) * ${real(scale)};`,
  );
}

/** y[slot] = x[slotRow[slot]]. Bindings: counts, slotRow, x, y. */
export function gatherKernel(width: number): Kernel {
  return makeKernel(
    'gather slots',
    growsAlongY(LANES),
    [
      ...domainBindings('slots'),
      { name: 'slotRow', type: 'array<u32>', access: 'read' },
      floats('x', 'read'),
      floats('y', 'write'),
    ],
    `${domainRows('slots')}`,
    `${threadHead(width)}
  y[row * ${width}u + i] = x[slotRow[row] * ${width}u + i];`,
  );
}

/** Where a layer's keys and values lie: in a row of `stride` from `offset`, `width` long; in a prefix row of `prefixStride` from `prefixOffset`. */
export interface PrefixShape {
  width: number;
  stride: number;
  offset: number;
  prefixStride: number;
  prefixOffset: number;
}

/** Bindings: counts, from, to; `into` says which of the two is the prefix. */
export function prefixKernel(shape: PrefixShape, into: 'keysValues' | 'prefix'): Kernel {
  const { width, stride, offset, prefixStride, prefixOffset } = shape;
  const rowAt = `row * ${stride}u + ${offset}u + i`;
  const prefixAt = `row * ${prefixStride}u + ${prefixOffset}u + i`;
  const [from, to] = into === 'keysValues' ? [prefixAt, rowAt] : [rowAt, prefixAt];
  return makeKernel(
    `prefix into ${into}`,
    growsAlongY(LANES),
    [...domainBindings('active'), floats('x', 'read'), floats('y', 'write')],
    `fn first() -> u32 { return 0u; }
fn last() -> u32 { return counts.prefixEnd; }`,
    `${threadHead(width)}
  y[${to}] = x[${from}];`,
  );
}
