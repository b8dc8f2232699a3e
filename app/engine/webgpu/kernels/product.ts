/** @file What a product with a frozen weight is, however threads divide it: what it reads, and what becomes of its result. */
import type { StoredType, WeightType } from '../../spec';
import type { Grid } from '../limits';
import { activationFunctions, type MlpActivation } from './mlp';
import {
  type Binding,
  type Domain,
  domainBindings,
  domainRows,
  type Kernel,
  makeKernel,
  matrix,
  runFour,
  runStore,
  stored,
  storedElement,
  storedFour,
} from './wgsl';

export interface MatmulShape {
  form: 'NT' | 'NN';
  /** Length of the sums: NT `in`, NN `out`. */
  inner: number;
  /** Columns of the result: NT `out`, NN `in`; with an activation the MLP's width F. */
  outer: number;
  weight: StoredType;
  /** Type of the bias, or null where there is none; NT only. */
  bias: WeightType | null;
  /** What is added to the product: another matrix, what the result holds already, or nothing. */
  add: 'residual' | 'result' | null;
  domain: Domain;
  /** Rows of x (of y) are counted from the first row of the chunk. */
  localX?: boolean;
  localY?: boolean;
  /** Row lengths of x and y and the first column used, where these are parts of wider matrices. */
  xStride?: number;
  xOffset?: number;
  yStride?: number;
  yOffset?: number;
  /**
   * NT: the product is the MLP's inner rows `[rows, F or 2F]`; these, where `keep`, and the activated rows `[rows, F]` are stored.
   * NN: the product is the gradient of the activated rows; that of the inner rows is stored instead, to which these are read.
   */
  mlp?: MlpActivation & { keep?: boolean };
}

/** A kernel's declarations and the body of its entry point. */
export interface KernelBody {
  functions: string;
  body: string;
}

/** What the divisions among threads share: how to read x and W, and what becomes of a product. */
export interface Product {
  form: 'NT' | 'NN';
  inner: number;
  outer: number;
  /** Fours of elements in a sum and in a row of the result. */
  innerFours: number;
  outerFours: number;
  /** Products that a thread makes for each of its columns: gate and up are two. */
  streams: number;
  /** First element of a row of x, for `xFour(base, k)`; `row` counts all rows. */
  xBase(row: string): string;
  /** Stores fours `four` of a row, a vec4 for each stream. */
  finish(row: string, four: string, sums: readonly string[]): string;
}

export const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** Stores what a thread has in `sumROW_FOUR_STREAM`: rows from `row` on before `end`, and of its fours those at `fourOf` that exist. */
export function finishRows(
  { streams, outerFours, finish }: Product,
  tile: { rows: number; fours: number },
  fourOf: (c: number) => string,
): string {
  const fours = (i: number) =>
    range(tile.fours).map((c) => {
      const sums = range(streams).map((s) => `sum${i}_${c}_${s}`);
      return `if (${fourOf(c)} < ${outerFours}u) { ${finish(`row + ${i}u`, fourOf(c), sums)} }`;
    });
  return range(tile.rows)
    .map((i) => `if (row + ${i}u < end) { ${fours(i).join(' ')} }`)
    .join('\n  ');
}

/**
 * `vec` where all rows are multiples of 4 long, so that every access takes four elements; `make` makes a kernel of a body.
 * Its bindings: counts, (chunk), x, weight, (bias), (residual), (inner rows, NN), y where kept, (activated rows, NT).
 */
export function describeProduct(shape: MatmulShape): {
  product: Product;
  vec: boolean;
  make(grid: Grid, body: KernelBody): Kernel;
} {
  const { form, inner, outer, weight, bias, add, domain, mlp } = shape;
  const gated = mlp?.gated ?? false;
  const streams = form === 'NT' && gated ? 2 : 1;
  const xStride = shape.xStride ?? inner;
  const xOffset = shape.xOffset ?? 0;
  const yStride = shape.yStride ?? (gated ? 2 * outer : outer);
  const yOffset = shape.yOffset ?? 0;
  const xVec = [inner, xStride, xOffset].every((n) => n % 4 === 0);
  const yVec = [outer, yStride, yOffset].every((n) => n % 4 === 0);
  // The rows of W are `in` long: the sums of NT, the columns of NN.
  const width = form === 'NT' ? inner : outer;
  const wVec = width % 4 === 0;
  const storesY = !(form === 'NT' && mlp && !mlp.keep);

  const bindings: Binding[] = [
    ...domainBindings(domain),
    matrix('x', 'read', xVec),
    stored('w', weight, wVec),
    ...(bias ? [stored('bias', bias)] : []),
    ...(add === 'residual' ? [matrix('residual', 'read', yVec)] : []),
    ...(form === 'NN' && mlp ? [matrix('inner', 'read', yVec)] : []),
    ...(storesY ? [matrix('y', 'write', yVec)] : []),
    ...(form === 'NT' && mlp ? [matrix('activated', 'write', yVec)] : []),
  ];
  const readsY = [...(add === 'residual' ? ['residual'] : []), ...(form === 'NN' && mlp ? ['inner'] : [])];
  const helpers = [
    domainRows(domain),
    runFour('x', inner, xVec),
    storedFour('w', weight, width, wVec),
    bias ? storedElement('bias', bias) : '',
    ...readsY.map((name) => runFour(name, outer, yVec)),
    add === 'result' ? runFour('y', outer, yVec) : '',
    storesY ? runStore('y', outer, yVec) : '',
    form === 'NT' && mlp ? runStore('activated', outer, yVec) : '',
    mlp ? activationFunctions(mlp.activation) : '',
  ];
  const local = (row: string, isLocal: boolean | undefined) => (isLocal ? `(${row} - first())` : `(${row})`);
  const withBias = (sum: string, stream: number) => {
    if (!bias) return sum;
    const elements = range(4).map(
      (j) => `biasAt(min(4u * four + ${j}u, ${outer - 1}u) + ${stream * outer}u)`,
    );
    return `${sum} + vec4<f32>(${elements.join(', ')})`;
  };
  const sums = range(streams).map((s) => `sum${s}`);
  const base = `let yBase = ${local('row', shape.localY)} * ${yStride}u + ${yOffset}u;`;
  const finishBody = (): string => {
    if (!mlp) {
      return `${base}
  var value = ${withBias('sum0', 0)};
  ${add === 'residual' ? 'value += residualFour(yBase, four);' : ''}
  ${add === 'result' ? 'value += yFour(yBase, four);' : ''}
  yStore(yBase, four, value);`;
    }
    if (form === 'NT') {
      return `${mlp.keep ? base : ''}
  let gate = ${withBias('sum0', 0)};
  ${gated ? `let up = ${withBias('sum1', 1)};` : ''}
  ${mlp.keep ? 'yStore(yBase, four, gate);' : ''}
  ${mlp.keep && gated ? `yStore(yBase + ${outer}u, four, up);` : ''}
  activatedStore(row * ${outer}u, four, act(gate)${gated ? ' * up' : ''});`;
    }
    return `${base}
  let gate = innerFour(yBase, four);
  ${
    gated
      ? `let up = innerFour(yBase + ${outer}u, four);
  yStore(yBase, four, sum0 * up * slope(gate));
  yStore(yBase + ${outer}u, four, sum0 * act(gate));`
      : 'yStore(yBase, four, sum0 * slope(gate));'
  }`;
  };
  helpers.push(
    `fn finish(row: u32, four: u32, ${sums.map((name) => `${name}: vec4<f32>`).join(', ')}) {\n  ${finishBody()}\n}`,
  );
  const product: Product = {
    form,
    inner,
    outer,
    innerFours: Math.ceil(inner / 4),
    outerFours: Math.ceil(outer / 4),
    streams,
    xBase: (row) => `${local(row, shape.localX)} * ${xStride}u + ${xOffset}u`,
    finish: (row, four, values) => `finish(${[row, four, ...values].join(', ')});`,
  };
  const purpose = mlp ? ` ${mlp.activation}${gated ? ' gated' : ''}` : '';
  return {
    product,
    vec: xVec && yVec && wVec,
    make: (grid, { functions, body }) =>
      makeKernel(
        `matmul ${form} ${inner}→${outer * streams}${purpose}`,
        grid,
        bindings,
        [...helpers, functions].filter(Boolean).join('\n'),
        body,
      ),
  };
}
