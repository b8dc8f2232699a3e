/** @file Configurations of every family become specifications, and the golden checkpoints canonical weights. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelSpec } from '../../app/engine/spec';
import { storedBytes } from '../../app/engine/weightStream';
import { roundToType } from '../../app/model/dtype';
import { describeModel, knownModelTypes } from '../../app/model/families';
import { loadNetwork } from '../../app/model/load';
import { folderSource } from '../../tools/golden/folderSource';

const golden = `${import.meta.dirname}/../golden`;

describe('golden checkpoints', () => {
  const expected: Record<string, Partial<ModelSpec>> = {
    'gemma3-bf16': {
      hidden: 42,
      heads: 3,
      kvHeads: 1,
      headDim: 16,
      embedScale: 6.46875,
      attentionScale: 20 ** -0.5,
      activation: 'geluTanh',
      postNorms: true,
      tiedHead: true,
    },
    'gemma-bf16': {
      heads: 2,
      kvHeads: 1,
      headDim: 24,
      postNorms: false,
      activation: 'geluTanh',
      embedScale: 6,
    },
    'gemma2-bf16': {
      attentionSoftcap: 5,
      logitSoftcap: 8,
      attentionScale: 20 ** -0.5,
      postNorms: true,
      queryKeyNorm: null,
      norm: { kind: 'rms', epsilon: 1e-6, weightOffset: 1 },
    },
    'gemma3-multimodal-bf16': {
      modelType: 'gemma3',
      heads: 8,
      kvHeads: 4,
      headDim: 8,
      tiedHead: true,
      contextLength: 131072,
    },
    'gptneo-f16': { attentionScale: 1, learnedPositionOffset: 0, mlpWidth: 144, tiedHead: true },
    'llama-f16-biases-linear': { kvHeads: 1, headDim: 14, tiedHead: false },
    'mistral-bf16-sliding': { headDim: 12, layers: Array(3).fill({ window: 7, rope: 0 }) },
    'opt-f16': { learnedPositionOffset: 2, activation: 'relu', contextLength: 64, tiedHead: true },
    'phi-f16': { parallelResidual: true, tiedHead: false, activation: 'geluTanh' },
    'qwen2vl-bf16': { modelType: 'qwen2_vl', tiedHead: true, kvHeads: 1 },
    'qwen3-bf16-shards': { hidden: 20, heads: 4, headDim: 10, tiedHead: false },
    'smollm3-bf16': { tiedHead: true },
    'gpt2-f32': {
      hidden: 48,
      heads: 4,
      headDim: 12,
      mlpWidth: 192,
      contextLength: 96,
      learnedPositionOffset: 0,
      activation: 'geluTanh',
      gatedMlp: false,
      tiedHead: true,
    },
    'gptneox-f16': {
      hidden: 64,
      heads: 4,
      parallelResidual: true,
      activation: 'gelu',
      tiedHead: false,
      norm: { kind: 'layer', epsilon: 1e-5, weightOffset: 0 },
    },
    'llama-bf16-gqa-tied': {
      hidden: 96,
      heads: 6,
      kvHeads: 2,
      headDim: 16,
      mlpWidth: 128,
      tiedHead: true,
      activation: 'silu',
      norm: { kind: 'rms', epsilon: 1e-5, weightOffset: 0 },
    },
    'llama-f16-untied-llama3rope': { hidden: 64, heads: 4, kvHeads: 2, vocabSize: 320, tiedHead: false },
    'qwen2-bf16': { hidden: 56, heads: 7, kvHeads: 1, headDim: 8, tiedHead: true },
    'qwen3-bf16': {
      hidden: 48,
      heads: 4,
      headDim: 16,
      queryKeyNorm: { kind: 'rms', epsilon: 1e-6, weightOffset: 0 },
    },
    'llama-gguf-q8_0-q5_1-q4_1': { hidden: 64, heads: 4, kvHeads: 2, headDim: 16, tiedHead: false },
    // Of quantised weights the scale is that of float32.
    'gemma3-gguf-q4_k-q5_k-q6_k': { hidden: 256, kvHeads: 1, headDim: 64, embedScale: 16, postNorms: true },
  };

  it('are all expected here', () => {
    const folders = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort());
  });

  it.each(Object.entries(expected))('%s is read as it says', async (name, part) => {
    const { spec, weights } = await loadNetwork(folderSource(`${golden}/${name}`));
    expect(spec).toMatchObject(part);
    const { hidden: D, heads: H, kvHeads: K, headDim: d, mlpWidth: F, vocabSize: V } = spec;
    const shape = (weight: string) => weights.get(weight)?.shape;
    expect(shape('embed.tokens')).toEqual([V, D]);
    spec.layers.forEach((_, i) => {
      expect(shape(`layers.${i}.attention.norm.weight`)).toEqual([D]);
      expect(shape(`layers.${i}.attention.qkv.weight`)).toEqual([(H + 2 * K) * d, D]);
      expect(shape(`layers.${i}.attention.out.weight`)).toEqual([D, H * d]);
      expect(shape(`layers.${i}.mlp.in.weight`)).toEqual([spec.gatedMlp ? 2 * F : F, D]);
      expect(shape(`layers.${i}.mlp.out.weight`)).toEqual([D, F]);
      expect(shape(`layers.${i}.attention.queryNorm.weight`)).toEqual(spec.queryKeyNorm ? [d] : undefined);
      expect(shape(`layers.${i}.mlp.postNorm.weight`)).toEqual(spec.postNorms ? [D] : undefined);
    });
    expect(shape('head.weight')).toEqual(spec.tiedHead ? undefined : [V, D]);
    for (const { data, dtype, shape } of weights.values()) {
      expect(data.byteOffset % 4).toBe(0);
      expect(data.byteLength).toBe(storedBytes({ dtype, shape }));
    }
  });

  it('have biases where their family has them', async () => {
    const names = async (name: string) => [
      ...(await loadNetwork(folderSource(`${golden}/${name}`))).weights.keys(),
    ];
    expect(await names('qwen2-bf16')).toContain('layers.0.attention.qkv.bias');
    expect(await names('qwen2-bf16')).not.toContain('layers.0.attention.out.bias');
    expect((await names('llama-bf16-gqa-tied')).filter((name) => name.endsWith('.bias'))).toEqual([]);
    expect(await names('gptneox-f16')).toContain('layers.1.mlp.out.bias');
  });

  it('see windows and rotate by layer', async () => {
    const layers = async (name: string) =>
      (await loadNetwork(folderSource(`${golden}/${name}`))).spec.layers.map(({ window, rope }) => [
        window,
        rope,
      ]);
    expect(await layers('gptneo-f16')).toEqual([
      [null, null],
      [7, null],
      [null, null],
      [7, null],
    ]);
    expect(await layers('gemma2-bf16')).toEqual([
      [8, 0],
      [null, 0],
      [8, 0],
      [null, 0],
    ]);
    expect(await layers('smollm3-bf16')).toEqual([
      [null, 0],
      [null, 0],
      [null, null],
      [null, 0],
    ]);
    expect(await layers('qwen3-bf16-shards')).toEqual([
      [null, 0],
      [6, 0],
    ]);
    expect(await layers('gemma3-multimodal-bf16')).toEqual([
      [9, 1],
      [null, 0],
      [9, 1],
    ]);
  });

  it('slide where the configuration says, with their own rope', async () => {
    const { spec } = await loadNetwork(folderSource(`${golden}/gemma3-bf16`));
    expect(spec.layers.map(({ window, rope }) => [window, rope])).toEqual([
      [16, 1],
      [16, 1],
      [null, 0],
      [16, 1],
    ]);
    expect(spec.ropes[0].inverseFrequencies[1]).toBeCloseTo(1e6 ** (-2 / 16), 12);
    expect(spec.ropes[1].inverseFrequencies[1]).toBeCloseTo(1e4 ** (-2 / 16), 12);
  });

  it('rotate a part of the head only where so configured', async () => {
    const { spec } = await loadNetwork(folderSource(`${golden}/gptneox-f16`));
    expect(spec.ropes).toEqual([{ dims: 4, inverseFrequencies: [1, 0.01] }]);
  });

  it('keep, blend and stretch frequencies as Llama 3 does', async () => {
    const { spec } = await loadNetwork(folderSource(`${golden}/llama-f16-untied-llama3rope`));
    const plain = (i: number) => 500000 ** ((-2 * i) / 16);
    const found = spec.ropes[0].inverseFrequencies;
    expect(found[0]).toBe(1);
    const smooth = ((64 * plain(1)) / (2 * Math.PI) - 1) / 3;
    expect(found[1]).toBeCloseTo((1 - smooth) * (plain(1) / 32) + smooth * plain(1), 14);
    expect(found[7]).toBeCloseTo(plain(7) / 32, 14);
  });
});

describe('configurations', () => {
  const llama = {
    model_type: 'llama',
    vocab_size: 16,
    hidden_size: 8,
    num_hidden_layers: 2,
    num_attention_heads: 2,
    intermediate_size: 12,
  };
  const opt = { ...llama, model_type: 'opt', ffn_dim: 12 };
  const spec = (config: object, dtype = 'F32') =>
    describeModel(config, new Map([['model.embed_tokens.weight', { dtype }]])).spec;

  it('of newer files mean what the older keys meant', () => {
    const scaling = {
      factor: 8,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 64,
      rope_type: 'llama3',
    };
    expect(spec({ ...llama, rope_parameters: { ...scaling, rope_theta: 5e5 } })).toEqual(
      spec({ ...llama, rope_theta: 5e5, rope_scaling: scaling }),
    );
    const gemma = {
      ...llama,
      model_type: 'gemma3_text',
      num_key_value_heads: 1,
      sliding_window: 4,
      num_hidden_layers: 3,
    };
    const full = { rope_type: 'linear', factor: 8, rope_theta: 1e6 };
    const sliding = { rope_type: 'default', rope_theta: 5000 };
    expect(
      spec({
        ...gemma,
        sliding_window_pattern: 3,
        rope_parameters: { full_attention: full, sliding_attention: sliding },
      }),
    ).toEqual(
      spec({
        ...gemma,
        layer_types: ['sliding_attention', 'sliding_attention', 'full_attention'],
        rope_theta: 1e6,
        rope_scaling: { type: 'linear', factor: 8 },
        rope_local_base_freq: 5000,
      }),
    );
  });

  it('slide for Qwen only when asked, and for Mistral unless null', () => {
    const windows = (config: object) => spec({ ...llama, ...config }).layers.map(({ window }) => window);
    const qwen = { model_type: 'qwen2', sliding_window: 8, max_window_layers: 1 };
    expect(windows({ ...qwen, use_sliding_window: false })).toEqual([null, null]);
    expect(windows({ ...qwen, use_sliding_window: true })).toEqual([null, 8]);
    const mistral = { model_type: 'mistral', num_key_value_heads: 1 };
    expect(windows({ ...mistral })).toEqual([4096, 4096]);
    expect(windows({ ...mistral, sliding_window: null })).toEqual([null, null]);
  });

  it('of text inside a model that also sees are read from its text part, head tied by the whole', () => {
    const text = { ...llama, model_type: 'gemma3_text', num_key_value_heads: 1, final_logit_softcapping: 9 };
    const whole = { model_type: 'gemma3', text_config: text };
    expect(spec({ ...whole, tie_word_embeddings: false }).tiedHead).toBe(false);
    // Its own head does not cap logits, whatever the text part says.
    expect(spec(whole)).toMatchObject({ modelType: 'gemma3', tiedHead: true, logitSoftcap: null, hidden: 8 });
    const { model_type: _, ...flat } = {
      ...llama,
      num_key_value_heads: 2,
      rope_scaling: { type: 'mrope', mrope_section: [1, 1] },
    };
    expect(spec({ ...flat, model_type: 'qwen2_5_vl', tie_word_embeddings: true })).toMatchObject({
      tiedHead: true,
      kvHeads: 2,
    });
  });

  it.each([
    ['model.language_model.', ''],
    ['language_model.model.', 'language_model.'],
  ])('find the text part under %s', (body, head) => {
    const config = {
      model_type: 'gemma3',
      tie_word_embeddings: false,
      text_config: { ...llama, model_type: 'gemma3_text', num_key_value_heads: 1 },
    };
    const { sources } = describeModel(config, new Map([[`${body}embed_tokens.weight`, { dtype: 'F32' }]]));
    const from = (name: string) => sources.find((source) => source.name === name)?.parts[0].name;
    expect(from('embed.tokens')).toBe(`${body}embed_tokens.weight`);
    expect(from('layers.1.mlp.out.weight')).toBe(`${body}layers.1.mlp.down_proj.weight`);
    expect(from('head.weight')).toBe(`${head}lm_head.weight`);
  });

  it('take the head of GPT-NeoX under its older and its newer name', () => {
    const neox = { ...llama, model_type: 'gpt_neox', rotary_pct: 0.5 };
    const head = (name: string) => {
      const names = ['gpt_neox.embed_in.weight', name];
      const { sources } = describeModel(neox, new Map(names.map((each) => [each, { dtype: 'F32' }])));
      return sources.find((source) => source.name === 'head.weight')?.parts[0].name;
    };
    expect(head('embed_out.weight')).toBe('embed_out.weight');
    expect(head('lm_head.weight')).toBe('lm_head.weight');
  });

  it('give Phi one norm twice', () => {
    const { sources } = describeModel({ ...llama, model_type: 'phi' }, new Map());
    const from = (name: string) => sources.find((source) => source.name === name)?.parts[0].name;
    expect(from('layers.1.mlp.norm.weight')).toBe('model.layers.1.input_layernorm.weight');
    expect(from('layers.1.attention.norm.weight')).toBe('model.layers.1.input_layernorm.weight');
  });

  it('give biases as they say', () => {
    const names = describeModel({ ...llama, attention_bias: true, mlp_bias: true }, new Map()).sources.map(
      ({ name }) => name,
    );
    expect(names).toEqual(expect.arrayContaining(['layers.0.attention.out.bias', 'layers.0.mlp.in.bias']));
  });

  it('round the embedding scale to the type that is stored', () => {
    const gemma = { ...llama, model_type: 'gemma3_text', hidden_size: 1152, num_attention_heads: 4 };
    expect(spec(gemma, 'BF16').embedScale).toBe(34);
    expect(spec(gemma, 'F16').embedScale).toBe(33.9375);
    expect(spec(gemma, 'F32').embedScale).toBe(Math.fround(Math.sqrt(1152)));
  });

  it.each([
    ['an unknown family', { model_type: 'mamba' }, `model_type "mamba" is not known`],
    ['no family', {}, 'does not say its model_type'],
    ['a missing number', { ...llama, hidden_size: undefined }, 'config.json: hidden_size is missing'],
    ['heads that do not divide', { ...llama, num_key_value_heads: 3 }, '2 attention heads cannot share 3'],
    ['a projected embedding', { ...opt, word_embed_proj_dim: 4 }, 'word_embed_proj_dim is 4, hidden_size 8'],
    [
      'norms after the blocks of OPT',
      { ...opt, do_layer_norm_before: false },
      'do_layer_norm_before is false',
    ],
    ['norms of queries in Phi', { ...llama, model_type: 'phi', qk_layernorm: true }, 'qk_layernorm is true'],
    [
      'a text part of another family',
      { model_type: 'llava', text_config: { model_type: 'mpt' } },
      'text_config.model_type "mpt" inside "llava" is not known',
    ],
    [
      'kinds of layers that do not add up',
      {
        ...llama,
        model_type: 'gpt_neo',
        num_layers: 3,
        num_heads: 2,
        attention_types: [[['global', 'local'], 1]],
      },
      'attention_types describes 2 layers, num_layers says 3',
    ],
    ['an unknown activation', { ...llama, hidden_act: 'mish' }, 'activation "mish"'],
    [
      'a scaling beyond frequencies',
      { ...llama, rope_scaling: { rope_type: 'yarn', factor: 4 } },
      'RoPE scaling "yarn"',
    ],
  ])('with %s are refused in words', (_, config, message) => {
    expect(() => describeModel(config, new Map())).toThrow(message);
  });

  it('of an unknown family come back with the known ones', () => {
    expect(() => describeModel({ model_type: 'mamba' }, new Map())).toThrow(
      expect.objectContaining({
        kind: 'unsupported',
        hint: expect.stringContaining(knownModelTypes.join(', ')),
      }),
    );
  });
});

it('rounding to a type goes to the nearest, ties to even', () => {
  expect(roundToType(1 + 2 ** -8, 'BF16')).toBe(1);
  expect(roundToType(1 + 3 * 2 ** -8, 'BF16')).toBe(1 + 2 ** -6);
  expect(roundToType(Math.sqrt(42), 'BF16')).toBe(6.46875);
});
