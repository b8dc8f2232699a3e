/** @file A model from its folder: all that engines, data and prompt files need to know of it. */
import { groupingOf } from '../engine/quantised';
import type { ModelSpec, ModelWeights, WeightStream } from '../engine/spec';
import { collectWeights, storedBytes } from '../engine/weightStream';
import { recognise } from '../formats/recognise';
import { readBeside } from './besideTokenizer';
import { openChat } from './chat';
import type { ChatTemplate } from './chatTemplate';
import { type Checkpoint, openCheckpoint } from './checkpoint';
import { asModelError, ModelError } from './errors';
import { describeModel, type WeightSource } from './families';
import { FiniteCheck } from './finite';
import { RunningHash, sha256 } from './hash';
import { hashIdentity, type ModelIdentity } from './identity';
import { parseJsonFile, parseOptionalJson } from './json';
import {
  configFile,
  generationConfigFile,
  openWeightFiles,
  SmallFiles,
  templateFile,
  tokenizerConfigFile,
  tokenizerFile,
} from './modelFolder';
import { type LoadProgress, ProgressMeter } from './progress';
import { refuseQuantised } from './quantised';
import { planReading, type ReadingPlan } from './readingPlan';
import type { FileSource, Quantised, SourceFile } from './source';
import { createTokenizer, type Tokenizer } from './tokenizer';
import { weightsOf } from './weights';

export type { LoadProgress } from './progress';

/** Bytes of weights, as they are delivered: more than any machine that this could run on has room for. */
const MOST_WEIGHTS = 128 * 2 ** 30;

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
  /** Types the weights are stored in, the commonest first, such as `F16`, `BF16, F32` or `4-bit, F32`. */
  dtype: string;
  /** Null where no weights are. */
  quantised: Quantised | null;
  /** The weights do not have to be fetched. */
  local: boolean;
  /** What a person should know of its files though it loads: an optional one that could not be read. */
  notes: readonly string[];
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
  try {
    return await open(source, options);
  } catch (error) {
    throw asModelError(error, 'The model', options.signal);
  }
}

async function open(
  source: FileSource,
  options: LoadOptions & { id: string; revision?: string | null },
): Promise<OpenModel> {
  const notes: string[] = [];
  const meter = new ProgressMeter(options.onProgress ?? (() => undefined));
  const small = new SmallFiles(source, meter, options.signal);
  const tokenizerConfigRead = small
    .optional(tokenizerConfigFile)
    .then((bytes) => parseOptionalJson(bytes, tokenizerConfigFile, notes));
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
  const config = parseJsonFile(configBytes, configFile, notes);
  const { spec: preview } = describeModel(config, new Map());
  const beside = await readBeside((name) => small.optional(name), source.names, tokenizerConfig);
  const { chat, tokenizer } = await openChat(
    {
      ...beside,
      tokenizerConfig,
      template: templateText(template, notes),
      generationConfig: parseOptionalJson(generationBytes, generationConfigFile, notes),
    },
    inWords(tokenizerFile, () =>
      createTokenizer({
        ...beside,
        tokenizer: parseJsonFile(tokenizerBytes, tokenizerFile),
        tokenizerConfig,
        config,
        vocabSize: preview.vocabSize,
      }),
    ),
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
    quantised: source.quantised ?? null,
    local: network.local,
    get notes() {
      return [...notes, ...(source.notes?.() ?? [])];
    },
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
  try {
    const config = parseJsonFile(await small.required(configFile), configFile);
    describeModel(config, new Map());
    return await openNetwork(source, config, small, meter, signal);
  } catch (error) {
    throw asModelError(error, 'The model', signal);
  }
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
  const plan = plannedReading(config, sources, checkpoint);
  const needed = [...files].filter(([name]) => plan.files.has(name)).map(([, file]) => file);
  const stored = (file: SourceFile) => (file.storedBytes === undefined ? file.size : file.storedBytes);
  const size = () => small.bytes + needed.reduce((sum, file) => sum + (stored(file) ?? 0), 0);
  const local = needed.every((file) => file.local);
  const sized = needed.every((file) => stored(file) !== null);
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
        const finite = new FiniteCheck(stream.shapes, (weight) => namesIn(sources, weight));
        await stream.deliver(finite.over(sink));
        finite.finish();
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

/** @throws ModelError that names a quantisation where that is why the weights cannot be read, else as `planReading`. */
function plannedReading(config: unknown, sources: WeightSource[], { tensors }: Checkpoint): ReadingPlan {
  const entries = new Map([...tensors].map(([name, { entry }]) => [name, entry]));
  let plan: ReadingPlan;
  try {
    plan = planReading(sources, tensors);
  } catch (error) {
    refuseQuantised(config, entries, error);
    throw error;
  }
  refuseQuantised(config, entries, null);
  const bytes = [...plan.shapes.values()].reduce((sum, weight) => sum + storedBytes(weight), 0);
  if (bytes <= MOST_WEIGHTS) return plan;
  throw new ModelError(
    'tooLarge',
    `The weights take ${Math.ceil(bytes / 2 ** 30)} GiB; at most ${MOST_WEIGHTS / 2 ** 30} GiB are read.`,
    'Choose a smaller model.',
  );
}

/** What a canonical weight is made of in the files, in words. */
function namesIn(sources: readonly WeightSource[], weight: string): string {
  const source = sources.find(({ name }) => name === weight);
  return source?.parts.map((part) => part.name).join(' with ') ?? weight;
}

/** The tensors whose bytes identify the model: the embedding table's and the first block's. */
function identifying(sources: readonly WeightSource[]): string[] {
  const named = sources.filter(({ name }) => name === 'embed.tokens' || name.startsWith('layers.0.'));
  return [...new Set(named.flatMap(({ parts }) => parts.map((part) => part.name)))];
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

function inWords<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw asModelError(error, what);
  }
}

/** The chat template's source; null, with a note, where another thing lies in its place. */
function templateText(bytes: Uint8Array | null, notes: string[]): string | null {
  if (!bytes) return null;
  const found = recognise(bytes);
  // A template may begin as JSON does, and hold anything.
  if (found && !['json', 'notebook', 'xml', 'empty'].includes(found.kind)) {
    notes.push(
      `${templateFile} should be a chat template, and is ${found.what}. The model is loaded without it.`,
    );
    return null;
  }
  return new TextDecoder().decode(bytes);
}

/** `"chat_template": null` spares a request for a file that is not there, and the browser's complaint about it. */
function saysNoTemplate(tokenizerConfig: unknown): boolean {
  return (tokenizerConfig as { chat_template?: unknown } | null)?.chat_template === null;
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

function storedTypes({ shapes }: WeightStream): string {
  const bytes = new Map<string, number>();
  for (const weight of shapes.values()) {
    const grouping = groupingOf(weight.dtype);
    const name = grouping ? `${grouping.bits}-bit` : weight.dtype;
    bytes.set(name, (bytes.get(name) ?? 0) + storedBytes(weight));
  }
  return [...bytes]
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => name)
    .join(', ');
}
