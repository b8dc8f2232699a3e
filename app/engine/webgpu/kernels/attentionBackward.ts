/**
 * @file Gradients of attention (Dao et al. 2022): with P = exp(S − LSE) and Δ = rowsum(dO ∘ O),
 * dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − Δ), dQ = dS K · scale, dK = dSᵀ Q · scale. WGSL has no float atomics, so each thread owns what it
 * writes: a query and head; a text's key; or a prompt's key as one sequence sees it, summed over sequences afterwards.
 */
import {
  ATTENTION_LANES,
  type AttentionShape,
  headBases,
  lowestVisible,
  qkvWidth,
  scoreFunctions,
  tableBindings,
} from './attention';
import {
  type Binding,
  type Domain,
  domainBindings,
  domainRows,
  floats,
  type Kernel,
  makeKernel,
  matrix,
  runFour,
  runStore,
} from './wgsl';

const lanes = [0, 1, 2, 3];

const statsBinding: Binding = { name: 'stats', type: 'array<vec2<f32>>', access: 'read' };

/** (log-sum-exp, Δ) `[queries, H]`. Bindings: counts, out, dOut, lse, stats. */
export function deltaKernel(shape: AttentionShape): Kernel {
  const { heads, headDim, compact } = shape;
  const domain: Domain = compact ? 'slots' : 'active';
  return makeKernel(
    'attention delta',
    [
      ...domainBindings(domain),
      floats('o', 'read'),
      floats('dO', 'read'),
      floats('lse', 'read'),
      { name: 'stats', type: 'array<vec2<f32>>', access: 'write' },
    ],
    `${domainRows(domain)}
@compute @workgroup_size(${ATTENTION_LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let slot = first() + id.x;
  if (slot >= last()) { return; }
  let at = slot * ${heads}u + id.y;
  var sum = 0.0;
  for (var i = at * ${headDim}u; i < (at + 1u) * ${headDim}u; i++) { sum += o[i] * dO[i]; }
  stats[at] = vec2<f32>(lse[at], sum);
}`,
  );
}

/**
 * dQ into the queries' columns of dqkv, for the rows of `domain`; rows without a slot get 0 where `compact`.
 * Bindings: counts, rowInfo, sequences, qkv, dOut, stats, dqkv.
 */
export function queryGradientKernel(shape: AttentionShape, domain: 'active' | 'prompt'): Kernel {
  const { heads, kvHeads, headDim, window, compact } = shape;
  const vec = headDim % 4 === 0;
  const fours = Math.ceil(headDim / 4);
  return makeKernel(
    'attention query gradient',
    [
      ...domainBindings(domain),
      ...tableBindings(false),
      matrix('qkv', 'read', vec),
      matrix('dO', 'read', vec),
      statsBinding,
      matrix('dqkv', 'write', vec),
    ],
    `${domainRows(domain)}
${headBases(shape)}
${scoreFunctions(shape)}
${runFour('qkv', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('dqkv', headDim, vec)}
@compute @workgroup_size(${ATTENTION_LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = first() + id.x;
  let head = id.y;
  if (row >= last()) { return; }
  let query = queryBase(row, head);
  let info = rowInfo[row];
  let slot = ${compact ? 'info.w' : 'row'};
  if (slot == 0xffffffffu) {
    for (var i = 0u; i < ${fours}u; i++) { dqkvStore(query, i, vec4<f32>()); }
    return;
  }
  let position = info.y;
  let s = sequences[info.z];
  let group = head / ${heads / kvHeads}u;
  let out = outBase(slot, head);
  let logSum = stats[slot * ${heads}u + head].x;
  let delta = stats[slot * ${heads}u + head].y;
  var gradient: array<vec4<f32>, ${fours}>;
  for (var c = ${lowestVisible(window)}; c <= position; c += 4u) {
    ${lanes.map((j) => `let row${j} = keyRow(s, min(c + ${j}u, position));`).join('\n    ')}
    ${lanes.map((j) => `let key${j} = keyBase(row${j}, group); let value${j} = valueBase(row${j}, group);`).join('\n    ')}
    var products = vec4<f32>();
    var values = vec4<f32>();
    for (var i = 0u; i < ${fours}u; i++) {
      let q = qkvFour(query, i);
      let g = dOFour(out, i);
      products += vec4<f32>(${lanes.map((j) => `dot(q, qkvFour(key${j}, i))`).join(', ')});
      values += vec4<f32>(${lanes.map((j) => `dot(g, qkvFour(value${j}, i))`).join(', ')});
    }
    let visible = vec4<u32>(c, c + 1u, c + 2u, c + 3u) <= vec4<u32>(position);
    let scores = scoresOf(products);
    let weights = select(vec4<f32>(), exp(scores - logSum), visible);
    let slope = weights * (values - delta) * scoreSlope(scores);
    for (var i = 0u; i < ${fours}u; i++) {
      gradient[i] += ${lanes.map((j) => `slope[${j}] * qkvFour(key${j}, i)`).join(' + ')};
    }
  }
  for (var i = 0u; i < ${fours}u; i++) { dqkvStore(query, i, gradient[i]); }
}`,
  );
}

/**
 * dK and dV of the key that each thread owns, from all queries of one sequence that see it.
 * - `text`: rows of texts; into the keys' and values' columns of dqkv
 * - `prompt`: `jobs` (sequence, index in the prompt); into partial sums `[jobs, 2, K, d]`
 *
 * Bindings: counts, rowInfo, sequences, (slotRow), (jobs), qkv, dOut, stats, result.
 */
export function keyGradientKernel(shape: AttentionShape, keys: 'text' | 'prompt'): Kernel {
  const { heads, kvHeads, headDim, window, compact } = shape;
  const vec = headDim % 4 === 0;
  const fours = Math.ceil(headDim / 4);
  const groups = heads / kvHeads;
  const owner =
    keys === 'text'
      ? `let row = first() + id.x;
  if (row >= last()) { return; }
  let s = sequences[rowInfo[row].z];
  let position = rowInfo[row].y;`
      : `if (id.x >= counts.jobs) { return; }
  let s = sequences[jobs[id.x].x];
  let position = jobs[id.x].y;
  let row = keyRow(s, position);`;
  // Among slots the first query that sees the key is looked for; all rows are consecutive.
  const range = compact
    ? `let end = s.slotStart + s.slotCount;
  var t = s.slotStart;
  while (t < end && rowInfo[slotRow[t]].y < position) { t++; }`
    : `let end = s.start + s.length;
  var t = s.start + max(position, s.promptLength) - s.promptLength;`;
  const rowOf = (j: number) => (compact ? `slotRow[slot${j}]` : `slot${j}`);
  const result =
    keys === 'text'
      ? 'let keyOut = keyBase(row, head); let valueOut = valueBase(row, head);'
      : `let keyOut = (id.x * ${2 * kvHeads}u + head) * ${headDim}u; let valueOut = keyOut + ${kvHeads * headDim}u;`;
  return makeKernel(
    `attention ${keys} key gradient`,
    [
      ...domainBindings('text'),
      ...tableBindings(compact),
      ...(keys === 'prompt' ? [{ name: 'jobs', type: 'array<vec2<u32>>', access: 'read' } as const] : []),
      matrix('qkv', 'read', vec),
      matrix('dO', 'read', vec),
      statsBinding,
      matrix('result', 'write', vec),
    ],
    `${domainRows('text')}
${headBases(shape)}
${scoreFunctions(shape)}
${runFour('qkv', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('result', headDim, vec)}
@compute @workgroup_size(${ATTENTION_LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.y;
  ${owner}
  let key = keyBase(row, head);
  let value = valueBase(row, head);
  var keyGradient: array<vec4<f32>, ${fours}>;
  var valueGradient: array<vec4<f32>, ${fours}>;
  ${range}
  for (; t < end; t += 4u) {
    ${lanes.map((j) => `let slot${j} = min(t + ${j}u, end - 1u); let row${j} = ${rowOf(j)};`).join('\n    ')}
    let positions = vec4<u32>(${lanes.map((j) => `rowInfo[row${j}].y`).join(', ')});
    let there = vec4<u32>(t, t + 1u, t + 2u, t + 3u) < vec4<u32>(end);
    let visible = there${window === null ? '' : ` & (positions < vec4<u32>(position + ${window}u))`} & (positions >= vec4<u32>(position));
    for (var head0 = head * ${groups}u; head0 < (head + 1u) * ${groups}u; head0++) {
      ${lanes.map((j) => `let query${j} = queryBase(row${j}, head0); let out${j} = outBase(slot${j}, head0);`).join('\n      ')}
      var products = vec4<f32>();
      var values = vec4<f32>();
      for (var i = 0u; i < ${fours}u; i++) {
        let k = qkvFour(key, i);
        let v = qkvFour(value, i);
        products += vec4<f32>(${lanes.map((j) => `dot(k, qkvFour(query${j}, i))`).join(', ')});
        values += vec4<f32>(${lanes.map((j) => `dot(v, dOFour(out${j}, i))`).join(', ')});
      }
      ${lanes.map((j) => `let stats${j} = stats[slot${j} * ${heads}u + head0];`).join(' ')}
      let logSums = vec4<f32>(stats0.x, stats1.x, stats2.x, stats3.x);
      let deltas = vec4<f32>(stats0.y, stats1.y, stats2.y, stats3.y);
      let scores = scoresOf(products);
      let weights = select(vec4<f32>(), exp(scores - logSums), visible);
      let slope = weights * (values - deltas) * scoreSlope(scores);
      for (var i = 0u; i < ${fours}u; i++) {
        keyGradient[i] += ${lanes.map((j) => `slope[${j}] * qkvFour(query${j}, i)`).join(' + ')};
        valueGradient[i] += ${lanes.map((j) => `weights[${j}] * dOFour(out${j}, i)`).join(' + ')};
      }
    }
  }
  ${result}
  for (var i = 0u; i < ${fours}u; i++) {
    resultStore(keyOut, i, keyGradient[i]);
    resultStore(valueOut, i, valueGradient[i]);
  }
}`,
  );
}

/** Workgroups of `promptSumKernel`. */
export function promptSumGroups(
  { kvHeads, headDim }: AttentionShape,
  rows: number,
): [number, number, number] {
  return [Math.ceil((2 * kvHeads * headDim) / ATTENTION_LANES), rows, 1];
}

/**
 * Sums the partial gradients of each prompt row into its columns of dqkv.
 * `promptRows` has (first job, jobs between, how many, 0) of each row before `promptEnd`. Bindings: counts, promptRows, partials, dqkv.
 */
export function promptSumKernel(shape: AttentionShape): Kernel {
  const { heads, kvHeads, headDim } = shape;
  const width = 2 * kvHeads * headDim;
  return makeKernel(
    'attention prompt sum',
    [
      ...domainBindings('active'),
      { name: 'promptRows', type: 'array<vec4<u32>>', access: 'read' },
      floats('partials', 'read'),
      floats('dqkv', 'write'),
    ],
    `@compute @workgroup_size(${ATTENTION_LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = id.y;
  if (row >= counts.promptEnd || id.x >= ${width}u) { return; }
  let info = promptRows[row];
  var sum = 0.0;
  for (var n = 0u; n < info.z; n++) { sum += partials[(info.x + n * info.y) * ${width}u + id.x]; }
  dqkv[row * ${qkvWidth(shape)}u + ${heads * headDim}u + id.x] = sum;
}`,
  );
}
