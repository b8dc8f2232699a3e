/** @file A whole tokenizer.json at work, step by step as the `tokenizers` library has it. */
import { z } from 'zod';
import { type AddedToken, addedTokenSchema, checkIds, TokenFinder } from './addedTokens';
import { createBpe, type TokenizePiece } from './bpe';
import { toLetters } from './bytes';
import { createDecoder, type Decode } from './decoders';
import { createNormalizer } from './normalizers';
import { malformed, type Part, partOf } from './parts';
import { type PlacedIds, placeByPrefix, placeInIds } from './places';
import { createPostProcessor } from './postProcessor';
import { createPreTokenizer, type Piece } from './preTokenizers';
import { createUnigram } from './unigram';
import { createWordLevel, createWordPiece } from './words';

export interface Pipeline {
  /** Every token's id, of the model and of the added ones. */
  readonly ids: ReadonlyMap<string, number>;
  readonly tokens: ReadonlyMap<number, string>;
  readonly added: readonly AddedToken[];
  encode(text: string, specialTokens: boolean): number[];
  /** Without further special tokens. */
  encodeWithPlaces(text: string, places: readonly number[]): PlacedIds;
  /** Text of tokens. */
  decode(tokens: readonly string[]): string;
}

/** Ids are below this, whatever a file says. */
const MOST_ID = 2 ** 24;
const MODELS = ['BPE', 'Unigram', 'WordPiece', 'WordLevel'] as const;

const fileSchema = z.looseObject({
  model: z.looseObject({}),
  added_tokens: z.array(addedTokenSchema).nullish(),
});

const wanted: Record<string, string> = {
  '': 'an object with a model',
  model: 'an object',
  added_tokens: 'a list',
  id: 'a whole number from 0 on',
  content: 'a text',
};

/** What is kept of pieces that come again. */
const MOST_KEPT = 100_000;
const MOST_KEPT_LENGTH = 256;
/** What is kept of stretches between added tokens: some conversations' worth, in UTF-16 units. */
const MOST_STRETCHES = 2 ** 17;

/**
 * @param json Content of tokenizer.json.
 * @param more Tokens that other files add, with the flags that they have there; ids are found for those without.
 * @param limit Tokens with ids from here on are left out: the model has no row for them.
 * @throws ModelError
 */
export function createPipeline(...file: Parameters<typeof assemble>): Pipeline {
  const pipeline = bounded(() => assemble(...file));
  return {
    ...pipeline,
    encode: (text, specialTokens) => bounded(() => pipeline.encode(text, specialTokens)),
    encodeWithPlaces: (text, places) => bounded(() => pipeline.encodeWithPlaces(text, places)),
  };
}

/** Runs what a file made to that end could nest until there is no more memory. */
function bounded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError) throw malformed('its parts are nested too deeply', error);
    throw error;
  }
}

function assemble(json: unknown, more: readonly Omit<AddedToken, 'id'>[], limit: number): Pipeline {
  const parsed = fileSchema.safeParse(json);
  if (!parsed.success) {
    const [{ path }] = parsed.error.issues;
    const key = String(path.at(-1) ?? '');
    throw malformed(`${path.join('.') || 'the content'} should be ${wanted[key] ?? 'true or false'}`);
  }
  const file = parsed.data as Record<string, unknown> & { added_tokens?: AddedToken[] | null };
  const { tokenize, vocab } = createModel(partOf('model', file.model));
  const added = addTokens(vocab, file.added_tokens ?? [], more).filter(({ id }) => id < limit);
  const part = (key: string, role: string): Part | null => {
    const content = file[key];
    return content === undefined || content === null ? null : partOf(role, content);
  };
  const normalizerPart = part('normalizer', 'normalizer');
  const preTokenizerPart = part('pre_tokenizer', 'pre-tokenizer');
  const postPart = part('post_processor', 'post-processor');
  const decoderPart = part('decoder', 'decoder');
  const normalize = normalizerPart && createNormalizer(normalizerPart);
  const preTokenizer = preTokenizerPart && createPreTokenizer(preTokenizerPart);
  const surround = postPart && createPostProcessor(postPart);
  const decode: Decode = decoderPart ? createDecoder(decoderPart) : (tokens) => [tokens.join(' ')];
  const asWritten = new TokenFinder(
    added.filter(({ normalized }) => !normalized),
    null,
  );
  const normalized = new TokenFinder(
    added.filter((token) => token.normalized),
    normalize,
  );
  const ids = new Map(vocab);
  for (const { content, id } of added) ids.set(content, id);
  const tokens = new Map([...vocab].map(([token, id]) => [id, token]));
  // The library knows a token that is looked for in normalized text by what it looks for.
  for (const { content, id, normalized } of added) {
    tokens.set(id, normalized && normalize ? normalize(content) : content);
  }
  const pieceIds = kept((piece) => tokenize(preTokenizer?.letters ? toLetters(piece) : piece));

  /** The ids of a text without added tokens in it. */
  const encodeText = keptStretches((text, first) => {
    const piece: Piece = { text, first };
    const out: number[] = [];
    for (const each of preTokenizer ? preTokenizer.divide([piece]) : [piece]) {
      for (const id of pieceIds(each.text)) out.push(id);
    }
    return out;
  });

  /** The ids of a part without tokens that are found in the text as it is written. */
  const encodePart = (text: string, start: number, out: number[]) => {
    for (const inner of normalized.split(normalize ? normalize(text) : text)) {
      if ('id' in inner) out.push(inner.id);
      else if (inner.text !== '') {
        for (const id of encodeText(inner.text, start === 0 && inner.start === 0)) out.push(id);
      }
    }
  };
  const encode = (text: string): number[] => {
    const out: number[] = [];
    for (const part of asWritten.split(text)) {
      if ('id' in part) out.push(part.id);
      else encodePart(part.text, part.start, out);
    }
    return out;
  };
  // Whether such a token is one depends on what follows it, which a part that ends there does not have.
  const looksAhead = added.some((token) => token.single_word && !token.normalized);

  return {
    ids,
    tokens,
    added,
    encode(text, specialTokens) {
      const out = encode(text);
      return specialTokens && surround ? surround(out) : out;
    },
    encodeWithPlaces(text, places) {
      if (looksAhead) return placeByPrefix(encode, text, places);
      const ids: number[] = [];
      const parts = asWritten.split(text).map((part) => {
        const first = ids.length;
        if ('id' in part) ids.push(part.id);
        else encodePart(part.text, part.start, ids);
        return { part, first };
      });
      const before = places.map((place) => {
        if (place >= text.length) return { count: ids.length, cut: false };
        // The parts of a text that ends at the place are those before it, and a piece of the one that it lies in.
        const { part, first } = parts[parts.findLastIndex(({ part: { start } }) => start <= place)];
        if (place === part.start) return { count: first, cut: false };
        if ('id' in part) return placeInIds(ids, encode(text.slice(0, place)), 0);
        const own: number[] = [];
        encodePart(part.text.slice(0, place - part.start), part.start, own);
        return placeInIds(ids, own, first);
      });
      return { ids, before };
    },
    decode: (list) => decode(list).join(''),
  };
}

function createModel(part: Part): { tokenize: TokenizePiece; vocab: Map<string, number> } {
  const type = part.has('type') ? part.choice('type', MODELS) : guessType(part);
  if (type === 'Unigram') return createUnigram(part);
  const vocab = readVocab(part);
  if (type === 'BPE') return { tokenize: createBpe(part, vocab), vocab };
  const create = type === 'WordPiece' ? createWordPiece : createWordLevel;
  return { tokenize: create(part, vocab), vocab };
}

/** Older files name no type. */
function guessType(part: Part): (typeof MODELS)[number] {
  if (Array.isArray(part.raw('vocab'))) return 'Unigram';
  if (part.has('merges')) return 'BPE';
  return part.has('continuing_subword_prefix') ? 'WordPiece' : 'WordLevel';
}

function readVocab(part: Part): Map<string, number> {
  const content = part.raw('vocab');
  if (typeof content !== 'object' || content === null || Array.isArray(content)) {
    throw part.wrong('vocab', 'an object of tokens and ids');
  }
  const vocab = new Map<string, number>();
  const tokens = new Map<number, string>();
  for (const [token, id] of Object.entries(content)) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= MOST_ID) {
      throw malformed(
        `the token “${token.slice(0, 60)}” has the id ${(JSON.stringify(id) ?? '').slice(0, 30)}; a whole number from 0 to ${MOST_ID - 1} was expected`,
      );
    }
    const other = tokens.get(id);
    if (other !== undefined) {
      throw malformed(`the tokens “${other.slice(0, 60)}” and “${token.slice(0, 60)}” have one id, ${id}`);
    }
    vocab.set(token, id);
    tokens.set(id, token);
  }
  return vocab;
}

/**
 * Added tokens with the ids that they come to have: that of the model's token of the same text, else the next free one, as the
 * library gives them out, whatever the file says.
 */
function addTokens(
  vocab: ReadonlyMap<string, number>,
  own: readonly AddedToken[],
  more: readonly Omit<AddedToken, 'id'>[],
): AddedToken[] {
  checkIds(own);
  const byContent = new Map<string, AddedToken>();
  let most = -1;
  for (const token of [...own, ...more]) {
    // Of two with one text, the first counts.
    if (token.content === '' || byContent.has(token.content)) continue;
    const next = most >= vocab.size || vocab.size === 0 ? most + 1 : vocab.size;
    const id = vocab.get(token.content) ?? next;
    byContent.set(token.content, { ...token, id });
    most = Math.max(most, id);
  }
  return [...byContent.values()];
}

/** Remembers the ids of pieces. */
function kept(tokenize: TokenizePiece): TokenizePiece {
  const known = new Map<string, number[]>();
  return (piece) => {
    let ids = known.get(piece);
    if (ids === undefined) {
      ids = tokenize(piece);
      if (piece.length <= MOST_KEPT_LENGTH) {
        if (known.size >= MOST_KEPT) known.clear();
        known.set(piece, ids);
      }
    }
    return ids;
  };
}

type EncodeStretch = (text: string, first: boolean) => readonly number[];

/**
 * Remembers the last stretches: a conversation is encoded once whole and once up to each end of an answer, and what stands
 * between two added tokens is the same each time.
 */
function keptStretches(encode: EncodeStretch): EncodeStretch {
  const inside = new Map<string, readonly number[]>();
  const atStart = new Map<string, readonly number[]>();
  let length = 0;
  return (text, first) => {
    const known = first ? atStart : inside;
    const found = known.get(text);
    if (found) return found;
    const ids = encode(text, first);
    length += text.length;
    if (length > MOST_STRETCHES) {
      inside.clear();
      atStart.clear();
      length = text.length;
    }
    if (length <= MOST_STRETCHES) known.set(text, ids);
    else length = 0;
    return ids;
  };
}
