/** @file A model's folder in Hugging Face layout: its small files read whole, its weight files opened, and what it lacks. */
import { z } from 'zod';
import { listed, readable } from '../formats/readable';
import { schemaFault } from '../formats/words';
import { ModelError } from './errors';
import { parseJsonFile } from './json';
import type { ProgressMeter } from './progress';
import { type FileSource, readWhole, type SourceFile } from './source';

export const configFile = 'config.json';
export const tokenizerFile = 'tokenizer.json';
export const tokenizerConfigFile = 'tokenizer_config.json';
export const templateFile = 'chat_template.jinja';
export const generationConfigFile = 'generation_config.json';
export const weightsFile = 'model.safetensors';
export const indexFile = 'model.safetensors.index.json';

/** Bytes that a small file may have: tokenizers are the largest, and the largest of them have 40 MB. */
const MOST_BYTES = new Map([[tokenizerFile, 256 * 2 ** 20]]);
const MOST_OTHERS = 32 * 2 ** 20;
/** Weight files that an index may name. */
const MOST_FILES = 1000;
const indexSchema = z.looseObject({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/** The one file, or the several of an index, in the index's order. */
export async function openWeightFiles(
  source: FileSource,
  small: SmallFiles,
  signal: AbortSignal | undefined,
): Promise<Map<string, SourceFile>> {
  const single = await orNull(source.open(weightsFile, signal));
  if (single) return new Map([[weightsFile, single]]);
  const index = await small.optional(indexFile);
  if (!index) throw missing(source, weightsFile);
  const json = parseJsonFile(index, indexFile);
  const parsed = indexSchema.safeParse(json);
  if (!parsed.success) {
    const message = `${indexFile}: ${schemaFault(parsed.error, json)}.`;
    throw new ModelError('malformed', message, `Download ${indexFile} again.`);
  }
  const names = new Set(Object.values(parsed.data.weight_map));
  if (names.size === 0 || names.size > MOST_FILES) {
    const message = `${indexFile} names ${names.size} weight files, where 1 to ${MOST_FILES} are possible.`;
    throw new ModelError('malformed', message, `Download ${indexFile} again.`);
  }
  const files = new Map<string, SourceFile>();
  for (const name of names) {
    const file = await source.open(name, signal);
    if (!file) throw missing(source, name);
    files.set(name, file);
  }
  return files;
}

/** Files that are read whole. */
export class SmallFiles {
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
    const most = MOST_BYTES.get(name) ?? MOST_OTHERS;
    const bytes = await readWhole(file, { signal, onBytes: (count) => meter.add(count), most, name });
    this.bytes += bytes.byteLength;
    return bytes;
  }
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
  const message = `The model has no ${readable(name, 80)} (looked in ${readable(location, 200)}).`;
  const ggufs = (names ?? []).filter((each) => /\.gguf$/i.test(each));
  if (ggufs.length > 0) {
    return new ModelError(
      'missingFile',
      `${message} It has ${listed(ggufs, 3)}.`,
      'Load one of them: on the Hub by owner/model/FILE.gguf, from this machine by dropping it.',
    );
  }
  const other = name === weightsFile ? otherWeights(names ?? []) : null;
  if (other) return new ModelError('missingFile', `${message} ${other.message}`, other.hint);
  return new ModelError(
    'missingFile',
    message,
    `Check the address. A model folder holds ${configFile}, ${tokenizerFile}, ${tokenizerConfigFile} and ${weightsFile}.`,
  );
}

/** Weights in another form than safetensors, by the names of their files. */
const otherForms: readonly [ending: RegExp, message: (names: string) => string, hint: string][] = [
  [
    /^pytorch_model.*\.(bin|json)$|\.(pt|pth|ckpt|pkl)$/,
    (names) => `It has ${names}, which can run code when it is opened, so only safetensors are read.`,
    'The Hub converts models at https://huggingface.co/spaces/safetensors/convert: it opens a pull request, whose revision (refs/pr/…) can be loaded here.',
  ],
  [
    /^adapter_model\.(safetensors|bin)$/,
    (names) => `It has ${names}: an adapter, which changes a model and is none itself.`,
    'Load the model that adapter_config.json names as base_model_name_or_path; a soft prompt is opened as a prompt.',
  ],
  [
    /\.(ggml|h5|msgpack|onnx|tflite|mlmodel)$/,
    (names) => `It has ${names}, which is the model in another form.`,
    'Choose the same model as safetensors.',
  ],
  [/\.safetensors$/, (names) => `It has ${names}.`, `If that is the whole model, name it ${weightsFile}.`],
];

function otherWeights(names: readonly string[]): { message: string; hint: string } | null {
  for (const [ending, message, hint] of otherForms) {
    const found = names.filter((name) => ending.test(name));
    if (found.length > 0) return { message: message(listed(found, 3)), hint };
  }
  return null;
}
