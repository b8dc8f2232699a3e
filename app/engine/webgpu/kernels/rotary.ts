/**
 * @file Queries and keys before attention: RMS norm of each head (some families), then rotary position embedding
 * (Su et al. 2021, half-split form, over the first `dims` of a head); and the way back for their gradients.
 * One thread a head of a row; values pass through untouched.
 */
import type { NormSpec, WeightType } from '../../spec';
import { type Groups, growsAlongX } from '../limits';
import {
  type Binding,
  type Domain,
  domainBindings,
  domainRows,
  floats,
  type Kernel,
  makeKernel,
  real,
  stored,
  storedElement,
} from './wgsl';

export interface HeadShape {
  heads: number;
  kvHeads: number;
  headDim: number;
  /** How many dimensions turn; 0 for none. */
  ropeDims: number;
  /** Norm of queries and keys and the stored types of its two weights. */
  norm: { spec: NormSpec; query: WeightType; key: WeightType } | null;
  domain: Domain;
}

const LANES = 64;

/** Workgroups for all heads of `rows` rows; keys and queries only, or values too where they are copied. */
export function headGroups(heads: number, rows: number): Groups {
  return [Math.ceil((rows * heads) / LANES), 1, 1];
}

/** Heads that the kernel touches in a row: values are copied where the result goes elsewhere. */
export function touchedHeads({ heads, kvHeads, norm }: HeadShape): number {
  return heads + kvHeads + (norm ? kvHeads : 0);
}

function shared(shape: HeadShape): { bindings: Binding[]; code: string } {
  const { norm, ropeDims, domain } = shape;
  return {
    bindings: [
      ...domainBindings(domain),
      { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' },
      ...(ropeDims > 0 ? [{ name: 'turns', type: 'array<vec2<f32>>', access: 'read' } as const] : []),
      ...(norm ? [stored('queryWeight', norm.query), stored('keyWeight', norm.key)] : []),
    ],
    code: `${domainRows(domain)}
${
  norm
    ? `${storedElement('queryWeight', norm.query)}
${storedElement('keyWeight', norm.key)}
fn weightOf(isQuery: bool, i: u32) -> f32 {
  if (isQuery) { return queryWeightAt(i) + ${norm.spec.weightOffset}.0; }
  return keyWeightAt(i) + ${norm.spec.weightOffset}.0;
}`
    : ''
}`,
  };
}

const head = (
  { heads, kvHeads, headDim }: HeadShape,
  touched: number,
) => `  let row = first() + id.x / ${touched}u;
  let head = id.x % ${touched}u;
  if (row >= last()) { return; }
  let base = (row * ${heads + 2 * kvHeads}u + head) * ${headDim}u;
  let isQuery = head < ${heads}u;
  let position = rowInfo[row].y;`;

/** Applies `(a, b) ← turn by sign · angle` to the pairs of `name[base …]`. */
const turnPairs = (name: string, dims: number, sign: 1 | -1) =>
  dims === 0
    ? ''
    : `for (var i = 0u; i < ${dims / 2}u; i++) {
    let turn = turns[position * ${dims / 2}u + i];
    let a = ${name}[base + i];
    let b = ${name}[base + i + ${dims / 2}u];
    ${name}[base + i] = a * turn.x ${sign > 0 ? '-' : '+'} b * turn.y;
    ${name}[base + i + ${dims / 2}u] = b * turn.x ${sign > 0 ? '+' : '-'} a * turn.y;
  }`;

/**
 * Bindings: counts, rowInfo, (turns), (queryWeight, keyWeight, raw), qkv. With a norm it reads `raw` and writes `qkv`,
 * else it turns `qkv` in place.
 */
export function rotaryKernel(shape: HeadShape): Kernel {
  const { heads, kvHeads, headDim, ropeDims, norm } = shape;
  const { bindings, code } = shared(shape);
  const normed = norm
    ? `if (head >= ${heads + kvHeads}u) {
    for (var i = 0u; i < ${headDim}u; i++) { qkv[base + i] = raw[base + i]; }
    return;
  }
  var squares = 0.0;
  for (var i = 0u; i < ${headDim}u; i++) { squares += raw[base + i] * raw[base + i]; }
  let r = inverseSqrt(squares / ${headDim}.0 + ${real(norm.spec.epsilon)});
  for (var i = 0u; i < ${headDim}u; i++) { qkv[base + i] = raw[base + i] * r * weightOf(isQuery, i); }`
    : '';
  return makeKernel(
    'rotary',
    growsAlongX(LANES),
    [...bindings, ...(norm ? [floats('raw', 'read')] : []), floats('qkv', 'write')],
    code,
    `${head(shape, touchedHeads(shape))}
  ${normed}
  ${turnPairs('qkv', ropeDims, 1)}`,
  );
}

/**
 * Turns the gradient of `qkv` into that of the product before, in place.
 * Bindings: counts, rowInfo, (turns), (queryWeight, keyWeight, raw), dqkv.
 */
export function rotaryBackwardKernel(shape: HeadShape): Kernel {
  const { heads, kvHeads, headDim, ropeDims, norm } = shape;
  const { bindings, code } = shared(shape);
  // RMS norm: dx = r · (g − x̂ · mean(g ∘ x̂)), g = γ ∘ dy.
  const normed = norm
    ? `var squares = 0.0;
  var product = 0.0;
  for (var i = 0u; i < ${headDim}u; i++) {
    squares += raw[base + i] * raw[base + i];
    product += raw[base + i] * dqkv[base + i] * weightOf(isQuery, i);
  }
  let r = inverseSqrt(squares / ${headDim}.0 + ${real(norm.spec.epsilon)});
  let mean = product * r / ${headDim}.0;
  for (var i = 0u; i < ${headDim}u; i++) {
    dqkv[base + i] = r * (dqkv[base + i] * weightOf(isQuery, i) - raw[base + i] * r * mean);
  }`
    : '';
  return makeKernel(
    'rotary backward',
    growsAlongX(LANES),
    [...bindings, ...(norm ? [floats('raw', 'read')] : []), floats('dqkv', 'write')],
    code,
    `${head(shape, heads + kvHeads)}
  ${turnPairs('dqkv', ropeDims, -1)}
  ${normed}`,
  );
}
