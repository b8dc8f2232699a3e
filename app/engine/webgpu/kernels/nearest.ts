/** @file The k nearest rows of the embedding table: squared lengths, values from products, and top-k by repeated search. */

import type { Metric } from '../../engine';
import type { StoredType } from '../../spec';
import { growsAlongX } from '../limits';
import { floats, type Kernel, makeKernel, real, stored, storedElement, workgroupSum } from './wgsl';

const LANES = 64;

const sizeBinding = { name: 'size', type: 'vec4<u32>', access: 'uniform' } as const;

/** Σ (scale · x)² of each stored row; one workgroup a row. Bindings: size (rows, first row of the result, 0, 0), table, squares. */
export function tableSquaresKernel(width: number, table: StoredType, scale: number): Kernel {
  return makeKernel(
    'table squares',
    growsAlongX(LANES),
    [sizeBinding, stored('table', table), floats('squares', 'write')],
    `${storedElement('table', table, width)}
${workgroupSum(LANES)}`,
    `  let row = group.x;
  if (row >= size.x) { return; }
  var sum = 0.0;
  for (var i = lane; i < ${width}u; i += ${LANES}u) {
    let value = tableAt(row * ${width}u + i) * ${real(scale)};
    sum += value * value;
  }
  let whole = total(lane, vec2<f32>(sum, 0.0)).x;
  if (lane == 0u) { squares[size.y + row] = whole; }`,
  );
}

/**
 * One workgroup a vector. `products` `[n, V]` are vectors · table without the table's scale; k times the best is found
 * that comes after the one before: order by value, then by token. Bindings: size (n, k, 0, 0), vectors, squares, products, values, ids.
 */
export function topKKernel(shape: { vocab: number; hidden: number; scale: number; metric: Metric }): Kernel {
  const { vocab, hidden, scale, metric } = shape;
  // Larger is nearer for both: the cosine, or minus the squared distance.
  const nearness =
    metric === 'cosine'
      ? `product / max(sqrt(own) * sqrt(squares[i]), 1e-12)`
      : `-max(own + squares[i] - 2.0 * product, 0.0)`;
  return makeKernel(
    `top k ${metric}`,
    growsAlongX(LANES),
    [
      sizeBinding,
      floats('vectors', 'read'),
      floats('squares', 'read'),
      floats('products', 'write'),
      floats('values', 'write'),
      { name: 'ids', type: 'array<u32>', access: 'write' },
    ],
    `${workgroupSum(LANES)}
var<workgroup> bestValue: array<f32, ${LANES}>;
var<workgroup> bestIndex: array<u32, ${LANES}>;`,
    `  let row = group.x;
  if (row >= size.x) { return; }
  var sum = 0.0;
  for (var i = lane; i < ${hidden}u; i += ${LANES}u) { let v = vectors[row * ${hidden}u + i]; sum += v * v; }
  let own = total(lane, vec2<f32>(sum, 0.0)).x;
  for (var i = lane; i < ${vocab}u; i += ${LANES}u) {
    let product = products[row * ${vocab}u + i] * ${real(scale)};
    products[row * ${vocab}u + i] = ${nearness};
  }
  var lastValue = 3e38;
  var lastIndex = 0u;
  for (var k = 0u; k < size.y; k++) {
    var most = -3e38;
    var index = 0xffffffffu;
    for (var i = lane; i < ${vocab}u; i += ${LANES}u) {
      let value = products[row * ${vocab}u + i];
      let after = value < lastValue || (value == lastValue && i > lastIndex);
      if (after && value > most) { most = value; index = i; }
    }
    bestValue[lane] = most;
    bestIndex[lane] = index;
    workgroupBarrier();
    for (var step = ${LANES / 2}u; step > 0u; step >>= 1u) {
      if (lane < step) {
        let a = bestValue[lane];
        let b = bestValue[lane + step];
        if (b > a || (b == a && bestIndex[lane + step] < bestIndex[lane])) {
          bestValue[lane] = b;
          bestIndex[lane] = bestIndex[lane + step];
        }
      }
      workgroupBarrier();
    }
    lastValue = bestValue[0];
    lastIndex = bestIndex[0];
    if (lane == 0u) {
      values[row * size.y + k] = ${metric === 'cosine' ? 'lastValue' : 'sqrt(max(-lastValue, 0.0))'};
      ids[row * size.y + k] = lastIndex;
    }
    workgroupBarrier();
  }`,
  );
}
