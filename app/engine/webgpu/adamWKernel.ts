/**
 * @file The update of AdamW over one parameter as one dispatch (Loshchilov & Hutter 2019, algorithm 2), the gradient clipped by its norm.
 * A prompt is small: every workgroup sums the whole gradient's squares for itself, which costs less than a second
 * dispatch and gives each the same norm to the bit.
 */
import { type Binding, floats, type Kernel, makeKernel } from './kernels/wgsl';
import { type Groups, growsAlongX } from './limits';

const LANES = 256;
/** Elements of a workgroup at least, and workgroups at most: each reads the whole gradient. */
const LEAST_EACH = 1024;
const MOST_GROUPS = 16;

/** The uniform, in order; `count` and `each` are u32, the others f32. */
export const SCALAR_FIELDS = [
  'count',
  'each',
  'clipNorm',
  'stepSize',
  'rootCorrection',
  'decay',
  'epsilon',
  'restOfBeta1',
  'beta2',
  'restOfBeta2',
] as const;

/** Elements of each workgroup, and how many workgroups there are. */
export function adamWGroups(count: number): { each: number; groups: Groups } {
  const each = Math.max(LEAST_EACH, Math.ceil(count / MOST_GROUPS));
  return { each, groups: [Math.ceil(count / each), 1, 1] };
}

const bindings: Binding[] = [
  { name: 'scalars', type: 'Scalars', access: 'uniform' },
  floats('gradient', 'read'),
  floats('parameter', 'read'),
  floats('first', 'read'),
  floats('second', 'read'),
  floats('newParameter', 'write'),
  floats('newFirst', 'write'),
  floats('newSecond', 'write'),
  floats('norm', 'write'),
];

/** Bindings: scalars, gradient, parameter and moments before, parameter and moments after, norm before clipping. */
export const adamWKernel: Kernel = makeKernel(
  'AdamW',
  growsAlongX(LANES),
  bindings,
  `struct Scalars { ${SCALAR_FIELDS.map((field, i) => `${field}: ${i < 2 ? 'u32' : 'f32'}`).join(', ')} }
var<workgroup> parts: array<f32, ${LANES}>;
var<workgroup> sixteenths: array<f32, 16>;

fn gradientNorm(lane: u32) -> f32 {
  var squares = 0.0;
  for (var i = lane; i < scalars.count; i += ${LANES}u) { squares += gradient[i] * gradient[i]; }
  parts[lane] = squares;
  workgroupBarrier();
  if (lane < 16u) {
    var sum = 0.0;
    for (var i = 0u; i < ${LANES / 16}u; i++) { sum += parts[lane * ${LANES / 16}u + i]; }
    sixteenths[lane] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < 16u; i++) { sum += sixteenths[i]; }
  return sqrt(sum);
}`,
  `  let length = gradientNorm(lane);
  if (group.x == 0u && lane == 0u) { norm[0] = length; }
  var clip = 1.0;
  if (scalars.clipNorm > 0.0) { clip = min(scalars.clipNorm / (length + 1e-6), 1.0); }
  let end = min((group.x + 1u) * scalars.each, scalars.count);
  for (var i = group.x * scalars.each + lane; i < end; i += ${LANES}u) {
    let g = gradient[i] * clip;
    let m = first[i] + (g - first[i]) * scalars.restOfBeta1;
    let v = second[i] * scalars.beta2 + g * g * scalars.restOfBeta2;
    newFirst[i] = m;
    newSecond[i] = v;
    let denominator = sqrt(v) / scalars.rootCorrection + scalars.epsilon;
    newParameter[i] = parameter[i] * scalars.decay - m / denominator * scalars.stepSize;
  }`,
);
