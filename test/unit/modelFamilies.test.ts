/** @file Configurations of every family become specifications, and the golden checkpoints canonical weights. */
import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { ModelSpec } from '../../app/engine/spec';
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
  };

  it('are all expected here', () => {
    const folders = readdirSync(golden, { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(folders.map(({ name }) => name).sort()).toEqual(Object.keys(expected));
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
      expect(data.byteLength).toBe(shape.reduce((a, b) => a * b, dtype === 'F32' ? 4 : 2));
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
    ['a missing number', { ...llama, hidden_size: undefined }, 'config.json: hidden_size:'],
    ['heads that do not divide', { ...llama, num_key_value_heads: 3 }, '2 attention heads cannot share 3'],
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
