/** @file Activations between the MLP's two products and their derivatives, on four elements at a time. */
import type { Activation } from '../../spec';

/** The MLP's activation: act(gate) · up where gated, gate and up side by side in a row, else act(inner). */
export interface MlpActivation {
  activation: Activation;
  gated: boolean;
}

/** `act(x)` and `slope(x)`, its derivative. */
export function activationFunctions(activation: Activation): string {
  const declare = (name: string) => `fn ${name}(x: vec4<f32>) -> vec4<f32>`;
  switch (activation) {
    case 'relu':
      return `${declare('act')} { return max(x, vec4<f32>()); }
${declare('slope')} { return select(vec4<f32>(), vec4<f32>(1.0), x > vec4<f32>()); }`;
    case 'silu':
      // σ' = σ (1 − σ). exp is kept finite: past ±80 the result is 0 or x to rounding.
      return `${declare('sigmoid')} { return 1.0 / (1.0 + exp(-clamp(x, vec4<f32>(-80.0), vec4<f32>(80.0)))); }
${declare('act')} { return x * sigmoid(x); }
${declare('slope')} { let s = sigmoid(x); return s * (1.0 + x * (1.0 - s)); }`;
    case 'geluTanh':
      // x/2 · (1 + tanh u), u = √(2/π) (x + 0.044715 x³). Some drivers' tanh overflows for large arguments.
      return `${declare('tanhOf')} {
  return tanh(clamp(0.7978845608028654 * (x + 0.044715 * x * x * x), vec4<f32>(-15.0), vec4<f32>(15.0)));
}
${declare('act')} { return 0.5 * x * (1.0 + tanhOf(x)); }
${declare('slope')} {
  let t = tanhOf(x);
  return 0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * 0.7978845608028654 * (1.0 + 0.134145 * x * x);
}`;
    case 'gelu':
      // x Φ(x); erf by Abramowitz & Stegun 7.1.26, absolute error under 1.5e-7.
      return `${declare('erf')} {
  let a = abs(x);
  let t = 1.0 / (1.0 + 0.3275911 * a);
  let poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return sign(x) * (1.0 - poly * exp(-min(a * a, vec4<f32>(80.0))));
}
${declare('phi')} { return 0.5 * (1.0 + erf(x * 0.7071067811865476)); }
${declare('act')} { return x * phi(x); }
${declare('slope')} { return phi(x) + x * 0.3989422804014327 * exp(-min(0.5 * x * x, vec4<f32>(80.0))); }`;
  }
}
