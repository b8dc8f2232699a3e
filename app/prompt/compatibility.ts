/** @file Whether a prompt fits the loaded model: its shape must, and its fingerprint should. */

import type { ModelIdentity } from '../model/identity';
import { prefixWidth } from './artefact';
import { PromptError } from './errors';
import type { PromptArtefact } from './types';

export interface Fit {
  fits: true;
  /** Why it may not work though the shape fits, for the person; null when the model is the one it was made for. */
  warning: string | null;
}

/**
 * Judges by shape, then by the fingerprints of embedding table and first block, then, for files that have none, by name.
 * @throws PromptError when width, layers or heads differ, with what was expected and found
 */
export function checkFit(artefact: PromptArtefact, identity: ModelIdentity): Fit {
  checkWidth(artefact, identity);
  const compared: [keyof ModelIdentity, string][] = [
    ['hidden', 'a hidden size of'],
    ['layers', 'a number of layers of'],
    ['heads', 'a number of attention heads of'],
    ['kvHeads', 'a number of key/value heads of'],
    ['headDim', 'a head size of'],
  ];
  for (const [key, words] of compared) {
    const found = artefact.model[key];
    if (found === undefined || found === identity[key]) continue;
    throw new PromptError(
      `Expected a prompt for a model with ${words} ${identity[key]} (${identity.id}), this one was made for ${found}${madeFor(artefact)}.`,
      loadIts(artefact),
    );
  }
  return { fits: true, warning: warningOf(artefact, identity) };
}

function madeFor(artefact: PromptArtefact): string {
  return artefact.model.id ? ` (${artefact.model.id})` : '';
}

function loadIts(artefact: PromptArtefact): string {
  return artefact.model.id
    ? `Load ${artefact.model.id}, which it was made for, or choose another prompt.`
    : 'Load the model it was made for, or choose another prompt.';
}

function checkWidth(artefact: PromptArtefact, identity: ModelIdentity): void {
  const width = artefact.kind === 'prompt' ? identity.hidden : prefixWidth(identity);
  if (artefact.width === width) return;
  const wanted =
    artefact.kind === 'prompt'
      ? `virtual tokens of width ${width}, the hidden size of ${identity.id}`
      : `a prefix of width ${width}, keys and values of every layer of ${identity.id}`;
  const otherKind = artefact.kind === 'prompt' && artefact.width === prefixWidth(identity);
  throw new PromptError(
    `Expected ${wanted}; found ${artefact.width}${madeFor(artefact)}.`,
    otherKind
      ? 'The width is that of a prefix: drop its adapter_config.json together with it.'
      : loadIts(artefact),
  );
}

function warningOf(artefact: PromptArtefact, identity: ModelIdentity): string | null {
  const { id, embeddingHash, tokenizerHash } = artefact.model;
  const mayFail = 'The shape fits, but it may not do what it was trained for.';
  if (embeddingHash) {
    const differing = weightsThatDiffer(artefact.model, identity);
    if (differing === null) {
      // The same weights with another tokenizer: the text around the prompt is not what it was.
      if (!tokenizerHash || tokenizerHash === identity.tokenizerHash) return null;
      return `This prompt was trained with another tokenizer.json than that of the loaded ${identity.id}, whose weights are the same. It works where both split the text alike.`;
    }
    const other = id && id !== identity.id ? id : versionOf(artefact.model, identity);
    return `This prompt was trained for ${other}, the loaded model is ${versionName(identity)}: their ${differing} differ. ${mayFail}`;
  }
  if (!id) {
    return `The file does not say which model it was trained for; the loaded model is ${identity.id}. ${mayFail}`;
  }
  if (lastPart(id) === lastPart(identity.id)) return null;
  return `This prompt was trained for ${id}, the loaded model is ${identity.id}. ${mayFail}`;
}

/** In which of the weights that identify a model two differ; null where they are the same as far as the file says. */
function weightsThatDiffer(made: Partial<ModelIdentity>, loaded: ModelIdentity): string | null {
  if (made.embeddingHash !== loaded.embeddingHash) return 'embeddings';
  // Files of older versions do not have it.
  const both = made.blockHash !== undefined && loaded.blockHash !== undefined;
  return both && made.blockHash !== loaded.blockHash ? 'first blocks' : null;
}

function versionOf({ revision }: Partial<ModelIdentity>, loaded: ModelIdentity): string {
  return revision && revision !== loaded.revision
    ? `${loaded.id} at ${revision.slice(0, 7)}`
    : `another version of ${loaded.id}`;
}

function versionName({ id, revision }: ModelIdentity): string {
  return revision ? `${id} at ${revision.slice(0, 7)}` : id;
}

/** The name without owner or folder: files made elsewhere often carry a path of their maker's disk. */
function lastPart(id: string): string {
  return id.split(/[\\/]/).filter(Boolean).at(-1) ?? id;
}
