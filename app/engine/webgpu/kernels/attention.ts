/**
 * @file Causal attention of packed rows: a row sees the rows of the prompt that its sequence follows and its own
 * sequence up to itself, so a visible key's index is its position. Online softmax (Milakov & Gimelshein 2018; Dao et
 * al. 2022): no matrix of scores exists. A workgroup has some queries of one sequence and head in its memory and brings
 * the keys and values that these see there, block by block.
 */
import type { Counts } from '../../layout';
import { type Groups, growsAlongZ } from '../limits';
import {
  type Binding,
  countsBinding,
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

/** Workgroup memory that every device has. */
const MEMORY = 16384;

/** How a workgroup divides its work: rows that it owns, and rows of a block that it goes through. */
export interface Blocks {
  own: number;
  other: number;
  /** Threads that share a row of its own. */
  lanes: number;
  /** Fours of a head, and from one row to the next in workgroup memory: odd, for neighbours to lie in different banks. */
  fours: number;
  stride: number;
  /** Fours of a head of which a thread makes the result. */
  results: number;
}

/** The largest blocks of which `own` and `other` matrices and `tables` tables of numbers fit the workgroup's memory. */
export function blocksOf(headDim: number, own: number, other: number, tables: number): Blocks {
  const fours = Math.ceil(headDim / 4);
  const stride = fours | 1;
  const sizes = [16, 8, 4, 2].flatMap((a) => [16, 8, 4, 2, 1].map((b) => ({ own: a, other: b })));
  const fitting = sizes.filter(
    (size) => (own * size.own + other * size.other) * stride * 16 + tables * tableSize(size) * 4 <= MEMORY,
  );
  if (fitting.length === 0) {
    throw new RangeError(`Attention heads of ${headDim} numbers are too large for this engine.`);
  }
  const best = fitting.reduce((a, b) => (b.own * b.other > a.own * a.other ? b : a));
  const lanes = ATTENTION_LANES / best.own;
  return { ...best, lanes, fours, stride, results: Math.ceil(fours / lanes) };
}

/** Numbers of a table: one a pair of rows, or one a thread. */
function tableSize({ own, other }: Pick<Blocks, 'own' | 'other'>): number {
  return Math.max(own * other, ATTENTION_LANES);
}

export const forwardBlocks = (headDim: number) => blocksOf(headDim, 1, 2, 1);

/** Workgroups of a step, by its counts. */
export type StepGroups = (counts: Counts) => Groups;

/** Workgroups for the queries of all sequences. */
export function attentionGroups({ heads, headDim }: AttentionShape): StepGroups {
  const { own } = forwardBlocks(headDim);
  return ({ sequences, longestText, longestPrompt }) => [
    Math.ceil(Math.max(longestText, longestPrompt) / own),
    heads,
    sequences,
  ];
}

/** Elements of a row of queries, keys and values. */
export function qkvWidth({ heads, kvHeads, headDim }: AttentionShape): number {
  return (heads + 2 * kvHeads) * headDim;
}

/** Tables: the sequences; of each slot its row. */
export function tableBindings(compact: boolean): Binding[] {
  return [
    countsBinding,
    { name: 'sequences', type: 'array<Sequence>', access: 'read' },
    ...(compact ? [{ name: 'slotRow', type: 'array<u32>', access: 'read' } as const] : []),
  ];
}

/** Where heads begin, in elements, and positions; scores, one or four. A query's row is `rowOf` its index, among the slots where `compact`. */
export function attentionFunctions(shape: AttentionShape, scores: 'f32' | 'vec4<f32>' = 'f32'): string {
  const { heads, kvHeads, headDim, window, compact, scale } = shape;
  const row = qkvWidth(shape);
  const cap = shape.softcap === null ? null : real(shape.softcap);
  const [score, slope] = ['scoreOf(product', 'scoreSlope(score'].map(
    (head) => `fn ${head}: ${scores}) -> ${scores}`,
  );
  // cap · tanh(s / cap) has the derivative 1 − (score / cap)².
  const scoring =
    cap === null
      ? `${score} { return product * ${real(scale)}; }
${slope} { return ${scores}(${real(scale)}); }`
      : `${score} { return ${cap} * tanh(clamp(product * ${real(scale)} / ${cap}, ${scores}(-15.0), ${scores}(15.0))); }
${slope} { let t = score / ${cap}; return ${real(scale)} * (1.0 - t * t); }`;
  return `fn queryBase(row: u32, head: u32) -> u32 { return row * ${row}u + head * ${headDim}u; }
fn keyBase(row: u32, head: u32) -> u32 { return row * ${row}u + ${heads * headDim}u + head * ${headDim}u; }
fn valueBase(row: u32, head: u32) -> u32 { return row * ${row}u + ${(heads + kvHeads) * headDim}u + head * ${headDim}u; }
fn outBase(query: u32, head: u32) -> u32 { return (query * ${heads}u + head) * ${headDim}u; }
fn keyRow(s: Sequence, position: u32) -> u32 {
  return select(s.start + position - s.promptLength, s.promptStart + position, position < s.promptLength);
}
fn rowOf(query: u32) -> u32 { return ${compact ? 'slotRow[query]' : 'query'}; }
fn positionOf(s: Sequence, row: u32) -> u32 { return s.promptLength + row - s.start; }
fn lowestVisible(position: u32) -> u32 { return ${window === null ? '0u' : `max(position + 1u, ${window}u) - ${window}u`}; }
fn sees(position: u32, key: u32) -> bool { return key <= position && key >= lowestVisible(position); }
${scoring}`;
}

/** Workgroup memory: matrices of so many rows each, and tables of numbers. */
export function workgroupArrays(
  blocks: Blocks,
  own: readonly string[],
  other: readonly string[],
  tables: readonly string[],
): string {
  const declare = (name: string, type: string, size: number) =>
    `var<workgroup> ${name}: array<${type}, ${size}>;`;
  return [
    ...own.map((name) => declare(name, 'vec4<f32>', blocks.own * blocks.stride)),
    ...other.map((name) => declare(name, 'vec4<f32>', blocks.other * blocks.stride)),
    ...tables.map((name) => declare(name, 'f32', tableSize(blocks))),
  ].join('\n');
}

/** Brings `rows` rows into workgroup memory, all threads together; `each` is code for fours `i` of row `r`, to `at`. */
export function bring({ fours, stride }: Blocks, rows: number, each: string): string {
  return `for (var n = lane; n < ${rows * fours}u; n += ${ATTENTION_LANES}u) {
      let r = n / ${fours}u;
      let i = n % ${fours}u;
      let at = r * ${stride}u + i;
      ${each}
    }`;
}

/** The product of two rows in workgroup memory, into a new variable. */
export function rowProduct(
  { fours, stride }: Blocks,
  name: string,
  a: [string, string],
  b: [string, string],
): string {
  return `var ${name} = 0.0;
      for (var i = 0u; i < ${fours}u; i++) { ${name} += dot(${a[0]}[${a[1]} * ${stride}u + i], ${b[0]}[${b[1]} * ${stride}u + i]); }`;
}

/** For each of a thread's fours of the result its index, in code; the last may lie past a row's end, where it is not stored. */
export function resultFours({ results, lanes, fours }: Blocks): { index: string; guard: string }[] {
  return Array.from({ length: results }, (_, n) => {
    const index = `(sub + ${n * lanes}u)`;
    return (n + 1) * lanes <= fours
      ? { index, guard: '' }
      : { index: `min(sub + ${n * lanes}u, ${fours - 1}u)`, guard: `if (sub + ${n * lanes}u < ${fours}u) ` };
  });
}

/** Bindings: counts, sequences, (slotRow), qkv, out `[queries, H·d]`, lse `[queries, H]`. */
export function attentionKernel(shape: AttentionShape): Kernel {
  const { heads, kvHeads, headDim, compact } = shape;
  const vec = headDim % 4 === 0;
  const blocks = forwardBlocks(headDim);
  const { own, other, lanes, stride } = blocks;
  const results = resultFours(blocks);
  return makeKernel(
    'attention',
    growsAlongZ(ATTENTION_LANES, heads),
    [
      ...tableBindings(compact),
      matrix('qkv', 'read', vec),
      matrix('o', 'write', vec),
      floats('lse', 'write'),
    ],
    `${attentionFunctions(shape)}
${runFour('qkv', headDim, vec)}
${runStore('o', headDim, vec)}
${workgroupArrays(blocks, ['qs'], ['ks', 'vs'], ['scores'])}`,
    `  if (group.z >= counts.sequences) { return; }
  let s = sequences[group.z];
  let head = group.y;
  let kvHead = head / ${heads / kvHeads}u;
  ${
    compact
      ? `let first = s.slotStart + group.x * ${own}u;
  let end = s.slotStart + s.slotCount;`
      : `let first = max(s.start, counts.activeStart) + group.x * ${own}u;
  let end = s.start + s.length;`
  }
  if (first >= end) { return; }
  let mine = lane / ${lanes}u;
  let sub = lane % ${lanes}u;
  // Threads past the last query do as it does, and store nothing.
  let query = min(first + mine, end - 1u);
  let position = positionOf(s, rowOf(query));
  let lastPosition = positionOf(s, rowOf(min(first + ${own - 1}u, end - 1u)));
  ${bring(blocks, own, 'qs[at] = qkvFour(queryBase(rowOf(min(first + r, end - 1u)), head), i);')}
  var most = -1e30;
  var sum = 0.0;
  ${results.map((_, n) => `var mixed${n} = vec4<f32>();`).join(' ')}
  for (var c = lowestVisible(positionOf(s, rowOf(first))); c <= lastPosition; c += ${other}u) {
    ${bring(
      blocks,
      other,
      `let row = keyRow(s, min(c + r, lastPosition));
      ks[at] = qkvFour(keyBase(row, kvHead), i);
      vs[at] = qkvFour(valueBase(row, kvHead), i);`,
    )}
    workgroupBarrier();
    for (var j = sub; j < ${other}u; j += ${lanes}u) {
      ${rowProduct(blocks, 'product', ['qs', 'mine'], ['ks', 'j'])}
      scores[mine * ${other}u + j] = select(-1e30, scoreOf(product), sees(position, c + j));
    }
    workgroupBarrier();
    var top = most;
    for (var j = 0u; j < ${other}u; j++) { top = max(top, scores[mine * ${other}u + j]); }
    let kept = exp(most - top);
    sum *= kept;
    ${results.map((_, n) => `mixed${n} *= kept;`).join(' ')}
    for (var j = 0u; j < ${other}u; j++) {
      let score = scores[mine * ${other}u + j];
      // As long as nothing is visible, top is no score.
      let weight = select(0.0, exp(score - top), score > -1e30);
      sum += weight;
      ${results.map(({ index }, n) => `mixed${n} += weight * vs[j * ${stride}u + ${index}];`).join(' ')}
    }
    most = top;
    workgroupBarrier();
  }
  if (first + mine >= end) { return; }
  let base = outBase(query, head);
  ${results.map(({ index, guard }, n) => `${guard}{ oStore(base, ${index}, mixed${n} / sum); }`).join('\n  ')}
  if (sub == 0u) { lse[query * ${heads}u + head] = most + log(sum); }`,
  );
}
