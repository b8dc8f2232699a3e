/** @file A prompt to a file of any format, with the name it is saved under. */
import { writeJson } from './json';
import { writeKobold } from './kobold';
import { writeNpy } from './npy';
import { writeCartridge, writePeft } from './peft';
import type { PromptArtefact, PromptFormat } from './types';

export interface PromptFile {
  name: string;
  /** Media type. */
  type: string;
  bytes: Uint8Array<ArrayBuffer>;
}

const writers: Record<
  PromptFormat,
  { write: (artefact: PromptArtefact) => Uint8Array<ArrayBuffer>; ending: string; type: string }
> = {
  peft: { write: writePeft, ending: '.zip', type: 'application/zip' },
  cartridge: { write: writeCartridge, ending: '-cartridge.zip', type: 'application/zip' },
  kobold: { write: writeKobold, ending: '-kobold.zip', type: 'application/zip' },
  npy: { write: writeNpy, ending: '.npy', type: 'application/octet-stream' },
  json: { write: writeJson, ending: '.json', type: 'application/json' },
};

/**
 * The artefact as a file, named after its model and size: `soft-prompt-MODEL-20.zip`.
 * @throws PromptError when the values are unsound or the format cannot hold them
 */
export function exportPrompt(artefact: PromptArtefact, format: PromptFormat): PromptFile {
  const { write, ending, type } = writers[format];
  const model = (artefact.model.id ?? '').split('/').at(-1) ?? '';
  const noun = artefact.kind === 'prompt' ? 'soft-prompt' : 'prefix';
  const parts = [noun, model.replace(/[^\w.-]+/g, '-'), String(artefact.virtualTokens)];
  return { name: parts.filter(Boolean).join('-') + ending, type, bytes: write(artefact) };
}
