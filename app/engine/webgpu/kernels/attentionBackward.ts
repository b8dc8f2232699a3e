/**
 * @file Gradients of attention (Dao et al. 2022): with P = exp(S − LSE) and Δ = rowsum(dO ∘ O),
 * dV = Pᵀ dO, dS = P ∘ (dO Vᵀ − Δ), dQ = dS K · scale, dK = dSᵀ Q · scale. WGSL has no float atomics, so each workgroup owns what
 * it writes: queries of a sequence; keys of a text; or keys of a prompt as one sequence sees them, summed over sequences afterwards.
 */
import { type Groups, growsAlongX, growsAlongY, growsAlongZ } from '../limits';
import {
  ATTENTION_LANES,
  type AttentionShape,
  attentionFunctions,
  blocksOf,
  bring,
  qkvWidth,
  resultFours,
  rowProduct,
  type StepGroups,
  tableBindings,
  workgroupArrays,
} from './attention';
import {
  type Binding,
  countsBinding,
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

/** Of queries and heads (log-sum-exp, Δ). */
export const statsBinding = (access: Binding['access']): Binding => ({
  name: 'stats',
  type: 'array<vec2<f32>>',
  access,
});

/** Workgroups of `deltaKernel`. */
export function deltaGroups({ heads }: AttentionShape, queries: number): Groups {
  return [Math.ceil(queries / ATTENTION_LANES), heads, 1];
}

/**
 * (log-sum-exp, Δ) `[queries, H]`, where `queryGradientKernel` does not make it for all queries. Bindings: counts, out, dOut, lse, stats.
 */
export function deltaKernel(shape: AttentionShape): Kernel {
  const { heads, headDim, compact } = shape;
  const domain: Domain = compact ? 'slots' : 'active';
  return makeKernel(
    'attention delta',
    growsAlongX(ATTENTION_LANES),
    [
      ...domainBindings(domain),
      floats('o', 'read'),
      floats('dO', 'read'),
      floats('lse', 'read'),
      statsBinding('write'),
    ],
    `${domainRows(domain)}`,
    `  let query = first() + id.x;
  if (query >= last()) { return; }
  let at = query * ${heads}u + id.y;
  var sum = 0.0;
  for (var i = at * ${headDim}u; i < (at + 1u) * ${headDim}u; i++) { sum += o[i] * dO[i]; }
  stats[at] = vec2<f32>(lse[at], sum);`,
  );
}

const queryBlocks = (headDim: number) => blocksOf(headDim, 2, 2, 1);

/** Workgroups for the queries of all sequences, or of prompts' own rows. */
export function queryGradientGroups(
  { heads, headDim }: AttentionShape,
  rows: 'active' | 'prompt',
): StepGroups {
  const { own } = queryBlocks(headDim);
  return ({ sequences, promptSequences, longestText, longestPrompt }) =>
    rows === 'prompt'
      ? [Math.ceil(longestPrompt / own), heads, promptSequences]
      : [Math.ceil(Math.max(longestText, longestPrompt) / own), heads, sequences];
}

/**
 * dQ into the queries' columns of dqkv, of all sequences or of prompts' own rows; 0 for rows without a slot where `compact`; and these queries' (log-sum-exp, Δ).
 * Bindings: counts, sequences, rowInfo, qkv, out, dOut, lse, stats, dqkv.
 */
export function queryGradientKernel(shape: AttentionShape, rows: 'active' | 'prompt'): Kernel {
  const { heads, kvHeads, headDim, compact } = shape;
  const vec = headDim % 4 === 0;
  const blocks = queryBlocks(headDim);
  const { own, other, lanes, fours, stride } = blocks;
  const results = resultFours(blocks);
  return makeKernel(
    'attention query gradient',
    growsAlongZ(ATTENTION_LANES, heads),
    [
      ...tableBindings(false),
      { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' },
      matrix('qkv', 'read', vec),
      matrix('o', 'read', vec),
      matrix('dO', 'read', vec),
      floats('lse', 'read'),
      statsBinding('write'),
      matrix('dqkv', 'write', vec),
    ],
    `${attentionFunctions({ ...shape, compact: false })}
${runFour('qkv', headDim, vec)}
${runFour('o', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('dqkv', headDim, vec)}
fn slotOf(row: u32) -> u32 { return ${compact ? 'rowInfo[row].w' : 'row'}; }
${workgroupArrays(blocks, ['qs', 'gs'], ['ks', 'vs'], ['slopes'])}`,
    `  if (group.z >= counts.sequences) { return; }
  let s = sequences[group.z];
  ${rows === 'prompt' ? 'if (s.start >= counts.promptEnd) { return; }' : ''}
  let head = group.y;
  let kvHead = head / ${heads / kvHeads}u;
  let first = s.start + group.x * ${own}u;
  let end = s.start + s.length;
  if (first >= end) { return; }
  let mine = lane / ${lanes}u;
  let sub = lane % ${lanes}u;
  let row = min(first + mine, end - 1u);
  let slot = slotOf(row);
  let hasSlot = slot != 0xffffffffu;
  let position = positionOf(s, row);
  let lastPosition = positionOf(s, min(first + ${own - 1}u, end - 1u));
  ${bring(
    blocks,
    own,
    `let row = min(first + r, end - 1u);
      let slot = slotOf(row);
      qs[at] = qkvFour(queryBase(row, head), i);
      gs[at] = vec4<f32>();
      if (slot != 0xffffffffu) { gs[at] = dOFour(outBase(slot, head), i); }`,
  )}
  // Δ, each thread of the row a part.
  var part = 0.0;
  var logSum = 0.0;
  if (hasSlot) {
    let out = outBase(slot, head);
    for (var i = sub; i < ${fours}u; i += ${lanes}u) { part += dot(oFour(out, i), dOFour(out, i)); }
    logSum = lse[slot * ${heads}u + head];
  }
  slopes[lane] = part;
  workgroupBarrier();
  var delta = 0.0;
  for (var i = 0u; i < ${lanes}u; i++) { delta += slopes[mine * ${lanes}u + i]; }
  if (hasSlot && sub == 0u) { stats[slot * ${heads}u + head] = vec2<f32>(logSum, delta); }
  workgroupBarrier();
  ${results.map((_, n) => `var gradient${n} = vec4<f32>();`).join(' ')}
  for (var c = lowestVisible(positionOf(s, first)); c <= lastPosition; c += ${other}u) {
    ${bring(
      blocks,
      other,
      `let key = keyRow(s, min(c + r, lastPosition));
      ks[at] = qkvFour(keyBase(key, kvHead), i);
      vs[at] = qkvFour(valueBase(key, kvHead), i);`,
    )}
    workgroupBarrier();
    for (var j = sub; j < ${other}u; j += ${lanes}u) {
      ${rowProduct(blocks, 'product', ['qs', 'mine'], ['ks', 'j'])}
      ${rowProduct(blocks, 'value', ['gs', 'mine'], ['vs', 'j'])}
      let score = scoreOf(product);
      let weight = select(0.0, exp(score - logSum), hasSlot && sees(position, c + j));
      slopes[mine * ${other}u + j] = weight * (value - delta) * scoreSlope(score);
    }
    workgroupBarrier();
    for (var j = 0u; j < ${other}u; j++) {
      let slope = slopes[mine * ${other}u + j];
      ${results.map(({ index }, n) => `gradient${n} += slope * ks[j * ${stride}u + ${index}];`).join(' ')}
    }
    workgroupBarrier();
  }
  if (first + mine >= end) { return; }
  let base = queryBase(row, head);
  ${results.map(({ index, guard }, n) => `${guard}{ dqkvStore(base, ${index}, gradient${n}); }`).join('\n  ')}`,
  );
}

const keyBlocks = (headDim: number) => blocksOf(headDim, 2, 2, 2);

/** Workgroups for the keys of prompts as each sequence sees them, then for those of texts where `texts`. */
export function keyGradientGroups({ kvHeads, headDim }: AttentionShape, texts: boolean): StepGroups {
  const { own } = keyBlocks(headDim);
  return ({ sequences, longestText, longestPrompt }) => [
    Math.ceil(longestPrompt / own) + (texts ? Math.ceil(longestText / own) : 0),
    kvHeads,
    sequences,
  ];
}

/**
 * dK and dV from all queries of one sequence that see a key: of a prompt's keys into partial sums `[jobs, 2, K, d]`, the sequence's
 * own jobs from `firstJob` on; where `texts`, of a text's own keys into their columns of dqkv.
 * Bindings: counts, sequences, (slotRow), qkv, dOut, stats, partials, dqkv.
 */
export function keyGradientKernel(shape: AttentionShape, texts: boolean): Kernel {
  const { heads, kvHeads, headDim, compact } = shape;
  const vec = headDim % 4 === 0;
  const blocks = keyBlocks(headDim);
  const { own, other, lanes, stride } = blocks;
  const results = resultFours(blocks);
  const groups = heads / kvHeads;
  const store = (name: string) =>
    results
      .map(
        ({ index, guard }, n) =>
          `${guard}{ ${name}Store(keyOut, ${index}, keyGradient${n}); ${name}Store(valueOut, ${index}, valueGradient${n}); }`,
      )
      .join('\n    ');
  return makeKernel(
    'attention key gradient',
    growsAlongZ(ATTENTION_LANES, kvHeads),
    [
      ...tableBindings(compact),
      matrix('qkv', 'read', vec),
      matrix('dO', 'read', vec),
      statsBinding('read'),
      matrix('partials', 'write', vec),
      matrix('dqkv', 'write', vec),
    ],
    `${attentionFunctions(shape)}
${runFour('qkv', headDim, vec)}
${runFour('dO', headDim, vec)}
${runStore('partials', headDim, vec)}
${runStore('dqkv', headDim, vec)}
${workgroupArrays(blocks, ['ks', 'vs'], ['qs', 'gs'], ['weights', 'slopes'])}`,
    `  if (group.z >= counts.sequences) { return; }
  let s = sequences[group.z];
  let kvHead = group.y;
  // A prompt's own rows are its keys as it sees them itself.
  let isPrompt = s.start < counts.promptEnd;
  let promptKeys = select(s.promptLength, s.length, isPrompt);
  let promptBlocks = (promptKeys + ${own - 1}u) / ${own}u;
  let ofPrompt = group.x < promptBlocks;
  let first = select(s.promptLength + (group.x - promptBlocks) * ${own}u, group.x * ${own}u, ofPrompt);
  let end = select(s.promptLength + s.length, promptKeys, ofPrompt);
  if (first >= end || (!ofPrompt && ${texts ? 'isPrompt' : 'true'})) { return; }
  let mine = lane / ${lanes}u;
  let sub = lane % ${lanes}u;
  let position = min(first + mine, end - 1u);
  ${bring(
    blocks,
    own,
    `let row = keyRow(s, min(first + r, end - 1u));
      ks[at] = qkvFour(keyBase(row, kvHead), i);
      vs[at] = qkvFour(valueBase(row, kvHead), i);`,
  )}
  ${results.map((_, n) => `var keyGradient${n} = vec4<f32>(); var valueGradient${n} = vec4<f32>();`).join('\n  ')}
  ${
    compact
      ? `let firstQuery = s.slotStart;
  let lastQuery = s.slotStart + s.slotCount;`
      : `let firstQuery = s.start + max(first, s.promptLength) - s.promptLength;
  let lastQuery = s.start + s.length;`
  }
  for (var head = kvHead * ${groups}u; head < (kvHead + 1u) * ${groups}u; head++) {
    for (var t = firstQuery; t < lastQuery; t += ${other}u) {
      ${bring(
        blocks,
        other,
        `let query = min(t + r, lastQuery - 1u);
      qs[at] = qkvFour(queryBase(rowOf(query), head), i);
      gs[at] = dOFour(outBase(query, head), i);`,
      )}
      workgroupBarrier();
      for (var j = sub; j < ${other}u; j += ${lanes}u) {
        let query = min(t + j, lastQuery - 1u);
        let stat = stats[query * ${heads}u + head];
        ${rowProduct(blocks, 'product', ['ks', 'mine'], ['qs', 'j'])}
        ${rowProduct(blocks, 'value', ['vs', 'mine'], ['gs', 'j'])}
        let score = scoreOf(product);
        let seen = t + j < lastQuery && sees(positionOf(s, rowOf(query)), position);
        let weight = select(0.0, exp(score - stat.x), seen);
        weights[mine * ${other}u + j] = weight;
        slopes[mine * ${other}u + j] = weight * (value - stat.y) * scoreSlope(score);
      }
      workgroupBarrier();
      for (var j = 0u; j < ${other}u; j++) {
        let weight = weights[mine * ${other}u + j];
        let slope = slopes[mine * ${other}u + j];
        ${results
          .map(
            ({ index }, n) =>
              `keyGradient${n} += slope * qs[j * ${stride}u + ${index}]; valueGradient${n} += weight * gs[j * ${stride}u + ${index}];`,
          )
          .join('\n        ')}
      }
      workgroupBarrier();
    }
  }
  if (first + mine >= end) { return; }
  if (ofPrompt) {
    let keyOut = ((s.firstJob + position) * ${2 * kvHeads}u + kvHead) * ${headDim}u;
    let valueOut = keyOut + ${kvHeads * headDim}u;
    ${store('partials')}
  } else {
    let row = keyRow(s, position);
    let keyOut = keyBase(row, kvHead);
    let valueOut = valueBase(row, kvHead);
    ${store('dqkv')}
  }`,
  );
}

/** Workgroups of `promptSumKernel`. */
export function promptSumGroups({ kvHeads, headDim }: AttentionShape, rows: number): Groups {
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
    growsAlongY(ATTENTION_LANES),
    [
      countsBinding,
      { name: 'promptRows', type: 'array<vec4<u32>>', access: 'read' },
      floats('partials', 'read'),
      floats('dqkv', 'write'),
    ],
    '',
    `  let row = id.y;
  if (row >= counts.promptEnd || id.x >= ${width}u) { return; }
  let info = promptRows[row];
  var sum = 0.0;
  for (var n = 0u; n < info.z; n++) { sum += partials[(info.x + n * info.y) * ${width}u + id.x]; }
  dqkv[row * ${qkvWidth(shape)}u + ${heads * headDim}u + id.x] = sum;`,
  );
}
