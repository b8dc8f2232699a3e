/** @file The one tensor of a PEFT prompt adapter, `prompt_embeddings`, written and read as safetensors. */
import { decodeFloats, encodeFloat32 } from '../formats/floats';
import { parseSafetensorsHeader } from '../formats/safetensors';
import { asPromptError, PromptError } from './errors';

/** The tensor's name in PEFT, for prompts and prefixes alike. */
export const tensorName = 'prompt_embeddings';

/** A matrix as stored, with the file's metadata strings. */
export interface PromptTensor {
  virtualTokens: number;
  width: number;
  values: Float32Array;
  metadata: Record<string, string>;
}

/**
 * A safetensors file with one F32 tensor `prompt_embeddings` `[virtualTokens, width]`. The header is padded with
 * spaces to a multiple of 8 bytes, as the format's own library does, so that the tensor is aligned.
 */
export function writePromptTensor(tensor: PromptTensor): Uint8Array<ArrayBuffer> {
  const data = encodeFloat32(tensor.values);
  const header = new TextEncoder().encode(
    JSON.stringify({
      __metadata__: tensor.metadata,
      [tensorName]: {
        dtype: 'F32',
        shape: [tensor.virtualTokens, tensor.width],
        data_offsets: [0, data.length],
      },
    }),
  );
  const headerBytes = Math.ceil(header.length / 8) * 8;
  const file = new Uint8Array(8 + headerBytes + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(headerBytes), true);
  file.fill(0x20, 8, 8 + headerBytes);
  file.set(header, 8);
  file.set(data, 8 + headerBytes);
  return file;
}

/**
 * Reads `prompt_embeddings` as F32, F16 or BF16.
 * @throws PromptError when the file is damaged or holds something else
 */
export function readPromptTensor(bytes: Uint8Array, fileName: string): PromptTensor {
  const header = asPromptError(() => parseSafetensorsHeader(bytes, { file: fileName, strict: true }));
  const entry = header.tensors.get(tensorName);
  if (!entry) throw missingTensor([...header.tensors.keys()], fileName);
  if (entry.dtype !== 'F32' && entry.dtype !== 'F16' && entry.dtype !== 'BF16') {
    throw new PromptError(
      `Expected "${tensorName}" as F32, F16 or BF16, ${fileName} stores it as ${entry.dtype}.`,
      'Save the prompt again as 32-bit floats.',
    );
  }
  if (entry.shape.length !== 2) {
    throw new PromptError(
      `Expected "${tensorName}" of shape [virtual tokens, width], ${fileName} has [${entry.shape.join(', ')}].`,
      'Save the prompt again as one matrix, a row for each virtual token.',
    );
  }
  if (header.tensors.size > 1) {
    const others = [...header.tensors.keys()].filter((name) => name !== tensorName);
    throw new PromptError(
      `Expected the one tensor "${tensorName}", ${fileName} has ${others.length} more: ${list(others)}.`,
      'Such an adapter changes more than the prompt and would not work as a prompt alone.',
    );
  }
  const [virtualTokens, width] = entry.shape as [number, number];
  return {
    virtualTokens,
    width,
    values: decodeFloats(bytes.subarray(entry.begin, entry.end), entry.dtype, virtualTokens * width),
    metadata: header.metadata,
  };
}

function list(names: string[]): string {
  const shown = names.slice(0, 3).map((name) => `"${name}"`);
  return names.length > 3 ? `${shown.join(', ')}, …` : shown.join(', ');
}

function missingTensor(names: string[], fileName: string): PromptError {
  if (names.some((name) => name.includes('lora_'))) {
    return new PromptError(
      `Expected a soft prompt, ${fileName} is a LoRA adapter: it changes the model's weights instead of adding virtual tokens.`,
      'Choose an adapter made with prompt tuning or prefix tuning.',
    );
  }
  if (names.some((name) => /embed_tokens|wte|lm_head|embed_in/.test(name))) {
    return new PromptError(
      `Expected a soft prompt, ${fileName} holds the weights of a whole model (${names.length} tensors).`,
      'Choose the adapter_model.safetensors of a prompt.',
    );
  }
  return new PromptError(
    `Expected a tensor "${tensorName}", ${fileName} has ${names.length === 0 ? 'no tensors' : list(names)}.`,
    'Choose the adapter_model.safetensors that PEFT saves for prompt tuning or prefix tuning.',
  );
}
