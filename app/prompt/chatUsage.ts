/** @file Python that puts a text into the chat that a prompt was trained in, from the words of its run card. */
import type { PromptArtefact } from './types';

type Card = PromptArtefact['card'];

/** The lines that make `inputs` of `text`: through the tokenizer's chat template when the prompt was trained so. */
export function inputCode(card: Card): string {
  if (card.chat !== 'true') return 'inputs = tokenizer(text, return_tensors="pt")';
  const system = card.systemText ? pythonText(card.systemText) : null;
  const inUser = card.systemPlace === 'user turn';
  const content = system && inUser ? `${system} + "\\n\\n" + text.strip()` : 'text.strip()';
  const messages = [
    ...(system && !inUser ? [`    {"role": "system", "content": ${system}},`] : []),
    `    {"role": "user", "content": ${content}},`,
  ];
  const date = card.templateDate?.match(/^(\d{4})-(\d\d)-(\d\d)$/);
  const day = date?.slice(1).map(Number).join(', ');
  return [
    ...(day ? dayCode(day) : []),
    'messages = [',
    ...messages,
    ']',
    'inputs = tokenizer.apply_chat_template(',
    '    messages,',
    '    add_generation_prompt=True,',
    '    enable_thinking=False,',
    '    return_dict=True,',
    '    return_tensors="pt",',
    ')',
  ].join('\n');
}

/** Lines that set the day which templates write: transformers takes no function for it any more. */
function dayCode(day: string): string[] {
  return [
    'from datetime import datetime',
    'from transformers.utils import chat_template_utils',
    '',
    '',
    `class Day(datetime):  # the template's "today" in training`,
    '    @classmethod',
    '    def now(cls, tz=None):',
    `        return cls(${day})`,
    '',
    '',
    'chat_template_utils.datetime = Day',
    '',
  ];
}

/** Markdown: that it was a chat, and what the template does not do by itself. */
export function chatAdvice(card: Card): string {
  if (card.chat !== 'true') return '';
  const cue = card.answerCue
    ? ` After the user's turn comes \`${card.answerCue.replaceAll('`', '’').replace(/\r?\n|\r/g, '↵')}\`, which the template leaves out.`
    : '';
  return `It goes through the model's chat template, as the user's turn; the answer is the assistant's.${cue}\n`;
}

/** A Python literal: JSON's escapes are Python's too. Backticks would end the block of code. */
function pythonText(text: string): string {
  return JSON.stringify(text).replaceAll('`', '\\u0060');
}
