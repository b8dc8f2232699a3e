/** @file Phi-1, 1.5 and 2: one LayerNorm for attention and MLP side by side, partial rotary embedding, biases everywhere. */
import { z } from 'zod';
import type { ModelSpec } from '../../engine/spec';
import {
  checkHeads,
  equalLayers,
  type Family,
  field,
  parseConfig,
  readActivation,
  stackedWithBias,
  stored,
  storedWithBias,
  unsupported,
  type WeightSource,
} from './family';
import { givenRope, ropeParametersSchema, ropeSpec } from './rope';

const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  hidden_size: field.width,
  intermediate_size: field.width,
  num_hidden_layers: field.layers,
  num_attention_heads: field.count,
  num_key_value_heads: field.countOrNull,
  head_dim: field.widthOrNull,
  max_position_embeddings: field.count.default(2048),
  hidden_act: z.string().default('gelu_new'),
  layer_norm_eps: field.positive.default(1e-5),
  rope_theta: field.positive.default(10000),
  partial_rotary_factor: field.share.default(0.5),
  rope_scaling: ropeParametersSchema.nullish(),
  rope_parameters: ropeParametersSchema.nullish(),
  qk_layernorm: field.flag.default(false),
  tie_word_embeddings: field.flag.default(false),
});

export const phi: Family = {
  prefixes: [
    { body: 'model.', head: '' },
    { body: '', head: '' },
  ],
  embedding: 'embed_tokens.weight',
  read(raw) {
    const config = parseConfig(schema, raw);
    if (config.qk_layernorm) {
      throw unsupported('qk_layernorm is true: LayerNorm of queries and keys is not supported.');
    }
    const hidden = config.hidden_size;
    const heads = config.num_attention_heads;
    const kvHeads = config.num_key_value_heads ?? heads;
    const headDim = checkHeads(hidden, heads, kvHeads, config.head_dim ?? undefined);
    const parameters = givenRope(config);
    const rotary = Math.floor(headDim * (parameters?.partial_rotary_factor ?? config.partial_rotary_factor));
    const contextLength = config.max_position_embeddings;
    const spec = {
      modelType: config.model_type,
      vocabSize: config.vocab_size,
      hidden,
      heads,
      kvHeads,
      headDim,
      mlpWidth: config.intermediate_size,
      contextLength,
      layers: equalLayers(config.num_hidden_layers, { window: null, rope: 0 }),
      embedScale: 1,
      learnedPositionOffset: null,
      ropes: [ropeSpec(rotary, config.rope_theta, contextLength, parameters)],
      norm: { kind: 'layer', epsilon: config.layer_norm_eps, weightOffset: 0 },
      queryKeyNorm: null,
      postNorms: false,
      parallelResidual: true,
      attentionScale: headDim ** -0.5,
      attentionSoftcap: null,
      logitSoftcap: null,
      activation: readActivation(config.hidden_act),
      gatedMlp: false,
      tiedHead: config.tie_word_embeddings,
    } satisfies ModelSpec;
    return { spec, sources: (prefix) => sources(spec, prefix.body, prefix.head) };
  },
};

function sources(spec: ModelSpec, body: string, head: string): WeightSource[] {
  const { hidden, mlpWidth: width, vocabSize: vocab } = spec;
  const queries = spec.heads * spec.headDim;
  const keys = spec.kvHeads * spec.headDim;
  const layer = (i: number): WeightSource[] => {
    const at = `layers.${i}`;
    const from = `${body}layers.${i}`;
    const projections: [string, number][] = [
      [`${from}.self_attn.q_proj`, queries],
      [`${from}.self_attn.k_proj`, keys],
      [`${from}.self_attn.v_proj`, keys],
    ];
    return [
      // One norm in the checkpoint is both norms here.
      ...storedWithBias(`${at}.attention.norm`, `${from}.input_layernorm`, [hidden]),
      ...stackedWithBias(`${at}.attention.qkv`, projections, hidden),
      ...storedWithBias(`${at}.attention.out`, `${from}.self_attn.dense`, [hidden, queries]),
      ...storedWithBias(`${at}.mlp.norm`, `${from}.input_layernorm`, [hidden]),
      ...storedWithBias(`${at}.mlp.in`, `${from}.mlp.fc1`, [width, hidden]),
      ...storedWithBias(`${at}.mlp.out`, `${from}.mlp.fc2`, [hidden, width]),
    ];
  };
  return [
    stored('embed.tokens', `${body}embed_tokens.weight`, [vocab, hidden]),
    ...Array.from({ length: spec.layers.length }, (_, i) => layer(i)).flat(),
    ...storedWithBias('final.norm', `${body}final_layernorm`, [hidden]),
    ...(spec.tiedHead ? [] : [stored('head.weight', `${head}lm_head.weight`, [vocab, hidden])]),
    stored('head.bias', `${head}lm_head.bias`, [vocab]),
  ];
}
