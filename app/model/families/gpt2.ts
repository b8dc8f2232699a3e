/** @file GPT-2: learned positions, LayerNorm, linear layers stored transposed. */
import { z } from 'zod';
import type { ModelSpec } from '../../engine/spec';
import {
  checkHeads,
  equalLayers,
  type Family,
  field,
  parseConfig,
  readActivation,
  stored,
  storedWithBias,
  transposed,
  unsupported,
  type WeightSource,
} from './family';

const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  n_embd: field.width,
  n_layer: field.layers,
  n_head: field.count,
  n_positions: field.count.default(1024),
  n_inner: field.widthOrNull,
  activation_function: z.string().default('gelu_new'),
  layer_norm_epsilon: field.positive.default(1e-5),
  scale_attn_weights: field.flag.default(true),
  scale_attn_by_inverse_layer_idx: field.flag.default(false),
  add_cross_attention: field.flag.default(false),
  tie_word_embeddings: field.flag.default(true),
});
type Config = z.infer<typeof schema>;

export const gpt2: Family = {
  prefixes: [
    { body: 'transformer.', head: '' },
    { body: '', head: '' },
  ],
  embedding: 'wte.weight',
  read(raw) {
    const config = parseConfig(schema, raw);
    if (config.scale_attn_by_inverse_layer_idx)
      throw unsupported('scale_attn_by_inverse_layer_idx is not supported.');
    if (config.add_cross_attention) throw unsupported('cross-attention is not supported.');
    const headDim = checkHeads(config.n_embd, config.n_head, config.n_head, undefined);
    const spec = {
      modelType: config.model_type,
      vocabSize: config.vocab_size,
      hidden: config.n_embd,
      heads: config.n_head,
      kvHeads: config.n_head,
      headDim,
      mlpWidth: config.n_inner ?? 4 * config.n_embd,
      contextLength: config.n_positions,
      layers: equalLayers(config.n_layer, { window: null, rope: null }),
      embedScale: 1,
      learnedPositionOffset: 0,
      ropes: [],
      norm: { kind: 'layer', epsilon: config.layer_norm_epsilon, weightOffset: 0 },
      queryKeyNorm: null,
      postNorms: false,
      parallelResidual: false,
      attentionScale: config.scale_attn_weights ? headDim ** -0.5 : 1,
      attentionSoftcap: null,
      logitSoftcap: null,
      activation: readActivation(config.activation_function),
      gatedMlp: false,
      tiedHead: config.tie_word_embeddings,
    } satisfies ModelSpec;
    return { spec, sources: (prefix) => sources(config, spec.mlpWidth, prefix.body, prefix.head) };
  },
};

function sources(config: Config, width: number, body: string, head: string): WeightSource[] {
  const { vocab_size: vocab, n_embd: hidden } = config;
  const both = (name: string, from: string, shape: [number, number]): WeightSource[] => [
    transposed(`${name}.weight`, `${from}.weight`, shape),
    stored(`${name}.bias`, `${from}.bias`, [shape[0]]),
  ];
  const norm = (name: string, from: string): WeightSource[] => storedWithBias(name, from, [hidden]);
  const layer = (i: number): WeightSource[] => [
    ...norm(`layers.${i}.attention.norm`, `${body}h.${i}.ln_1`),
    ...both(`layers.${i}.attention.qkv`, `${body}h.${i}.attn.c_attn`, [3 * hidden, hidden]),
    ...both(`layers.${i}.attention.out`, `${body}h.${i}.attn.c_proj`, [hidden, hidden]),
    ...norm(`layers.${i}.mlp.norm`, `${body}h.${i}.ln_2`),
    ...both(`layers.${i}.mlp.in`, `${body}h.${i}.mlp.c_fc`, [width, hidden]),
    ...both(`layers.${i}.mlp.out`, `${body}h.${i}.mlp.c_proj`, [hidden, width]),
  ];
  return [
    stored('embed.tokens', `${body}wte.weight`, [vocab, hidden]),
    stored('embed.positions', `${body}wpe.weight`, [config.n_positions, hidden]),
    ...Array.from({ length: config.n_layer }, (_, i) => layer(i)).flat(),
    ...norm('final.norm', `${body}ln_f`),
    ...(config.tie_word_embeddings ? [] : [stored('head.weight', `${head}lm_head.weight`, [vocab, hidden])]),
  ];
}
