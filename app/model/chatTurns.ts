/** @file The text that a chat template puts around what is said: found by rendering a conversation of known words. */
import {
  type ChatMessage,
  type ChatTemplate,
  ChatTemplateError,
  type PreparedMessages,
  type RenderOptions,
} from './chatTemplate';
import type { PlacedIds } from './tokenizer/places';

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
  /** The ids without further special tokens, and how many of them the text up to each place (UTF-16) begins with. */
  encodeWithPlaces(text: string, places: readonly number[]): PlacedIds;
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
    systemInUser: !takesSystem(template),
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

const systems = new WeakMap<ChatTemplate, boolean>();

/** Whether the template has a system turn; asked of each template once. */
function takesSystem(template: ChatTemplate): boolean {
  let takes = systems.get(template);
  if (takes === undefined) {
    takes = saysSystem(template);
    systems.set(template, takes);
  }
  return takes;
}

function saysSystem(template: ChatTemplate): boolean {
  const user: ChatMessage = { role: 'user', content: INPUT };
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

/** A turn of a conversation to train on. */
export interface LearnedTurn extends ChatMessage {
  /** Its words are to be learned: an assistant's. */
  learned: boolean;
}

export interface TurnsOptions {
  /** Before the turns; in the first user's turn where the template has no system turn. '' for none. */
  system?: string;
  tools?: readonly unknown[] | null;
  /** Default false: ends after the last turn. True: with the start of the next answer. */
  addGenerationPrompt?: boolean;
  /** Special tokens as texts: where one stands after an answer, the answer ends with it. */
  specialTexts?: readonly string[];
}

/** A part of a rendered text, `[start, end)` in UTF-16 units, that the model learns to say. */
export interface LearnedSpan {
  start: number;
  end: number;
  /** Index of its turn. */
  turn: number;
}

export interface RenderedTurns {
  text: string;
  /** In order, without overlaps. */
  spans: LearnedSpan[];
  /** Learned turns whose place in the text cannot be told, since the template rewrites or leaves out what they say. */
  lost: number[];
}

/**
 * A conversation as text, and the parts that are learned: for each learned turn what the model would have to say after the
 * turns before it, the token that ends its turn included. Where the template marks answers itself (`{% generation %}`)
 * its marks count.
 * @throws ChatTemplateError
 */
export function renderTurns(
  template: ChatTemplate,
  turns: readonly LearnedTurn[],
  options: TurnsOptions = {},
): RenderedTurns {
  const messages = withSystem(template, turns, options.system ?? '');
  const offset = messages.length - turns.length;
  const { tools } = options;
  const prepared = template.prepare(messages);
  const rendering = prepared.render({ generationPrompt: options.addGenerationPrompt ?? false, tools });
  const { text } = rendering;
  const marked = template.marksAnswers ? marks(rendering.generated, turns) : null;
  if (marked) return { text, spans: marked, lost: [] };
  const finder = new AnswerFinder(template, { messages, prepared, text }, options);
  const spans: LearnedSpan[] = [];
  const lost: number[] = [];
  turns.forEach(({ learned }, turn) => {
    if (!learned) return;
    const found = finder.find(turn + offset);
    if (found && found.start >= (spans.at(-1)?.end ?? 0)) spans.push({ ...found, turn });
    else lost.push(turn);
  });
  return { text, spans, lost };
}

/** The template's own marks, where there is one for each of the assistant's turns. */
function marks(
  generated: readonly { start: number; end: number }[] | null,
  turns: readonly LearnedTurn[],
): LearnedSpan[] | null {
  const answers = turns.flatMap(({ role, learned }, turn) =>
    role === 'assistant' ? [{ turn, learned }] : [],
  );
  if (!generated || generated.length !== answers.length) return null;
  return answers.flatMap(({ turn, learned }, i) => (learned ? [{ ...generated[i], turn }] : []));
}

function withSystem(template: ChatTemplate, turns: readonly LearnedTurn[], system: string): ChatMessage[] {
  const messages = turns.map(({ learned: _, ...message }): ChatMessage => message as ChatMessage);
  if (system === '') return messages;
  if (takesSystem(template)) return [{ role: 'system', content: system }, ...messages];
  const first = messages.findIndex(({ role, content }) => role === 'user' && typeof content === 'string');
  if (first < 0) throw new ChatTemplateError('There is no turn of the user to put the system text into.');
  const { content } = messages[first];
  messages[first] = { ...messages[first], content: `${system}\n\n${content}`.trim() };
  return messages;
}

/** Stands for an answer where its own words cannot be found. */
const MARK = 'MarkedWords';

/** Finds what a turn's answer became within a whole rendered conversation. */
class AnswerFinder {
  private readonly tail: string;
  private readonly messages: readonly ChatMessage[];
  private readonly prepared: PreparedMessages;
  private readonly text: string;

  constructor(
    private readonly template: ChatTemplate,
    whole: { messages: readonly ChatMessage[]; prepared: PreparedMessages; text: string },
    private readonly options: TurnsOptions,
  ) {
    this.messages = whole.messages;
    this.prepared = whole.prepared;
    this.text = whole.text;
    this.tail = this.ending(answerTail(template));
  }

  find(turn: number): { start: number; end: number } | null {
    const found = this.findIn(turn);
    return found && found.end > found.start ? found : null;
  }

  private findIn(turn: number): { start: number; end: number } | null {
    const { text, messages } = this;
    const start = this.startOf(turn);
    const { content } = messages[turn];
    if (start !== null && typeof content === 'string') {
      for (const said of [content, content.trim()]) {
        const end = start + said.length;
        if (text.startsWith(said, start) && this.tail !== '' && text.startsWith(this.tail, end)) {
          return { start, end: end + this.tail.length };
        }
      }
    }
    const through = this.attempt(turn + 1, { generationPrompt: false });
    if (through !== null && text.startsWith(through)) {
      const from = start ?? this.shared(turn);
      if (from !== null && through.length > from) {
        return { start: from, end: from + this.ending(through.slice(from)).length };
      }
    }
    return this.findByMark(turn, start);
  }

  /** How far a turn's prompt agrees with the text, where it does so to the end of the turn before. */
  private shared(turn: number): number | null {
    const history = this.attempt(turn, { generationPrompt: false });
    const prompt = this.attempt(turn, { generationPrompt: true });
    if (history === null || prompt === null || !this.text.startsWith(history)) return null;
    let at = 0;
    while (at < prompt.length && prompt[at] === this.text[at]) at++;
    return at < history.length ? null : at;
  }

  /** Where the model goes on after the turns before; null where the whole text does not begin so. */
  private startOf(turn: number): number | null {
    // An answer that thinks follows the prompt of a model that may.
    for (const thinking of [false, true]) {
      const before = this.attempt(turn, { generationPrompt: true, thinking });
      if (before !== null && this.text.startsWith(before)) return before.length;
    }
    return null;
  }

  /** Other words in the answer's place show what stands around it. */
  private findByMark(turn: number, start: number | null): { start: number; end: number } | null {
    const { text, messages } = this;
    const { content } = messages[turn];
    if (typeof content !== 'string') return null;
    const marked = messages.map((each, i) => (i === turn ? { ...each, content: MARK } : each));
    const generationPrompt = this.options.addGenerationPrompt ?? false;
    const around = this.attempt(marked.length, { generationPrompt }, this.template.prepare(marked))?.split(
      MARK,
    );
    if (around?.length !== 2) return null;
    const [head, rest] = around;
    const said = text.slice(head.length, text.length - rest.length);
    if (!text.startsWith(head) || !text.endsWith(rest) || head.length + rest.length > text.length)
      return null;
    if (said.trim() === '' && content.trim() !== '') return null;
    const tail = this.tailOf(rest);
    return { start: start ?? head.length, end: head.length + said.length + tail.length };
  }

  /** What ends an answer, at the start of what comes after it: earlier turns may end otherwise than the last. */
  private tailOf(rest: string): string {
    if (this.tail === '' || rest.startsWith(this.tail)) return this.tail;
    const ends = (this.options.specialTexts ?? []).flatMap((token) => {
      const at = token === '' ? -1 : rest.indexOf(token);
      return at < 0 ? [] : [at + token.length];
    });
    return ends.length > 0 ? rest.slice(0, Math.min(...ends)) : '';
  }

  /** An answer with what ends it: up to a special token, else without the white space that sets turns apart. */
  private ending(text: string): string {
    const ends = (this.options.specialTexts ?? []).flatMap((token) => {
      const at = token === '' ? -1 : text.lastIndexOf(token);
      return at < 0 ? [] : [at + token.length];
    });
    const end = Math.max(-1, ...ends);
    if (end >= 0 && text.slice(end).trim() === '') return text.slice(0, end);
    return text.trimEnd() === '' ? text : text.trimEnd();
  }

  /** What the template makes of the first messages; null of none, and of those that it refuses. */
  private attempt(
    count: number,
    options: Pick<RenderOptions, 'generationPrompt' | 'thinking'>,
    prepared = this.prepared,
  ): string | null {
    if (count === 0) return null;
    try {
      return prepared.render({ ...options, tools: this.options.tools }, count).text;
    } catch (error) {
      // A part of a conversation may be what a template refuses.
      if (error instanceof ChatTemplateError) return null;
      throw error;
    }
  }
}

const tails = new WeakMap<ChatTemplate, string>();

/** What a template puts after an answer; '' where that cannot be told. */
function answerTail(template: ChatTemplate): string {
  let tail = tails.get(template);
  if (tail === undefined) {
    try {
      tail = findTurns(template).afterAnswer;
    } catch (error) {
      if (!(error instanceof ChatTemplateError)) throw error;
      tail = '';
    }
    tails.set(template, tail);
  }
  return tail;
}

/**
 * Token ids of a rendered conversation, and which of them are learned: those that have a character of a learned span in
 * them. The text is encoded whole and without further special tokens, as transformers does.
 */
export function encodeTurns(
  { text, spans }: Pick<RenderedTurns, 'text' | 'spans'>,
  tokenizer: Pick<TurnTokenizer, 'encodeWithPlaces'>,
): { ids: number[]; learned: boolean[] } {
  const places = spans.flatMap(({ start, end }) => (end > start ? [start, end] : []));
  const { ids, before } = tokenizer.encodeWithPlaces(text, places);
  const learned: boolean[] = new Array(ids.length).fill(false);
  for (let i = 0; i < before.length; i += 2) {
    const last = before[i + 1];
    // A token that the end cuts is learned too.
    learned.fill(true, before[i].count, last.cut ? last.count + 1 : last.count);
  }
  return { ids, learned };
}
