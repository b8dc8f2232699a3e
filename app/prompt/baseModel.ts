/** @file The model that other programs load a prompt onto. */
import type { PromptArtefact } from './types';

/**
 * What PEFT is to load: of a quantised file the model that it was made from, where that is known, since transformers reads that one by name; else the
 * model of the run itself. Null for what is not known.
 */
export function baseModel({ model, card }: PromptArtefact): { id: string | null; revision: string | null } {
  if (card.originalModel) return { id: card.originalModel, revision: null };
  return { id: model.id ?? null, revision: model.revision ?? null };
}
