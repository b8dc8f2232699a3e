/** @file Random weights in the true shapes of known models: speed depends on nothing else. */
import { uniform } from '../app/engine/sampling';
import type { HostTensor, ModelSpec } from '../app/engine/spec';

export type ShapeName = 'gpt2' | 'smollm2-135m' | 'qwen2.5-0.5b';

/** Weights are stored as bfloat16, GPT-2's as f32, as on the hub. */
export function randomModel(name: ShapeName): { spec: ModelSpec; weights: Map<string, HostTensor> } {
  const { spec, f32, biases } = shapes[name];
  const weights = new Map<string, HostTensor>();
  const random = uniform(1);
  const add = (tensor: string, shape: number[], spread: number, centre = 0) => {
    const count = shape.reduce((product, n) => product * n, 1);
    // One value in each 4,096 would do for time, but the loss should be a model's: all are drawn.
    const values = Float32Array.from({ length: count }, () => centre + spread * (2 * random() - 1));
    const data = f32
      ? new Uint8Array(values.buffer)
      : new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16).buffer);
    weights.set(tensor, { dtype: f32 ? 'F32' : 'BF16', shape, data });
  };
  const { hidden, heads, kvHeads, headDim, mlpWidth, gatedMlp } = spec;
  const spread = (width: number) => Math.sqrt(3 / width) * 0.5;
  const linear = (tensor: string, out: number, width: number, bias: boolean) => {
    add(`${tensor}.weight`, [out, width], spread(width));
    if (bias) add(`${tensor}.bias`, [out], 0.02);
  };
  const norm = (tensor: string) => {
    add(`${tensor}.weight`, [hidden], 0.1, 1);
    if (spec.norm.kind === 'layer') add(`${tensor}.bias`, [hidden], 0.02);
  };
  add('embed.tokens', [spec.vocabSize, hidden], 0.05);
  if (spec.learnedPositionOffset !== null) add('embed.positions', [spec.contextLength, hidden], 0.02);
  spec.layers.forEach((_, i) => {
    norm(`layers.${i}.attention.norm`);
    linear(`layers.${i}.attention.qkv`, (heads + 2 * kvHeads) * headDim, hidden, biases !== 'none');
    linear(`layers.${i}.attention.out`, hidden, heads * headDim, biases === 'all');
    norm(`layers.${i}.mlp.norm`);
    linear(`layers.${i}.mlp.in`, gatedMlp ? 2 * mlpWidth : mlpWidth, hidden, biases === 'all');
    linear(`layers.${i}.mlp.out`, hidden, mlpWidth, biases === 'all');
  });
  norm('final.norm');
  return { spec, weights };
}

function rotary(dims: number, theta: number): ModelSpec['ropes'] {
  return [
    { dims, inverseFrequencies: Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims)) },
  ];
}

function llamaLike(
  modelType: string,
  change: Pick<ModelSpec, 'vocabSize' | 'hidden' | 'heads' | 'kvHeads' | 'mlpWidth' | 'contextLength'> & {
    layers: number;
    theta: number;
  },
): ModelSpec {
  const { layers, theta, ...sizes } = change;
  return {
    modelType,
    ...sizes,
    headDim: 64,
    layers: Array.from({ length: layers }, () => ({ window: null, rope: 0 })),
    embedScale: 1,
    learnedPositionOffset: null,
    ropes: rotary(64, theta),
    norm: { kind: 'rms', epsilon: 1e-5, weightOffset: 0 },
    queryKeyNorm: null,
    postNorms: false,
    parallelResidual: false,
    attentionScale: 0.125,
    attentionSoftcap: null,
    logitSoftcap: null,
    activation: 'silu',
    gatedMlp: true,
    tiedHead: true,
  };
}

const shapes: Record<ShapeName, { spec: ModelSpec; f32: boolean; biases: 'none' | 'qkv' | 'all' }> = {
  gpt2: {
    f32: true,
    biases: 'all',
    spec: {
      ...llamaLike('gpt2', {
        vocabSize: 50257,
        hidden: 768,
        heads: 12,
        kvHeads: 12,
        mlpWidth: 3072,
        contextLength: 1024,
        layers: 12,
        theta: 10000,
      }),
      layers: Array.from({ length: 12 }, () => ({ window: null, rope: null })),
      ropes: [],
      learnedPositionOffset: 0,
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
      activation: 'geluTanh',
      gatedMlp: false,
    },
  },
  'smollm2-135m': {
    f32: false,
    biases: 'none',
    spec: llamaLike('llama', {
      vocabSize: 49152,
      hidden: 576,
      heads: 9,
      kvHeads: 3,
      mlpWidth: 1536,
      contextLength: 8192,
      layers: 30,
      theta: 100000,
    }),
  },
  'qwen2.5-0.5b': {
    f32: false,
    biases: 'qkv',
    spec: llamaLike('qwen2', {
      vocabSize: 151936,
      hidden: 896,
      heads: 14,
      kvHeads: 2,
      mlpWidth: 4864,
      contextLength: 32768,
      layers: 24,
      theta: 1000000,
    }),
  },
};

export const shapeNames = Object.keys(shapes) as ShapeName[];
