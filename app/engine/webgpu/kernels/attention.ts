/**
 * @file Causal attention of packed rows: a row sees the rows of the prompt that its sequence follows and its own
 * sequence up to itself, so a visible key's index is its position. Online softmax (Milakov & Gimelshein 2018; Dao et
 * al. 2022): no matrix of scores exists. One thread a query and head.
 */
import {
  type Binding,
  type Domain,
  domainBindings,
  domainRows,
  floats,
  type Kernel,
  makeKernel,
  matrix,
  real,
  runFour,
  runStore,
} from './wgsl';

export interface AttentionShape {
  heads: number;
  kvHeads: number;
  headDim: number;
  scale: number;
  softcap: number | null;
  window: number | null;
  /** Queries are the slots only (last layer); else all active rows. */
  compact: boolean;
}

export const ATTENTION_LANES = 64;

export function attentionGroups(queries: number, heads: number): [number, number, number] {
  return [Math.ceil(queries / ATTENTION_LANES), heads, 1];
}

/** Elements of a row of queries, keys and values. */
export function qkvWidth({ heads, kvHeads, headDim }: AttentionShape): number {
  return (heads + 2 * kvHeads) * headDim;
}

/** Tables: of each row (token, position, sequence, slot); the sequences; of each slot its row. */
export function tableBindings(compact: boolean): Binding[] {
  return [
    { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' },
    { name: 'sequences', type: 'array<Sequence>', access: 'read' },
    ...(compact ? [{ name: 'slotRow', type: 'array<u32>', access: 'read' } as const] : []),
  ];
}

/** Where heads begin, in elements; `group` is a key head's number of query heads. */
export function headBases(shape: AttentionShape): string {
  const { heads, kvHeads, headDim } = shape;
  const row = qkvWidth(shape);
  return `fn queryBase(row: u32, head: u32) -> u32 { return row * ${row}u + head * ${headDim}u; }
fn keyBase(row: u32, head: u32) -> u32 { return row * ${row}u + ${heads * headDim}u + head * ${headDim}u; }
fn valueBase(row: u32, head: u32) -> u32 { return row * ${row}u + ${(heads + kvHeads) * headDim}u + head * ${headDim}u; }
fn outBase(slot: u32, head: u32) -> u32 { return (slot * ${heads}u + head) * ${headDim}u; }
fn keyRow(s: Sequence, position: u32) -> u32 {
  return select(s.start + position - s.promptLength, s.promptStart + position, position < s.promptLength);
}`;
}

/**
 * `scoresOf(products)`: scaled and capped scores; `scoreSlope(scores)`: their derivative with respect to the products.
 * cap · tanh(s / cap) has the derivative 1 − (score / cap)².
 */
export function scoreFunctions({ scale, softcap }: AttentionShape): string {
  const cap = softcap === null ? null : real(softcap);
  return cap === null
    ? `fn scoresOf(products: vec4<f32>) -> vec4<f32> { return products * ${real(scale)}; }
fn scoreSlope(scores: vec4<f32>) -> vec4<f32> { return vec4<f32>(${real(scale)}); }`
    : `fn scoresOf(products: vec4<f32>) -> vec4<f32> {
  return ${cap} * tanh(clamp(products * ${real(scale)} / ${cap}, vec4<f32>(-15.0), vec4<f32>(15.0)));
}
fn scoreSlope(scores: vec4<f32>) -> vec4<f32> { let t = scores / ${cap}; return ${real(scale)} * (1.0 - t * t); }`;
}

/** The first visible position of a query at `position`. */
export function lowestVisible(window: number | null): string {
  return window === null ? '0u' : `max(position + 1u, ${window}u) - ${window}u`;
}

/** Bindings: counts, rowInfo, sequences, (slotRow), qkv, out `[queries, H·d]`, lse `[queries, H]`. */
export function attentionKernel(shape: AttentionShape): Kernel {
  const { heads, kvHeads, headDim, window, compact } = shape;
  const domain: Domain = compact ? 'slots' : 'active';
  const vec = headDim % 4 === 0;
  const fours = Math.ceil(headDim / 4);
  const lanes = [0, 1, 2, 3];
  return makeKernel(
    'attention',
    [
      ...domainBindings(domain),
      ...tableBindings(compact),
      matrix('qkv', 'read', vec),
      matrix('o', 'write', vec),
      floats('lse', 'write'),
    ],
    `${domainRows(domain)}
${headBases(shape)}
${scoreFunctions(shape)}
${runFour('qkv', headDim, vec)}
${runStore('o', headDim, vec)}
@compute @workgroup_size(${ATTENTION_LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let slot = first() + id.x;
  let head = id.y;
  if (slot >= last()) { return; }
  let row = ${compact ? 'slotRow[slot]' : 'slot'};
  let position = rowInfo[row].y;
  let s = sequences[rowInfo[row].z];
  let group = head / ${heads / kvHeads}u;
  let query = queryBase(row, head);
  var most = -1e30;
  var sum = 0.0;
  var mixed: array<vec4<f32>, ${fours}>;
  for (var c = ${lowestVisible(window)}; c <= position; c += 4u) {
    ${lanes.map((j) => `let row${j} = keyRow(s, min(c + ${j}u, position));`).join('\n    ')}
    ${lanes.map((j) => `let key${j} = keyBase(row${j}, group); let value${j} = valueBase(row${j}, group);`).join('\n    ')}
    var products = vec4<f32>();
    for (var i = 0u; i < ${fours}u; i++) {
      let q = qkvFour(query, i);
      products += vec4<f32>(${lanes.map((j) => `dot(q, qkvFour(key${j}, i))`).join(', ')});
    }
    let visible = vec4<u32>(c, c + 1u, c + 2u, c + 3u) <= vec4<u32>(position);
    let scores = select(vec4<f32>(-1e30), scoresOf(products), visible);
    let top = max(most, max(max(scores.x, scores.y), max(scores.z, scores.w)));
    let kept = exp(most - top);
    let weights = exp(scores - top);
    sum = sum * kept + dot(weights, vec4<f32>(1.0));
    for (var i = 0u; i < ${fours}u; i++) {
      mixed[i] = mixed[i] * kept + ${lanes.map((j) => `weights[${j}] * qkvFour(value${j}, i)`).join(' + ')};
    }
    most = top;
  }
  let base = outBase(slot, head);
  for (var i = 0u; i < ${fours}u; i++) { oStore(base, i, mixed[i] / sum); }
  lse[slot * ${heads}u + head] = most + log(sum);
}`,
  );
}
