/** @file GPT-Neo (TinyStories): learned positions, unscaled attention, and layers that see a window only. */
import { z } from 'zod';
import type { LayerSpec, ModelSpec } from '../../engine/spec';
import {
  checkHeads,
  type Family,
  field,
  MOST_LAYERS,
  parseConfig,
  readActivation,
  stackedWithBias,
  stored,
  storedWithBias,
  unsupported,
  type WeightSource,
} from './family';

const kind = z.enum(['global', 'local']);
const schema = z.looseObject({
  model_type: z.string(),
  vocab_size: field.count,
  hidden_size: field.width,
  num_layers: field.layers,
  num_heads: field.count,
  max_position_embeddings: field.count.default(2048),
  intermediate_size: field.widthOrNull,
  window_size: field.count.default(256),
  /** Kinds of layers in turn, and how often: `[[["global", "local"], 12]]`. */
  attention_types: z
    .array(z.tuple([z.array(kind).max(MOST_LAYERS), field.layers]))
    .max(MOST_LAYERS)
    .nullish(),
  /** The same written out, a kind a layer. */
  attention_layers: z.array(kind).nullish(),
  activation_function: z.string().default('gelu_new'),
  layer_norm_epsilon: field.positive.default(1e-5),
  tie_word_embeddings: field.flag.default(true),
});
type Config = z.infer<typeof schema>;

export const gptNeo: Family = {
  prefixes: [
    { body: 'transformer.', head: '' },
    { body: '', head: '' },
  ],
  embedding: 'wte.weight',
  read(raw) {
    const config = parseConfig(schema, raw);
    const headDim = checkHeads(config.hidden_size, config.num_heads, config.num_heads, undefined);
    const spec = {
      modelType: config.model_type,
      vocabSize: config.vocab_size,
      hidden: config.hidden_size,
      heads: config.num_heads,
      kvHeads: config.num_heads,
      headDim,
      mlpWidth: config.intermediate_size ?? 4 * config.hidden_size,
      contextLength: config.max_position_embeddings,
      layers: readLayers(config),
      embedScale: 1,
      learnedPositionOffset: 0,
      ropes: [],
      norm: { kind: 'layer', epsilon: config.layer_norm_epsilon, weightOffset: 0 },
      queryKeyNorm: null,
      postNorms: false,
      parallelResidual: false,
      attentionScale: 1,
      attentionSoftcap: null,
      logitSoftcap: null,
      activation: readActivation(config.activation_function),
      gatedMlp: false,
      tiedHead: config.tie_word_embeddings,
    } satisfies ModelSpec;
    return { spec, sources: (prefix) => sources(config, spec, prefix.body, prefix.head) };
  },
};

function readLayers(config: Config): LayerSpec[] {
  const types = config.attention_types ?? [[['global', 'local'], 12]];
  const groups = types as [('global' | 'local')[], number][];
  const listed = config.attention_types ? null : config.attention_layers;
  const described = listed?.length ?? groups.reduce((sum, [kinds, times]) => sum + kinds.length * times, 0);
  if (described !== config.num_layers) {
    throw unsupported(`attention_types describes ${described} layers, num_layers says ${config.num_layers}.`);
  }
  const kinds =
    listed ?? groups.flatMap(([kinds, times]) => Array.from({ length: times }, () => kinds).flat());
  const window = config.window_size < config.max_position_embeddings ? config.window_size : null;
  return kinds.map((each) => ({ window: each === 'local' ? window : null, rope: null }));
}

function sources(config: Config, spec: ModelSpec, body: string, head: string): WeightSource[] {
  const { hidden, mlpWidth: width, vocabSize: vocab } = spec;
  const layer = (i: number): WeightSource[] => {
    const at = `layers.${i}`;
    const from = `${body}h.${i}`;
    const projections = ['q_proj', 'k_proj', 'v_proj'].map((name): [string, number] => [
      `${from}.attn.attention.${name}`,
      hidden,
    ]);
    return [
      ...storedWithBias(`${at}.attention.norm`, `${from}.ln_1`, [hidden]),
      ...stackedWithBias(`${at}.attention.qkv`, projections, hidden, false),
      ...storedWithBias(`${at}.attention.out`, `${from}.attn.attention.out_proj`, [hidden, hidden]),
      ...storedWithBias(`${at}.mlp.norm`, `${from}.ln_2`, [hidden]),
      ...storedWithBias(`${at}.mlp.in`, `${from}.mlp.c_fc`, [width, hidden]),
      ...storedWithBias(`${at}.mlp.out`, `${from}.mlp.c_proj`, [hidden, width]),
    ];
  };
  return [
    stored('embed.tokens', `${body}wte.weight`, [vocab, hidden]),
    stored('embed.positions', `${body}wpe.weight`, [config.max_position_embeddings, hidden]),
    ...Array.from({ length: config.num_layers }, (_, i) => layer(i)).flat(),
    ...storedWithBias('final.norm', `${body}ln_f`, [hidden]),
    ...(spec.tiedHead ? [] : [stored('head.weight', `${head}lm_head.weight`, [vocab, hidden])]),
  ];
}
