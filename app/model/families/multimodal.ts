/** @file Models that see or hear, of which only the text part is wanted: where in the configuration it is described. */
import { z } from 'zod';
import { readable } from '../../formats/readable';
import { parseConfig, unsupported } from './family';

interface Wrapper {
  families: string[];
  /** Where neither configuration says. */
  tiedHead?: boolean;
  /** What the wrapper's own head does, whatever the text part's configuration says. */
  overrides?: Record<string, unknown>;
  /** transformers has it among the causal language models too. */
  causal?: boolean;
}

/** Families that a wrapper's text part may belong to; a configuration without `model_type` means the first. */
const wrappers: Record<string, Wrapper> = {
  gemma3: {
    families: ['gemma3_text'],
    tiedHead: true,
    overrides: { final_logit_softcapping: null },
    causal: true,
  },
  idefics3: { families: ['llama'] },
  internvl: { families: ['qwen2', 'llama', 'qwen3'] },
  llava: { families: ['llama', 'mistral', 'qwen2', 'gemma'] },
  llava_next: { families: ['llama', 'mistral', 'qwen2', 'gemma'] },
  mistral3: { families: ['mistral'] },
  qwen2_5_vl: { families: ['qwen2_vl_text', 'qwen2_5_vl_text'] },
  qwen2_vl: { families: ['qwen2_vl_text'] },
  smolvlm: { families: ['llama'] },
};

export const wrapperTypes: readonly string[] = Object.keys(wrappers);

/** The class of transformers that loads a model of this `model_type`. */
export function transformersClass(modelType: string): string {
  const sees = Object.hasOwn(wrappers, modelType) && !wrappers[modelType].causal;
  return sees ? 'AutoModelForImageTextToText' : 'AutoModelForCausalLM';
}

const schema = z.looseObject({
  text_config: z.looseObject({ model_type: z.string().optional() }).optional(),
  tie_word_embeddings: z.boolean().nullish(),
});

/**
 * The text part's family and configuration. Older files of some wrappers describe it beside the rest, newer ones in `text_config`.
 * @throws ModelError `unsupported` where the text part is of a family that the wrapper is not known with.
 */
export function textConfig(
  modelType: string,
  config: object,
): { modelType: string; config: Record<string, unknown> } {
  const { families, tiedHead, overrides } = wrappers[modelType];
  const { text_config: nested, tie_word_embeddings: tied } = parseConfig(schema, config);
  const text: Record<string, unknown> = { ...(nested ?? config), ...overrides };
  const inner = nested?.model_type ?? families[0];
  if (!families.includes(inner)) {
    throw unsupported(
      `text_config.model_type "${readable(inner, 80)}" inside "${modelType}" is not known; known there are ${families.join(', ')}.`,
    );
  }
  const ties = tied ?? text.tie_word_embeddings ?? tiedHead;
  if (ties !== undefined && ties !== null) text.tie_word_embeddings = ties;
  return { modelType: inner, config: { ...text, model_type: modelType } };
}
