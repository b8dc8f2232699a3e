/**
 * @file A small random model with a large one's ways (norms, rotation, windows, biases, number formats): what an
 * engine is tried on before it is trusted with the model itself, whose weights are never in memory whole.
 */

import { createRandom } from '../formats/random';
import { isQuantised, quantiseMatrix } from './quantised';
import type { HostTensor, LayerSpec, ModelSpec, ModelWeights, WeightShape, WeightType } from './spec';
import { storedBytes } from './weightStream';

/** Numbers of a layer, or of the embedding table, up to which widths stay as they are: the model's own kernels are tried then. */
const MOST_NUMBERS = 4e6;
const MOST_VOCABULARY = 512;
const MOST_WIDTH = 128;
const MOST_HEADS = 4;
const SEED = 11;

/** A cut-down specification and random weights for it, of the types and with the biases that `shapes` tells of. */
export function proofModel(
  spec: ModelSpec,
  shapes: ReadonlyMap<string, WeightShape>,
): { spec: ModelSpec; weights: ModelWeights } {
  const kept = oneOfEachKind(spec.layers);
  const { hidden } = spec;
  const layer = hidden * (4 * spec.heads * spec.headDim + 3 * spec.mlpWidth);
  const narrow: Partial<ModelSpec> = layer > MOST_NUMBERS ? narrower(spec) : {};
  const small: ModelSpec = {
    ...spec,
    ...narrow,
    vocabSize:
      spec.vocabSize * hidden > MOST_NUMBERS ? Math.min(spec.vocabSize, MOST_VOCABULARY) : spec.vocabSize,
    layers: kept.map((index) => spec.layers[index]),
  };
  const sizes = shrink(small);
  const random = createRandom(SEED).next;
  const weights = new Map<string, HostTensor>();
  const add = (name: string, as: string) => {
    const weight = shapes.get(name);
    if (weight) weights.set(as, randomTensor({ ...weight, shape: sizes(name, weight.shape) }, as, random));
  };
  for (const name of shapes.keys()) if (!name.startsWith('layers.')) add(name, name);
  for (const [to, from] of kept.entries()) {
    const before = `layers.${from}.`;
    for (const name of shapes.keys()) {
      if (name.startsWith(before)) add(name, `layers.${to}.${name.slice(before.length)}`);
    }
  }
  return { spec: small, weights };
}

function narrower(spec: ModelSpec): Pick<ModelSpec, 'hidden' | 'mlpWidth' | 'heads' | 'kvHeads'> {
  const share = spec.heads / spec.kvHeads;
  const kvHeads = Math.max(1, Math.min(spec.kvHeads, Math.floor(MOST_HEADS / share)));
  const hidden = Math.min(spec.hidden, MOST_WIDTH);
  return { hidden, mlpWidth: Math.min(spec.mlpWidth, MOST_WIDTH), heads: kvHeads * share, kvHeads };
}

/** Indices of layers that differ in window or rotation, the first of each kind. */
function oneOfEachKind(layers: readonly LayerSpec[]): number[] {
  const kinds = layers.map(({ window, rope }) => `${window} ${rope}`);
  return [...new Set(kinds)].map((kind) => kinds.indexOf(kind));
}

/** How a weight's shape follows from the smaller specification. */
function shrink(small: ModelSpec): (name: string, shape: readonly number[]) => number[] {
  const { hidden, headDim } = small;
  const into = (small.gatedMlp ? 2 : 1) * small.mlpWidth;
  const rows: Record<string, number> = {
    'attention.qkv': (small.heads + 2 * small.kvHeads) * headDim,
    'attention.out': hidden,
    'attention.queryNorm': headDim,
    'attention.keyNorm': headDim,
    'mlp.in': into,
    'mlp.out': hidden,
  };
  const columns: Record<string, number> = {
    'attention.out': small.heads * headDim,
    'mlp.out': small.mlpWidth,
  };
  return (name, shape) => {
    if (name === 'embed.positions') return [shape[0], hidden];
    if (name === 'embed.tokens' || name.startsWith('head.')) {
      return shape.length === 1 ? [small.vocabSize] : [small.vocabSize, hidden];
    }
    const part = name.replace(/^layers\.\d+\./, '').replace(/\.(weight|bias)$/, '');
    const row = rows[part] ?? hidden;
    return shape.length === 1 ? [row] : [row, columns[part] ?? hidden];
  };
}

function randomTensor(weight: WeightShape, name: string, random: () => number): HostTensor {
  const count = weight.shape.reduce((product, n) => product * n, 1);
  // Norms are about 1, as in a trained model; the rest is about as large as an initialisation makes it.
  const middle = /norm\.weight$/i.test(name) ? 1 : 0;
  const scale = weight.shape.length === 2 ? weight.shape[1] ** -0.5 : 0.1;
  const values = Float32Array.from({ length: count }, () => middle + scale * 3.4 * (random() - 0.5));
  const { dtype, shape } = weight;
  if (isQuantised(dtype)) return quantiseMatrix(dtype, values, shape[1]);
  const data = new Uint8Array(storedBytes(weight));
  store(values, dtype, data);
  return { ...weight, data };
}

/** Rounds towards zero: any number of the type will do. */
function store(values: Float32Array, dtype: WeightType, data: Uint8Array): void {
  const bits = new Uint32Array(values.buffer);
  if (dtype === 'F32') {
    data.set(new Uint8Array(values.buffer));
    return;
  }
  const halves = new Uint16Array(data.buffer);
  for (let i = 0; i < bits.length; i++) {
    halves[i] = dtype === 'BF16' ? bits[i] >>> 16 : halfOf(bits[i]);
  }
}

/** A float32 of moderate size as a half float; what is below the normal halves becomes zero. */
function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  if (exponent <= 0) return sign;
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}
