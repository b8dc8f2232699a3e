/** @file A conversation in a model's chat template: the text, and where in it the learned turns stand. */
import { type ChatMessage, type ChatTemplate, ChatTemplateError } from '../model/chatTemplate';
import type { ChatTurns } from '../model/chatTurns';
import type { Turn } from './types';

export interface RenderedTurns {
  text: string;
  /** Start and end of each learned turn's words in `text`, in order. */
  spans: [number, number][];
}

/**
 * The last turn stands after what the template puts where the model is to answer, as it will when it is asked; earlier
 * ones as the template writes the history of a conversation.
 * @throws ChatTemplateError
 */
export function renderTurns(
  template: ChatTemplate,
  turns: readonly Turn[],
  { around }: { tools: readonly unknown[] | null; around: ChatTurns },
): RenderedTurns {
  const messages = turns.map(({ role, text }) => ({ role, content: text.trim() }) as ChatMessage);
  const prompt = template.render(messages.slice(0, -1), { generationPrompt: true });
  const text = prompt + around.beforeAnswer + messages[messages.length - 1].content;
  const spans: [number, number][] = [];
  let at = 0;
  turns.slice(0, -1).forEach((turn, i) => {
    const words = messages[i].content;
    const start = prompt.indexOf(words, at);
    if (start < 0)
      throw new ChatTemplateError('The template leaves out what the user or the assistant says.');
    at = start + words.length;
    if (turn.learned) spans.push([start, at]);
  });
  // A space belongs to the answer's first word; words are the model's cue to answer.
  const cue = around.beforeAnswer.trim() === '' ? 0 : around.beforeAnswer.length;
  spans.push([prompt.length + cue, text.length]);
  return { text, spans };
}
