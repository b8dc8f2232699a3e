/** @file A model from its folder: all that engines, data and prompt files need to know of it. */
import { z } from 'zod';
import type { ModelSpec, ModelWeights } from '../engine/spec';
import type { ModelIdentity } from '../prompt/types';
import { openCheckpoint } from './checkpoint';
import { ModelError } from './errors';
import { describeModel } from './families';
import { sha256 } from './hash';
import { parseJsonFile } from './json';
import { headerBytes } from './safetensors';
import type { FileSource, SourceFile } from './source';
import { createTokenizer, type Tokenizer } from './tokenizer';
import { readWeights } from './weights';

const configFile = 'config.json';
const tokenizerFile = 'tokenizer.json';
const tokenizerConfigFile = 'tokenizer_config.json';
const weightsFile = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';

export interface LoadProgress {
  phase: 'downloading' | 'reading';
  file: string;
  /** Bytes of the file that are here. */
  loaded: number;
  /** Bytes of the file; 0 while unknown. */
  total: number;
}

export interface LoadOptions {
  onProgress?: (progress: LoadProgress) => void;
  /** Ends loading by throwing the signal's reason. */
  signal?: AbortSignal;
}

/** What a checkpoint computes, without its words. */
export interface Network {
  spec: ModelSpec;
  weights: ModelWeights;
}

export interface LoadedModel extends Network {
  tokenizer: Tokenizer;
  identity: ModelIdentity;
  /** Numbers, the tied head counted once. */
  parameters: number;
  /** Of all files read. */
  bytes: number;
  /** Types the weights are stored in, the commonest first, such as `F16` or `BF16, F32`. */
  dtype: string;
  /** The weights did not have to be fetched. */
  fromCache: boolean;
}

/**
 * Loads a folder in Hugging Face layout: config.json, tokenizer.json, tokenizer_config.json (may be absent) and
 * model.safetensors, or the files that model.safetensors.index.json names. Small files are checked before weights are fetched.
 * @param options.id Hub id or folder name, for the identity.
 * @throws ModelError in words for the person; the signal's reason when aborted.
 */
export async function loadModel(
  source: FileSource,
  options: LoadOptions & { id: string },
): Promise<LoadedModel> {
  const [configBytes, tokenizerBytes, tokenizerConfigBytes] = await Promise.all([
    required(source, configFile, options),
    required(source, tokenizerFile, options),
    optional(source, tokenizerConfigFile, options),
  ]);
  const config = parseJsonFile(configBytes.bytes, configFile);
  const { spec: preview } = describeModel(config, new Map());
  const tokenizer = createTokenizer({
    tokenizer: parseJsonFile(tokenizerBytes.bytes, tokenizerFile),
    tokenizerConfig: tokenizerConfigBytes && parseJsonFile(tokenizerConfigBytes.bytes, tokenizerConfigFile),
    config,
    vocabSize: preview.vocabSize,
  });
  const files = await readWeightFiles(source, options);
  const { spec, weights } = openNetwork(config, files, options);
  const small = [configBytes, tokenizerBytes, tokenizerConfigBytes].filter((file) => file !== null);
  const headers = [...files].map(([name, { bytes }]) => bytes.subarray(0, headerBytes(bytes, name)));
  const embedding = weights.get('embed.tokens');
  if (!embedding) throw new Error('describeModel names no embedding table');
  return {
    spec,
    weights,
    tokenizer,
    identity: {
      id: options.id,
      revision: null,
      weightsHash: await sha256(...headers),
      embeddingHash: await sha256(embedding.data),
      tokenizerHash: await sha256(tokenizerBytes.bytes),
      hidden: spec.hidden,
      layers: spec.layers.length,
      heads: spec.heads,
      kvHeads: spec.kvHeads,
      headDim: spec.headDim,
    },
    parameters: [...weights.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    bytes: [...small, ...files.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0),
    dtype: storedTypes(weights),
    fromCache: [...files.values()].every(({ fromCache }) => fromCache),
  };
}

/**
 * Specification and weights alone, for a folder that need not have a tokenizer.
 * @throws ModelError
 */
export async function loadNetwork(source: FileSource, options: LoadOptions = {}): Promise<Network> {
  const config = parseJsonFile((await required(source, configFile, options)).bytes, configFile);
  describeModel(config, new Map());
  return openNetwork(config, await readWeightFiles(source, options), options);
}

function openNetwork(
  config: unknown,
  files: ReadonlyMap<string, SourceFile>,
  { onProgress, signal }: LoadOptions,
): Network {
  signal?.throwIfAborted();
  const total = [...files.values()].reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  onProgress?.({ phase: 'reading', file: weightsFile, loaded: 0, total });
  const checkpoint = openCheckpoint(new Map([...files].map(([name, { bytes }]) => [name, bytes])));
  const entries = new Map([...checkpoint].map(([name, { entry }]) => [name, entry]));
  const { spec, sources } = describeModel(config, entries);
  const weights = readWeights(sources, checkpoint);
  onProgress?.({ phase: 'reading', file: weightsFile, loaded: total, total });
  return { spec, weights };
}

const indexSchema = z.looseObject({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/** The one file, or the several of an index, in the index's order. */
async function readWeightFiles(source: FileSource, options: LoadOptions): Promise<Map<string, SourceFile>> {
  const single = await read(source, weightsFile, options);
  if (single) return new Map([[weightsFile, single]]);
  const index = await optional(source, indexFile, options);
  if (!index) throw missing(source, weightsFile);
  const parsed = indexSchema.safeParse(parseJsonFile(index.bytes, indexFile));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const message = `${indexFile}: ${issue.path.join('.') || 'content'}: ${issue.message}.`;
    throw new ModelError('malformed', message, `Download ${indexFile} again.`);
  }
  const files = new Map<string, SourceFile>();
  for (const name of new Set(Object.values(parsed.data.weight_map))) {
    files.set(name, await required(source, name, options));
  }
  return files;
}

function read(
  source: FileSource,
  name: string,
  { onProgress, signal }: LoadOptions,
): Promise<SourceFile | null> {
  return source.read(name, {
    signal,
    onProgress: (loaded, total) => onProgress?.({ phase: 'downloading', file: name, loaded, total }),
  });
}

async function required(source: FileSource, name: string, options: LoadOptions): Promise<SourceFile> {
  const file = await read(source, name, options);
  if (!file) throw missing(source, name);
  return file;
}

/** Some servers send a page instead of "not found". */
async function optional(source: FileSource, name: string, options: LoadOptions): Promise<SourceFile | null> {
  try {
    return await read(source, name, options);
  } catch (error) {
    if (error instanceof ModelError && error.kind === 'wrongContent') return null;
    throw error;
  }
}

function missing(source: FileSource, name: string): ModelError {
  return new ModelError(
    'missingFile',
    `The model has no ${name} (looked in ${source.location}).`,
    `Check the address. A model folder holds ${configFile}, ${tokenizerFile}, ${tokenizerConfigFile} and ${weightsFile}.`,
  );
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

function storedTypes(weights: ModelWeights): string {
  const bytes = new Map<string, number>();
  for (const { dtype, data } of weights.values()) bytes.set(dtype, (bytes.get(dtype) ?? 0) + data.byteLength);
  return [...bytes]
    .sort(([, a], [, b]) => b - a)
    .map(([dtype]) => dtype)
    .join(', ');
}
