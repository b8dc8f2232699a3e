/** @file What all kernels share: their bindings, the step's counts, the rows they run over, and how stored weights are read. */
import { COUNT_FIELDS, type Counts } from '../../layout';
import { centreOf, type Grouping, groupingOf, rowLayout } from '../../quantised';
import type { StoredType, WeightType } from '../../spec';
import { type Grid, unfoldedGroup } from '../limits';

export type Access = 'read' | 'write' | 'uniform';

export interface Binding {
  name: string;
  /** WGSL type of the whole binding. */
  type: string;
  access: Access;
}

/** A compute shader with the entry point `main` and bindings 0, 1, 2 … of group 0. */
export interface Kernel {
  label: string;
  code: string;
  access: Access[];
  grid: Grid;
}

/**
 * A kernel of declarations and the body of its entry point. The body finds `group`, the workgroup's place in the grid as it was meant,
 * however it was folded; `local` and `lane`, the thread's place in the workgroup in three numbers and in one; and `id`, its place in the grid.
 */
export function makeKernel(
  label: string,
  grid: Grid,
  bindings: readonly Binding[],
  functions: string,
  body: string,
): Kernel {
  const declarations = bindings.map(({ name, type, access }, i) => {
    const space = { uniform: 'uniform', read: 'storage, read', write: 'storage, read_write' }[access];
    return `@group(0) @binding(${i}) var<${space}> ${name}: ${type};`;
  });
  return {
    label,
    code: `${[...structs, ...declarations].join('\n')}
${functions}
@compute @workgroup_size(${grid.threads.join(', ')})
fn main(
  @builtin(workgroup_id) dispatched: vec3<u32>,
  @builtin(num_workgroups) dispatches: vec3<u32>,
  @builtin(local_invocation_id) local: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let group = ${unfoldedGroup(grid, 'dispatched', 'dispatches')};
  let id = group * vec3<u32>(${grid.threads.map((n) => `${n}u`).join(', ')}, 1u) + local;
${body}
}`,
    access: bindings.map(({ access }) => access),
    grid,
  };
}

/** Bytes of the uniform: a multiple of 16. */
export const COUNT_BYTES = Math.ceil(COUNT_FIELDS.length / 4) * 16;

/** A step's counts as the uniform has them; what is not given is 0. */
export function countValues(counts: Partial<Counts>): Uint32Array<ArrayBuffer> {
  const values = new Uint32Array(COUNT_BYTES / 4);
  values.set(COUNT_FIELDS.map((field) => counts[field] ?? 0));
  return values;
}

/** The counts of dispatches that depend on no step. */
export const NO_COUNTS: Counts = {
  activeStart: 0,
  activeEnd: 0,
  prefixEnd: 0,
  promptEnd: 0,
  slots: 0,
  jobs: 0,
  labels: 0,
  sequences: 0,
  promptSequences: 0,
  longestText: 0,
  longestPrompt: 0,
};

const structs = [
  `struct Counts { ${COUNT_FIELDS.map((field) => `${field}: u32, `).join('')} }`,
  // A prompt's own rows or a text; the rows of the prompt that it follows; its predicting rows among the slots; its jobs.
  'struct Sequence { start: u32, length: u32, promptStart: u32, promptLength: u32, slotStart: u32, slotCount: u32, firstJob: u32, pad: u32 }',
];

/**
 * The rows that a kernel runs over.
 * - `active`: all that are computed (prefix rows are given, not computed)
 * - `prompt`: of these, the rows of vector prompts
 * - `text`: of these, the rows of texts
 * - `slots`: the rows that predict a label, packed
 * - `chunk`: some of the slots; needs a binding `chunk`, (first slot, most slots, 0, 0)
 */
export type Domain = 'active' | 'prompt' | 'text' | 'slots' | 'chunk';

export const countsBinding: Binding = { name: 'counts', type: 'Counts', access: 'uniform' };
export const chunkBinding: Binding = { name: 'chunk', type: 'vec4<u32>', access: 'uniform' };

/** `first()` and `last()`: the domain's rows are first … last - 1. */
export function domainRows(domain: Domain): string {
  const [first, last] = {
    active: ['counts.activeStart', 'counts.activeEnd'],
    prompt: ['counts.activeStart', 'counts.promptEnd'],
    text: ['counts.promptEnd', 'counts.activeEnd'],
    slots: ['0u', 'counts.slots'],
    chunk: ['chunk.x', 'min(chunk.x + chunk.y, counts.slots)'],
  }[domain];
  return `fn first() -> u32 { return ${first}; }\nfn last() -> u32 { return ${last}; }`;
}

export function domainBindings(domain: Domain): Binding[] {
  return domain === 'chunk' ? [countsBinding, chunkBinding] : [countsBinding];
}

/** How many rows a domain has. */
export function domainSize(domain: Domain, counts: Counts, chunk?: { start: number; size: number }): number {
  switch (domain) {
    case 'active':
      return counts.activeEnd - counts.activeStart;
    case 'prompt':
      return counts.promptEnd - counts.activeStart;
    case 'text':
      return counts.activeEnd - counts.promptEnd;
    case 'slots':
      return counts.slots;
    case 'chunk':
      if (!chunk) throw new Error('A kernel over a chunk of rows needs the chunk.');
      return Math.max(0, Math.min(chunk.size, counts.slots - chunk.start));
  }
}

export function floats(name: string, access: Access): Binding {
  return { name, type: 'array<f32>', access };
}

/** An f32 matrix whose rows are multiples of 4 long where `vec`. */
export function matrix(name: string, access: Access, vec: boolean): Binding {
  return { name, type: vec ? 'array<vec4<f32>>' : 'array<f32>', access };
}

export function uints(name: string): Binding {
  return { name, type: 'array<u32>', access: 'read' };
}

/** A tensor as stored: f32, or pairs of 16-bit floats in u32; or codes of 8 or 4 bits in u32. `vec` where its rows are multiples of 4 elements long. */
export function stored(name: string, dtype: StoredType, vec = false): Binding {
  if (groupingOf(dtype)) return uints(name);
  const [scalar, four] = dtype === 'F32' ? ['f32', 'vec4<f32>'] : ['u32', 'vec2<u32>'];
  return { name, type: `array<${vec ? four : scalar}>`, access: 'read' };
}

/** `NAMEAt(i)`: element i of a tensor, as f32; `width` is the length of its rows. */
export function storedElement(name: string, dtype: StoredType, width = 1): string {
  const head = `fn ${name}At(i: u32) -> f32 {`;
  const grouping = groupingOf(dtype);
  if (grouping) {
    return `${codesFour(name, grouping, width)}
${head} let column = i % ${width}u; return ${name}CodesFour(i / ${width}u, column >> 2u)[column & 3u]; }`;
  }
  switch (dtype as WeightType) {
    case 'F32':
      return `${head} return ${name}[i]; }`;
    case 'F16':
      return `${head} let pair = unpack2x16float(${name}[i >> 1u]); return select(pair.x, pair.y, (i & 1u) == 1u); }`;
    case 'BF16':
      // bfloat16 is the upper half of an f32.
      return `${head} let pair = ${name}[i >> 1u]; return bitcast<f32>(select(pair << 16u, pair & 0xffff0000u, (i & 1u) == 1u)); }`;
  }
}

/** `NAMECodesFour(row, i)`: elements 4i … 4i + 3 of a row of codes, which `../../quantised.ts` describes; 0 beyond its end. */
function codesFour(name: string, grouping: Grouping, width: number): string {
  const { bits, group, scale, offset } = grouping;
  const { groups, scales, bytes } = rowLayout(grouping, width);
  const codes =
    bits === 8
      ? `(vec4<u32>(${name}[base + i]) >> vec4<u32>(0u, 8u, 16u, 24u)) & vec4<u32>(255u)`
      : `(vec4<u32>(${name}[base + (i >> 1u)] >> ((i & 1u) << 4u)) >> vec4<u32>(0u, 4u, 8u, 12u)) & vec4<u32>(15u)`;
  // Scales, then offsets: number `at` of them.
  const scaleAt = (at: string) =>
    scale === 'F32'
      ? `bitcast<f32>(${name}[base + ${scales / 4}u + ${at}])`
      : `unpack2x16float(${name}[base + ${scales / 4}u + ((${at}) >> 1u)])[(${at}) & 1u]`;
  const inside = [0, 1, 2, 3].map((j) => `4u * i + ${j}u < ${width}u`).join(', ');
  return `fn ${name}CodesFour(row: u32, i: u32) -> vec4<f32> {
  let base = row * ${bytes / 4}u;
  let group = i >> ${Math.log2(group / 4)}u;
  let codes = vec4<f32>(${codes})${offset ? '' : ` - ${centreOf(grouping)}.0`};
  let value = codes * ${scaleAt('group')}${offset ? ` + ${scaleAt(`${groups}u + group`)}` : ''};
  return ${width % 4 === 0 ? 'value' : `select(vec4<f32>(), value, vec4<bool>(${inside}))`};
}`;
}

/** `NAMEFour(row, i)`: elements 4i … 4i + 3 of a row of `width` elements; 0 beyond its end where not `vec`. */
export function storedFour(name: string, dtype: StoredType, width: number, vec: boolean): string {
  const head = `fn ${name}Four(row: u32, i: u32) -> vec4<f32> {`;
  const grouping = groupingOf(dtype);
  if (grouping) return `${codesFour(name, grouping, width)}\n${head} return ${name}CodesFour(row, i); }`;
  if (!vec) {
    const element = (j: number) => `select(0.0, ${name}At(base + ${j}u), 4u * i + ${j}u < ${width}u)`;
    return `${storedElement(name, dtype)}
${head} let base = row * ${width}u + 4u * i; return vec4<f32>(${[0, 1, 2, 3].map(element).join(', ')}); }`;
  }
  const index = `row * ${width / 4}u + i`;
  switch (dtype as WeightType) {
    case 'F32':
      return `${head} return ${name}[${index}]; }`;
    case 'F16':
      return `${head} let u = ${name}[${index}]; return vec4<f32>(unpack2x16float(u.x), unpack2x16float(u.y)); }`;
    case 'BF16':
      return `${head} let u = ${name}[${index}];
  return bitcast<vec4<f32>>(vec4<u32>(u.x << 16u, u.x & 0xffff0000u, u.y << 16u, u.y & 0xffff0000u)); }`;
  }
}

/** `NAMEFour(base, i)`: elements base + 4i … of an f32 buffer, within a run of `width` elements; base is a multiple of 4 where `vec`. */
export function runFour(name: string, width: number, vec: boolean): string {
  const head = `fn ${name}Four(base: u32, i: u32) -> vec4<f32> {`;
  if (vec) return `${head} return ${name}[(base >> 2u) + i]; }`;
  const element = (j: number) => `select(0.0, ${name}[at + ${j}u], 4u * i + ${j}u < ${width}u)`;
  return `${head} let at = base + 4u * i; return vec4<f32>(${[0, 1, 2, 3].map(element).join(', ')}); }`;
}

/** `NAMEStore(base, i, value)`: the counterpart of `runFour`. */
export function runStore(name: string, width: number, vec: boolean): string {
  const head = `fn ${name}Store(base: u32, i: u32, value: vec4<f32>) {`;
  if (vec) return `${head} ${name}[(base >> 2u) + i] = value; }`;
  const element = (j: number) => `  if (4u * i + ${j}u < ${width}u) { ${name}[at + ${j}u] = value[${j}]; }`;
  return `${head} let at = base + 4u * i;\n${[0, 1, 2, 3].map(element).join('\n')}\n}`;
}

/** A number as a WGSL f32 literal. */
export function real(value: number): string {
  const text = Math.fround(value).toExponential();
  return `f32(${text})`;
}

/**
 * Sums over a workgroup of `size` invocations (a multiple of 4): `total(lane, pair)` gives both sums to all. Every
 * invocation adds up all parts: two barriers instead of two a halving, which software adapters are slow at.
 */
export function workgroupSum(size: number): string {
  return `var<workgroup> parts: array<vec2<f32>, ${size}>;
fn total(lane: u32, pair: vec2<f32>) -> vec2<f32> {
  workgroupBarrier();
  parts[lane] = pair;
  workgroupBarrier();
  var sum = vec2<f32>();
  for (var i = 0u; i < ${size}u; i++) { sum += parts[i]; }
  return sum;
}`;
}
