/** @file The next token from a row of logits: greedy, or by temperature, top-k and top-p (Holtzman et al. 2020). */
import type { SamplingOptions } from './engine';

export function argmax(values: Float32Array): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

/** A token id drawn from `logits` `[V]`. `random` gives a number in [0, 1) and is not called when greedy. */
export function sample(
  logits: Float32Array,
  options: Pick<SamplingOptions, 'temperature' | 'topK' | 'topP'>,
  random: () => number,
): number {
  if (options.temperature <= 0) return argmax(logits);
  const order = Array.from(logits.keys()).sort((a, b) => logits[b] - logits[a]);
  const kept = options.topK ? order.slice(0, options.topK) : order;
  const top = logits[kept[0]];
  const weights = kept.map((id) => Math.exp((logits[id] - top) / options.temperature));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let count = weights.length;
  if (options.topP !== undefined && options.topP < 1) {
    let reached = 0;
    count = 0;
    while (count < weights.length && reached < options.topP * total) reached += weights[count++];
    count = Math.max(count, 1);
  }
  const mass = weights.slice(0, count).reduce((sum, weight) => sum + weight, 0);
  let rest = random() * mass;
  for (let i = 0; i < count; i++) {
    rest -= weights[i];
    if (rest < 0) return kept[i];
  }
  return kept[count - 1];
}
