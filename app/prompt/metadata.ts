/**
 * @file Model identity and run card as the metadata strings of a safetensors file. Keys: `format` (always "pt",
 * which transformers asks for), `kind`, `model.…` for the identity, `run.…` for the card. PEFT ignores all of them.
 */
import { identityFrom } from './identity';
import type { PromptArtefact } from './types';

/** The metadata strings of an artefact. */
export function toMetadata(artefact: PromptArtefact): Record<string, string> {
  const metadata: Record<string, string> = { format: 'pt', kind: artefact.kind };
  for (const [key, value] of Object.entries(artefact.model)) {
    if (value !== null && value !== undefined) metadata[`model.${key}`] = String(value);
  }
  for (const [key, value] of Object.entries(artefact.card)) metadata[`run.${key}`] = value;
  return metadata;
}

/** What metadata strings say of an artefact; strings of other programs are kept in the card under their own names. */
export function fromMetadata(
  metadata: Record<string, string>,
): Pick<PromptArtefact, 'model' | 'card'> & { kind: PromptArtefact['kind'] | null } {
  const model: [string, string][] = [];
  const foreign: [string, string][] = [];
  const run: [string, string][] = [];
  for (const [key, value] of Object.entries(metadata)) {
    if (key === 'format' || key === 'kind') continue;
    if (key.startsWith('model.')) model.push([key.slice('model.'.length), value]);
    else if (key.startsWith('run.')) run.push([key.slice('run.'.length), value]);
    else foreign.push([key, value]);
  }
  const kind = metadata.kind === 'prompt' || metadata.kind === 'prefix' ? metadata.kind : null;
  return {
    kind,
    model: identityFrom(Object.fromEntries(model)),
    card: Object.fromEntries([...foreign, ...run]),
  };
}
