/**
 * @file A product through workgroup memory: a workgroup brings a tile of x and one of W there, each element once, and every
 * thread multiplies its rows by its columns out of these.
 */
import { finishRows, type KernelBody, type Product, range } from './product';
import type { MatmulTile } from './tile';

/** Bytes of workgroup memory that a tile takes. */
export function workgroupBytes({ rows, fours, threads: [across, down] }: MatmulTile, depth: number): number {
  return (down * rows + across * fours * 4) * depth * 4;
}

export function workgroupBody(product: Product, tile: MatmulTile, depth: number): KernelBody {
  const { form, inner, outer, innerFours, outerFours, streams, xBase } = product;
  const [across, down] = tile.threads;
  const threads = across * down;
  const tileRows = down * tile.rows;
  // Fours of columns of one stream, and of all.
  const tileFours = across * tile.fours;
  const allFours = tileFours * streams;
  const depthFours = depth / 4;
  const rows = range(tile.rows);
  const columns = range(tile.fours).flatMap((c) => range(streams).map((s) => ({ c, s, name: `${c}_${s}` })));
  // ws holds, for each term k of the sums, the fours of columns. NT finds W the other way round: four fours are turned.
  const loadWeights =
    form === 'NT'
      ? `for (var i = lane; i < ${allFours * depthFours}u; i += ${threads}u) {
      let k = i % ${depthFours}u;
      let f = i / ${depthFours}u;
      let n = 4u * (four0 + f % ${tileFours}u);
      let start = (f / ${tileFours}u) * ${outer}u;
      ${range(4)
        .map((j) => `let w${j} = wFour(min(n + ${j}u, ${outer - 1}u) + start, k0 + k);`)
        .join('\n      ')}
      ${['x', 'y', 'z', 'w']
        .map(
          (part, j) =>
            `ws[(4u * k + ${j}u) * ${allFours}u + f] = vec4<f32>(w0.${part}, w1.${part}, w2.${part}, w3.${part});`,
        )
        .join('\n      ')}
    }`
      : `for (var i = lane; i < ${allFours * depth}u; i += ${threads}u) {
      let k = i / ${allFours}u;
      ws[i] = wFour(min(4u * k0 + k, ${inner - 1}u), min(four0 + i % ${allFours}u, ${outerFours - 1}u));
    }`;
  const multiply = range(4).map(
    (j) => `{
        ${columns
          .map(
            ({ c, s, name }) =>
              `let w${name} = ws[(4u * k + ${j}u) * ${allFours}u + ${s * tileFours + c * across}u + local.x];`,
          )
          .join('\n        ')}
        ${rows.flatMap((i) => columns.map(({ name }) => `sum${i}_${name} += v${i}[${j}] * w${name};`)).join('\n        ')}
      }`,
  );
  return {
    functions: `var<workgroup> xs: array<vec4<f32>, ${tileRows * depthFours}>;
var<workgroup> ws: array<vec4<f32>, ${allFours * depth}>;`,
    body: `  let four0 = group.x * ${tileFours}u;
  let row0 = first() + group.y * ${tileRows}u;
  let end = last();
  if (row0 >= end) { return; }
  ${rows.flatMap((i) => columns.map(({ name }) => `var sum${i}_${name} = vec4<f32>();`)).join('\n  ')}
  for (var k0 = 0u; k0 < ${innerFours}u; k0 += ${depthFours}u) {
    for (var i = lane; i < ${tileRows * depthFours}u; i += ${threads}u) {
      let k = k0 + i % ${depthFours}u;
      var value = vec4<f32>();
      // Past the end of the sums x is 0, whatever W seems to be there.
      if (k < ${innerFours}u) { value = xFour(${xBase(`min(row0 + i / ${depthFours}u, end - 1u)`)}, k); }
      xs[i] = value;
    }
    ${loadWeights}
    workgroupBarrier();
    for (var k = 0u; k < ${depthFours}u; k++) {
      ${rows.map((i) => `let v${i} = xs[(local.y * ${tile.rows}u + ${i}u) * ${depthFours}u + k];`).join('\n      ')}
      ${multiply.join('\n      ')}
    }
    workgroupBarrier();
  }
  let row = row0 + local.y * ${tile.rows}u;
  ${finishRows(product, tile, (c) => `four0 + ${c * across}u + local.x`)}`,
  };
}
