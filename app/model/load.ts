/** @file A model from its folder: all that engines, data and prompt files need to know of it. */
import { z } from 'zod';
import type { ModelSpec, ModelWeights, WeightStream } from '../engine/spec';
import { collectWeights, storedBytes } from '../engine/weightStream';
import { readBeside } from './besideTokenizer';
import { openChat } from './chat';
import type { ChatTemplate } from './chatTemplate';
import { type Checkpoint, openCheckpoint } from './checkpoint';
import { ModelError } from './errors';
import { describeModel, type WeightSource } from './families';
import { RunningHash, sha256 } from './hash';
import { hashIdentity, type ModelIdentity } from './identity';
import { parseJsonFile } from './json';
import { type LoadProgress, ProgressMeter } from './progress';
import { planReading } from './readingPlan';
import { type FileSource, readWhole, type SourceFile } from './source';
import { createTokenizer, type Tokenizer } from './tokenizer';
import { weightsOf } from './weights';

export type { LoadProgress } from './progress';

const configFile = 'config.json';
const tokenizerFile = 'tokenizer.json';
const tokenizerConfigFile = 'tokenizer_config.json';
const templateFile = 'chat_template.jinja';
const generationConfigFile = 'generation_config.json';
const weightsFile = 'model.safetensors';
const indexFile = 'model.safetensors.index.json';

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

/** All of a model but its weights' bytes, which are on their way. */
export interface OpenModel {
  spec: ModelSpec;
  tokenizer: Tokenizer;
  /** How it wants to be spoken to; null where it is no chat model. */
  chat: ChatTemplate | null;
  /** Can be delivered once. */
  weights: WeightStream;
  /** Numbers, the tied head counted once. */
  parameters: number;
  /** Of all files; of files whose size only their end tells, what has been read. */
  bytes: number;
  /** Of the weights as they are delivered. */
  weightBytes: number;
  /** Types the weights are stored in, the commonest first, such as `F16` or `BF16, F32`. */
  dtype: string;
  /** The weights do not have to be fetched. */
  local: boolean;
  /** What the model is. @throws Error before its weights have been delivered: their bytes are part of it. */
  identity(): ModelIdentity;
}

export interface LoadedModel extends Omit<OpenModel, 'weights' | 'identity'> {
  weights: ModelWeights;
  identity: ModelIdentity;
}

/**
 * Opens a folder in Hugging Face layout: config.json, tokenizer.json, model.safetensors, or the files that
 * model.safetensors.index.json names, and what there is of tokenizer_config.json, generation_config.json and
 * chat_template.jinja. Everything is checked before weights are read.
 * @param options.id Hub id or folder name, for the identity.
 * @param options.revision The commit, where known.
 * @throws ModelError in words for the person; the signal's reason when aborted.
 */
export async function openModel(
  source: FileSource,
  options: LoadOptions & { id: string; revision?: string | null },
): Promise<OpenModel> {
  const meter = new ProgressMeter(options.onProgress ?? (() => undefined));
  const small = new SmallFiles(source, meter, options.signal);
  const tokenizerConfigRead = small
    .optional(tokenizerConfigFile)
    .then((bytes) => bytes && parseJsonFile(bytes, tokenizerConfigFile));
  const templateRead = tokenizerConfigRead.then((json) =>
    saysNoTemplate(json) ? null : small.optional(templateFile),
  );
  const [configBytes, tokenizerBytes, tokenizerConfig, generationBytes, template] = await inOrder([
    small.required(configFile),
    small.required(tokenizerFile),
    tokenizerConfigRead,
    small.optional(generationConfigFile),
    templateRead,
  ]);
  const config = parseJsonFile(configBytes, configFile);
  const { spec: preview } = describeModel(config, new Map());
  const beside = await readBeside((name) => small.optional(name), source.names, tokenizerConfig);
  const { chat, tokenizer } = await openChat(
    {
      ...beside,
      tokenizerConfig,
      template: template && new TextDecoder().decode(template),
      generationConfig: generationBytes && parseJsonFile(generationBytes, generationConfigFile),
    },
    createTokenizer({
      ...beside,
      tokenizer: parseJsonFile(tokenizerBytes, tokenizerFile),
      tokenizerConfig,
      config,
      vocabSize: preview.vocabSize,
    }),
  );
  const network = await openNetwork(source, config, small, meter, options.signal);
  const { spec, weights, sources, checkpoint } = network;
  const [configHash, tokenizerHash] = await Promise.all([sha256(configBytes), sha256(tokenizerBytes)]);
  return {
    spec,
    tokenizer,
    chat,
    weights,
    parameters: [...weights.shapes.values()].reduce((sum, { shape }) => sum + elementCount(shape), 0),
    bytes: network.bytes,
    weightBytes: [...weights.shapes.values()].reduce((sum, weight) => sum + storedBytes(weight), 0),
    dtype: storedTypes(weights),
    local: network.local,
    identity: () => ({
      id: options.id,
      revision: options.revision ?? null,
      weightsHash: checkpoint.headersHash,
      ...hashIdentity(sources, network.hashes()),
      configHash,
      tokenizerHash,
      hidden: spec.hidden,
      layers: spec.layers.length,
      heads: spec.heads,
      kvHeads: spec.kvHeads,
      headDim: spec.headDim,
    }),
  };
}

/** Opens a model and brings its weights into memory: for small ones. @throws as `openModel` */
export async function loadModel(
  source: FileSource,
  options: LoadOptions & { id: string; revision?: string | null },
): Promise<LoadedModel> {
  try {
    const model = await openModel(source, options);
    const weights = await collectWeights(model.weights);
    return { ...model, weights, identity: model.identity() };
  } finally {
    await source.close();
  }
}

/**
 * Specification and weights alone, in memory, for a folder that need not have a tokenizer.
 * @throws ModelError
 */
export async function loadNetwork(source: FileSource, options: LoadOptions = {}): Promise<Network> {
  try {
    const { spec, weights } = await openWeights(source, options);
    return { spec, weights: await collectWeights(weights) };
  } finally {
    await source.close();
  }
}

/**
 * Specification and weights, the weights' bytes on their way, for a folder that need not have a tokenizer.
 * @throws ModelError
 */
export async function openWeights(
  source: FileSource,
  { onProgress, signal }: LoadOptions = {},
): Promise<{ spec: ModelSpec; weights: WeightStream }> {
  const meter = new ProgressMeter(onProgress ?? (() => undefined));
  const small = new SmallFiles(source, meter, signal);
  const config = parseJsonFile(await small.required(configFile), configFile);
  describeModel(config, new Map());
  return openNetwork(source, config, small, meter, signal);
}

interface OpenNetwork {
  spec: ModelSpec;
  weights: WeightStream;
  sources: WeightSource[];
  checkpoint: Checkpoint;
  readonly bytes: number;
  local: boolean;
  /** Of the stored bytes of tensors that identify the model, by name. */
  hashes(): ReadonlyMap<string, string>;
}

async function openNetwork(
  source: FileSource,
  config: unknown,
  small: SmallFiles,
  meter: ProgressMeter,
  signal: AbortSignal | undefined,
): Promise<OpenNetwork> {
  const files = await openWeightFiles(source, small, signal);
  const checkpoint = await openCheckpoint(files, signal);
  const entries = new Map([...checkpoint.tensors].map(([name, { entry }]) => [name, entry]));
  const { spec, sources } = describeModel(config, entries);
  const plan = planReading(sources, checkpoint.tensors);
  const needed = [...files].filter(([name]) => plan.files.has(name)).map(([, file]) => file);
  const size = () => small.bytes + needed.reduce((sum, file) => sum + (file.size ?? 0), 0);
  const local = needed.every((file) => file.local);
  const sized = needed.every((file) => file.size !== null);
  const running = new Map(identifying(sources).map((tensor) => [tensor, new RunningHash()]));
  let done: ReadonlyMap<string, string> | null = null;
  const stream = weightsOf(plan, files, {
    signal,
    hashes: running,
    onFile: (name) => meter.begin(name),
    onBytes: (bytes) => meter.add(bytes),
  });
  return {
    spec,
    sources,
    checkpoint,
    local,
    get bytes() {
      return size();
    },
    weights: {
      shapes: stream.shapes,
      async deliver(sink) {
        meter.expect(sized ? size() : 0, local ? 'reading' : 'downloading');
        await stream.deliver(sink);
        meter.expect(size(), local ? 'reading' : 'downloading');
        done = new Map([...running].map(([tensor, hash]) => [tensor, hash.hex()]));
      },
    },
    hashes() {
      if (!done) throw new Error('The weights have not been delivered yet.');
      return done;
    },
  };
}

/** The tensors whose bytes identify the model: the embedding table's and the first block's. */
function identifying(sources: readonly WeightSource[]): string[] {
  const named = sources.filter(({ name }) => name === 'embed.tokens' || name.startsWith('layers.0.'));
  return [...new Set(named.flatMap(({ parts }) => parts.map((part) => part.name)))];
}

const indexSchema = z.looseObject({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/** The one file, or the several of an index, in the index's order. */
async function openWeightFiles(
  source: FileSource,
  small: SmallFiles,
  signal: AbortSignal | undefined,
): Promise<Map<string, SourceFile>> {
  const single = await orNull(source.open(weightsFile, signal));
  if (single) return new Map([[weightsFile, single]]);
  const index = await small.optional(indexFile);
  if (!index) throw missing(source, weightsFile);
  const parsed = indexSchema.safeParse(parseJsonFile(index, indexFile));
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const message = `${indexFile}: ${issue.path.join('.') || 'content'}: ${issue.message}.`;
    throw new ModelError('malformed', message, `Download ${indexFile} again.`);
  }
  const files = new Map<string, SourceFile>();
  for (const name of new Set(Object.values(parsed.data.weight_map))) {
    const file = await source.open(name, signal);
    if (!file) throw missing(source, name);
    files.set(name, file);
  }
  return files;
}

/** Files that are read whole. */
class SmallFiles {
  /** Of all files read so far. */
  bytes = 0;

  constructor(
    private readonly source: FileSource,
    private readonly meter: ProgressMeter,
    private readonly signal: AbortSignal | undefined,
  ) {}

  async required(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const file = await this.source.open(name, this.signal);
    if (!file) throw missing(this.source, name);
    return this.read(name, file);
  }

  async optional(name: string): Promise<Uint8Array<ArrayBuffer> | null> {
    const file = await orNull(this.source.open(name, this.signal));
    return file && this.read(name, file);
  }

  private async read(name: string, file: SourceFile): Promise<Uint8Array<ArrayBuffer>> {
    this.meter.begin(name);
    const { signal, meter } = this;
    const bytes = await readWhole(file, { signal, onBytes: (count) => meter.add(count) });
    this.bytes += bytes.byteLength;
    return bytes;
  }
}

/** Results of what is under way together; of several errors the first in this order, whichever came first. */
async function inOrder<T extends readonly unknown[] | []>(
  promises: {
    [K in keyof T]: Promise<T[K]>;
  },
): Promise<T> {
  // Each is looked at in its turn; until then it is nobody's unhandled rejection.
  for (const promise of promises) promise.catch(() => undefined);
  const results: unknown[] = [];
  for (const promise of promises) results.push(await promise);
  return results as unknown as T;
}

/** `"chat_template": null` spares a request for a file that is not there, and the browser's complaint about it. */
function saysNoTemplate(tokenizerConfig: unknown): boolean {
  return (tokenizerConfig as { chat_template?: unknown } | null)?.chat_template === null;
}

/** Some servers send a page instead of "not found". */
async function orNull(opening: Promise<SourceFile | null>): Promise<SourceFile | null> {
  try {
    return await opening;
  } catch (error) {
    if (error instanceof ModelError && error.kind === 'wrongContent') return null;
    throw error;
  }
}

function missing({ location, names }: FileSource, name: string): ModelError {
  const message = `The model has no ${name} (looked in ${location}).`;
  const pickled = names?.find((other) => /^pytorch_model.*\.(bin|json)$/.test(other));
  if (name === weightsFile && pickled !== undefined) {
    return new ModelError(
      'missingFile',
      `${message} It has ${pickled}, which can run code when it is opened, so only safetensors are read.`,
      'The Hub converts models at https://huggingface.co/spaces/safetensors/convert: it opens a pull request, whose revision (refs/pr/…) can be loaded here.',
    );
  }
  return new ModelError(
    'missingFile',
    message,
    `Check the address. A model folder holds ${configFile}, ${tokenizerFile}, ${tokenizerConfigFile} and ${weightsFile}.`,
  );
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

function storedTypes({ shapes }: WeightStream): string {
  const bytes = new Map<string, number>();
  for (const weight of shapes.values()) {
    bytes.set(weight.dtype, (bytes.get(weight.dtype) ?? 0) + storedBytes(weight));
  }
  return [...bytes]
    .sort(([, a], [, b]) => b - a)
    .map(([dtype]) => dtype)
    .join(', ');
}
