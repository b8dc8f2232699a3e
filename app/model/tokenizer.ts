/**
 * @file Text to token ids and back. The work is done by `@huggingface/tokenizers`, which is what transformers.js
 * itself delegates to; taken directly, no inference runtime comes with it.
 */
import { Tokenizer as HubTokenizer } from '@huggingface/tokenizers';
import { z } from 'zod';
import { ModelError } from './errors';
import { mendTokenizer } from './tokenizerMends';
import { tokenText, tokenWriting } from './tokenText';

export interface Tokenizer {
  /** Ids are below this. */
  readonly vocabSize: number;
  /** Ends a text; null where the model has no such token. */
  readonly endOfTextId: number | null;
  /** Tokens that end an answer, `endOfTextId` among them. */
  readonly stopIds: readonly number[];
  /** Tokens that stand for no text. */
  readonly specialIds: ReadonlySet<number>;
  /** Token ids of a text. `specialTokens` (default true) adds what the model expects around a text, such as a first token. */
  encode(text: string, options?: { specialTokens?: boolean }): number[];
  /** Text of token ids. `specialTokens` (default false) shows the special ones too. Broken UTF-8 comes as U+FFFD. */
  decode(ids: readonly number[], options?: { specialTokens?: boolean }): string;
  /** The exact text of one token, for display; bytes that are no whole character come as `<0xNN>`, unused ids as `<id N>`. */
  tokenText(id: number): string;
}

const addedTokenSchema = z.looseObject({
  id: z.number().int().nonnegative(),
  content: z.string(),
  special: z.boolean().default(false),
});
const part = z.looseObject({}).nullable().default(null);
const tokenizerSchema = z.looseObject({
  model: z.looseObject({
    type: z.enum(['BPE', 'Unigram', 'WordPiece']).optional(),
    vocab: z.union([z.record(z.string(), z.number()), z.array(z.unknown())]),
  }),
  added_tokens: z.array(addedTokenSchema).default([]),
  normalizer: part,
  pre_tokenizer: part,
  post_processor: part,
  decoder: part,
});

/** `eos_token` and its like: the text, or an object that has it. */
const tokenName = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
]);
const configSchema = z.looseObject({ eos_token: tokenName.nullish().catch(null) });
const endsSchema = z.looseObject({
  eos_token_id: z
    .union([z.number(), z.array(z.number())])
    .nullish()
    .catch(null),
});
/** Models that also see say it of their text part. */
const modelConfigSchema = endsSchema.extend({ text_config: endsSchema.nullish().catch(null) });

export interface TokenizerFiles {
  /** Content of tokenizer.json. */
  tokenizer: unknown;
  /** Content of tokenizer_config.json; null where there is none. */
  tokenizerConfig: unknown;
  /** Content of config.json: more about where texts end. */
  config: unknown;
  /** Rows of the model's embedding table; added tokens beyond are left out, as the model cannot take them. */
  vocabSize: number;
}

/** @throws ModelError `malformed` when the files describe no tokenizer, or one for another vocabulary. */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const json = mendTokenizer(parseTokenizer(files.tokenizer));
  json.added_tokens = json.added_tokens.filter(({ id }) => id < files.vocabSize);
  const tokenizerConfig = configSchema.safeParse(files.tokenizerConfig ?? {}).data ?? {};
  const hub = construct(json, tokenizerConfig);
  const ids = [...hub.get_vocab().values()];
  const vocabSize = ids.reduce((most, id) => Math.max(most, id + 1), 0);
  if (vocabSize > files.vocabSize) {
    throw new ModelError(
      'malformed',
      `tokenizer.json has token ids up to ${vocabSize - 1}; the model's vocabulary ends at ${files.vocabSize - 1}.`,
      'tokenizer.json and config.json must come from the same model.',
    );
  }
  const writing = tokenWriting(json.decoder);
  const added = new Map(json.added_tokens.map((token) => [token.id, token]));
  const specialIds = new Set(json.added_tokens.filter(({ special }) => special).map(({ id }) => id));
  const ends = endIds(hub, tokenizerConfig.eos_token, files.config, files.vocabSize);
  for (const id of ends) specialIds.add(id);

  return {
    vocabSize,
    endOfTextId: ends[0] ?? null,
    stopIds: ends,
    specialIds,
    encode(text, { specialTokens = true } = {}) {
      return hub.encode(text, { add_special_tokens: specialTokens }).ids;
    },
    decode(tokenIds, { specialTokens = false } = {}) {
      const shown = tokenIds.filter(
        (id) => hub.id_to_token(id) !== undefined && (specialTokens || !specialIds.has(id)),
      );
      // The clean-up of spaces before punctuation would change the text.
      return shown.length === 0 ? '' : hub.decode(shown, { clean_up_tokenization_spaces: false });
    },
    tokenText(id) {
      const token = hub.id_to_token(id);
      if (token === undefined) return `<id ${id}>`;
      return added.has(id) ? token : tokenText(token, writing);
    },
  };
}

/**
 * Turns ids that come one by one into text. `push` returns what is certain; characters whose bytes are not all there wait.
 * @param before The last ids before the first pushed one: some decoders swallow a space at the very start.
 */
export function createTextStream(
  tokenizer: Tokenizer,
  before: readonly number[] = [],
): { push(id: number): string; end(): string } {
  const ids = [...before];
  let said = tokenizer.decode(ids).length;
  const rest = (text: string) => {
    const fresh = text.slice(said);
    said = Math.max(said, text.length);
    return fresh;
  };
  return {
    push(id) {
      ids.push(id);
      const text = tokenizer.decode(ids);
      return text.endsWith('\uFFFD') ? '' : rest(text);
    },
    end: () => rest(tokenizer.decode(ids)),
  };
}

function malformed(message: string, cause?: unknown): ModelError {
  return new ModelError('malformed', message, 'Take tokenizer.json from the model itself, unchanged.', {
    cause,
  });
}

function parseTokenizer(json: unknown) {
  const parsed = tokenizerSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw malformed(`tokenizer.json: ${issue.path.join('.') || 'content'}: ${issue.message}.`);
}

function construct(json: object, config: object): HubTokenizer {
  try {
    return new HubTokenizer(json, config);
  } catch (cause) {
    throw malformed(`tokenizer.json: ${cause instanceof Error ? cause.message : String(cause)}.`, cause);
  }
}

/** The tokenizer's own end first, then those of the model's configuration. */
function endIds(
  hub: HubTokenizer,
  name: string | null | undefined,
  config: unknown,
  limit: number,
): number[] {
  const own = typeof name === 'string' ? hub.token_to_id(name) : undefined;
  const said = modelConfigSchema.safeParse(config).data;
  const model = said?.eos_token_id ?? said?.text_config?.eos_token_id ?? [];
  const ids = [own, model].flat().filter((id): id is number => id !== undefined && id >= 0 && id < limit);
  return [...new Set(ids)];
}
