/**
 * @file LayerNorm and RMSNorm over rows, one workgroup a row. With x̂ = (x − μ) · r, r = 1 / √(variance + ε)
 * (RMSNorm: μ = 0), y = γ ∘ x̂ + β and, for g = γ ∘ dy,
 * dx = r · (g − x̂ · mean(g ∘ x̂) − mean(g)), the last term for LayerNorm only.
 */
import type { NormSpec, WeightType } from '../../spec';
import { growsAlongX } from '../limits';
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
  workgroupSum,
} from './wgsl';

const LANES = 32;

export interface NormShape {
  width: number;
  norm: NormSpec;
  weight: WeightType;
  bias: WeightType | null;
  domain: Domain;
}

const rowHead = (width: number) => `  let row = first() + group.x;
  if (row >= last()) { return; }
  let base = row * ${width}u;`;

const eachElement = (width: number, body: string) =>
  `for (var i = lane; i < ${width}u; i += ${LANES}u) { ${body} }`;

/** One workgroup a row. Bindings: counts, x, weight, (bias), (residual), y, stats (μ and r of each row). */
export function normKernel(shape: NormShape & { residual: boolean }): Kernel {
  const { width, norm, weight, bias, domain, residual } = shape;
  const bindings: Binding[] = [
    ...domainBindings(domain),
    floats('x', 'read'),
    stored('weight', weight),
    ...(bias ? [stored('bias', bias)] : []),
    ...(residual ? [floats('residual', 'read')] : []),
    floats('y', 'write'),
    { name: 'stats', type: 'array<vec2<f32>>', access: 'write' },
  ];
  const centre = norm.kind === 'layer';
  return makeKernel(
    `norm ${width}`,
    growsAlongX(LANES),
    bindings,
    `${domainRows(domain)}
${storedElement('weight', weight)}
${bias ? storedElement('bias', bias) : ''}
${workgroupSum(LANES)}`,
    `${rowHead(width)}
  var mean = 0.0;
  ${centre ? `var sum = 0.0; ${eachElement(width, 'sum += x[base + i];')} mean = total(lane, vec2<f32>(sum, 0.0)).x / ${width}.0;` : ''}
  var squares = 0.0;
  ${eachElement(width, 'let centred = x[base + i] - mean; squares += centred * centred;')}
  let r = inverseSqrt(total(lane, vec2<f32>(squares, 0.0)).x / ${width}.0 + ${real(norm.epsilon)});
  if (lane == 0u) { stats[row] = vec2<f32>(mean, r); }
  ${eachElement(
    width,
    `var value = (x[base + i] - mean) * r * (weightAt(i) + ${norm.weightOffset}.0);
    ${bias ? 'value += biasAt(i);' : ''} ${residual ? 'value += residual[base + i];' : ''} y[base + i] = value;`,
  )}`,
  );
}

/**
 * One workgroup a row. Where the result goes:
 * - `set`: dx is the gradient
 * - `add`: it is added to what dx holds
 * - `addToSlots`: dx is what `slotsGradient` has for the row's slot (`rowInfo.w`; nothing for rows without) plus the gradient
 *
 * Bindings: counts, x, weight, stats, dy, (rowInfo, slotsGradient), dx.
 */
export function normBackwardKernel(
  shape: Omit<NormShape, 'bias'> & { into: 'set' | 'add' | 'addToSlots' },
): Kernel {
  const { width, norm, weight, domain, into } = shape;
  const centre = norm.kind === 'layer';
  const bindings: Binding[] = [
    ...domainBindings(domain),
    floats('x', 'read'),
    stored('weight', weight),
    { name: 'stats', type: 'array<vec2<f32>>', access: 'read' },
    floats('dy', 'read'),
    ...(into === 'addToSlots'
      ? [
          { name: 'rowInfo', type: 'array<vec4<u32>>', access: 'read' } as const,
          floats('slotsGradient', 'read'),
        ]
      : []),
    floats('dx', 'write'),
  ];
  const before = {
    set: '0.0',
    add: 'dx[base + i]',
    addToSlots: 'before(slot, i)',
  }[into];
  return makeKernel(
    `norm backward ${width}`,
    growsAlongX(LANES),
    bindings,
    `${domainRows(domain)}
${storedElement('weight', weight)}
${workgroupSum(LANES)}
${
  into === 'addToSlots'
    ? `fn before(slot: u32, i: u32) -> f32 {
  if (slot == 0xffffffffu) { return 0.0; }
  return slotsGradient[slot * ${width}u + i];
}`
    : ''
}`,
    `${rowHead(width)}
  let mean = stats[row].x;
  let r = stats[row].y;
  ${into === 'addToSlots' ? 'let slot = rowInfo[row].w;' : ''}
  var sum = 0.0;
  var product = 0.0;
  ${eachElement(
    width,
    `let g = dy[base + i] * (weightAt(i) + ${norm.weightOffset}.0);
    sum += g; product += g * (x[base + i] - mean) * r;`,
  )}
  let means = total(lane, vec2<f32>(product, sum)) / ${width}.0;
  let meanProduct = means.x;
  let meanGradient = ${centre ? 'means.y' : '0.0'};
  ${eachElement(
    width,
    `let g = dy[base + i] * (weightAt(i) + ${norm.weightOffset}.0);
    let normed = (x[base + i] - mean) * r;
    dx[base + i] = ${before} + r * (g - normed * meanProduct - meanGradient);`,
  )}`,
  );
}
