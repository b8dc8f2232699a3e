/** @file Conversations to token ids, cut to fit: the oldest exchanges go first. */
import { DataError } from './errors';
import { createPace, type WorkOptions } from './pace';
import type { EncodedTurns, TurnFormat } from './turnTokens';
import type { DataOptions, Example, TokenExample, Turn } from './types';

export interface TokenizeTurnsOptions extends Pick<DataOptions, 'endOfText' | 'maxTokens'> {
  format: TurnFormat;
  /** Room kept for this many label tokens, so that every class fits after every input. */
  reserve: number;
}

/** Tokens of each example, null for one that the format refuses. */
export interface TokenizedTurns {
  tokens: (TokenExample | null)[];
  refused: RefusedTurns[];
}

export interface RefusedTurns {
  row: number;
  /** Why. */
  error: DataError;
  /** Not for what it says: the turns that cannot be cut leave no room for an answer. */
  tooLong: boolean;
}

class TooLong extends DataError {}

/** Encodes all conversations, in slices. @throws the signal's reason when aborted. */
export async function tokenizeConversations(
  examples: readonly Example[],
  options: TokenizeTurnsOptions,
  work: WorkOptions = {},
): Promise<TokenizedTurns> {
  const pace = createPace(work);
  const result: TokenizedTurns = { tokens: [], refused: [] };
  for (const example of examples) {
    try {
      result.tokens.push(tokenizeTurns({ ...example, turns: example.turns ?? [] }, options));
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      result.tokens.push(null);
      result.refused.push({ row: example.row, error, tooLong: error instanceof TooLong });
    }
    await pace(result.tokens.length, examples.length);
  }
  return result;
}

type Conversation = Example & { turns: readonly Turn[] };

/**
 * All turns, those learned as labels. A conversation that is too long loses its oldest exchanges; where the last one is
 * too long by itself, it loses the start of what is asked, and an answer that does not fit even so its end.
 */
function tokenizeTurns(
  example: Conversation,
  { format, maxTokens, reserve, endOfText }: TokenizeTurnsOptions,
): TokenExample {
  const { row } = example;
  const encode = (turns: readonly Turn[]) => format.encode({ ...example, turns }, endOfText);
  const whole = encode(example.turns);
  const over = ({ ids, isLabel }: EncodedTurns) =>
    Math.max(ids.length, isLabel.lastIndexOf(0) + 1 + reserve) > maxTokens;
  let kept = whole;
  let { turns } = example;
  while (over(kept)) {
    const shorter = withoutOldest(turns);
    if (!shorter) break;
    turns = shorter;
    kept = encode(turns);
  }
  if (over(kept)) kept = cutQuestion(turns, encode, over);
  const fits = kept.ids.length <= maxTokens;
  const tokenIds = new Int32Array(fits ? kept.ids : kept.ids.slice(0, maxTokens));
  const isLabel = new Uint8Array(fits ? kept.isLabel : kept.isLabel.slice(0, maxTokens));
  if (!isLabel.includes(1)) {
    throw new TooLong(
      `What stands before the answer and cannot be cut (system turn, tools, template) takes more than ${maxTokens} tokens.`,
      { hint: 'Allow longer examples, or leave the system turn out.' },
    );
  }
  return { tokenIds, isLabel, cut: whole.ids.length - tokenIds.length, row };
}

/** Without the first exchange after the system turn; null where there is one only. */
function withoutOldest(turns: readonly Turn[]): readonly Turn[] | null {
  const start = turns.findIndex(({ role }) => role !== 'system');
  const next = turns.findIndex(({ role }, i) => i > start && role === 'user');
  return next < 0 ? null : [...turns.slice(0, start), ...turns.slice(next)];
}

/** The longest end of the last question with which the conversation fits; none of it where even that is too long. */
function cutQuestion(
  turns: readonly Turn[],
  encode: (turns: readonly Turn[]) => EncodedTurns,
  over: (encoded: EncodedTurns) => boolean,
): EncodedTurns {
  const at = turns.findLastIndex(({ role, learned }) => !learned && role !== 'system');
  if (at < 0) return encode(turns);
  const { text } = turns[at];
  const withEnd = (characters: number) =>
    encode(
      turns.with(at, {
        ...turns[at],
        text: characters === 0 ? '' : text.slice(-characters).replace(/^[\uDC00-\uDFFF]/, ''),
      }),
    );
  let fits = 0;
  let best = withEnd(0);
  for (let beyond = text.length; beyond - fits > 1; ) {
    const characters = (fits + beyond) >> 1;
    const tried = withEnd(characters);
    if (over(tried)) beyond = characters;
    else {
      fits = characters;
      best = tried;
    }
  }
  return best;
}
