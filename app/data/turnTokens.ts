/**
 * @file Conversations to token ids with the learned turns marked: through a model's chat template, or, for a model
 * without one, in a plain layout that names who speaks.
 */
import { type ChatTemplate, ChatTemplateError } from '../model/chatTemplate';
import { continueText, encodeTurns, endOfTurn, findTurns, renderTurns } from '../model/chatTurns';
import { ROLE_WORDS } from './conversations';
import { DataError } from './errors';
import type { TextTokenizer } from './tokenize';
import type { Example, Turn } from './types';

export interface EncodedTurns {
  ids: number[];
  /** 1 where the token counts in the loss; as long as `ids`. */
  isLabel: number[];
}

/** How conversations become tokens. */
export interface TurnFormat {
  /** Names the layout in the data's hash. */
  readonly hash: string;
  /** What a person should know of it. */
  readonly notes: string[];
  /** Descriptions of tools come into the text. */
  readonly takesTools: boolean;
  /**
   * All turns; the text ends with the last learned one.
   * @throws DataError when the template refuses the turns
   */
  encode(example: Pick<Example, 'tools'> & { turns: readonly Turn[] }, endOfText: boolean): EncodedTurns;
  /** The tokens of a last answer, as they end such a text. */
  encodeAnswer(answer: string, endOfText: boolean): number[];
}

/** @throws DataError when the template cannot be used at all */
export function createTemplateFormat(template: ChatTemplate, tokenizer: TextTokenizer): TurnFormat {
  const around = attempt(() => findTurns(template));
  const end = endOfTurn(around, tokenizer);
  const space = around.beforeAnswer.trim() === '' ? around.beforeAnswer : '';
  const before = around.afterInput + (space === '' ? around.beforeAnswer : '');
  const specialTexts = [...tokenizer.specialIds].map((id) => tokenizer.tokenText(id));
  return {
    hash: template.hash,
    notes: [],
    takesTools: takesTools(template),
    encode({ turns, tools }, endOfText) {
      const [first, ...rest] = turns;
      const hasSystem = first?.role === 'system';
      const said = (hasSystem ? rest : turns).map(({ text, extra, role, learned }) => ({
        ...extra,
        role,
        content: text,
        learned,
      }));
      const system = hasSystem ? first.text : '';
      const rendered = attempt(() =>
        renderTurns(template, said, { system, tools: tools ?? null, specialTexts }),
      );
      if (rendered.lost.length > 0) {
        throw new DataError(
          'The model’s chat template rewrites an answer, so that its tokens cannot be told.',
        );
      }
      return endWithAnswer(encodeTurns(rendered, tokenizer), { endOfText, end, tokenizer });
    },
    encodeAnswer: (answer, endOfText) => [
      ...continueText(before, space + answer.trim(), tokenizer),
      ...(endOfText ? end : []),
    ],
  };
}

/** Whether descriptions of tools come into the text at all. */
function takesTools(template: ChatTemplate): boolean {
  const name = 'ProbedTool';
  const tools = [
    { type: 'function', function: { name, description: '', parameters: { type: 'object', properties: {} } } },
  ];
  try {
    return template
      .render([{ role: 'user', content: 'Words' }], { generationPrompt: true, tools })
      .includes(name);
  } catch (error) {
    if (error instanceof ChatTemplateError) return false;
    throw error;
  }
}

/** Nothing follows the last answer; where its end is not to be learned, that goes too, and is no label elsewhere. */
function endWithAnswer(
  { ids, learned }: { ids: number[]; learned: boolean[] },
  { endOfText, end, tokenizer }: { endOfText: boolean; end: readonly number[]; tokenizer: TextTokenizer },
): EncodedTurns {
  const isEnd = (id: number) => end.includes(id) || tokenizer.specialIds.has(id);
  if (!endOfText) {
    for (let i = ids.length - 1; i >= 0; i--) {
      const last = learned[i] && !learned[i + 1];
      if (last && isEnd(ids[i])) learned[i] = false;
    }
  }
  const length = learned.lastIndexOf(true) + 1;
  const kept = length === ids.length ? ids : ids.slice(0, length);
  const isLabel: number[] = new Array(length);
  for (let i = 0; i < length; i++) isLabel[i] = learned[i] ? 1 : 0;
  // A template that ends an answer with no token of its own.
  if (endOfText && length > 0 && !isEnd(kept[length - 1])) {
    return { ids: [...kept, ...end], isLabel: [...isLabel, ...end.map(() => 1)] };
  }
  return { ids: kept, isLabel };
}

/** "User: Hi\n\nAssistant: Hello", and the end-of-text after each learned answer. */
export function createPlainFormat(tokenizer: TextTokenizer): TurnFormat {
  const end = tokenizer.endOfTextId === null ? [] : [tokenizer.endOfTextId];
  const encodeAnswer = (answer: string, endOfText: boolean) => [
    ...continueText(`${ROLE_WORDS.assistant}:`, ` ${answer.trim()}`, tokenizer),
    ...(endOfText ? end : []),
  ];
  return {
    hash: 'plain turns',
    notes: [
      'The conversations are written in a plain layout: each turn on a line of its own after the name of who speaks.',
    ],
    takesTools: false,
    encode({ turns }, endOfText) {
      const ids: number[] = [];
      const isLabel: number[] = [];
      let text = '';
      const push = (more: readonly number[], label: boolean) => {
        for (const id of more) {
          ids.push(id);
          isLabel.push(label ? 1 : 0);
        }
      };
      const flush = () => {
        push(
          ids.length === 0 ? leading(text, tokenizer) : tokenizer.encode(text, { specialTokens: false }),
          false,
        );
        text = '';
      };
      turns.forEach((turn, i) => {
        text += plainTurn(turn, i === 0);
        if (!turn.learned) {
          text += plainText(turn);
          return;
        }
        flush();
        push(encodeAnswer(turn.text, endOfText), true);
      });
      return { ids, isLabel };
    },
    encodeAnswer,
  };
}

/** Input and answer of the plain layout as templates, with which a single turn is written. */
export function plainTemplates(systemText: string): { inputTemplate: string; targetTemplate: string } {
  const system = systemText.trim().replaceAll('{', '{{').replaceAll('}', '}}');
  const lead = system === '' ? '' : `${ROLE_WORDS.system}: ${system}\n\n`;
  return {
    inputTemplate: `${lead}${ROLE_WORDS.user}: {input}\n\n${ROLE_WORDS.assistant}:`,
    targetTemplate: ' {answer}',
  };
}

function plainTurn({ role }: Turn, first: boolean): string {
  return `${first ? '' : '\n\n'}${ROLE_WORDS[role]}:`;
}

function plainText({ text }: Turn): string {
  return text.trim() === '' ? '' : ` ${text.trim()}`;
}

/** The tokens with those that the model expects before a text, and without any after it. */
function leading(text: string, tokenizer: TextTokenizer): number[] {
  const framed = tokenizer.encode(text, { specialTokens: true });
  const bare = tokenizer.encode(text, { specialTokens: false });
  const at = framed.findIndex((_, start) => bare.every((id, i) => framed[start + i] === id));
  return at < 0 ? framed : framed.slice(0, at + bare.length);
}

/** @throws DataError for a template that cannot be used */
function attempt<T>(render: () => T): T {
  try {
    return render();
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    throw new DataError(`The model’s chat template could not be used: ${error.message}`, {
      hint: 'Switch the chat template off.',
      cause: error,
    });
  }
}
