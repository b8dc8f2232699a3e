/** @file Llama and its descendants: RMS norm, rotary embedding, gated MLP, and the traits of each. */
import { z } from 'zod';
import type { LayerSpec, ModelSpec, RopeSpec, WeightType } from '../../engine/spec';
import { roundToType } from '../dtype';
import { ModelError } from '../errors';
import {
  checkHeads,
  type Family,
  field,
  parseConfig,
  readActivation,
  stackedWithBias,
  stored,
  unsupported,
  type WeightSource,
} from './family';
import { type Traits, traits } from './llamaTraits';
import { givenRope, type RopeParameters, ropeParametersSchema, ropeSpec } from './rope';

const layerType = z.enum(['full_attention', 'sliding_attention']);
const perLayerType = z.object({
  full_attention: ropeParametersSchema.nullish(),
  sliding_attention: ropeParametersSchema.nullish(),
});
const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count.optional(),
  hidden_size: field.width,
  num_hidden_layers: field.layers,
  num_attention_heads: field.count.optional(),
  num_key_value_heads: field.countOrNull,
  head_dim: field.widthOrNull,
  intermediate_size: field.width,
  max_position_embeddings: field.count.optional(),
  hidden_act: z.string().nullish(),
  hidden_activation: z.string().nullish(),
  rms_norm_eps: field.positive.optional(),
  rope_theta: field.positive.optional(),
  partial_rotary_factor: field.share.nullish(),
  rope_scaling: ropeParametersSchema.nullish(),
  rope_parameters: z.union([perLayerType.required({ full_attention: true }), ropeParametersSchema]).nullish(),
  rope_local_base_freq: field.positive.default(10000),
  attention_bias: field.flag.nullish(),
  mlp_bias: field.flag.nullish(),
  tie_word_embeddings: field.flag.nullish(),
  layer_types: z.array(layerType).nullish(),
  sliding_window: field.countOrNull,
  use_sliding_window: field.flag.nullish(),
  max_window_layers: z.number().int().nonnegative().nullish(),
  sliding_window_pattern: field.countOrNull,
  _sliding_window_pattern: field.countOrNull,
  no_rope_layers: z.array(z.number()).nullish(),
  no_rope_layer_interval: field.countOrNull,
  query_pre_attn_scalar: field.positive.default(256),
  attn_logit_softcapping: field.positive.nullish(),
  final_logit_softcapping: field.positive.nullish(),
  use_bidirectional_attention: z.union([field.flag, z.string()]).nullish(),
});
type Config = z.infer<typeof schema>;

/** Llama's descendants by `model_type`. */
export const llamaFamilies: Record<string, Family> = Object.fromEntries(
  Object.entries(traits).map(([modelType, family]) => [
    modelType,
    {
      prefixes: [
        { body: 'model.', head: '' },
        { body: '', head: '' },
        // The text part of a model that also sees: as it is written now, as it was, and inside SmolVLM.
        { body: 'model.language_model.', head: '' },
        { body: 'language_model.model.', head: 'language_model.' },
        { body: 'language_model.', head: '' },
        { body: 'model.text_model.', head: '' },
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

function readSpec(config: Config, family: Traits, stored: WeightType): ModelSpec {
  if (config.use_bidirectional_attention) throw unsupported('bidirectional attention is not supported.');
  const { defaults } = family;
  const hidden = config.hidden_size;
  const heads = known('num_attention_heads', config.num_attention_heads ?? defaults.heads);
  const kvHeads = config.num_key_value_heads ?? defaults.kvHeads ?? heads;
  const headDim = checkHeads(hidden, heads, kvHeads, config.head_dim ?? defaults.headDim);
  const contextLength = config.max_position_embeddings ?? defaults.contextLength;
  const epsilon = config.rms_norm_eps ?? defaults.normEpsilon;
  const norm = { kind: 'rms', epsilon, weightOffset: family.gemma ? 1 : 0 } as const;
  const softcap = (given: number | null | undefined, otherwise: number | undefined) =>
    family.softcaps ? (given === undefined ? (otherwise ?? null) : given) : null;
  return {
    modelType: config.model_type,
    vocabSize: known('vocab_size', config.vocab_size ?? defaults.vocabSize),
    hidden,
    heads,
    kvHeads,
    headDim,
    mlpWidth: config.intermediate_size,
    contextLength,
    layers: readLayers(config, family, contextLength),
    // Transformers holds the scale in the weights' type.
    embedScale: family.gemma ? roundToType(Math.sqrt(hidden), stored) : 1,
    learnedPositionOffset: null,
    ropes: readRopes(config, family, headDim, contextLength),
    norm,
    queryKeyNorm: family.queryKeyNorm ? norm : null,
    postNorms: family.postNorms === true,
    parallelResidual: false,
    attentionScale: (family.softcaps ? config.query_pre_attn_scalar : headDim) ** -0.5,
    attentionSoftcap: softcap(config.attn_logit_softcapping, defaults.attentionSoftcap),
    logitSoftcap: softcap(config.final_logit_softcapping, defaults.logitSoftcap),
    activation: readActivation(activationName(config, family)),
    gatedMlp: true,
    tiedHead: config.tie_word_embeddings ?? defaults.tiedHead,
  };
}

/** @throws ModelError for a key that neither the configuration nor the family says. */
function known(key: string, value: number | undefined): number {
  if (value !== undefined) return value;
  throw new ModelError(
    'malformed',
    `config.json: ${key}: a number is missing.`,
    'Take config.json from the model itself, unchanged.',
  );
}

function activationName(config: Config, { activationKey, defaults, gemma }: Traits): string {
  const name = config[activationKey] ?? defaults.activation;
  // Gemma 1 was released with a file that says "gelu" and means its tanh form.
  return gemma && activationKey === 'hidden_act' && name === 'gelu' ? 'gelu_pytorch_tanh' : name;
}

/** The rope of full layers and, where sliding layers have their own, that one. */
function readRopes(config: Config, family: Traits, headDim: number, contextLength: number): RopeSpec[] {
  const given = givenRope(config);
  const split = given && 'full_attention' in given ? (given as z.infer<typeof perLayerType>) : null;
  const full = split ? split.full_attention : (given as RopeParameters | null);
  const rope = (theta: number, parameters: RopeParameters | null | undefined) => {
    const part = parameters?.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
    if (part !== 1) throw unsupported(`partial_rotary_factor ${part} is not known of this family.`);
    return ropeSpec(headDim, theta, contextLength, parameters);
  };
  const ropes = [rope(config.rope_theta ?? family.defaults.ropeTheta, full)];
  if (family.localRope) ropes.push(rope(config.rope_local_base_freq, split?.sliding_attention));
  return ropes;
}

function readLayers(config: Config, family: Traits, contextLength: number): LayerSpec[] {
  const layers = config.num_hidden_layers;
  const interval = config.no_rope_layer_interval ?? 4;
  const listed = <T>(key: string, list: T[] | null | undefined): T[] | null => {
    if (!list || list.length === layers) return list ?? null;
    throw unsupported(`${key} lists ${list.length} layers, num_hidden_layers says ${layers}.`);
  };
  const unrotated = family.unrotatedLayers ? listed('no_rope_layers', config.no_rope_layers) : null;
  const rotates = (i: number): boolean =>
    !family.unrotatedLayers || (unrotated ? unrotated[i] !== 0 : (i + 1) % interval !== 0);

  const { sliding } = family;
  const ignoresTypes = sliding === 'none' || sliding === 'all';
  const types = ignoresTypes ? null : listed('layer_types', config.layer_types);
  const pattern = config._sliding_window_pattern ?? config.sliding_window_pattern ?? 6;
  const slides = (i: number): boolean => {
    if (types) return types[i] === 'sliding_attention';
    switch (sliding) {
      case 'none':
        return false;
      case 'all':
        return true;
      case 'fromMaxWindowLayers':
        return i >= (config.max_window_layers ?? 28);
      case 'unrotated':
        return !rotates(i);
      case 'alternating':
        return i % 2 === 0;
      case 'pattern':
        return (i + 1) % pattern !== 0;
    }
  };
  const asked = sliding === 'fromMaxWindowLayers' || sliding === 'unrotated';
  // Null says "no window"; an absent key stands for the family's default.
  const given =
    config.sliding_window === undefined ? (family.defaults.slidingWindow ?? null) : config.sliding_window;
  const window = asked && !config.use_sliding_window ? null : given;
  return Array.from({ length: layers }, (_, i) => ({
    // A window as long as the context hides nothing.
    window: slides(i) && window !== null && window < contextLength ? window : null,
    rope: rotates(i) ? (family.localRope && slides(i) ? 1 : 0) : null,
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
  const attentionBias = family.biases.includes('attention') && config.attention_bias === true;
  const mlpBias = family.biases.includes('mlp') && config.mlp_bias === true;
  const norm = (name: string, from: string, size = hidden) =>
    stored(`${name}.weight`, `${from}.weight`, [size]);
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
    const queryKeyNorms = [
      norm(`${at}.attention.queryNorm`, `${from}.self_attn.q_norm`, headDim),
      norm(`${at}.attention.keyNorm`, `${from}.self_attn.k_norm`, headDim),
    ];
    // Where norms follow attention too, the name that others give the MLP's norm is theirs.
    const mlpNorm = family.postNorms ? 'pre_feedforward_layernorm' : 'post_attention_layernorm';
    return [
      norm(`${at}.attention.norm`, `${from}.input_layernorm`),
      ...stackedWithBias(
        `${at}.attention.qkv`,
        projections,
        hidden,
        family.qkvBias === true || attentionBias,
      ),
      ...(family.queryKeyNorm ? queryKeyNorms : []),
      ...stackedWithBias(
        `${at}.attention.out`,
        [[`${from}.self_attn.o_proj`, hidden]],
        queries,
        attentionBias,
      ),
      ...(family.postNorms ? [norm(`${at}.attention.postNorm`, `${from}.post_attention_layernorm`)] : []),
      norm(`${at}.mlp.norm`, `${from}.${mlpNorm}`),
      ...stackedWithBias(`${at}.mlp.in`, gates, hidden, mlpBias),
      ...stackedWithBias(`${at}.mlp.out`, [[`${from}.mlp.down_proj`, hidden]], width, mlpBias),
      ...(family.postNorms ? [norm(`${at}.mlp.postNorm`, `${from}.post_feedforward_layernorm`)] : []),
    ];
  };
  return [
    stored('embed.tokens', `${body}embed_tokens.weight`, [spec.vocabSize, hidden]),
    ...Array.from({ length: spec.layers.length }, (_, i) => layer(i)).flat(),
    norm('final.norm', `${body}norm`),
    ...(spec.tiedHead ? [] : [stored('head.weight', `${head}lm_head.weight`, [spec.vocabSize, hidden])]),
  ];
}
