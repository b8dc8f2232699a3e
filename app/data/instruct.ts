/**
 * @file Where an instruction in words stands: in the system turn, or before the text where there are no turns. One place
 * for all who put words before a text, so that an instruction is compared as it is tried.
 */
import type { ChatTemplate } from '../model/chatTemplate';
import type { TurnTokenizer } from '../model/chatTurns';
import { createChatFormat } from './chat';
import type { Dataset } from './dataset';
import { asTurns, shotsAsText, shotsAsTurns } from './shots';
import { type TextTokenizer, tokenizeExamples } from './tokenize';
import { tokenizeConversations } from './tokenizeTurns';
import { createPlainFormat, createTemplateFormat } from './turnTokens';
import type { Example, TokenExample, Turn } from './types';

/** A text after an instruction; as it is after none. */
export function withInstruction(instruction: string, text: string): string {
  return instruction.trim() === '' ? text : `${instruction}\n${text}`;
}

/** A system turn's text with an instruction after it. */
export function systemWithInstruction(systemText: string, instruction: string): string {
  return [systemText, instruction].filter((part) => part.trim() !== '').join('\n\n');
}

/** The model's part in how a dataset's texts become tokens. */
export interface TextModel {
  tokenizer: TextTokenizer & TurnTokenizer;
  chat: ChatTemplate | null;
  contextLength: number;
}

/**
 * Token ids of a dataset's examples as a model reads them after an instruction; labels are the same tokens as without.
 * Null where the model's template refuses an example with these words.
 * @param instruction '' gives the examples as they are
 * @param shots examples with their answers, told between the instruction and what is asked
 */
export async function encodeInstructed(
  { report, chatFormat, classTokens }: Pick<Dataset, 'report' | 'chatFormat' | 'classTokens'>,
  examples: readonly Example[],
  instruction: string,
  { tokenizer, chat, contextLength }: TextModel,
  shots: readonly Example[] = [],
): Promise<TokenExample[] | null> {
  const { options } = report;
  const reserve = Math.max(0, ...classTokens.map(({ length }) => length));
  // Words take room of their own: what training had for a text stays the text's.
  const settings = { ...options, maxTokens: contextLength, reserve };
  const spoken = options.kind === 'conversation';
  // Examples in a chat are turns, whatever the rows themselves are.
  if (spoken || (chatFormat && chat && shots.length > 0)) {
    const format = chatFormat && chat ? createTemplateFormat(chat, tokenizer) : createPlainFormat(tokenizer);
    const before = shotsAsTurns(shots);
    const told = examples.map((example) => {
      const own = spoken ? (example.turns ?? []) : asTurns(example.input, example.target);
      const system = spoken ? instruction : systemWithInstruction(chatFormat?.systemText ?? '', instruction);
      return { ...example, turns: afterSystem(instructTurns(own, system), before) };
    });
    const { tokens } = await tokenizeConversations(told, { ...settings, format });
    const all = tokens.filter((each) => each !== null);
    return all.length === examples.length ? all : null;
  }
  if (chatFormat && chat) {
    const system = systemWithInstruction(chatFormat.systemText, instruction);
    const told = createChatFormat(chat, tokenizer, system);
    return tokenizeExamples(examples, tokenizer, { ...settings, chatFormat: told });
  }
  const told = examples.map((example) => ({
    ...example,
    input: withInstruction(instruction, shotsAsText(shots) + example.input),
  }));
  return tokenizeExamples(told, tokenizer, { ...settings, chatFormat: null });
}

function instructTurns(turns: readonly Turn[], instruction: string): readonly Turn[] {
  if (instruction.trim() === '') return turns;
  const [first, ...rest] = turns;
  if (first?.role !== 'system') return [{ role: 'system', text: instruction, learned: false }, ...turns];
  return [{ ...first, text: systemWithInstruction(first.text, instruction) }, ...rest];
}

/** Turns put after the system's, if there is one. */
function afterSystem(turns: readonly Turn[], between: readonly Turn[]): readonly Turn[] {
  const system = turns[0]?.role === 'system' ? 1 : 0;
  return [...turns.slice(0, system), ...between, ...turns.slice(system)];
}
