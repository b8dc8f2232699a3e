import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { importPrompt } from '../../app/prompt/importPrompt';
import { readPromptTensor } from '../../app/prompt/safetensors';
import { bitsOf, fixture, textFile } from './promptSamples';

function folder(name: string) {
  return [fixture(`${name}/adapter_config.json`), fixture(`${name}/adapter_model.safetensors`)];
}

/** The last 3 · 96 floats of a file that PEFT saved, read without any code of ours. */
function lastFloats(bytes: Uint8Array, count: number): Float32Array {
  return new Float32Array(bytes.slice(bytes.length - 4 * count).buffer);
}

describe('adapters that PEFT saved', () => {
  test('prompt tuning: the folder’s two files', () => {
    const files = folder('prompt');
    const artefact = importPrompt(files);
    expect(artefact).toMatchObject({ kind: 'prompt', virtualTokens: 3, width: 96 });
    expect(artefact.model).toEqual({ id: 'llama-bf16-gqa-tied', layers: 3, heads: 6, hidden: 96 });
    expect(bitsOf(artefact.values)).toEqual(bitsOf(lastFloats(files[1].bytes, 3 * 96)));
  });

  test('prefix tuning under grouped queries: heads are key/value heads', () => {
    const files = folder('prefix');
    const artefact = importPrompt(files);
    expect(artefact).toMatchObject({ kind: 'prefix', virtualTokens: 3, width: 192 });
    expect(artefact.model).toEqual({ id: 'llama-bf16-gqa-tied', layers: 3, kvHeads: 2, headDim: 16 });
    expect(bitsOf(artefact.values)).toEqual(bitsOf(lastFloats(files[1].bytes, 3 * 192)));
  });

  test('p-tuning, whose saved vectors are a prompt', () => {
    expect(importPrompt(folder('ptuning'))).toMatchObject({ kind: 'prompt', virtualTokens: 3, width: 96 });
  });

  test.each([
    ['prompt-f16', 2 ** -11],
    ['prompt-bf16', 2 ** -8],
  ])('%s is widened: within half a unit in the last place', (name, relative) => {
    const exact = importPrompt(folder('prompt')).values;
    const rounded = importPrompt(folder(name)).values;
    rounded.forEach((value, i) => {
      expect(Math.abs(value - exact[i])).toBeLessThanOrEqual(Math.abs(exact[i]) * relative + 2 ** -25);
    });
    expect(bitsOf(rounded)).not.toEqual(bitsOf(exact));
  });

  test('a safetensors file alone is a prompt', () => {
    expect(importPrompt([fixture('prefix/adapter_model.safetensors')]).kind).toBe('prompt');
  });

  test('a whole folder dropped, with files that are of no interest', () => {
    const files = [textFile('README.md', '# Hello'), fixture('adapter_model.bin'), ...folder('prompt')];
    expect(importPrompt(files)).toMatchObject({ kind: 'prompt', virtualTokens: 3 });
  });

  test('a zip with the adapter in a folder of its own', () => {
    const [config, tensor] = folder('prompt');
    const bytes = zipSync({
      'my-prompt/adapter_config.json': config.bytes,
      'my-prompt/adapter_model.safetensors': [tensor.bytes, { level: 0 }],
      'my-prompt/training_args.bin': fixture('old.pt').bytes,
    });
    expect(importPrompt([{ name: 'x.zip', bytes }])).toMatchObject({ kind: 'prompt', virtualTokens: 3 });
  });

  test('the tensor’s metadata are handed on', () => {
    const { bytes } = fixture('prompt/adapter_model.safetensors');
    expect(readPromptTensor(bytes, 'a.safetensors').metadata).toEqual({ format: 'pt' });
  });
});
