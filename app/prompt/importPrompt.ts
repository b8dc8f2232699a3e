/**
 * @file Files a person dropped, to a prompt: recognised by what they contain, then by name. Nothing is ever unpickled.
 */
import { listed } from '../formats/readable';
import { type ContentKind, recognise } from '../formats/recognise';
import { configName } from './adapterConfig';
import { asPromptError, PromptError } from './errors';
import { isJsonPrompt, readJson } from './json';
import { parseJsonFile } from './jsonText';
import { koboldMetaName, koboldTensorName, readKobold } from './kobold';
import { readNpy } from './npy';
import { type NamedBytes, readPeft, tensorFileName } from './peft';
import type { PromptArtefact, PromptFormat } from './types';
import { largestContent, unpackZip } from './zip';

const formats =
  'Choose the zip of a prompt (PEFT or KoboldAI), an adapter_model.safetensors with its adapter_config.json, a .npy or a JSON file.';
const saveAgain =
  'Pickles can run code and are never opened: re-save the adapter as safetensors with model.save_pretrained(folder, safe_serialization=True).';
/** Formats of a prompt; what a file is beside these is said in words. */
const promptKinds: readonly ContentKind[] = ['zip', 'npy', 'json', 'safetensors'];

/**
 * The prompt in the files: a zip of PEFT or KoboldAI, the files of an adapter's folder, a safetensors, .npy or JSON file.
 * @throws PromptError saying what was expected, what was found and what to do
 */
export function importPrompt(files: readonly NamedBytes[]): PromptArtefact {
  return readPrompt(files).artefact;
}

/** A prompt, and the format that it was found in. */
export interface FoundPrompt {
  format: PromptFormat;
  artefact: PromptArtefact;
}

/** As `importPrompt`, with the format. */
export function readPrompt(files: readonly NamedBytes[]): FoundPrompt {
  return asPromptError(() => read(files));
}

function read(files: readonly NamedBytes[]): FoundPrompt {
  if (files.length === 0) throw new PromptError('Expected a prompt file, there is none.', formats);
  const size = files.reduce((sum, file) => sum + file.bytes.length, 0);
  if (size > largestContent) {
    throw new PromptError(
      `Expected files of at most ${largestContent / 2 ** 20} MiB, these have ${Math.ceil(size / 2 ** 20)} MiB.`,
      'Choose the files of a prompt, not of a model.',
    );
  }
  const adapter = fromFolder(files);
  if (adapter) return { format: 'peft', artefact: adapter };
  const placeholder = files.find((file) => files.length > 1 && recognise(file.bytes)?.kind === 'lfsPointer');
  if (placeholder) throw refusal(placeholder);
  if (files.length > 1) {
    throw new PromptError(
      `Expected one prompt, found ${files.length} files: ${listed(files.map((file) => file.name))}.`,
      formats,
    );
  }
  const [file] = files;
  const content = recognise(file.bytes)?.kind;
  if (content === 'zip') return fromZip(file);
  if (content === 'npy') return { format: 'npy', artefact: readNpy(file.bytes, file.name) };
  if (content === 'json') return { format: 'json', artefact: fromJson(file) };
  throw refusal(file);
}

function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}

/** Files of which one is a safetensors file: an adapter's folder, where other files (README, checkpoints) do no harm. */
function fromFolder(files: readonly NamedBytes[]): PromptArtefact | null {
  const tensors = files.filter((file) => recognise(file.bytes)?.kind === 'safetensors');
  const named = tensors.filter((file) => baseName(file.name) === tensorFileName);
  const candidates = named.length > 0 ? named : tensors;
  if (candidates.length === 0) return null;
  if (candidates.length > 1) {
    throw new PromptError(
      `Expected one prompt, found ${candidates.length}: ${listed(candidates.map((file) => file.name))}.`,
      'Drop the files of one adapter at a time.',
    );
  }
  const [tensor] = candidates;
  return readPeft(tensor, files.find((file) => baseName(file.name) === configName) ?? null);
}

function fromJson(file: NamedBytes): PromptArtefact {
  const json = parseJsonFile(file.bytes, file.name);
  if (isJsonPrompt(json)) return readJson(json, file.name);
  if (typeof (json as { peft_type?: unknown } | null)?.peft_type === 'string') {
    throw new PromptError(
      `Expected the prompt's numbers, ${file.name} is the adapter's configuration alone.`,
      `Choose ${tensorFileName} from the same folder together with it.`,
    );
  }
  throw new PromptError(
    `Expected a JSON file with "format": "soft-prompt", ${file.name} does not have it.`,
    formats,
  );
}

function fromZip(file: NamedBytes): FoundPrompt {
  const useful = [configName, tensorFileName, koboldTensorName, koboldMetaName];
  const { names, files } = unpackZip(file.bytes, file.name, (name) => useful.includes(baseName(name)));
  const find = (name: string): NamedBytes | null => {
    const found = [...files].filter(([path]) => baseName(path) === name);
    if (found.length > 1) {
      throw new PromptError(
        `Expected one ${name}, ${file.name} has ${found.length}: ${listed(found.map(([path]) => path))}.`,
        'Unpack the zip and drop the files of one adapter.',
      );
    }
    return found.length === 1 ? { name: `${file.name}: ${found[0][0]}`, bytes: found[0][1] } : null;
  };
  const tensor = find(tensorFileName);
  if (tensor) return { format: 'peft', artefact: readPeft(tensor, find(configName)) };
  const matrix = find(koboldTensorName);
  if (matrix) {
    const artefact = readKobold(matrix.bytes, find(koboldMetaName)?.bytes ?? null, file.name);
    return { format: 'kobold', artefact };
  }
  if (names.some((name) => /(^|\/)data\.pkl$|\.(bin|pt|pth|pkl)$/.test(name))) throw pickled(file.name);
  throw new PromptError(
    `Expected ${tensorFileName} or ${koboldTensorName} in the zip, ${file.name} has ${names.length === 0 ? 'no files' : listed(names)}.`,
    formats,
  );
}

function pickled(name: string): PromptError {
  return new PromptError(
    `Expected a safe format, ${name} is a pickled PyTorch file; it is never unpickled.`,
    saveAgain,
  );
}

/** Why a file is no prompt, as far as its first bytes and its name tell. */
function refusal({ name, bytes }: NamedBytes): PromptError {
  const found = recognise(bytes);
  if (found?.kind === 'pickle' || found?.kind === 'torchZip') return pickled(name);
  if (found && !promptKinds.includes(found.kind)) {
    return new PromptError(`Expected a prompt file, ${name} is ${found.what}.`, `${found.hint} ${formats}`);
  }
  if (/\.(bin|pt|pth|pkl)$/i.test(name)) return pickled(name);
  if (/\.(zip|npy|safetensors|json)$/i.test(name)) {
    return new PromptError(
      `Expected ${name} to be what its name says, its content is not.`,
      'It may be cut short: download or copy it again.',
    );
  }
  return new PromptError(`Expected a prompt file, ${name} is of no format known here.`, formats);
}
