/**
 * @file Conversations to token ids with the learned turns marked: through a model's chat template, or, for a model
 * without one, in a plain layout that names who speaks.
 */
import { type ChatTemplate, ChatTemplateError } from '../model/chatTemplate';
import { continueText, endOfTurn, findTurns, type TurnTokenizer } from '../model/chatTurns';
import { ROLE_WORDS } from './conversations';
import { DataError } from './errors';
import { type RenderedTurns, renderTurns } from './renderTurns';
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
  /**
   * All turns; the text ends with the last learned one.
   * @throws DataError when the template refuses the turns
   */
  encode(example: Pick<Example, 'tools'> & { turns: readonly Turn[] }, endOfText: boolean): EncodedTurns;
  /** The tokens of a last answer, as they end such a text. */
  encodeAnswer(answer: string, endOfText: boolean): number[];
}

/** @throws DataError when the template cannot be used at all */
export function createTemplateFormat(template: ChatTemplate, tokenizer: TurnTokenizer): TurnFormat {
  const around = attempt(() => findTurns(template));
  const end = endOfTurn(around, tokenizer);
  const space = around.beforeAnswer.trim() === '' ? around.beforeAnswer : '';
  const before = around.afterInput + (space === '' ? around.beforeAnswer : '');
  return {
    hash: template.hash,
    notes: [],
    encode({ turns, tools }, endOfText) {
      const said = around.systemInUser ? systemBeforeUser(turns) : turns;
      const rendered = attempt(() => renderTurns(template, said, { tools: tools ?? null, around }));
      return markEnds(encodeSpans(rendered, tokenizer), endOfText, tokenizer, end);
    },
    encodeAnswer: (answer, endOfText) => [
      ...continueText(before, space + answer.trim(), tokenizer),
      ...(endOfText ? end : []),
    ],
  };
}

/** For templates without a system turn: its words stand before the user's. */
function systemBeforeUser(turns: readonly Turn[]): readonly Turn[] {
  const [system, user, ...rest] = turns;
  if (system?.role !== 'system' || user?.role !== 'user') return turns;
  return [{ ...user, text: `${system.text.trim()}\n\n${user.text.trim()}`.trim() }, ...rest];
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

/**
 * Encodes a text so that each span has tokens of its own. Mostly special tokens stand around a span, and the tokens are
 * those of the whole text; where a span would melt into what is before it, it has the tokens that follow that text.
 */
function encodeSpans({ text, spans }: RenderedTurns, tokenizer: TurnTokenizer): EncodedTurns {
  const pieces: { text: string; label: number }[] = [];
  let at = 0;
  for (const [start, stop] of spans) {
    pieces.push({ text: text.slice(at, start), label: 0 }, { text: text.slice(start, stop), label: 1 });
    at = stop;
  }
  pieces.push({ text: text.slice(at), label: 0 });
  const ids: number[] = [];
  const isLabel: number[] = [];
  let before = '';
  for (const piece of pieces) {
    if (piece.text === '') continue;
    const tokens =
      before === ''
        ? tokenizer.encode(piece.text, { specialTokens: false })
        : continueText(before, piece.text, tokenizer);
    for (const id of tokens) {
      ids.push(id);
      isLabel.push(piece.label);
    }
    before = piece.text;
  }
  return { ids, isLabel };
}

/**
 * Marks what ends each learned turn, up to the first special token, where that is wanted; after the last one the text
 * ends. A template without such a token gives the end-of-text to the last turn.
 */
function markEnds(
  { ids, isLabel }: EncodedTurns,
  endOfText: boolean,
  tokenizer: TurnTokenizer,
  end: readonly number[],
): EncodedTurns {
  const last = isLabel.lastIndexOf(1);
  if (endOfText) {
    for (let i = 0; i < last; i++) {
      if (isLabel[i] !== 1 || isLabel[i + 1] === 1) continue;
      const special = ids.findIndex((id, at) => at > i && tokenizer.specialIds.has(id));
      const next = isLabel.indexOf(1, i + 1);
      if (special > 0 && special < next) isLabel.fill(1, i + 1, special + 1);
      i = next - 1;
    }
  }
  const kept = ids.slice(0, last + 1);
  const marks = isLabel.slice(0, last + 1);
  if (!endOfText) return { ids: kept, isLabel: marks };
  return { ids: [...kept, ...end], isLabel: [...marks, ...end.map(() => 1)] };
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
