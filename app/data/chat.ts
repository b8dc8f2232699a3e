/** @file Examples in the words of a chat: the input as the user's turn, the target as the assistant's. */
import { type ChatMessage, type ChatTemplate, ChatTemplateError } from '../model/chatTemplate';
import { type ChatTurns, continueText, endOfTurn, findTurns, type TurnTokenizer } from '../model/chatTurns';
import { DataError } from './errors';

/** A model's chat template with a system text, ready for inputs and answers. */
export interface ChatFormat {
  /** sha-256 of the template, hex. */
  readonly hash: string;
  readonly systemText: string;
  /** The system text stands in the user's turn, before the input. */
  readonly systemInUser: boolean;
  /** Put after the input's turn, where the template does not begin the answer's; mostly ''. */
  readonly cue: string;
  /** The template writes a date, which here is always `TEMPLATE_DATE`. */
  readonly dated: boolean;
  /** Tokens of an input's turn when nothing is said in it. */
  readonly frameLength: number;
  /** The tokens that end an answer; none where the model has no such token. */
  readonly end: readonly number[];
  /** What a person should know of this template. */
  readonly notes: readonly string[];
  /** Everything before the answer. `cut` counts tokens that the input's start lost for the whole to have at most `limit`. */
  encodeInput(input: string, limit?: number): { ids: number[]; cut: number };
  /** An answer's tokens, without its end. */
  encodeAnswer(answer: string): number[];
}

/**
 * Inputs and answers lose the white space around them, as many templates ask for: turns are set apart by the template.
 * The text is encoded whole and without further special tokens, as transformers' `apply_chat_template` does; an answer
 * has the tokens that it would have after that text.
 * @throws DataError when the template cannot be used.
 */
export function createChatFormat(
  template: ChatTemplate,
  tokenizer: TurnTokenizer,
  systemText: string,
): ChatFormat {
  const system = systemText.trim();
  const turns = attempt(() => findTurns(template));
  // A space belongs to the answer's first word; words are the model's cue to answer.
  const cue = turns.beforeAnswer.trim() === '' ? '' : turns.beforeAnswer;
  const space = cue === '' ? turns.beforeAnswer : '';
  const before = turns.afterInput + cue;
  const encode = (input: string): number[] => {
    const messages = conversation(input.trim(), system, turns);
    const text = attempt(() => template.render(messages, { generationPrompt: true })) + cue;
    return tokenizer.encode(text, { specialTokens: false });
  };
  const frameLength = encode('').length;
  return {
    hash: template.hash,
    systemText: system,
    systemInUser: turns.systemInUser,
    cue,
    dated: template.dated,
    frameLength,
    end: endOfTurn(turns, tokenizer),
    notes: describe(template, turns, system, cue),
    encodeInput(input, limit = Number.POSITIVE_INFINITY) {
      const whole = encode(input);
      if (whole.length <= limit) return { ids: whole, cut: 0 };
      const ids = fitEnd(input.trim(), encode, { limit, whole: whole.length, frame: frameLength });
      return { ids, cut: whole.length - ids.length };
    },
    encodeAnswer: (answer) => continueText(before, space + answer.trim(), tokenizer),
  };
}

function conversation(input: string, system: string, { systemInUser }: ChatTurns): ChatMessage[] {
  if (system === '') return [{ role: 'user', content: input }];
  if (systemInUser) return [{ role: 'user', content: `${system}\n\n${input}`.trim() }];
  return [
    { role: 'system', content: system },
    { role: 'user', content: input },
  ];
}

function describe(template: ChatTemplate, turns: ChatTurns, system: string, cue: string): string[] {
  const notes: string[] = [];
  if (system !== '' && turns.systemInUser) {
    notes.push('The model’s chat template has no system turn, so the system text stands before each input.');
  }
  if (cue !== '') {
    notes.push(
      `The model’s chat template does not begin the answer’s turn, so “${cue.trim()}” is put after each input.`,
    );
  }
  if (turns.afterInput.includes('<think>') && !turns.afterInput.includes('</think>')) {
    notes.push(
      'The model’s chat template begins each answer with a thinking block; the targets stand inside it.',
    );
  }
  if (template.dated) {
    notes.push(
      'The model’s chat template writes the day’s date into each text; here it is always 26 July 2024, so that a run can be repeated.',
    );
  }
  return notes;
}

/**
 * Tokens of the longest end of the input that fits. How many characters that is, is guessed from how many tokens the
 * last try had, between an end known to fit and one known not to.
 */
function fitEnd(
  input: string,
  encode: (input: string) => number[],
  { limit, whole, frame }: { limit: number; whole: number; frame: number },
): number[] {
  let fits = 0;
  let over = input.length;
  let ids = encode('');
  let charactersPerToken = input.length / Math.max(1, whole - frame);
  let guess = Math.floor((limit - frame) * charactersPerToken);
  for (let tries = 1; over - fits > 1 && ids.length < limit; tries++) {
    const kept = Math.min(over - 1, Math.max(fits + 1, guess));
    const tried = encode(endOf(input, kept));
    if (tried.length > limit) over = kept;
    else {
      fits = kept;
      ids = tried;
    }
    charactersPerToken = kept / Math.max(1, tried.length - frame);
    guess = kept + Math.trunc((limit - tried.length) * charactersPerToken);
    // The guess may creep where tokens are of very unlike lengths.
    if (tries % 3 === 0) guess = (fits + over) >> 1;
  }
  return ids;
}

/** The last characters of a text; none of them is half of one. */
function endOf(text: string, characters: number): string {
  const end = text.slice(text.length - characters);
  return /^[\uDC00-\uDFFF]/.test(end) ? end.slice(1) : end;
}

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
