/** @file Changes to a tiny model that together have every field of a specification at every kind of value. */
import type { ModelSpec } from '../../app/engine/spec';
import type { tinyModel } from './webgpuHarness';

const turn = (dims: number): ModelSpec['ropes'] => [
  { dims, inverseFrequencies: Array.from({ length: dims / 2 }, (_, i) => 100 ** ((-2 * i) / dims)) },
];
const layers = (...windows: (number | null)[]) => windows.map((window) => ({ window, rope: 0 }));

export const families: { name: string; change: Parameters<typeof tinyModel>[1] }[] = [
  {
    name: 'learned positions, LayerNorm, biases, plain GELU (tanh)',
    change: {
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
      learnedPositionOffset: 2,
      layers: [
        { window: null, rope: null },
        { window: null, rope: null },
      ],
      biases: true,
      kvHeads: 4,
      activation: 'geluTanh',
      gatedMlp: false,
    },
  },
  {
    name: 'parallel residuals, partial rotation, erf GELU, own head with a bias, half floats',
    change: {
      dtype: 'F16',
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
      ropes: turn(4),
      parallelResidual: true,
      biases: true,
      activation: 'gelu',
      gatedMlp: false,
      tiedHead: false,
      layers: layers(null),
    },
  },
  {
    name: 'norms before and after, offset weights, windows, softcaps, q/k norms, scaled embeddings, bfloat16',
    change: {
      dtype: 'BF16',
      norm: { kind: 'rms', epsilon: 1e-6, weightOffset: 1 },
      queryKeyNorm: { kind: 'rms', epsilon: 1e-6, weightOffset: 1 },
      postNorms: true,
      layers: layers(5, null, 3),
      attentionSoftcap: 4,
      logitSoftcap: 6,
      embedScale: 4.875,
      activation: 'geluTanh',
      heads: 3,
      kvHeads: 1,
    },
  },
  {
    name: 'widths that are no multiple of 4, ReLU, parallel residuals after norms',
    change: {
      hidden: 18,
      headDim: 6,
      heads: 2,
      kvHeads: 1,
      mlpWidth: 13,
      vocabSize: 47,
      ropes: turn(6),
      activation: 'relu',
      parallelResidual: true,
      postNorms: true,
    },
  },
];
