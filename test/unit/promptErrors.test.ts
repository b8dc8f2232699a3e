import { zipSync } from 'fflate';
import { describe, expect, test } from 'vitest';
import { PromptError } from '../../app/prompt/errors';
import { exportPrompt } from '../../app/prompt/exportPrompt';
import { importPrompt } from '../../app/prompt/importPrompt';
import { type NamedBytes, toPeftFiles } from '../../app/prompt/peft';
import { fixture, sampleArtefact, textFile } from './promptSamples';

function errorOf(...files: NamedBytes[]): PromptError {
  try {
    importPrompt(files);
  } catch (error) {
    if (error instanceof PromptError) return error;
    throw error;
  }
  throw new Error('Expected importPrompt to refuse the files.');
}

/** A safetensors file with this header and so many zero bytes of data. */
function safetensors(header: unknown, dataBytes: number): NamedBytes {
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return { name: 'adapter_model.safetensors', bytes };
}

function tensor(dtype: string, shape: number[], bytes: number, name = 'prompt_embeddings') {
  return { [name]: { dtype, shape, data_offsets: [0, bytes] } };
}

function config(changes: Record<string, unknown>): NamedBytes {
  const json = JSON.parse(new TextDecoder().decode(fixture('prompt/adapter_config.json').bytes));
  return textFile('adapter_config.json', JSON.stringify({ ...json, ...changes }));
}

/** The zip with another unpacked size of its first file in its directory. */
function withAnnouncedSize(bytes: Uint8Array, size: number): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  let entry = 0;
  while (view.getUint32(entry, true) !== 0x02014b50) entry++;
  view.setUint32(entry + 24, size, true);
  return bytes;
}

const peftZip = exportPrompt(sampleArtefact(), 'peft').bytes;
const peftTensor = fixture('prompt/adapter_model.safetensors');

describe('zips', () => {
  test('a truncated zip says so', () => {
    const error = errorOf({ name: 'p.zip', bytes: peftZip.slice(0, peftZip.length - 100) });
    expect(error.message).toMatch(/p\.zip is truncated or damaged/);
    expect(error.hint).toMatch(/again/);
  });

  test('a flipped bit in stored values is found by the checksum', () => {
    const bytes = zipSync({ 'adapter_model.safetensors': [peftTensor.bytes, { level: 0 }] });
    bytes[600] ^= 1;
    expect(errorOf({ name: 'p.zip', bytes }).message).toMatch(/size and checksum/);
  });

  test('a zip bomb is refused by its announced size, before it is unpacked', () => {
    const bytes = withAnnouncedSize(
      zipSync({ 'adapter_model.safetensors': new Uint8Array(1000) }),
      300 * 2 ** 20,
    );
    expect(errorOf({ name: 'bomb.zip', bytes }).message).toMatch(/at most 256 MiB/);
  });

  test('a zip that lies about a size is refused', () => {
    const bytes = withAnnouncedSize(zipSync({ 'adapter_model.safetensors': new Uint8Array(100_000) }), 10);
    expect(errorOf({ name: 'p.zip', bytes }).message).toMatch(/truncated or damaged/);
  });

  test('a zip without a prompt lists what it has', () => {
    const bytes = zipSync({ 'holiday.jpg': new Uint8Array(3) });
    expect(errorOf({ name: 'p.zip', bytes }).message).toMatch(/p\.zip has holiday\.jpg/);
  });

  test('a zip with two adapters asks for one', () => {
    const bytes = zipSync({
      'a/adapter_model.safetensors': peftTensor.bytes,
      'b/adapter_model.safetensors': peftTensor.bytes,
    });
    expect(errorOf({ name: 'p.zip', bytes }).message).toMatch(
      /Expected one adapter_model\.safetensors, p\.zip has 2/,
    );
  });
});

describe('pickles are never opened', () => {
  test.each(['adapter_model.bin', 'old.pt'])('%s is refused with the way out', (name) => {
    const error = errorOf(fixture(name));
    expect(error.message).toMatch(/never unpickled/);
    expect(error.hint).toMatch(/re-save the adapter as safetensors/);
  });

  test('a pickle under an innocent name is recognised by its content', () => {
    expect(errorOf({ ...fixture('old.pt'), name: 'prompt.npy' }).message).toMatch(/never unpickled/);
  });

  test('an object array is refused', () => {
    expect(errorOf(fixture('object.npy')).message).toMatch(/Python objects, which are pickled/);
  });
});

describe('adapters of other kinds', () => {
  test('a LoRA folder is named as one', () => {
    const files = [fixture('lora/adapter_config.json'), fixture('lora/adapter_model.safetensors')];
    expect(errorOf(...files).message).toMatch(/LoRA adapter/);
  });

  test('LoRA weights alone, without their configuration, are named as such', () => {
    expect(errorOf(fixture('lora/adapter_model.safetensors')).message).toMatch(/LoRA adapter/);
  });

  test.each([
    [
      { peft_type: 'LORA' },
      /peft_type PROMPT_TUNING, PREFIX_TUNING or CARTRIDGE, .* says LORA: a LoRA adapter/,
    ],
    [{ peft_type: 'VERA' }, /says VERA: another kind of adapter/],
    [{ peft_type: null }, /"peft_type" .* is missing/],
    [{ task_type: 'SEQ_2_SEQ_LM' }, /task_type CAUSAL_LM.* says SEQ_2_SEQ_LM/],
    [{ num_transformer_submodules: 2 }, /num_transformer_submodules 1.* says 2/],
    [{ num_virtual_tokens: 'three' }, /num_virtual_tokens should be a number, and is “three”/],
    [{ num_virtual_tokens: 4 }, /shape \[4, 96\] .* has \[3, 96\]/],
    [{ token_dim: 64 }, /shape \[3, 64\] .* has \[3, 96\]/],
    [{ peft_type: 'PREFIX_TUNING' }, /shape \[3, 576\] .* has \[3, 96\]/],
    [{ peft_type: 'PREFIX_TUNING', num_attention_heads: 7 }, /multiple of num_attention_heads/],
  ])('a configuration with %j', (changes, message) => {
    expect(errorOf(config(changes), peftTensor).message).toMatch(message);
  });

  test('a configuration that is not JSON', () => {
    expect(errorOf(textFile('adapter_config.json', '{"peft_type": '), peftTensor).message).toMatch(
      /is not valid JSON/,
    );
  });

  test('a configuration alone asks for the tensor', () => {
    expect(errorOf(config({})).hint).toMatch(/adapter_model\.safetensors/);
  });

  test('a model’s weights are not a prompt', () => {
    const file = safetensors(tensor('F32', [2, 2], 16, 'model.embed_tokens.weight'), 16);
    expect(errorOf(file).message).toMatch(/weights of a whole model/);
  });
});

describe('damaged safetensors files', () => {
  test.each<[string, NamedBytes, RegExp]>([
    [
      'cut short',
      { ...peftTensor, bytes: peftTensor.bytes.slice(0, 900) },
      /truncated: its header describes 1272 bytes, the file has 900/,
    ],
    [
      'cut in the header',
      { ...peftTensor, bytes: peftTensor.bytes.slice(0, 60) },
      /truncated: its header alone needs/,
    ],
    [
      'longer than its tensors',
      { ...peftTensor, bytes: new Uint8Array([...peftTensor.bytes, 0]) },
      /1 bytes more/,
    ],
    ['an integer tensor', safetensors(tensor('I32', [2, 3], 24), 24), /F32, F16 or BF16, .* as I32/],
    ['a double tensor', safetensors(tensor('F64', [2, 3], 48), 48), /F32, F16 or BF16, .* as F64/],
    ['a vector', safetensors(tensor('F32', [6], 24), 24), /shape \[virtual tokens, width\], .* has \[6\]/],
    ['no rows', safetensors(tensor('F32', [0, 6], 0), 0), /at least one virtual token/],
    [
      'wrong offsets',
      safetensors(tensor('F32', [2, 3], 20), 20),
      /needs 24 bytes, its offsets 0 to 20 hold 20/,
    ],
    [
      'another name',
      safetensors(tensor('F32', [2, 3], 24, 'weight'), 24),
      /tensor "prompt_embeddings", .* has "weight"/,
    ],
    ['no tensor', safetensors({ __metadata__: { format: 'pt' } }, 0), /has no tensors/],
    ['metadata that are numbers', safetensors({ __metadata__: { a: 1 } }, 0), /metadata must be strings/],
    [
      'a header entry that is none',
      safetensors({ prompt_embeddings: 3 }, 0),
      /entry of tensor "prompt_embeddings"/,
    ],
    [
      'more tensors',
      safetensors(
        { ...tensor('F32', [1, 3], 12), head: { dtype: 'F32', shape: [1], data_offsets: [12, 16] } },
        16,
      ),
      /1 more: "head"/,
    ],
    [
      'a gap between tensors',
      safetensors(
        { ...tensor('F32', [1, 3], 12), head: { dtype: 'F32', shape: [1], data_offsets: [16, 20] } },
        20,
      ),
      /should start at byte .*: tensors must not leave a gap/,
    ],
  ])('%s', (_, file, message) => {
    expect(errorOf(file).message).toMatch(message);
  });

  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
  ])('%s among the values is refused with its place', (word, value) => {
    const bytes = toPeftFiles(sampleArtefact())['adapter_model.safetensors'];
    new DataView(bytes.buffer).setFloat32(bytes.length - 4, value, true);
    const error = errorOf({ name: 'a.safetensors', bytes });
    expect(error.message).toBe(
      `Expected finite numbers, a.safetensors has ${word} at virtual token 5, dimension 12.`,
    );
    expect(error.hint).toMatch(/lower learning rate/);
  });
});

describe('damaged files of the other formats', () => {
  const npy = fixture('f4.npy');
  const json = exportPrompt(sampleArtefact(), 'json').bytes;
  const changed = (changes: Record<string, unknown>): NamedBytes =>
    textFile('p.json', JSON.stringify({ ...JSON.parse(new TextDecoder().decode(json)), ...changes }));

  test.each<[string, NamedBytes, RegExp]>([
    ['integers', fixture('int.npy'), /f2, f4 or f8, .* holds "<i4"/],
    ['three dimensions', fixture('cube.npy'), /matrix .* has the shape \(1, 2, 3\)/],
    ['a cut .npy', { ...npy, bytes: npy.bytes.slice(0, 140) }, /24 bytes .* has 12: it is truncated/],
    ['a .npy cut in its header', { ...npy, bytes: npy.bytes.slice(0, 40) }, /truncated after 40 bytes/],
    ['a .npy of format 9', { ...npy, bytes: npy.bytes.with(6, 9) }, /is of format 9/],
    ['a .npy that is a web page', textFile('f4.npy', '<html>'), /f4\.npy is a web page/],
    ['cut JSON', { name: 'p.json', bytes: json.slice(0, 300) }, /is not valid JSON/],
    ['other JSON', textFile('p.json', '{"a": 1}'), /"format": "soft-prompt"/],
    ['a list', textFile('p.json', '[1]'), /"format": "soft-prompt"/],
    ['JSON of the future', changed({ version: 2 }), /version 1 .* is version 2/],
    ['JSON with another dtype', changed({ dtype: 'float16' }), /dtype should be “float32”/],
    ['JSON with too few values', changed({ values: 'AAAA' }), /240 bytes .* has 3/],
    ['JSON with broken base64', changed({ values: '%%%' }), /values should be base64/],
    ['an empty file', textFile('p.zip', ''), /p\.zip is empty/],
    ['a GGUF model', textFile('model.gguf', 'GGUF\x03\0\0\0'), /is a GGUF model/],
    ['something else', textFile('notes.txt', 'Dear diary'), /no format known here/],
  ])('%s', (_, file, message) => {
    expect(errorOf(file).message).toMatch(message);
  });

  test('a KoboldAI zip with 2048 rows is refused', () => {
    const bytes = zipSync({ 'tensor.npy': exportPrompt(sampleArtefact('prompt', 2048), 'npy').bytes });
    expect(errorOf({ name: 'k.zip', bytes }).message).toMatch(/fewer than 2048/);
  });

  test('a KoboldAI tensor in bfloat16 (V2) is read, a .npy alone of that type is not', () => {
    const text = new TextDecoder('latin1').decode(fixture('f2.npy').bytes).replace("'<f2', ", "'|V2', ");
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    // Half a bfloat16 each: 1, -2, 0.5 twice.
    bytes.set([0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3f, 0x80, 0x3f, 0x00, 0xc0, 0x00, 0x3f], bytes.length - 12);
    const zip = { name: 'k.zip', bytes: zipSync({ 'tensor.npy': bytes }) };
    expect([...importPrompt([zip]).values]).toEqual([1, -2, 0.5, 1, -2, 0.5]);
    expect(errorOf({ name: 'v2.npy', bytes }).message).toMatch(/holds "\|V2"/);
  });

  test('no file, and several that are no adapter', () => {
    expect(errorOf().message).toMatch(/there is none/);
    expect(errorOf(npy, fixture('f2.npy')).message).toMatch(/found 2 files: f4\.npy, f2\.npy/);
    expect(errorOf(peftTensor, { ...peftTensor }).message).toMatch(/Expected one prompt, found 2/);
  });
});
