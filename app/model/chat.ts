/** @file Where a model's answers end and how it wants to be spoken to, from the small files beside its tokenizer. */
import { z } from 'zod';
import { findTemplate, type TemplateFiles } from './chatFiles';
import { type ChatTemplate, ChatTemplateError, createChatTemplate } from './chatTemplate';
import { endOfTurn, findTurns } from './chatTurns';
import type { Tokenizer } from './tokenizer';
import { mergedConfig, type TokenizerConfigFiles } from './tokenizerConfig';

/** Contents of files; null where there is none. */
export interface ChatFiles extends TemplateFiles, TokenizerConfigFiles {
  /** generation_config.json: more tokens that end an answer. */
  generationConfig: unknown;
}

const generationSchema = z.looseObject({
  eos_token_id: z
    .union([z.number(), z.array(z.number())])
    .nullish()
    .catch(null),
});

/**
 * The chat template, or null, and the tokenizer with all tokens that end an answer, that of the assistant's turn among them.
 * `note` says, where there are templates, why none of them is used.
 */
export async function openChat(
  files: ChatFiles,
  tokenizer: Tokenizer,
): Promise<{ chat: ChatTemplate | null; tokenizer: Tokenizer; note: string | null }> {
  const { source, note } = findTemplate(files);
  const chat = source === null ? null : await createChatTemplate(source, mergedConfig(files));
  const named = [generationSchema.safeParse(files.generationConfig).data?.eos_token_id ?? []].flat();
  const ends = [...named, ...(chat ? turnEnd(chat, tokenizer) : [])];
  const known = ends.filter((id) => Number.isInteger(id) && id >= 0 && id < tokenizer.vocabSize);
  return {
    chat,
    note,
    tokenizer: {
      ...tokenizer,
      stopIds: [...new Set([...tokenizer.stopIds, ...known])],
      specialIds: new Set([...tokenizer.specialIds, ...known]),
    },
  };
}

/** Nothing of a template that cannot be rendered: who uses it is told why. */
function turnEnd(chat: ChatTemplate, tokenizer: Tokenizer): number[] {
  try {
    // What comes before the last token is text.
    return endOfTurn(findTurns(chat), tokenizer).slice(-1);
  } catch (error) {
    if (error instanceof ChatTemplateError) return [];
    throw error;
  }
}
