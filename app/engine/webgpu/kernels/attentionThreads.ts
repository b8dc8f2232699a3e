/**
 * @file Attention and its gradients without workgroup memory: one thread a query and head, or a key and head, that reads
 * everything through the caches. For adapters that are slow at barriers, software ones above all; the mathematics is that of
 * `attention.ts` and `attentionBackward.ts`.
 */

import type { Counts } from '../../layout';
import { type Groups, growsAlongX, growsAlongZ } from '../limits';
import { ATTENTION_LANES, type AttentionShape, attentionFunctions } from './attention';
import { statsBinding } from './attentionBackward';
import {
  type Binding,
  countsBinding,
  type Domain,
  domainRows,
  floats,
  type Kernel,
  makeKernel,
  matrix,
  runFour,
  runStore,
} from './wgsl';

/** Keys or queries that a thread takes at a time. */
const lanes = [0, 1, 2, 3];

/** Workgroups for that many rows or slots, of queries or keys. */
export function threadGroups(rows: number, heads: number): Groups {
  return [Math.ceil(rows / ATTENTION_LANES), heads, 1];
}

/** Workgroups for the keys of prompts as each sequence sees them. */
export function threadPromptGroups(
  { kvHeads }: AttentionShape,
  { longestPrompt, sequences }: Counts,
): Groups {
  return [Math.ceil(longestPrompt / ATTENTION_LANES), kvHeads, sequences];
}

/** Counts, and tables: of each row (token, position, sequence, slot); the sequences; of each slot its row. */
function tables(compact: boolean): Binding[] {
  return [
    countsBinding,
    { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' },
    { name: 'sequences', type: 'array<Sequence>', access: 'read' },
    ...(compact ? [{ name: 'slotRow', type: 'array<u32>', access: 'read' } as const] : []),
  ];
}

/** Bindings: counts, rowInfo, sequences, (slotRow), qkv, out `[queries, H·d]`, lse `[queries, H]`. */
export function threadAttentionKernel(shape: AttentionShape): Kernel {
  const { heads, kvHeads, headDim, compact } = shape;
  const domain: Domain = compact ? 'slots' : 'active';
  const vec = headDim % 4 === 0;
  const fours = Math.ceil(headDim / 4);
  return makeKernel(
    'attention',
    growsAlongX(ATTENTION_LANES),
    [...tables(compact), matrix('qkv', 'read', vec), matrix('o', 'write', vec), floats('lse', 'write')],
    `${domainRows(domain)}
${attentionFunctions(shape, 'vec4<f32>')}
${runFour('qkv', headDim, vec)}
${runStore('o', headDim, vec)}`,
    `  let slot = first() + id.x;
  let head = id.y;
  if (slot >= last()) { return; }
  let row = ${compact ? 'slotRow[slot]' : 'slot'};
  let position = rowInfo[row].y;
  let s = sequences[rowInfo[row].z];
  let kvHead = head / ${heads / kvHeads}u;
  let query = queryBase(row, head);
  var most = -1e30;
  var sum = 0.0;
  var mixed: array<vec4<f32>, ${fours}>;
  for (var c = lowestVisible(position); c <= position; c += 4u) {
    ${lanes.map((j) => `let row${j} = keyRow(s, min(c + ${j}u, position));`).join('\n    ')}
    ${lanes.map((j) => `let key${j} = keyBase(row${j}, kvHead); let value${j} = valueBase(row${j}, kvHead);`).join('\n    ')}
    var products = vec4<f32>();
    for (var i = 0u; i < ${fours}u; i++) {
      let q = qkvFour(query, i);
      products += vec4<f32>(${lanes.map((j) => `dot(q, qkvFour(key${j}, i))`).join(', ')});
    }
    let visible = vec4<u32>(c, c + 1u, c + 2u, c + 3u) <= vec4<u32>(position);
    let scores = select(vec4<f32>(-1e30), scoreOf(products), visible);
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
  lse[slot * ${heads}u + head] = most + log(sum);`,
  );
}

/**
 * dQ into the queries' columns of dqkv, for the rows of `domain`; rows without a slot get 0 where `compact`.
 * Bindings: counts, rowInfo, sequences, qkv, dOut, stats, dqkv.
 */
export function threadQueryGradientKernel(shape: AttentionShape, domain: 'active' | 'prompt'): Kernel {
  const { heads, kvHeads, headDim, compact } = shape;
  const vec = headDim % 4 === 0;
  const fours = Math.ceil(headDim / 4);
  return makeKernel(
    'attention query gradient',
    growsAlongX(ATTENTION_LANES),
    [
      ...tables(false),
      matrix('qkv', 'read', vec),
      matrix('dO', 'read', vec),
      statsBinding('read'),
      matrix('dqkv', 'write', vec),
    ],
    `${domainRows(domain)}
${attentionFunctions({ ...shape, compact: false }, 'vec4<f32>')}
${runFour('qkv', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('dqkv', headDim, vec)}`,
    `  let row = first() + id.x;
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
  let kvHead = head / ${heads / kvHeads}u;
  let out = outBase(slot, head);
  let logSum = stats[slot * ${heads}u + head].x;
  let delta = stats[slot * ${heads}u + head].y;
  var gradient: array<vec4<f32>, ${fours}>;
  for (var c = lowestVisible(position); c <= position; c += 4u) {
    ${lanes.map((j) => `let row${j} = keyRow(s, min(c + ${j}u, position));`).join('\n    ')}
    ${lanes.map((j) => `let key${j} = keyBase(row${j}, kvHead); let value${j} = valueBase(row${j}, kvHead);`).join('\n    ')}
    var products = vec4<f32>();
    var values = vec4<f32>();
    for (var i = 0u; i < ${fours}u; i++) {
      let q = qkvFour(query, i);
      let g = dOFour(out, i);
      products += vec4<f32>(${lanes.map((j) => `dot(q, qkvFour(key${j}, i))`).join(', ')});
      values += vec4<f32>(${lanes.map((j) => `dot(g, qkvFour(value${j}, i))`).join(', ')});
    }
    let visible = vec4<u32>(c, c + 1u, c + 2u, c + 3u) <= vec4<u32>(position);
    let scores = scoreOf(products);
    let weights = select(vec4<f32>(), exp(scores - logSum), visible);
    let slope = weights * (values - delta) * scoreSlope(scores);
    for (var i = 0u; i < ${fours}u; i++) {
      gradient[i] += ${lanes.map((j) => `slope[${j}] * qkvFour(key${j}, i)`).join(' + ')};
    }
  }
  for (var i = 0u; i < ${fours}u; i++) { dqkvStore(query, i, gradient[i]); }`,
  );
}

/**
 * dK and dV of the key that each thread owns, from all queries of one sequence that see it.
 * - `text`: rows of texts; into the keys' and values' columns of dqkv
 * - `prompt`: keys of prompts as each sequence sees them; into partial sums `[jobs, 2, K, d]`, the sequence's own from `firstJob` on
 *
 * Bindings: counts, rowInfo, sequences, (slotRow), qkv, dOut, stats, result.
 */
export function threadKeyGradientKernel(shape: AttentionShape, keys: 'text' | 'prompt'): Kernel {
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
      : `if (id.z >= counts.sequences) { return; }
  let s = sequences[id.z];
  let position = id.x;
  // A prompt's own rows are its keys as it sees them itself.
  if (position >= select(s.promptLength, s.length, s.start < counts.promptEnd)) { return; }
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
      : `let keyOut = ((s.firstJob + position) * ${2 * kvHeads}u + head) * ${headDim}u; let valueOut = keyOut + ${kvHeads * headDim}u;`;
  return makeKernel(
    `attention ${keys} key gradient`,
    keys === 'text' ? growsAlongX(ATTENTION_LANES) : growsAlongZ(ATTENTION_LANES, kvHeads),
    [
      ...tables(compact),
      matrix('qkv', 'read', vec),
      matrix('dO', 'read', vec),
      statsBinding('read'),
      matrix('result', 'write', vec),
    ],
    `${domainRows('text')}
${attentionFunctions(shape, 'vec4<f32>')}
${runFour('qkv', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('result', headDim, vec)}`,
    `  let head = id.y;
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
      let scores = scoreOf(products);
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
  }`,
  );
}
