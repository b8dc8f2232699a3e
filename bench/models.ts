/** @file Random weights in the true shapes of known models: speed depends on nothing else. */
import type { ModelSpec, WeightShape, WeightStream, WeightType } from '../app/engine/spec';
import { storedBytes } from '../app/engine/weightStream';

export type ShapeName = 'gpt2' | 'smollm2-135m' | 'qwen2.5-0.5b';

export interface BenchModel {
  spec: ModelSpec;
  /** Can be delivered any number of times, always with the same bytes. */
  weights: WeightStream;
}

interface Shape {
  spec: ModelSpec;
  /** Weights are stored as bfloat16, GPT-2's as f32, as on the hub. */
  dtype: WeightType;
  biases: 'none' | 'qkv' | 'all';
}

export function randomModel(name: ShapeName): BenchModel {
  return randomWeights(shapes[name]);
}

/** How a weight's values are drawn: uniformly, around `centre`. */
interface Draw extends WeightShape {
  centre: number;
  spread: number;
}

/** Weights for a specification without q/k norms or norms after the sublayers. */
export function randomWeights({ spec, dtype, biases }: Shape): BenchModel {
  const draws = new Map<string, Draw>();
  const add = (name: string, shape: number[], spread: number, centre = 0) => {
    draws.set(name, { dtype, shape, spread, centre });
  };
  const { hidden, heads, kvHeads, headDim, mlpWidth, gatedMlp } = spec;
  const linear = (name: string, out: number, width: number, bias: boolean) => {
    add(`${name}.weight`, [out, width], Math.sqrt(3 / width) * 0.5);
    if (bias) add(`${name}.bias`, [out], 0.02);
  };
  const norm = (name: string) => {
    add(`${name}.weight`, [hidden], 0.1, 1);
    if (spec.norm.kind === 'layer') add(`${name}.bias`, [hidden], 0.02);
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
  return { spec, weights: { shapes: draws, deliver: (sink) => deliver(draws, sink) } };
}

/** Bytes drawn at one time. */
const PIECE_BYTES = 4 * 2 ** 20;

async function deliver(
  draws: ReadonlyMap<string, Draw>,
  sink: Parameters<WeightStream['deliver']>[0],
): Promise<void> {
  const piece = new ArrayBuffer(PIECE_BYTES);
  let state = 1;
  for (const [name, draw] of draws) {
    const total = storedBytes(draw);
    const wide = draw.dtype === 'F32';
    for (let at = 0; at < total; at += PIECE_BYTES) {
      const bytes = Math.min(PIECE_BYTES, total - at);
      state = wide ? drawFloats(piece, bytes / 4, draw, state) : drawHalves(piece, bytes / 2, draw, state);
      await sink(name, at, new Uint8Array(piece, 0, bytes));
    }
  }
}

/** Xorshift (Marsaglia 2003), inlined below: a model has hundreds of millions of weights. */
const SCALE = 2 ** -31;

function drawFloats(piece: ArrayBuffer, count: number, { centre, spread }: Draw, state: number): number {
  const values = new Float32Array(piece);
  let x = state;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    values[i] = centre + spread * x * SCALE;
  }
  return x;
}

/** Bfloat16: the upper half of an f32. */
function drawHalves(piece: ArrayBuffer, count: number, { centre, spread }: Draw, state: number): number {
  const halves = new Uint16Array(piece);
  const value = new Float32Array(1);
  const bits = new Uint32Array(value.buffer);
  let x = state;
  for (let i = 0; i < count; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    value[0] = centre + spread * x * SCALE;
    halves[i] = bits[0] >>> 16;
  }
  return x;
}

function rotary(dims: number, theta: number): ModelSpec['ropes'] {
  return [
    { dims, inverseFrequencies: Array.from({ length: dims / 2 }, (_, i) => theta ** ((-2 * i) / dims)) },
  ];
}

interface LlamaSizes
  extends Pick<ModelSpec, 'vocabSize' | 'hidden' | 'heads' | 'kvHeads' | 'mlpWidth' | 'contextLength'> {
  headDim?: number;
  layers: number;
  theta: number;
  epsilon?: number;
}

/** A model as Llama is built: RMSNorm, rotated queries and keys, SwiGLU, tied head. */
export function llamaLike(modelType: string, sizes: LlamaSizes): ModelSpec {
  const { layers, theta, headDim = 64, epsilon = 1e-5, ...rest } = sizes;
  return {
    modelType,
    ...rest,
    headDim,
    layers: Array.from({ length: layers }, () => ({ window: null, rope: 0 })),
    embedScale: 1,
    learnedPositionOffset: null,
    ropes: rotary(headDim, theta),
    norm: { kind: 'rms', epsilon, weightOffset: 0 },
    queryKeyNorm: null,
    postNorms: false,
    parallelResidual: false,
    attentionScale: headDim ** -0.5,
    attentionSoftcap: null,
    logitSoftcap: null,
    activation: 'silu',
    gatedMlp: true,
    tiedHead: true,
  };
}

const shapes: Record<ShapeName, Shape> = {
  gpt2: {
    dtype: 'F32',
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
    dtype: 'BF16',
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
    dtype: 'BF16',
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
      epsilon: 1e-6,
    }),
  },
};

export const shapeNames = Object.keys(shapes) as ShapeName[];
