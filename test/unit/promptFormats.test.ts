import { unzipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { bfloat16ToNumber, float16ToNumber } from '../../app/formats/floats';
import { parseSafetensorsHeader } from '../../app/formats/safetensors';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import { toPeftFiles } from '../../app/prompt/peft';
import type { PromptArtefact, PromptFormat } from '../../app/prompt/types';
import { bitsOf, fixture, sampleArtefact } from './promptSamples';

function throughFile(artefact: PromptArtefact, format: PromptFormat): PromptArtefact {
  const { name, bytes } = exportPrompt(artefact, format);
  return importPrompt([{ name, bytes }]);
}

describe('what was downloaded comes back', () => {
  test.each(['peft', 'kobold', 'npy', 'json'] as const)('a prompt as %s, bit for bit', (format) => {
    const artefact = sampleArtefact();
    const back = throughFile(artefact, format);
    expect(bitsOf(back.values)).toEqual(bitsOf(artefact.values));
    expect([back.kind, back.virtualTokens, back.width]).toEqual(['prompt', 5, 12]);
  });

  test.each(['peft', 'json'] as const)('a prefix as %s, bit for bit and as a prefix', (format) => {
    const artefact = sampleArtefact('prefix');
    const back = throughFile(artefact, format);
    expect(bitsOf(back.values)).toEqual(bitsOf(artefact.values));
    expect([back.kind, back.virtualTokens, back.width]).toEqual(['prefix', 5, 16]);
  });

  test.each(['peft', 'json'] as const)('model identity and run card as %s', (format) => {
    const artefact = sampleArtefact();
    const back = throughFile(artefact, format);
    expect(back.model).toEqual(artefact.model);
    expect(back.card).toEqual(artefact.card);
  });

  test('a KoboldAI file keeps name, author, description and the model', () => {
    const artefact = sampleArtefact();
    artefact.card = { name: 'Pirate', author: 'Me, You', description: 'Speaks like one' };
    const back = throughFile(artefact, 'kobold');
    expect(back.card).toEqual(artefact.card);
    expect(back.model.id).toBe('someone/small-model');
  });

  test('a safetensors file alone still knows its kind, model and card', () => {
    const artefact = sampleArtefact('prefix');
    const bytes = toPeftFiles(artefact)['adapter_model.safetensors'];
    const back = importPrompt([{ name: 'renamed.safetensors', bytes }]);
    expect(back).toEqual(artefact);
  });

  test('the same prompt gives the same bytes each time', () => {
    expect(exportPrompt(sampleArtefact(), 'peft').bytes).toEqual(
      exportPrompt(sampleArtefact(), 'peft').bytes,
    );
  });
});

describe('the PEFT zip', () => {
  test('has the three files of an adapter', () => {
    const names = Object.keys(unzipSync(exportPrompt(sampleArtefact(), 'peft').bytes));
    expect(names.sort()).toEqual(['README.md', 'adapter_config.json', 'adapter_model.safetensors']);
  });

  test('configures prompt tuning with these keys and no younger ones, which older releases refuse', () => {
    const config = toPeftFiles(sampleArtefact())['adapter_config.json'];
    expect(JSON.parse(new TextDecoder().decode(config))).toEqual({
      auto_mapping: null,
      base_model_name_or_path: 'someone/small-model',
      inference_mode: true,
      num_attention_heads: 6,
      num_layers: 2,
      num_transformer_submodules: 1,
      num_virtual_tokens: 5,
      peft_type: 'PROMPT_TUNING',
      prompt_tuning_init: 'RANDOM',
      prompt_tuning_init_text: null,
      revision: 'abc123',
      task_type: 'CAUSAL_LM',
      token_dim: 12,
      tokenizer_name_or_path: null,
    });
  });

  test('configures prefix tuning by key/value heads', () => {
    const config = toPeftFiles(sampleArtefact('prefix'))['adapter_config.json'];
    expect(JSON.parse(new TextDecoder().decode(config))).toEqual({
      auto_mapping: null,
      base_model_name_or_path: 'someone/small-model',
      encoder_hidden_size: null,
      inference_mode: true,
      num_attention_heads: 2,
      num_layers: 2,
      num_transformer_submodules: 1,
      num_virtual_tokens: 5,
      peft_type: 'PREFIX_TUNING',
      prefix_projection: false,
      revision: 'abc123',
      task_type: 'CAUSAL_LM',
      token_dim: 4,
    });
  });

  test('configures a cartridge as the same prefix, of which the first row is not trained', () => {
    const config = toPeftFiles(sampleArtefact('prefix'), 'CARTRIDGE')['adapter_config.json'];
    expect(JSON.parse(new TextDecoder().decode(config))).toEqual({
      auto_mapping: null,
      base_model_name_or_path: 'someone/small-model',
      inference_mode: true,
      num_attention_heads: 2,
      num_frozen_tokens: 1,
      num_layers: 2,
      num_transformer_submodules: 1,
      num_virtual_tokens: 5,
      peft_type: 'CARTRIDGE',
      revision: 'abc123',
      task_type: 'CAUSAL_LM',
      token_dim: 4,
    });
    const { name, bytes } = exportPrompt(sampleArtefact('prefix'), 'cartridge');
    expect(name).toBe('prefix-small-model-5-cartridge.zip');
    expect(importPrompt([{ name, bytes }])).toEqual(throughFile(sampleArtefact('prefix'), 'peft'));
    expect(() => exportPrompt(sampleArtefact('prompt'), 'cartridge')).toThrow(/Expected a prefix/);
  });

  test('stores one aligned F32 tensor with metadata that are strings', () => {
    const artefact = sampleArtefact();
    artefact.card.note = 'ünïcödé, whose bytes are more than its letters';
    const file = toPeftFiles(artefact)['adapter_model.safetensors'];
    const header = parseSafetensorsHeader(file);
    expect(header.dataStart % 8).toBe(0);
    expect([...header.tensors]).toEqual([
      [
        'prompt_embeddings',
        { dtype: 'F32', shape: [5, 12], begin: header.dataStart, end: header.dataStart + 240 },
      ],
    ]);
    expect(header.metadata).toMatchObject({
      format: 'pt',
      kind: 'prompt',
      'model.embeddingHash': 'b'.repeat(64),
      'run.note': 'ünïcödé, whose bytes are more than its letters',
    });
  });

  test('is named after the model and its size', () => {
    expect(exportPrompt(sampleArtefact(), 'peft').name).toBe('soft-prompt-small-model-5.zip');
    expect(exportPrompt({ ...sampleArtefact(), model: {} }, 'npy').name).toBe('soft-prompt-5.npy');
  });
});

describe('what cannot be written is refused', () => {
  test('a prompt with a value that is not finite, naming where', () => {
    const artefact = sampleArtefact();
    artefact.values[14] = Number.NaN;
    expect(() => exportPrompt(artefact, 'peft')).toThrow(/NaN at virtual token 2, dimension 3/);
  });

  test.each(['npy', 'kobold'] as const)('a prefix as %s', (format) => {
    expect(() => exportPrompt(sampleArtefact('prefix'), format)).toThrow(/prefix of keys and values/);
  });

  test('a prefix as PEFT zip when its heads are unknown', () => {
    expect(() => exportPrompt({ ...sampleArtefact('prefix'), model: {} }, 'peft')).toThrow(
      /key\/value heads/,
    );
  });

  test('2048 virtual tokens for KoboldAI', () => {
    expect(() => exportPrompt(sampleArtefact('prompt', 2048), 'kobold')).toThrow(/fewer than 2048/);
  });
});

describe('16-bit floats', () => {
  test.each([
    [0x3c00, 1],
    [0xc000, -2],
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x0400, 2 ** -14],
    [0x7bff, 65504],
    [0xfc00, Number.NEGATIVE_INFINITY],
    [0x7e00, Number.NaN],
  ])('half precision %i is %d', (bits, value) => {
    expect(float16ToNumber(bits)).toBe(value);
  });

  test.each([
    [0x3f80, 1],
    [0x8000, -0],
    [0x4049, 3.140625],
    [0x7f80, Number.POSITIVE_INFINITY],
    [0x0001, 2 ** -133],
  ])('bfloat16 %i is %d', (bits, value) => {
    expect(bfloat16ToNumber(bits)).toBe(value);
  });
});

describe('files of NumPy', () => {
  const matrix = new Float32Array([0.5, -1.25, 3, 0.1, -0, 65504]);

  test.each(['f4', 'f8', 'big-endian', 'fortran', 'version2', 'version3'])('%s is read exactly', (name) => {
    const artefact = importPrompt([fixture(`${name}.npy`)]);
    expect([artefact.virtualTokens, artefact.width]).toEqual([2, 3]);
    expect(bitsOf(artefact.values)).toEqual(bitsOf(matrix));
  });

  test('f2 is read exactly as far as half precision goes', () => {
    const expected = matrix.slice();
    expected[3] = 0.0999755859375; // 0.1 in half precision
    expect(bitsOf(importPrompt([fixture('f2.npy')]).values)).toEqual(bitsOf(expected));
  });
});
