/**
 * @file Llama and its descendants: RMS norm, rotary embedding, gated MLP. What distinguishes them is a table of
 * traits: what their configurations leave unsaid, and what they add.
 */
import { z } from 'zod';
import type { LayerSpec, ModelSpec, WeightType } from '../../engine/spec';
import { roundToType } from '../dtype';
import {
  checkHeads,
  type Family,
  field,
  parseConfig,
  readActivation,
  stacked,
  stored,
  unsupported,
  type WeightSource,
} from './family';
import { type RopeParameters, ropeParametersSchema, ropeSpec } from './rope';

/** Layers that see a window only, as far as the configuration does not list them. */
type SlidingDefault = 'none' | 'all' | 'fromMaxWindowLayers' | 'pattern';

interface Traits {
  /** What a configuration that omits a key means by it. */
  defaults: {
    kvHeads?: number;
    headDim?: number;
    contextLength: number;
    activation: string;
    normEpsilon: number;
    ropeTheta: number;
    slidingWindow?: number;
    attentionBias: boolean;
    tiedHead: boolean;
  };
  sliding: SlidingDefault;
  /** Biases of queries, keys and values, whatever the configuration says. */
  qkvBias?: true;
  queryKeyNorm?: true;
  /** Gemma: scaled embeddings, norms that store weight - 1 and follow each block too, a rope for sliding layers. */
  gemma?: true;
}

const llamaDefaults = {
  contextLength: 2048,
  activation: 'silu',
  normEpsilon: 1e-6,
  ropeTheta: 10000,
  attentionBias: false,
  tiedHead: false,
};

const traits: Record<string, Traits> = {
  llama: { defaults: llamaDefaults, sliding: 'none' },
  mistral: {
    defaults: { ...llamaDefaults, kvHeads: 8, contextLength: 131072, slidingWindow: 4096 },
    sliding: 'all',
  },
  qwen2: {
    defaults: { ...llamaDefaults, contextLength: 32768, slidingWindow: 4096 },
    sliding: 'fromMaxWindowLayers',
    qkvBias: true,
  },
  qwen3: {
    defaults: { ...llamaDefaults, headDim: 128, contextLength: 32768, slidingWindow: 4096 },
    sliding: 'fromMaxWindowLayers',
    queryKeyNorm: true,
  },
  gemma3_text: {
    defaults: {
      kvHeads: 4,
      headDim: 256,
      contextLength: 131072,
      activation: 'gelu_pytorch_tanh',
      normEpsilon: 1e-6,
      ropeTheta: 1_000_000,
      slidingWindow: 4096,
      attentionBias: false,
      tiedHead: true,
    },
    sliding: 'pattern',
    queryKeyNorm: true,
    gemma: true,
  },
};

const layerType = z.enum(['full_attention', 'sliding_attention']);
const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  hidden_size: field.count,
  num_hidden_layers: field.count,
  num_attention_heads: field.count,
  num_key_value_heads: field.countOrNull,
  head_dim: field.countOrNull,
  intermediate_size: field.count,
  max_position_embeddings: field.count.optional(),
  hidden_act: z.string().optional(),
  /** Gemma's name for `hidden_act`. */
  hidden_activation: z.string().nullish(),
  rms_norm_eps: field.positive.optional(),
  rope_theta: field.positive.optional(),
  rope_scaling: ropeParametersSchema.nullish(),
  rope_parameters: z
    .union([
      z.object({ full_attention: ropeParametersSchema, sliding_attention: ropeParametersSchema }),
      ropeParametersSchema,
    ])
    .nullish(),
  rope_local_base_freq: field.positive.default(10000),
  attention_bias: field.flag.optional(),
  mlp_bias: field.flag.default(false),
  tie_word_embeddings: field.flag.optional(),
  layer_types: z.array(layerType).nullish(),
  sliding_window: field.countOrNull,
  use_sliding_window: field.flag.default(false),
  max_window_layers: z.number().int().nonnegative().default(28),
  sliding_window_pattern: field.count.optional(),
  _sliding_window_pattern: field.count.optional(),
  query_pre_attn_scalar: field.positive.default(256),
  attn_logit_softcapping: field.positive.nullish(),
  final_logit_softcapping: field.positive.nullish(),
  use_bidirectional_attention: field.flag.nullish(),
});
type Config = z.infer<typeof schema>;

export const llamaFamilies: Record<string, Family> = Object.fromEntries(
  Object.entries(traits).map(([modelType, family]) => [
    modelType,
    {
      prefixes: [
        { body: 'model.', head: '' },
        { body: '', head: '' },
        { body: 'language_model.model.', head: 'language_model.' },
        { body: 'model.language_model.', head: '' },
      ],
      embedding: 'embed_tokens.weight',
      read(raw, type) {
        const config = parseConfig(schema, raw);
        const spec = readSpec(config, family, type);
        return { spec, sources: (prefix) => sources(config, family, spec, prefix.body, prefix.head) };
      },
    } satisfies Family,
  ]),
);

function readSpec(config: Config, { defaults, ...family }: Traits, stored: WeightType): ModelSpec {
  if (config.use_bidirectional_attention) throw unsupported('bidirectional attention is not supported.');
  const hidden = config.hidden_size;
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? defaults.kvHeads ?? heads;
  const headDim = checkHeads(hidden, heads, kvHeads, config.head_dim ?? defaults.headDim);
  const contextLength = config.max_position_embeddings ?? defaults.contextLength;
  const epsilon = config.rms_norm_eps ?? defaults.normEpsilon;
  const norm = { kind: 'rms', epsilon, weightOffset: family.gemma ? 1 : 0 } as const;
  const ropes = readRopes(config, headDim, defaults.ropeTheta, family.gemma === true);
  return {
    modelType: config.model_type,
    vocabSize: config.vocab_size,
    hidden,
    heads,
    kvHeads,
    headDim,
    mlpWidth: config.intermediate_size,
    contextLength,
    layers: readLayers(config, family.sliding, defaults.slidingWindow, contextLength, family.gemma === true),
    // Transformers holds the scale in the weights' type.
    embedScale: family.gemma ? roundToType(Math.sqrt(hidden), stored) : 1,
    learnedPositionOffset: null,
    ropes,
    norm,
    queryKeyNorm: family.queryKeyNorm ? norm : null,
    postNorms: family.gemma === true,
    parallelResidual: false,
    attentionScale: (family.gemma ? config.query_pre_attn_scalar : headDim) ** -0.5,
    attentionSoftcap: family.gemma ? (config.attn_logit_softcapping ?? null) : null,
    logitSoftcap: family.gemma ? (config.final_logit_softcapping ?? null) : null,
    activation: readActivation(
      (family.gemma ? config.hidden_activation : config.hidden_act) ?? defaults.activation,
    ),
    gatedMlp: true,
    tiedHead: config.tie_word_embeddings ?? defaults.tiedHead,
  };
}

/** The rope of full layers and, with `local`, the one of sliding layers. */
function readRopes(config: Config, headDim: number, theta: number, local: boolean) {
  const given = config.rope_parameters ?? config.rope_scaling;
  const perLayerType = given && 'full_attention' in given ? (given as Record<string, RopeParameters>) : null;
  const full = perLayerType ? perLayerType.full_attention : (given as RopeParameters | null | undefined);
  const rope = (base: number, parameters: RopeParameters | null | undefined) =>
    ropeSpec(Math.floor(headDim * (parameters?.partial_rotary_factor ?? 1)), base, parameters);
  const ropes = [rope(config.rope_theta ?? theta, full)];
  if (local) ropes.push(rope(config.rope_local_base_freq, perLayerType?.sliding_attention));
  return ropes;
}

function readLayers(
  config: Config,
  sliding: SlidingDefault,
  defaultWindow: number | undefined,
  contextLength: number,
  localRope: boolean,
): LayerSpec[] {
  const layers = config.num_hidden_layers;
  const types = config.layer_types;
  if (types && types.length !== layers) {
    throw unsupported(`layer_types lists ${types.length} layers, num_hidden_layers says ${layers}.`);
  }
  const optional = sliding === 'fromMaxWindowLayers' && !config.use_sliding_window;
  // Null says "no window"; an absent key stands for the family's default.
  const given = config.sliding_window === undefined ? (defaultWindow ?? null) : config.sliding_window;
  const window = optional ? null : given;
  const pattern = config._sliding_window_pattern ?? config.sliding_window_pattern ?? 6;
  const slides = (i: number): boolean => {
    if (types && sliding !== 'none') return types[i] === 'sliding_attention';
    if (sliding === 'pattern') return (i + 1) % pattern !== 0;
    return sliding === 'all' || (sliding === 'fromMaxWindowLayers' && i >= config.max_window_layers);
  };
  return Array.from({ length: layers }, (_, i) => ({
    // A window as long as the context hides nothing.
    window: slides(i) && window !== null && window < contextLength ? window : null,
    rope: localRope && slides(i) ? 1 : 0,
  }));
}

function sources(
  config: Config,
  family: Traits,
  spec: ModelSpec,
  body: string,
  head: string,
): WeightSource[] {
  const { hidden, headDim, mlpWidth: width } = spec;
  const queries = spec.heads * headDim;
  const keys = spec.kvHeads * headDim;
  const attentionBias = config.attention_bias ?? family.defaults.attentionBias;
  // Qwen 2 has them on queries, keys and values, never on the output.
  const qkvBias = family.qkvBias === true || attentionBias;
  const outBias = family.qkvBias !== true && attentionBias;
  const norm = (name: string, from: string, size = hidden) => [
    stored(`${name}.weight`, `${from}.weight`, [size]),
  ];
  const linear = (
    name: string,
    parts: [string, number][],
    columns: number,
    bias: boolean,
  ): WeightSource[] => {
    const part = (kind: string) => parts.map(([from, rows]): [string, number] => [`${from}.${kind}`, rows]);
    return [
      stacked(`${name}.weight`, part('weight'), columns),
      ...(bias ? [stacked(`${name}.bias`, part('bias'), null)] : []),
    ];
  };
  const layer = (i: number): WeightSource[] => {
    const at = `layers.${i}`;
    const from = `${body}layers.${i}`;
    const projections: [string, number][] = [
      [`${from}.self_attn.q_proj`, queries],
      [`${from}.self_attn.k_proj`, keys],
      [`${from}.self_attn.v_proj`, keys],
    ];
    const gates: [string, number][] = [
      [`${from}.mlp.gate_proj`, width],
      [`${from}.mlp.up_proj`, width],
    ];
    return [
      ...norm(`${at}.attention.norm`, `${from}.input_layernorm`),
      ...linear(`${at}.attention.qkv`, projections, hidden, qkvBias),
      ...(family.queryKeyNorm ? norm(`${at}.attention.queryNorm`, `${from}.self_attn.q_norm`, headDim) : []),
      ...(family.queryKeyNorm ? norm(`${at}.attention.keyNorm`, `${from}.self_attn.k_norm`, headDim) : []),
      ...linear(`${at}.attention.out`, [[`${from}.self_attn.o_proj`, hidden]], queries, outBias),
      ...(family.gemma ? norm(`${at}.attention.postNorm`, `${from}.post_attention_layernorm`) : []),
      ...norm(`${at}.mlp.norm`, `${from}.${family.gemma ? 'pre_feedforward' : 'post_attention'}_layernorm`),
      ...linear(`${at}.mlp.in`, gates, hidden, config.mlp_bias),
      ...linear(`${at}.mlp.out`, [[`${from}.mlp.down_proj`, hidden]], width, config.mlp_bias),
      ...(family.gemma ? norm(`${at}.mlp.postNorm`, `${from}.post_feedforward_layernorm`) : []),
    ];
  };
  return [
    stored('embed.tokens', `${body}embed_tokens.weight`, [spec.vocabSize, hidden]),
    ...Array.from({ length: spec.layers.length }, (_, i) => layer(i)).flat(),
    ...norm('final.norm', `${body}norm`),
    ...(spec.tiedHead ? [] : [stored('head.weight', `${head}lm_head.weight`, [spec.vocabSize, hidden])]),
  ];
}
