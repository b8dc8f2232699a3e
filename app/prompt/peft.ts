/** @file Hugging Face PEFT's adapter format: a folder of three files, downloaded as a zip. */
import { configName, type PrefixType, readAdapterConfig, writeAdapterConfig } from './adapterConfig';
import { checkSound, describeShape } from './artefact';
import { PromptError } from './errors';
import { fromMetadata, toMetadata } from './metadata';
import { modelCard } from './modelCard';
import { packZip } from './packZip';
import { readPromptTensor, writePromptTensor } from './safetensors';
import type { PromptArtefact } from './types';

export const tensorFileName = 'adapter_model.safetensors';

/** The adapter's files by name, as PEFT's `from_pretrained` expects them in a folder. */
export function toPeftFiles(
  artefact: PromptArtefact,
  prefix: PrefixType = 'PREFIX_TUNING',
): Record<string, Uint8Array<ArrayBuffer>> {
  checkSound(artefact, 'the prompt');
  const text = new TextEncoder();
  const { virtualTokens, width, values } = artefact;
  return {
    [configName]: text.encode(writeAdapterConfig(artefact, prefix)),
    [tensorFileName]: writePromptTensor({ virtualTokens, width, values, metadata: toMetadata(artefact) }),
    'README.md': text.encode(modelCard(artefact)),
  };
}

/** The adapter's folder as a zip. */
export function writePeft(artefact: PromptArtefact): Uint8Array<ArrayBuffer> {
  return packZip(toPeftFiles(artefact));
}

/**
 * A prefix's folder as a zip, in which PEFT sees a cartridge.
 * @throws PromptError for a prompt of vectors
 */
export function writeCartridge(artefact: PromptArtefact): Uint8Array<ArrayBuffer> {
  if (artefact.kind !== 'prefix') {
    throw new PromptError(
      'Expected a prefix: a cartridge holds keys and values, this prompt is vectors before the text.',
      'Save it as a PEFT adapter, or train with prefix tuning.',
    );
  }
  return packZip(toPeftFiles(artefact, 'CARTRIDGE'));
}

/** A file with the name messages call it by. */
export interface NamedBytes {
  name: string;
  bytes: Uint8Array;
}

/**
 * Reads an adapter from its tensor and, where there is one, its configuration. Without one the kind is what the
 * tensor's metadata says, a prompt if it says nothing.
 * @throws PromptError when either is damaged, of another method, or the two contradict each other
 */
export function readPeft(tensorFile: NamedBytes, configFile: NamedBytes | null): PromptArtefact {
  const config = configFile ? readAdapterConfig(configFile.bytes, configFile.name) : null;
  const { metadata, ...tensor } = readPromptTensor(tensorFile.bytes, tensorFile.name);
  const said = fromMetadata(metadata);
  if (config && configFile) {
    const width = config.width ?? tensor.width;
    if (config.virtualTokens !== tensor.virtualTokens || width !== tensor.width) {
      throw new PromptError(
        `Expected a tensor of shape ${describeShape({ virtualTokens: config.virtualTokens, width })} as ${configFile.name} says, ${tensorFile.name} has ${describeShape(tensor)}.`,
        'The two files belong to different prompts: choose both from one folder.',
      );
    }
  }
  const artefact: PromptArtefact = {
    kind: config?.kind ?? said.kind ?? 'prompt',
    ...tensor,
    // The tensor's own record is what the run wrote; the configuration may have been edited since.
    model: { ...config?.model, ...said.model },
    card: said.card,
  };
  if (artefact.kind === 'prompt') artefact.model.hidden = tensor.width;
  return checkSound(artefact, tensorFile.name);
}
