/** @file A product without workgroup memory: every thread reads what it needs through the caches. */
import { finishRows, type KernelBody, type Product, range } from './product';
import type { MatmulTile } from './tile';

export function registerBody(product: Product, tile: MatmulTile): KernelBody {
  const { form, inner, outer, innerFours, outerFours, streams, xBase } = product;
  const rows = range(tile.rows);
  // Column four c of stream s.
  const columns = range(tile.fours).flatMap((c) => range(streams).map((s) => ({ c, s, name: `${c}_${s}` })));
  // Rows of W past its end make columns that are not stored (NT) or meet zeros of x (NN).
  const weights = columns.flatMap(({ c, s, name }) =>
    range(4).map((j) =>
      form === 'NT'
        ? `let w${name}_${j} = wFour(min(4u * (four + ${c}u) + ${j}u, ${outer - 1}u) + ${s * outer}u, k);`
        : `let w${name}_${j} = wFour(min(4u * k + ${j}u, ${inner - 1}u), min(four + ${c}u, ${outerFours - 1}u));`,
    ),
  );
  const term = (name: string) =>
    form === 'NT'
      ? `vec4<f32>(${range(4)
          .map((j) => `dot(v, w${name}_${j})`)
          .join(', ')})`
      : ['x', 'y', 'z', 'w'].map((lane, j) => `v.${lane} * w${name}_${j}`).join(' + ');
  const sums = (i: number) =>
    `{ let v = xFour(x${i}, k); ${columns.map(({ name }) => `sum${i}_${name} += ${term(name)};`).join(' ')} }`;
  return {
    functions: '',
    body: `  let four = id.x * ${tile.fours}u;
  let row = first() + id.y * ${tile.rows}u;
  let end = last();
  if (four >= ${outerFours}u || row >= end) { return; }
  ${rows.map((i) => `let x${i} = ${xBase(`min(row + ${i}u, end - 1u)`)};`).join('\n  ')}
  ${rows.flatMap((i) => columns.map(({ name }) => `var sum${i}_${name} = vec4<f32>();`)).join('\n  ')}
  for (var k = 0u; k < ${innerFours}u; k++) {
    ${weights.join('\n    ')}
    ${rows.map(sums).join('\n    ')}
  }
  ${finishRows(product, tile, (c) => `four + ${c}u`)}`,
  };
}
