/** @file The prompt as one JSON file, for programs with neither safetensors nor NumPy: base64 of little-endian f32. */
import { z } from 'zod';
import { decodeFloats, encodeFloat32 } from '../formats/floats';
import { schemaFault } from '../formats/words';
import { checkSound } from './artefact';
import { PromptError } from './errors';
import { identityFrom } from './identity';
import type { PromptArtefact } from './types';

const formatName = 'soft-prompt';
const formatVersion = 1;

const schema = z.object({
  format: z.literal(formatName),
  version: z.number(),
  kind: z.enum(['prompt', 'prefix']),
  shape: z.tuple([z.number().int().min(1), z.number().int().min(1)]),
  dtype: z.literal('float32'),
  byteOrder: z.literal('little'),
  values: z.base64(),
  model: z.record(z.string(), z.unknown()).default({}),
  card: z.record(z.string(), z.string()).default({}),
});

/** The artefact with everything it knows. */
export function writeJson(artefact: PromptArtefact): Uint8Array<ArrayBuffer> {
  checkSound(artefact, 'the prompt');
  const { kind, virtualTokens, width, values, model, card } = artefact;
  const json: z.input<typeof schema> = {
    format: formatName,
    version: formatVersion,
    kind,
    shape: [virtualTokens, width],
    dtype: 'float32',
    byteOrder: 'little',
    model,
    card,
    values: toBase64(encodeFloat32(values)),
  };
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}

/** Whether a JSON value claims to be such a prompt. */
export function isJsonPrompt(json: unknown): boolean {
  return (json as { format?: unknown } | null)?.format === formatName;
}

/**
 * Reads a parsed JSON file.
 * @throws PromptError naming the first field that is not as expected
 */
export function readJson(json: unknown, fileName: string): PromptArtefact {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    throw new PromptError(
      `${fileName}: ${schemaFault(parsed.error, json)}.`,
      'Download the prompt as JSON again.',
    );
  }
  const { version, kind, shape, values, model, card } = parsed.data;
  if (version !== formatVersion) {
    throw new PromptError(
      `Expected version ${formatVersion} of the JSON format, ${fileName} is version ${version}.`,
      'Download the prompt as PEFT zip instead, which every version reads.',
    );
  }
  const [virtualTokens, width] = shape;
  const bytes = fromBase64(values);
  if (bytes.length !== 4 * virtualTokens * width) {
    throw new PromptError(
      `Expected ${4 * virtualTokens * width} bytes for the shape [${shape.join(', ')}], ${fileName} has ${bytes.length}.`,
      'The file was cut short or edited: download the prompt again.',
    );
  }
  const numbers = decodeFloats(bytes, 'F32', virtualTokens * width);
  const artefact: PromptArtefact = {
    kind,
    virtualTokens,
    width,
    values: numbers,
    model: identityFrom(model),
    card,
  };
  return checkSound(artefact, fileName);
}

/** `btoa` takes a string of bytes; strings are built in pieces, as an argument list has its limits. */
function toBase64(bytes: Uint8Array): string {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    pieces.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return btoa(pieces.join(''));
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}
