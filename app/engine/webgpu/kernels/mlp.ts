/** @file The activation between the MLP's two products, and its derivative; gated (act(gate) · up) or plain. */
import type { Activation } from '../../spec';
import { type Domain, domainBindings, domainRows, floats, type Kernel, makeKernel } from './wgsl';

/** `act(x)` and `slope(x)`, its derivative. */
export function activationFunctions(activation: Activation): string {
  switch (activation) {
    case 'relu':
      return `fn act(x: f32) -> f32 { return max(x, 0.0); }
fn slope(x: f32) -> f32 { return select(0.0, 1.0, x > 0.0); }`;
    case 'silu':
      // σ' = σ (1 − σ). exp is kept finite: past ±80 the result is 0 or x to rounding.
      return `fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-clamp(x, -80.0, 80.0))); }
fn act(x: f32) -> f32 { return x * sigmoid(x); }
fn slope(x: f32) -> f32 { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }`;
    case 'geluTanh':
      // x/2 · (1 + tanh u), u = √(2/π) (x + 0.044715 x³). Some drivers' tanh overflows for large arguments.
      return `fn inner(x: f32) -> f32 { return clamp(0.7978845608028654 * (x + 0.044715 * x * x * x), -15.0, 15.0); }
fn act(x: f32) -> f32 { return 0.5 * x * (1.0 + tanh(inner(x))); }
fn slope(x: f32) -> f32 {
  let t = tanh(inner(x));
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.7978845608028654 * (1.0 + 0.134145 * x * x);
}`;
    case 'gelu':
      // x Φ(x); erf by Abramowitz & Stegun 7.1.26, absolute error under 1.5e-7.
      return `fn erf(x: f32) -> f32 {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - poly * exp(-min(a * a, 80.0)));
}
fn phi(x: f32) -> f32 { return 0.5 * (1.0 + erf(x * 0.7071067811865476)); }
fn act(x: f32) -> f32 { return x * phi(x); }
fn slope(x: f32) -> f32 { return phi(x) + x * 0.3989422804014327 * exp(-min(0.5 * x * x, 80.0)); }`;
  }
}

export interface MlpShape {
  width: number;
  gated: boolean;
  activation: Activation;
  domain: Domain;
}

/** Threads of a workgroup: one an element of a row, rows along y. */
const LANES = 64;

export function mlpGroups(width: number, rows: number): [number, number, number] {
  return [Math.ceil(width / LANES), rows, 1];
}

const threadHead = (width: number) => `@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let row = first() + id.y;
  let i = id.x;
  if (row >= last() || i >= ${width}u) { return; }`;

/** Bindings: counts, inner `[rows, F or 2F]` (gate, then up), out `[rows, F]`. */
export function activateKernel({ width, gated, activation, domain }: MlpShape): Kernel {
  return makeKernel(
    `activate ${activation}`,
    [...domainBindings(domain), floats('x', 'read'), floats('y', 'write')],
    `${domainRows(domain)}
${activationFunctions(activation)}
${threadHead(width)}
  ${
    gated
      ? `let at = row * ${2 * width}u + i; y[row * ${width}u + i] = act(x[at]) * x[at + ${width}u];`
      : `let at = row * ${width}u + i; y[at] = act(x[at]);`
  }
}`,
  );
}

/** Bindings: counts, inner, dOut `[rows, F]`, dInner `[rows, F or 2F]`. */
export function activateBackwardKernel({ width, gated, activation, domain }: MlpShape): Kernel {
  return makeKernel(
    `activate backward ${activation}`,
    [...domainBindings(domain), floats('x', 'read'), floats('dy', 'read'), floats('dx', 'write')],
    `${domainRows(domain)}
${activationFunctions(activation)}
${threadHead(width)}
  let gradient = dy[row * ${width}u + i];
  ${
    gated
      ? `let at = row * ${2 * width}u + i;
  dx[at] = gradient * x[at + ${width}u] * slope(x[at]);
  dx[at + ${width}u] = gradient * act(x[at]);`
      : `let at = row * ${width}u + i; dx[at] = gradient * slope(x[at]);`
  }
}`,
  );
}
