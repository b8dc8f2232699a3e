/** @file OPT (Galactica too): learned positions of which the first two rows are never used, norms before each block. */
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

/** Rows of the position table that stand before position 0. */
const POSITION_OFFSET = 2;

const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  hidden_size: field.width,
  num_hidden_layers: field.layers,
  num_attention_heads: field.count,
  ffn_dim: field.width,
  max_position_embeddings: field.count.default(2048),
  activation_function: z.string().default('relu'),
  do_layer_norm_before: field.flag.default(true),
  _remove_final_layer_norm: field.flag.default(false),
  word_embed_proj_dim: field.widthOrNull,
  enable_bias: field.flag.default(true),
  layer_norm_elementwise_affine: field.flag.default(true),
  tie_word_embeddings: field.flag.default(true),
});
type Config = z.infer<typeof schema>;

export const opt: Family = {
  prefixes: [
    { body: 'model.decoder.', head: '' },
    { body: 'decoder.', head: '' },
    { body: '', head: '' },
  ],
  embedding: 'embed_tokens.weight',
  read(raw) {
    const config = parseConfig(schema, raw);
    const hidden = config.hidden_size;
    if ((config.word_embed_proj_dim ?? hidden) !== hidden) {
      throw unsupported(
        `word_embed_proj_dim is ${config.word_embed_proj_dim}, hidden_size ${hidden}: embeddings that are projected to another width are not supported.`,
      );
    }
    if (!config.do_layer_norm_before) {
      throw unsupported('do_layer_norm_before is false: norms after each block are not supported.');
    }
    if (config._remove_final_layer_norm) {
      throw unsupported('_remove_final_layer_norm is true: a model without a final norm is not supported.');
    }
    if (!config.layer_norm_elementwise_affine) {
      throw unsupported('layer_norm_elementwise_affine is false: norms without weights are not supported.');
    }
    const heads = config.num_attention_heads;
    const headDim = checkHeads(hidden, heads, heads, undefined);
    const spec = {
      modelType: config.model_type,
      vocabSize: config.vocab_size,
      hidden,
      heads,
      kvHeads: heads,
      headDim,
      mlpWidth: config.ffn_dim,
      contextLength: config.max_position_embeddings,
      layers: equalLayers(config.num_hidden_layers, { window: null, rope: null }),
      embedScale: 1,
      learnedPositionOffset: POSITION_OFFSET,
      ropes: [],
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
      queryKeyNorm: null,
      postNorms: false,
      parallelResidual: false,
      attentionScale: headDim ** -0.5,
      attentionSoftcap: null,
      logitSoftcap: null,
      activation: readActivation(config.activation_function),
      gatedMlp: false,
      tiedHead: config.tie_word_embeddings,
    } satisfies ModelSpec;
    return { spec, sources: (prefix) => sources(config, spec, prefix.body, prefix.head) };
  },
};

function sources(config: Config, spec: ModelSpec, body: string, head: string): WeightSource[] {
  const { hidden, mlpWidth: width, vocabSize: vocab } = spec;
  const bias = config.enable_bias;
  const layer = (i: number): WeightSource[] => {
    const at = `layers.${i}`;
    const from = `${body}layers.${i}`;
    const projections = ['q_proj', 'k_proj', 'v_proj'].map((name): [string, number] => [
      `${from}.self_attn.${name}`,
      hidden,
    ]);
    return [
      ...storedWithBias(`${at}.attention.norm`, `${from}.self_attn_layer_norm`, [hidden]),
      ...stackedWithBias(`${at}.attention.qkv`, projections, hidden, bias),
      ...storedWithBias(`${at}.attention.out`, `${from}.self_attn.out_proj`, [hidden, hidden], bias),
      ...storedWithBias(`${at}.mlp.norm`, `${from}.final_layer_norm`, [hidden]),
      ...storedWithBias(`${at}.mlp.in`, `${from}.fc1`, [width, hidden], bias),
      ...storedWithBias(`${at}.mlp.out`, `${from}.fc2`, [hidden, width], bias),
    ];
  };
  const positions = config.max_position_embeddings + POSITION_OFFSET;
  return [
    stored('embed.tokens', `${body}embed_tokens.weight`, [vocab, hidden]),
    stored('embed.positions', `${body}embed_positions.weight`, [positions, hidden]),
    ...Array.from({ length: config.num_hidden_layers }, (_, i) => layer(i)).flat(),
    ...storedWithBias('final.norm', `${body}final_layer_norm`, [hidden]),
    ...(spec.tiedHead ? [] : [stored('head.weight', `${head}lm_head.weight`, [vocab, hidden])]),
  ];
}
