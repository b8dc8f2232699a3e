/**
 * @file Files a person dropped, to a prompt: recognised by what they contain, then by name. Nothing is ever unpickled.
 */
import { configName } from './adapterConfig';
import { PromptError } from './errors';
import { isJsonPrompt, readJson } from './json';
import { parseJsonFile } from './jsonText';
import { koboldMetaName, koboldTensorName, readKobold } from './kobold';
import { isNpy, readNpy } from './npy';
import { type NamedBytes, readPeft, tensorFileName } from './peft';
import type { PromptArtefact } from './types';
import { isZip, largestContent, unpackZip } from './zip';

type Content = 'zip' | 'npy' | 'json' | 'safetensors' | 'pickle' | 'gguf' | 'other';

const formats =
  'Choose the zip of a prompt (PEFT or KoboldAI), an adapter_model.safetensors with its adapter_config.json, a .npy or a JSON file.';
const saveAgain =
  'Pickles can run code and are never opened: re-save the adapter as safetensors with model.save_pretrained(folder, safe_serialization=True).';

/**
 * The prompt in the files: a zip of PEFT or KoboldAI, the files of an adapter's folder, a safetensors, .npy or JSON file.
 * @throws PromptError saying what was expected, what was found and what to do
 */
export function importPrompt(files: readonly NamedBytes[]): PromptArtefact {
  if (files.length === 0) throw new PromptError('Expected a prompt file, there is none.', formats);
  const size = files.reduce((sum, file) => sum + file.bytes.length, 0);
  if (size > largestContent) {
    throw new PromptError(
      `Expected files of at most ${largestContent / 2 ** 20} MiB, these have ${Math.ceil(size / 2 ** 20)} MiB.`,
      'Choose the files of a prompt, not of a model.',
    );
  }
  const adapter = fromFolder(files);
  if (adapter) return adapter;
  if (files.length > 1) {
    throw new PromptError(
      `Expected one prompt, found ${files.length} files: ${files.map((file) => file.name).join(', ')}.`,
      formats,
    );
  }
  const [file] = files;
  const content = recognise(file.bytes);
  if (content === 'zip') return fromZip(file);
  if (content === 'npy') return readNpy(file.bytes, file.name);
  if (content === 'json') return fromJson(file);
  throw refusal(file, content);
}

function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}

/** Files of which one is a safetensors file: an adapter's folder, where other files (README, checkpoints) do no harm. */
function fromFolder(files: readonly NamedBytes[]): PromptArtefact | null {
  const tensors = files.filter((file) => recognise(file.bytes) === 'safetensors');
  const named = tensors.filter((file) => baseName(file.name) === tensorFileName);
  const candidates = named.length > 0 ? named : tensors;
  if (candidates.length === 0) return null;
  if (candidates.length > 1) {
    throw new PromptError(
      `Expected one prompt, found ${candidates.length}: ${candidates.map((file) => file.name).join(', ')}.`,
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

function fromZip(file: NamedBytes): PromptArtefact {
  const useful = [configName, tensorFileName, koboldTensorName, koboldMetaName];
  const { names, files } = unpackZip(file.bytes, file.name, (name) => useful.includes(baseName(name)));
  const find = (name: string): NamedBytes | null => {
    const found = [...files].filter(([path]) => baseName(path) === name);
    if (found.length > 1) {
      throw new PromptError(
        `Expected one ${name}, ${file.name} has ${found.length}: ${found.map(([path]) => path).join(', ')}.`,
        'Unpack the zip and drop the files of one adapter.',
      );
    }
    return found.length === 1 ? { name: `${file.name}: ${found[0][0]}`, bytes: found[0][1] } : null;
  };
  const tensor = find(tensorFileName);
  if (tensor) return readPeft(tensor, find(configName));
  const matrix = find(koboldTensorName);
  if (matrix) return readKobold(matrix.bytes, find(koboldMetaName)?.bytes ?? null, file.name);
  if (names.some((name) => /(^|\/)data\.pkl$|\.(bin|pt|pth|pkl)$/.test(name))) throw refusal(file, 'pickle');
  const shown = names.slice(0, 5).join(', ');
  throw new PromptError(
    `Expected ${tensorFileName} or ${koboldTensorName} in the zip, ${file.name} has ${names.length === 0 ? 'no files' : `${shown}${names.length > 5 ? ', …' : ''}`}.`,
    formats,
  );
}

function refusal(file: NamedBytes, content: Content): PromptError {
  if (file.bytes.length === 0) {
    return new PromptError(
      `Expected a prompt file, ${file.name} is empty.`,
      'Download or copy the file again.',
    );
  }
  if (content === 'pickle' || /\.(bin|pt|pth|pkl)$/i.test(file.name)) {
    return new PromptError(
      `Expected a safe format, ${file.name} is a pickled PyTorch file; it is never unpickled.`,
      saveAgain,
    );
  }
  if (content === 'gguf') {
    return new PromptError(`Expected a prompt, ${file.name} is a GGUF model.`, formats);
  }
  if (/\.(zip|npy|safetensors|json)$/i.test(file.name)) {
    return new PromptError(
      `Expected ${file.name} to be what its name says, its content is not.`,
      'It may be cut short, or a web page saved under that name: download or copy it again.',
    );
  }
  return new PromptError(`Expected a prompt file, ${file.name} is of no format known here.`, formats);
}

/** What the bytes are, by how they begin. */
function recognise(bytes: Uint8Array): Content {
  if (isZip(bytes)) return 'zip';
  if (isNpy(bytes)) return 'npy';
  // A pickle of protocol 2 or later begins with PROTO; torch's older files are such a pickle.
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) return 'pickle';
  if (bytes[0] === 0x47 && bytes[1] === 0x47 && bytes[2] === 0x55 && bytes[3] === 0x46) return 'gguf';
  // Eight bytes of header length, of which real files never use the upper four, then the header's brace.
  if (bytes[8] === 0x7b && bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0)
    return 'safetensors';
  const text = new TextDecoder().decode(bytes.subarray(0, 64)).trimStart();
  return text.startsWith('{') || text.startsWith('[') ? 'json' : 'other';
}
