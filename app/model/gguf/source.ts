/**
 * @file A GGUF file as a model's folder: its header becomes config.json, tokenizer.json and the files beside them, its tensors a
 * safetensors file that is converted as it is read. So everything that reads models reads these.
 */
import { decodeFloats } from '../../formats/floats';
import { type GgufHeader, MOST_HEADER_BYTES, MoreNeeded, parseGguf } from '../../formats/gguf';
import { asModelError, ModelError } from '../errors';
import {
  configFile,
  generationConfigFile,
  templateFile,
  tokenizerConfigFile,
  tokenizerFile,
  weightsFile,
} from '../modelFolder';
import { type FileSource, memoryFile, type SourceFile } from '../source';
import { architectureOf } from './architectures';
import { configOf } from './config';
import { Metadata } from './metadata';
import { calledIn, originalOf } from './original';
import { tokenizerOf } from './tokenizer';
import { weightsOfGguf } from './weights';

/** Asked for at first: enough for the header of a file without a vocabulary, and of most with a small one. */
const FIRST_BYTES = 2 ** 21;
/** Factors by which frequencies are divided: of tensors the only one that is read as a number of the configuration. */
const ROTATION = 'rope_freqs.weight';
const MOST_ROTATION = 2 ** 20;

export interface GgufOptions {
  /** What messages call the file. */
  name: string;
  location: string;
  signal?: AbortSignal;
  /** Of what the file itself came from. */
  notes?: () => readonly string[];
  close?: () => Promise<void>;
}

/** @throws ModelError where the file is damaged or holds what is not read; the signal's reason when aborted */
export async function ggufSource(file: SourceFile, options: GgufOptions): Promise<FileSource> {
  try {
    return await open(file, options);
  } catch (error) {
    throw asModelError(error, options.name, options.signal);
  }
}

async function open(file: SourceFile, options: GgufOptions): Promise<FileSource> {
  const { name, location, signal, notes, close } = options;
  const header = await readHeader(file, name, signal);
  const metadata = new Metadata(header, name);
  const architecture = architectureOf(metadata);
  const { weights, quantised } = weightsOfGguf(file, header, architecture, metadata);
  const { tokenizer, tokenizerConfig } = tokenizerOf(metadata, architecture.name);
  const { chat_template: template, ...config } = tokenizerConfig;
  const network = configOf(metadata, architecture, header, await rotationOf(file, header, signal));
  const files = new Map<string, SourceFile>([
    [configFile, json(network)],
    [generationConfigFile, json({ eos_token_id: network.eos_token_id ?? null })],
    [tokenizerFile, json(tokenizer)],
    [tokenizerConfigFile, json(config)],
    [weightsFile, weights],
  ]);
  if (typeof template === 'string') files.set(templateFile, memoryFile(new TextEncoder().encode(template)));
  const own =
    quantised.length > 0
      ? [
          `The weights of this file are quantised (${quantised.join(', ')}) and are used as they are: what is trained fits the model as it is in this file.`,
        ]
      : [];
  return {
    location,
    names: [...files.keys()],
    ...(quantised.length > 0 && {
      quantised: { types: quantised, original: originalOf(metadata), called: calledIn(metadata) },
    }),
    notes: () => [...own, ...(notes?.() ?? [])],
    async open(wanted, signal) {
      signal?.throwIfAborted();
      return files.get(wanted) ?? null;
    },
    close: close ?? (async () => undefined),
  };
}

async function readHeader(file: SourceFile, name: string, signal?: AbortSignal): Promise<GgufHeader> {
  for (let length = FIRST_BYTES; ; length = Math.min(4 * length, MOST_HEADER_BYTES)) {
    const bytes = await file.head(length, signal);
    // A file that ends here has told its size.
    const ends = bytes.byteLength < length;
    const fileBytes = file.size ?? (ends ? bytes.byteLength : Number.POSITIVE_INFINITY);
    try {
      return parseGguf(bytes, { file: name, fileBytes });
    } catch (error) {
      if (!(error instanceof MoreNeeded)) throw error;
    }
  }
}

/** Null where the file has none. */
async function rotationOf(
  file: SourceFile,
  { tensors }: GgufHeader,
  signal?: AbortSignal,
): Promise<Float32Array | null> {
  const tensor = tensors.get(ROTATION);
  if (!tensor) return null;
  const count = tensor.shape.reduce((product, n) => product * n, 1);
  if (tensor.typeName !== 'F32' || count > MOST_ROTATION) {
    throw new ModelError(
      'unsupported',
      `${ROTATION} is ${tensor.typeName} [${tensor.shape.join(', ')}], where a few numbers as F32 were expected.`,
      'Choose another GGUF file of this model, or the model as safetensors.',
    );
  }
  const bytes = new Uint8Array(4 * count);
  let at = 0;
  for await (const chunk of file.stream({ signal })) {
    const from = Math.max(tensor.begin - at, 0);
    const piece = chunk.subarray(from, Math.max(from, tensor.end - at));
    if (piece.byteLength > 0) bytes.set(piece, at + from - tensor.begin);
    at += chunk.byteLength;
    if (at >= tensor.end) break;
  }
  return decodeFloats(bytes, 'F32', count);
}

function json(value: unknown): SourceFile {
  return memoryFile(new TextEncoder().encode(JSON.stringify(value)));
}
