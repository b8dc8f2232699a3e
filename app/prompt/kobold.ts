/**
 * @file KoboldAI's soft prompts: a zip of `tensor.npy` (2-D, f16, f32 or bfloat16 as V2, fewer than 2048 rows) and `meta.json`.
 */
import { z } from 'zod';
import { PromptError } from './errors';
import { parseJsonFile } from './jsonText';
import { readNpy, writeNpy } from './npy';
import { packZip } from './packZip';
import type { PromptArtefact } from './types';

export const koboldTensorName = 'tensor.npy';
export const koboldMetaName = 'meta.json';

/** KoboldAI refuses prompts of this many rows or more. */
const tooManyRows = 2048;

/** `author` and `supported` are one string or a list of them. */
const strings = z.union([z.string(), z.array(z.string())]).catch([]);
const metaSchema = z.object({
  name: z.string().catch(''),
  author: strings,
  supported: strings,
  description: z.string().catch(''),
});

/**
 * The prompt as KoboldAI's zip. Of the card only name, author and description find room.
 * @throws PromptError for a prefix, or 2048 virtual tokens and more
 */
export function writeKobold(artefact: PromptArtefact): Uint8Array<ArrayBuffer> {
  if (artefact.virtualTokens >= tooManyRows) {
    throw new PromptError(
      `Expected fewer than ${tooManyRows} virtual tokens for KoboldAI, the prompt has ${artefact.virtualTokens}.`,
      'Download it as PEFT zip instead.',
    );
  }
  const { card, model, virtualTokens } = artefact;
  const meta = {
    name: card.name ?? 'Soft prompt',
    author: card.author ?? '',
    supported: model.id ?? '',
    description: card.description ?? `${virtualTokens} virtual tokens, trained in Soft Prompt Studio.`,
  };
  return packZip({
    [koboldTensorName]: writeNpy(artefact),
    [koboldMetaName]: new TextEncoder().encode(JSON.stringify(meta, null, 2)),
  });
}

/**
 * Reads KoboldAI's two files; `meta` may be missing, as KoboldAI allows.
 * @throws PromptError when the tensor is not a sound matrix or the meta file is not JSON
 */
export function readKobold(tensor: Uint8Array, meta: Uint8Array | null, fileName: string): PromptArtefact {
  const artefact = readNpy(tensor, `${fileName}: ${koboldTensorName}`, true);
  if (artefact.virtualTokens >= tooManyRows) {
    throw new PromptError(
      `Expected fewer than ${tooManyRows} virtual tokens in a KoboldAI prompt, ${fileName} has ${artefact.virtualTokens}.`,
      'Choose the zip of a soft prompt.',
    );
  }
  if (!meta) return artefact;
  const parsed = metaSchema.safeParse(parseJsonFile(meta, `${fileName}: ${koboldMetaName}`));
  if (!parsed.success) return artefact;
  const { name, author, supported, description } = parsed.data;
  const [id, ...otherIds] = [supported].flat().filter(Boolean);
  // A list of several models names none in particular.
  if (id && otherIds.length === 0) artefact.model.id = id;
  const entries = { name, author: [author].flat().join(', '), description };
  artefact.card = Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== ''));
  return artefact;
}
