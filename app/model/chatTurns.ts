/** @file The text that a chat template puts around what is said: found by rendering a conversation of known words. */
import { type ChatMessage, type ChatTemplate, ChatTemplateError } from './chatTemplate';

/** What stands around input and answer. */
export interface ChatTurns {
  /** The template has no system turn: the system text goes before the user's. */
  systemInUser: boolean;
  /** From the end of the input to where the model goes on. */
  afterInput: string;
  /** What a whole conversation has between that and the answer: a space, or a turn's start that the template forgets. */
  beforeAnswer: string;
  /** From the end of the answer to that of the text. */
  afterAnswer: string;
}

/** What these functions need of a tokenizer. */
export interface TurnTokenizer {
  encode(text: string, options: { specialTokens: boolean }): number[];
  readonly endOfTextId: number | null;
  readonly specialIds: ReadonlySet<number>;
}

// Letters alone: no template trims, splits or rewrites them.
const SYSTEM = 'SystemWords';
const INPUT = 'InputWords';
const ANSWER = 'AnswerWords';

/** @throws ChatTemplateError when the template cannot be rendered, or leaves out what is said. */
export function findTurns(template: ChatTemplate): ChatTurns {
  const user: ChatMessage = { role: 'user', content: INPUT };
  const prompt = template.render([user], { generationPrompt: true });
  const end = endOf(prompt, INPUT);
  const conversation: ChatMessage[] = [user, { role: 'assistant', content: ANSWER }];
  const whole = template.render(conversation, { generationPrompt: false });
  const answerEnd = endOf(whole, ANSWER);
  const answerStart = answerEnd - ANSWER.length;
  return {
    systemInUser: !takesSystem(template, user),
    afterInput: prompt.slice(end),
    // Elsewhere the history of a conversation looks unlike its last turn: nothing can be said of what is between.
    beforeAnswer:
      whole.startsWith(prompt) && answerStart >= prompt.length ? whole.slice(prompt.length, answerStart) : '',
    afterAnswer: whole.slice(answerEnd),
  };
}

/**
 * The tokens that end an answer: of what the template puts after it, up to the first special one; what follows, a
 * line break mostly, is the next turn's. A template that ends an answer with no such token gives the end-of-text.
 */
export function endOfTurn(turns: ChatTurns, tokenizer: TurnTokenizer): number[] {
  const tail = continueText(ANSWER, turns.afterAnswer, tokenizer);
  const end = tail.findIndex((id) => tokenizer.specialIds.has(id));
  if (end >= 0) return tail.slice(0, end + 1);
  return tokenizer.endOfTextId === null ? [] : [tokenizer.endOfTextId];
}

/** Token ids of a text as they follow another one; those of the text alone where the two would melt together. */
export function continueText(
  before: string,
  text: string,
  tokenizer: Pick<TurnTokenizer, 'encode'>,
): number[] {
  const encode = (each: string) => tokenizer.encode(each, { specialTokens: false });
  const start = encode(before);
  const whole = encode(before + text);
  return start.every((id, i) => whole[i] === id) ? whole.slice(start.length) : encode(text);
}

function takesSystem(template: ChatTemplate, user: ChatMessage): boolean {
  try {
    return template
      .render([{ role: 'system', content: SYSTEM }, user], { generationPrompt: true })
      .includes(SYSTEM);
  } catch (error) {
    if (error instanceof ChatTemplateError) return false;
    throw error;
  }
}

function endOf(text: string, words: string): number {
  const at = text.lastIndexOf(words);
  if (at < 0) throw new ChatTemplateError('The template leaves out what the user or the assistant says.');
  return at + words.length;
}
