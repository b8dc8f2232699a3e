/**
 * @file Products with a frozen weight W `[out, in]` as stored: NT is y = x · Wᵀ (+ bias) (+ residual), the forward
 * pass of a linear layer; NN is dx = dy · W, its backward pass. One copy of W serves both.
 */
import type { WeightType } from '../../spec';
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
  /** Columns of the result: NT `out`, NN `in`. */
  outer: number;
  weight: WeightType;
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
}

/** What a thread computes and how threads form a workgroup; which is fastest depends on the adapter. */
export interface MatmulTile {
  /** Rows a thread computes. */
  rows: number;
  /** Columns a thread computes, in fours. */
  fours: number;
  /** Threads of a workgroup along columns and rows. */
  threads: readonly [number, number];
}

export const DEFAULT_TILE: MatmulTile = { rows: 8, fours: 2, threads: [8, 4] };

/** Where rows are no multiple of 4 long every element is loaded by itself; a large tile would be a very long kernel. */
const SCALAR_TILE: MatmulTile = { rows: 4, fours: 1, threads: [8, 8] };

export interface Matmul {
  kernel: Kernel;
  /** Workgroups for that many rows. */
  groups(rows: number): [number, number, number];
}

const range = (n: number) => Array.from({ length: n }, (_, i) => i);

/** The kernel's bindings: counts, (chunk), x, weight, (bias), (residual), y. */
export function matmul(shape: MatmulShape, wanted: MatmulTile): Matmul {
  const { form, inner, outer, weight, bias, add, domain } = shape;
  const xStride = shape.xStride ?? inner;
  const yStride = shape.yStride ?? outer;
  const xOffset = shape.xOffset ?? 0;
  const yOffset = shape.yOffset ?? 0;
  const xVec = [inner, xStride, xOffset].every((n) => n % 4 === 0);
  const yVec = [outer, yStride, yOffset].every((n) => n % 4 === 0);
  // The rows of W are `in` long: the sums of NT, the columns of NN.
  const width = form === 'NT' ? inner : outer;
  const wVec = width % 4 === 0;
  const outerFours = Math.ceil(outer / 4);
  const tile = xVec && yVec && wVec ? wanted : SCALAR_TILE;

  const bindings: Binding[] = [
    ...domainBindings(domain),
    matrix('x', 'read', xVec),
    stored('w', weight, wVec),
    ...(bias ? [stored('bias', bias)] : []),
    ...(add === 'residual' ? [matrix('residual', 'read', yVec)] : []),
    matrix('y', 'write', yVec),
  ];
  const rows = range(tile.rows);
  const fours = range(tile.fours);
  const base = (name: 'x' | 'y', local: boolean | undefined, i: number) => {
    const [stride, offset] = name === 'x' ? [xStride, xOffset] : [yStride, yOffset];
    return `let ${name}${i} = (min(row + ${i}u, end - 1u)${local ? ' - first()' : ''}) * ${stride}u + ${offset}u;`;
  };
  // Rows of W past its end make columns that are not stored (NT) or meet zeros of x (NN).
  const weights =
    form === 'NT'
      ? fours.flatMap((c) =>
          range(4).map((j) => `let w${c}${j} = wFour(min(4u * (four + ${c}u) + ${j}u, ${outer - 1}u), k);`),
        )
      : fours.flatMap((c) =>
          range(4).map(
            (j) =>
              `let w${c}${j} = wFour(min(4u * k + ${j}u, ${inner - 1}u), min(four + ${c}u, ${outerFours - 1}u));`,
          ),
        );
  const term = (c: number) =>
    form === 'NT'
      ? `vec4<f32>(dot(v, w${c}0), dot(v, w${c}1), dot(v, w${c}2), dot(v, w${c}3))`
      : `v.x * w${c}0 + v.y * w${c}1 + v.z * w${c}2 + v.w * w${c}3`;
  const product = (i: number) =>
    `{ let v = xFour(x${i}, k); ${fours.map((c) => `sum${i}${c} += ${term(c)};`).join(' ')} }`;
  const biasFour = (c: number) =>
    range(4)
      .map((j) => `biasAt(min(4u * (four + ${c}u) + ${j}u, ${outer - 1}u))`)
      .join(', ');
  const store = (i: number, c: number) => `if (four + ${c}u < ${outerFours}u) {
      var value = sum${i}${c}${bias ? ` + offsets${c}` : ''};
      ${add === 'residual' ? `value += residualFour(y${i}, four + ${c}u);` : ''}
      ${add === 'result' ? `value += yFour(y${i}, four + ${c}u);` : ''}
      yStore(y${i}, four + ${c}u, value);
    }`;
  const kernel = makeKernel(
    `matmul ${form} ${inner}→${outer}`,
    bindings,
    `${domainRows(domain)}
${runFour('x', inner, xVec)}
${storedFour('w', weight, width, wVec)}
${bias ? storedElement('bias', bias) : ''}
${add === 'residual' ? runFour('residual', outer, yVec) : ''}
${add === 'result' ? runFour('y', outer, yVec) : ''}
${runStore('y', outer, yVec)}
@compute @workgroup_size(${tile.threads.join(', ')})
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let four = id.x * ${tile.fours}u;
  let row = first() + id.y * ${tile.rows}u;
  let end = last();
  if (four >= ${outerFours}u || row >= end) { return; }
  ${rows.map((i) => base('x', shape.localX, i)).join('\n  ')}
  ${rows.flatMap((i) => fours.map((c) => `var sum${i}${c} = vec4<f32>();`)).join('\n  ')}
  for (var k = 0u; k < ${Math.ceil(inner / 4)}u; k++) {
    ${weights.join('\n    ')}
    ${rows.map(product).join('\n    ')}
  }
  ${bias ? fours.map((c) => `let offsets${c} = vec4<f32>(${biasFour(c)});`).join('\n  ') : ''}
  ${rows
    .map(
      (i) => `if (row + ${i}u < end) {
    ${base('y', shape.localY, i)}
    ${fours.map((c) => store(i, c)).join('\n    ')}
  }`,
    )
    .join('\n  ')}
}`,
  );
  return {
    kernel,
    groups: (count) => [
      Math.ceil(outerFours / (tile.fours * tile.threads[0])),
      Math.ceil(count / (tile.rows * tile.threads[1])),
      1,
    ],
  };
}
