/**
 * @file A model family as data. Engines read a `ModelSpec` and a map of weights under canonical names;
 * nothing outside `model/` knows what a checkpoint of some family looks like on disk.
 */

export type Activation = 'gelu' | 'geluTanh' | 'silu' | 'relu';

export interface NormSpec {
  kind: 'layer' | 'rms';
  epsilon: number;
  /** Added to the stored weight before use: Gemma stores `weight - 1`. */
  weightOffset: 0 | 1;
}

/** Rotary position embedding in the half-split form: dimension i turns with dimension i + dims/2. */
export interface RopeSpec {
  /** How many of a head's first dimensions are rotated; even. */
  dims: number;
  /** Radians a position, `[dims / 2]`, any frequency scaling already applied. */
  inverseFrequencies: number[];
}

export interface LayerSpec {
  /** A row sees itself and the `window - 1` rows before it; null sees all of them. */
  window: number | null;
  /** Index into `ModelSpec.ropes`, or null where the layer does not rotate. */
  rope: number | null;
}

/** Everything about a model that is not a weight. Shapes below: D hidden, H heads, K key/value heads, d head size, F MLP width, V vocabulary. */
export interface ModelSpec {
  /** `model_type` of the configuration; for display and files only, never branched on by an engine. */
  modelType: string;
  vocabSize: number;
  hidden: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  mlpWidth: number;
  /** Most positions the model was made for, virtual tokens included. */
  contextLength: number;
  layers: LayerSpec[];
  /** Token embeddings are multiplied by this on lookup; virtual tokens are not. */
  embedScale: number;
  /** Added to a position before it indexes `embed.positions`; null where positions are not learned. */
  learnedPositionOffset: number | null;
  ropes: RopeSpec[];
  norm: NormSpec;
  /** RMS norm of each query and key head before rotation, or null. */
  queryKeyNorm: NormSpec | null;
  /** Gemma's norms after attention and MLP, before the residual addition. */
  postNorms: boolean;
  /** x + attention(norm x) + mlp(norm' x) instead of one after the other. */
  parallelResidual: boolean;
  /** Attention scores are multiplied by this before the softmax. */
  attentionScale: number;
  /** cap · tanh(scores / cap), or null. */
  attentionSoftcap: number | null;
  logitSoftcap: number | null;
  activation: Activation;
  /** act(gate) · up instead of act(in). */
  gatedMlp: boolean;
  /** The head is the embedding table. */
  tiedHead: boolean;
}

/** Numbers that each stand for themselves. */
export type WeightType = 'F32' | 'F16' | 'BF16';

/**
 * Matrices of codes of 8 or 4 bits, of which so many along a row share a scale, and an offset where there is one: `q4/32/f16+offset`.
 * What the codes stand for, and how they lie, is said in `quantised.ts`.
 */
export type QuantisedType = `q${8 | 4}/${16 | 32 | 64}/${'f16' | 'f32'}${'' | '+offset'}`;

export type StoredType = WeightType | QuantisedType;

/** A tensor as stored: little-endian, row-major; vectors are of a `WeightType`. `data.byteOffset` is a multiple of 4. */
export interface HostTensor {
  dtype: StoredType;
  shape: number[];
  data: Uint8Array;
}

/**
 * Weights under canonical names. Linear layers are `[out, in]`; i counts layers.
 *
 * | name | shape |
 * | --- | --- |
 * | `embed.tokens` | [V, D] |
 * | `embed.positions` | [positions, D], where learned |
 * | `layers.i.attention.norm.weight`, `.bias` | [D] |
 * | `layers.i.attention.qkv.weight`, `.bias` | [(H + 2K)·d, D]: queries, keys, values, head-major |
 * | `layers.i.attention.queryNorm.weight`, `keyNorm.weight` | [d] |
 * | `layers.i.attention.out.weight`, `.bias` | [D, H·d] |
 * | `layers.i.attention.postNorm.weight` | [D] |
 * | `layers.i.mlp.norm.weight`, `.bias` | [D] |
 * | `layers.i.mlp.in.weight`, `.bias` | [F, D]; gated: [2F, D], gate rows then up rows |
 * | `layers.i.mlp.out.weight`, `.bias` | [D, F] |
 * | `layers.i.mlp.postNorm.weight` | [D] |
 * | `final.norm.weight`, `.bias` | [D] |
 * | `head.weight`, `.bias` | [V, D], absent where tied; bias [V] where the family has one |
 *
 * Biases are present exactly where the checkpoint has them.
 */
export type ModelWeights = ReadonlyMap<string, HostTensor>;

/** How weights lie on the GPU: as the file has them, or matrices of floats as 8-bit codes. */
export type WeightFormat = 'stored' | 'int8';

/** Type and shape of a weight, known before its bytes. */
export type WeightShape = Pick<HostTensor, 'dtype' | 'shape'>;

/**
 * Takes bytes of the weight `name` from byte `offset` on; both are multiples of 4 but for a weight's last bytes.
 * The memory is reused once the call (or what it returns) is over: what is to stay must be copied.
 */
export type WeightSink = (name: string, offset: number, bytes: Uint8Array) => void | Promise<void>;

/** Weights under canonical names whose bytes may still be on their way: a model need never be in memory whole. */
export interface WeightStream {
  /** Of every weight that will be delivered. */
  readonly shapes: ReadonlyMap<string, WeightShape>;
  /**
   * Hands every byte of every weight to the sink once, in any order, one call at a time.
   * @throws whatever reading or the sink throws; what was delivered before is then of no use.
   */
  deliver(sink: WeightSink): Promise<void>;
}
