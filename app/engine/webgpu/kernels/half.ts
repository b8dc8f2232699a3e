/** @file Activations to half precision and back, two to a u32; several at once. */
import { type Groups, growsAlongX } from '../limits';
import { type Binding, countsBinding, type Kernel, makeKernel } from './wgsl';

const LANES = 64;
/** Largest number of an f16: what is beyond becomes it rather than infinity. */
const MOST = '65504.0';

/** Workgroups for `rows` rows of at most `width` elements: a thread four of them in each matrix. */
export function halfGroups(width: number, rows: number): Groups {
  return [Math.ceil((width * rows) / (4 * LANES)), 1, 1];
}

/**
 * All rows before `activeEnd` of matrices of the given widths, to half precision or from it.
 * Bindings: counts, then of each matrix its f32s and its halves. Both are whole fours of elements long.
 */
export function halfKernel(widths: readonly number[], to: 'half' | 'full'): Kernel {
  const bindings: Binding[] = widths.flatMap((_, n) => [
    { name: `full${n}`, type: 'array<vec4<f32>>', access: to === 'half' ? 'read' : 'write' },
    { name: `half${n}`, type: 'array<vec2<u32>>', access: to === 'half' ? 'write' : 'read' },
  ]);
  const one = (n: number) =>
    to === 'half'
      ? `let v = clamp(full${n}[id.x], vec4<f32>(-${MOST}), vec4<f32>(${MOST}));
    half${n}[id.x] = vec2<u32>(pack2x16float(v.xy), pack2x16float(v.zw));`
      : `let u = half${n}[id.x]; full${n}[id.x] = vec4<f32>(unpack2x16float(u.x), unpack2x16float(u.y));`;
  return makeKernel(
    `activations to ${to}`,
    growsAlongX(LANES),
    [countsBinding, ...bindings],
    '',
    widths
      .map(
        (width, n) => `  if (id.x < (counts.activeEnd * ${width}u + 3u) / 4u) {
    ${one(n)}
  }`,
      )
      .join('\n'),
  );
}
