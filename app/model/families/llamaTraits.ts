/**
 * @file What distinguishes Llama's descendants from each other: what their configurations leave unsaid, and what they add.
 * The defaults are those of the transformers library, where released files rely on them.
 */

/** Layers that see a window only, as far as the configuration does not list them. */
export type SlidingDefault =
  | 'none'
  | 'all'
  /** The last ones, from `max_window_layers` on, where `use_sliding_window` says so. */
  | 'fromMaxWindowLayers'
  /** Those that do not rotate, where `use_sliding_window` says so. */
  | 'unrotated'
  /** All but every second. */
  | 'alternating'
  /** All but every n-th, by `sliding_window_pattern`. */
  | 'pattern';

export interface Traits {
  /** What a configuration that omits a key means by it. */
  defaults: {
    vocabSize?: number;
    heads?: number;
    /** As many as there are heads, where absent. */
    kvHeads?: number;
    headDim?: number;
    contextLength: number;
    activation: string;
    normEpsilon: number;
    ropeTheta: number;
    slidingWindow?: number;
    attentionSoftcap?: number;
    logitSoftcap?: number;
    tiedHead: boolean;
  };
  sliding: SlidingDefault;
  /** Which biases the configuration can ask for: of attention (`attention_bias`), and of the MLP (`mlp_bias`). */
  biases: readonly ('attention' | 'mlp')[];
  /** Biases of queries, keys and values, whatever the configuration says. */
  qkvBias?: true;
  queryKeyNorm?: true;
  /** Layers without rotation, by `no_rope_layers` or `no_rope_layer_interval`. */
  unrotatedLayers?: true;
  /** Token embeddings times the root of the width, and norms that store weight - 1. */
  gemma?: true;
  /** Norms after attention and MLP too. */
  postNorms?: true;
  /** Attention scale by `query_pre_attn_scalar`, soft caps by `attn_logit_softcapping` and `final_logit_softcapping`. */
  softcaps?: true;
  /** Sliding layers have a rope of their own, without scaling. */
  localRope?: true;
  /** The configuration's name for the activation. */
  activationKey: 'hidden_act' | 'hidden_activation';
}

const llama = {
  contextLength: 2048,
  activation: 'silu',
  normEpsilon: 1e-6,
  ropeTheta: 10000,
  tiedHead: false,
};

const gemma = {
  ...llama,
  headDim: 256,
  contextLength: 8192,
  activation: 'gelu_pytorch_tanh',
  tiedHead: true,
};

/** The text part of Qwen's models that also see. */
const qwenVisionText: Traits = {
  defaults: {
    ...llama,
    kvHeads: 8,
    contextLength: 32768,
    normEpsilon: 1e-5,
    ropeTheta: 1_000_000,
    slidingWindow: 4096,
  },
  sliding: 'fromMaxWindowLayers',
  biases: [],
  qkvBias: true,
  activationKey: 'hidden_act',
};

export const traits: Record<string, Traits> = {
  llama: { defaults: llama, sliding: 'none', biases: ['attention', 'mlp'], activationKey: 'hidden_act' },
  mistral: {
    defaults: { ...llama, kvHeads: 8, contextLength: 131072, slidingWindow: 4096 },
    sliding: 'all',
    biases: [],
    activationKey: 'hidden_act',
  },
  qwen2: {
    defaults: { ...llama, contextLength: 32768, slidingWindow: 4096 },
    sliding: 'fromMaxWindowLayers',
    biases: [],
    qkvBias: true,
    activationKey: 'hidden_act',
  },
  qwen3: {
    defaults: { ...llama, headDim: 128, contextLength: 32768, slidingWindow: 4096 },
    sliding: 'fromMaxWindowLayers',
    biases: ['attention'],
    queryKeyNorm: true,
    activationKey: 'hidden_act',
  },
  smollm3: {
    defaults: { ...llama, kvHeads: 4, contextLength: 32768, ropeTheta: 2_000_000, tiedHead: true },
    sliding: 'unrotated',
    biases: ['attention', 'mlp'],
    unrotatedLayers: true,
    activationKey: 'hidden_act',
  },
  gemma: {
    defaults: { ...gemma, kvHeads: 16 },
    sliding: 'none',
    biases: ['attention'],
    gemma: true,
    activationKey: 'hidden_act',
  },
  gemma2: {
    defaults: { ...gemma, kvHeads: 4, slidingWindow: 4096, attentionSoftcap: 50, logitSoftcap: 30 },
    sliding: 'alternating',
    biases: ['attention'],
    gemma: true,
    postNorms: true,
    softcaps: true,
    activationKey: 'hidden_activation',
  },
  gemma3_text: {
    defaults: {
      ...gemma,
      vocabSize: 262208,
      heads: 8,
      kvHeads: 4,
      contextLength: 131072,
      ropeTheta: 1_000_000,
      slidingWindow: 4096,
    },
    sliding: 'pattern',
    biases: ['attention'],
    queryKeyNorm: true,
    gemma: true,
    postNorms: true,
    softcaps: true,
    localRope: true,
    activationKey: 'hidden_activation',
  },
  qwen2_vl_text: qwenVisionText,
  qwen2_5_vl_text: qwenVisionText,
};
