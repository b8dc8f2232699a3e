/** @file NT for few rows: a workgroup a four of columns, whose threads share the sums, so that W is read once and in order. */
import { type KernelBody, type Product, range } from './product';

const LANES = 32;

/** Threads of a workgroup of `fewRowsBody`. */
export const FEW_ROWS_THREADS = LANES;

export function fewRowsBody(product: Product, most: number): KernelBody {
  const { outer, innerFours, outerFours, streams, xBase, finish } = product;
  const rows = range(most);
  const columns = range(streams);
  const each = rows.flatMap((i) => columns.map((s) => ({ i, s, index: i * streams + s })));
  return {
    functions: `var<workgroup> parts: array<vec4<f32>, ${each.length * LANES}>;`,
    body: `  let four = group.x;
  let row = first();
  let end = last();
  if (four >= ${outerFours}u || row >= end) { return; }
  ${each.map(({ index }) => `var sum${index} = vec4<f32>();`).join('\n  ')}
  for (var k = lane; k < ${innerFours}u; k += ${LANES}u) {
    ${columns
      .flatMap((s) =>
        range(4).map(
          (j) => `let w${s}_${j} = wFour(min(4u * four + ${j}u, ${outer - 1}u) + ${s * outer}u, k);`,
        ),
      )
      .join('\n    ')}
    ${rows
      .map(
        (i) => `if (row + ${i}u < end) {
      let v = xFour(${xBase(`row + ${i}u`)}, k);
      ${columns.map((s) => `sum${i * streams + s} += vec4<f32>(dot(v, w${s}_0), dot(v, w${s}_1), dot(v, w${s}_2), dot(v, w${s}_3));`).join('\n      ')}
    }`,
      )
      .join('\n    ')}
  }
  ${each.map(({ index }) => `parts[${index * LANES}u + lane] = sum${index};`).join('\n  ')}
  workgroupBarrier();
  // Lane i adds up and stores row i.
  if (lane >= ${most}u || row + lane >= end) { return; }
  ${columns.map((s) => `var whole${s} = vec4<f32>();`).join('\n  ')}
  for (var n = 0u; n < ${LANES}u; n++) {
    ${columns.map((s) => `whole${s} += parts[(lane * ${streams}u + ${s}u) * ${LANES}u + n];`).join('\n    ')}
  }
  ${finish(
    'row + lane',
    'four',
    columns.map((s) => `whole${s}`),
  )}`,
  };
}
