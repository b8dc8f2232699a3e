/**
 * @file Cross-entropy of rows of logits: most, log-sum-exp, loss and first choice of a row, and in the same place its
 * gradient (softmax − onehot) · weight. A row predicts one label, but a prompt's last row predicts the first
 * token of every text that follows it: then n · softmax − Σ onehot.
 */
import { growsAlongX } from '../limits';
import { chunkBinding, countsBinding, domainRows, floats, type Kernel, makeKernel, real } from './wgsl';

const LANES = 64;

/**
 * One workgroup a row of the chunk. `slotTargets`: of each slot (first label, labels, weight as bits, 0); `targets`: of each label
 * (token, prompt). Bindings: counts, chunk, slotTargets, targets, logits, scores (of each label: nats, hit).
 * Logits are capped in place where nothing else is asked for.
 */
export function crossEntropyKernel(shape: {
  vocab: number;
  softcap: number | null;
  gradient: boolean;
}): Kernel {
  const { vocab, softcap, gradient } = shape;
  const cap = softcap === null ? null : real(softcap);
  // d/dx cap · tanh(x / cap) = 1 − (y / cap)².
  const slope = cap === null ? '1.0' : `(1.0 - (value / ${cap}) * (value / ${cap}))`;
  const each = (body: string) => `for (var i = lane; i < ${vocab}u; i += ${LANES}u) { ${body} }`;
  return makeKernel(
    'cross-entropy',
    growsAlongX(LANES),
    [
      countsBinding,
      chunkBinding,
      { name: 'slotTargets', type: 'array<vec4<u32>>', access: 'read' },
      { name: 'targets', type: 'array<vec2<u32>>', access: 'read' },
      floats('logits', 'write'),
      { name: 'scores', type: 'array<vec2<f32>>', access: 'write' },
    ],
    `${domainRows('chunk')}
var<workgroup> bestValue: array<f32, ${LANES}>;
var<workgroup> bestIndex: array<u32, ${LANES}>;
var<workgroup> sums: array<f32, ${LANES}>;`,
    `  let slot = first() + group.x;
  if (slot >= last()) { return; }
  let base = group.x * ${vocab}u;
  var most = -3e38;
  var index = 0u;
  var sum = 0.0;
  ${each(`var value = logits[base + i];
    ${cap === null ? '' : `value = ${cap} * tanh(clamp(value / ${cap}, -15.0, 15.0)); logits[base + i] = value;`}
    if (value > most) { sum = sum * exp(most - value) + 1.0; most = value; index = i; } else { sum += exp(value - most); }`)}
  bestValue[lane] = most;
  bestIndex[lane] = index;
  sums[lane] = sum;
  workgroupBarrier();
  for (var step = ${LANES / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) {
      let a = bestValue[lane];
      let b = bestValue[lane + step];
      let top = max(a, b);
      sums[lane] = sums[lane] * exp(a - top) + sums[lane + step] * exp(b - top);
      if (b > a || (b == a && bestIndex[lane + step] < bestIndex[lane])) { bestIndex[lane] = bestIndex[lane + step]; }
      bestValue[lane] = top;
    }
    workgroupBarrier();
  }
  let logSum = bestValue[0] + log(sums[0]);
  let info = slotTargets[slot];
  for (var t = info.x + lane; t < info.x + info.y; t += ${LANES}u) {
    let token = targets[t].x;
    scores[t] = vec2<f32>(logSum - logits[base + token], select(0.0, 1.0, token == bestIndex[0]));
  }
  ${
    gradient
      ? `storageBarrier();
  workgroupBarrier();
  let weight = bitcast<f32>(info.z);
  ${each(`let value = logits[base + i];
    var n = 0.0;
    for (var t = info.x; t < info.x + info.y; t++) { n += select(0.0, 1.0, targets[t].x == i); }
    logits[base + i] = weight * (f32(info.y) * exp(value - logSum) - n) * ${slope};`)}`
      : ''
  }`,
  );
}

/**
 * Mean nats of each prompt's labels, 0 where it has none; one workgroup a prompt.
 * Bindings: counts, targets, scores, loss.
 */
export function lossKernel(): Kernel {
  return makeKernel(
    'loss',
    growsAlongX(LANES),
    [
      countsBinding,
      { name: 'targets', type: 'array<vec2<u32>>', access: 'read' },
      { name: 'scores', type: 'array<vec2<f32>>', access: 'read' },
      floats('loss', 'write'),
    ],
    `var<workgroup> sums: array<vec2<f32>, ${LANES}>;`,
    `  var sum = vec2<f32>();
  for (var t = lane; t < counts.labels; t += ${LANES}u) {
    if (targets[t].y == group.x) { sum += vec2<f32>(scores[t].x, 1.0); }
  }
  sums[lane] = sum;
  workgroupBarrier();
  for (var step = ${LANES / 2}u; step > 0u; step >>= 1u) {
    if (lane < step) { sums[lane] += sums[lane + step]; }
    workgroupBarrier();
  }
  if (lane == 0u && group.x < arrayLength(&loss)) { loss[group.x] = sums[0].x / max(sums[0].y, 1.0); }`,
  );
}
