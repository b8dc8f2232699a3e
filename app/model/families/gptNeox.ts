/** @file GPT-NeoX (Pythia): partial rotary embedding, parallel residual, queries, keys and values interleaved by head. */
import { z } from 'zod';
import type { ModelSpec } from '../../engine/spec';
import {
  checkHeads,
  equalLayers,
  type Family,
  field,
  type NamePrefix,
  parseConfig,
  readActivation,
  stored,
  storedWithBias,
  type WeightSource,
} from './family';
import { givenRope, ropeParametersSchema, ropeSpec } from './rope';

const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  hidden_size: field.width,
  num_hidden_layers: field.layers,
  num_attention_heads: field.count,
  intermediate_size: field.width,
  max_position_embeddings: field.count.default(2048),
  hidden_act: z.string().default('gelu'),
  layer_norm_eps: field.positive.default(1e-5),
  rotary_pct: field.share.default(0.25),
  rotary_emb_base: field.positive.default(10000),
  rope_scaling: ropeParametersSchema.nullish(),
  rope_parameters: ropeParametersSchema.nullish(),
  use_parallel_residual: field.flag.default(true),
  attention_bias: field.flag.default(true),
  tie_word_embeddings: field.flag.default(false),
});
type Config = z.infer<typeof schema>;

export const gptNeox: Family = {
  prefixes: [
    { body: 'gpt_neox.', head: '' },
    { body: '', head: '' },
    // As transformers 5 saves it.
    { body: 'gpt_neox.', head: '', headName: 'lm_head' },
  ],
  embedding: 'embed_in.weight',
  read(raw) {
    const config = parseConfig(schema, raw);
    const headDim = checkHeads(
      config.hidden_size,
      config.num_attention_heads,
      config.num_attention_heads,
      undefined,
    );
    const parameters = givenRope(config);
    const rotary = Math.floor(headDim * (parameters?.partial_rotary_factor ?? config.rotary_pct));
    const spec = {
      modelType: config.model_type,
      vocabSize: config.vocab_size,
      hidden: config.hidden_size,
      heads: config.num_attention_heads,
      kvHeads: config.num_attention_heads,
      headDim,
      mlpWidth: config.intermediate_size,
      contextLength: config.max_position_embeddings,
      layers: equalLayers(config.num_hidden_layers, { window: null, rope: 0 }),
      embedScale: 1,
      learnedPositionOffset: null,
      ropes: [ropeSpec(rotary, config.rotary_emb_base, config.max_position_embeddings, parameters)],
      norm: { kind: 'layer', epsilon: config.layer_norm_eps, weightOffset: 0 },
      queryKeyNorm: null,
      postNorms: false,
      parallelResidual: config.use_parallel_residual,
      attentionScale: headDim ** -0.5,
      attentionSoftcap: null,
      logitSoftcap: null,
      activation: readActivation(config.hidden_act),
      gatedMlp: false,
      tiedHead: config.tie_word_embeddings,
    } satisfies ModelSpec;
    return { spec, sources: (prefix) => sources(config, prefix) };
  },
};

function sources(config: Config, { body, head, headName = 'embed_out' }: NamePrefix): WeightSource[] {
  const {
    vocab_size: vocab,
    hidden_size: hidden,
    intermediate_size: width,
    num_attention_heads: heads,
  } = config;
  const byHead = (source: WeightSource): WeightSource => ({
    ...source,
    parts: source.parts.map((part) => ({ ...part, layout: { qkvByHead: heads } })),
  });
  const layer = (i: number): WeightSource[] => {
    const from = `${body}layers.${i}`;
    return [
      ...storedWithBias(`layers.${i}.attention.norm`, `${from}.input_layernorm`, [hidden]),
      ...storedWithBias(
        `layers.${i}.attention.qkv`,
        `${from}.attention.query_key_value`,
        [3 * hidden, hidden],
        config.attention_bias,
      ).map(byHead),
      ...storedWithBias(
        `layers.${i}.attention.out`,
        `${from}.attention.dense`,
        [hidden, hidden],
        config.attention_bias,
      ),
      ...storedWithBias(`layers.${i}.mlp.norm`, `${from}.post_attention_layernorm`, [hidden]),
      ...storedWithBias(`layers.${i}.mlp.in`, `${from}.mlp.dense_h_to_4h`, [width, hidden]),
      ...storedWithBias(`layers.${i}.mlp.out`, `${from}.mlp.dense_4h_to_h`, [hidden, width]),
    ];
  };
  return [
    stored('embed.tokens', `${body}embed_in.weight`, [vocab, hidden]),
    ...Array.from({ length: config.num_hidden_layers }, (_, i) => layer(i)).flat(),
    ...storedWithBias('final.norm', `${body}final_layer_norm`, [hidden]),
    ...(config.tie_word_embeddings
      ? []
      : [stored('head.weight', `${head}${headName}.weight`, [vocab, hidden])]),
  ];
}
