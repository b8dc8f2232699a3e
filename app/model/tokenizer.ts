/**
 * @file Text to token ids and back, as the `tokenizers` library makes them of tokenizer.json (`tokenizer/` holds its parts) and
 * as the files beside it add to that.
 */
import { z } from 'zod';
import { ModelError } from './errors';
import { createPipeline } from './tokenizer/pipeline';
import type { PlacedIds } from './tokenizer/places';
import { readTokenizerConfig, type TokenizerConfigFiles } from './tokenizerConfig';
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
  /** The ids without further special tokens, and how many of them the text up to each place (UTF-16) begins with. */
  encodeWithPlaces(text: string, places: readonly number[]): PlacedIds;
  /** Text of token ids. `specialTokens` (default false) shows the special ones too. Broken UTF-8 comes as U+FFFD. */
  decode(ids: readonly number[], options?: { specialTokens?: boolean }): string;
  /** The exact text of one token, for display; bytes that are no whole character come as `<0xNN>`, unused ids as `<id N>`. */
  tokenText(id: number): string;
}

const endsSchema = z.looseObject({
  eos_token_id: z
    .union([z.number(), z.array(z.number())])
    .nullish()
    .catch(null),
});
/** Models that also see say it of their text part. */
const modelConfigSchema = endsSchema.extend({ text_config: endsSchema.nullish().catch(null) });

export interface TokenizerFiles extends TokenizerConfigFiles {
  /** Content of tokenizer.json. */
  tokenizer: unknown;
  /** Content of config.json: more about where texts end. */
  config: unknown;
  /** Rows of the model's embedding table; added tokens beyond are left out, as the model cannot take them. */
  vocabSize: number;
}

/**
 * @throws ModelError `malformed` when the files describe no tokenizer, or one for another vocabulary; `unsupported`, with the
 * part's name, where texts would become other tokens here.
 */
export function createTokenizer(files: TokenizerFiles): Tokenizer {
  const { added: more, endToken } = readTokenizerConfig(files);
  const pipeline = createPipeline(files.tokenizer, more, files.vocabSize);
  const { tokens } = pipeline;
  const vocabSize = [...tokens.keys()].reduce((most, id) => Math.max(most, id + 1), 0);
  if (vocabSize > files.vocabSize) {
    throw new ModelError(
      'malformed',
      `tokenizer.json has token ids up to ${vocabSize - 1}; the model's vocabulary ends at ${files.vocabSize - 1}.`,
      'tokenizer.json and config.json must come from the same model.',
    );
  }
  const writing = tokenWriting((files.tokenizer as { decoder?: unknown }).decoder);
  const added = new Set(pipeline.added.map(({ id }) => id));
  const specialIds = new Set(pipeline.added.filter(({ special }) => special).map(({ id }) => id));
  const own = endToken === null ? undefined : pipeline.ids.get(endToken);
  const ends = endIds(own, files.config, files.vocabSize);
  for (const id of ends) specialIds.add(id);

  return {
    vocabSize,
    endOfTextId: ends[0] ?? null,
    stopIds: ends,
    specialIds,
    encode(text, { specialTokens = true } = {}) {
      return pipeline.encode(text, specialTokens);
    },
    encodeWithPlaces: pipeline.encodeWithPlaces,
    decode(tokenIds, { specialTokens = false } = {}) {
      const shown = tokenIds.flatMap((id) => {
        const token = tokens.get(id);
        return token === undefined || (!specialTokens && specialIds.has(id)) ? [] : [token];
      });
      return shown.length === 0 ? '' : pipeline.decode(shown);
    },
    tokenText(id) {
      const token = tokens.get(id);
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

/** The tokenizer's own end first, then those of the model's configuration. */
function endIds(own: number | undefined, config: unknown, limit: number): number[] {
  const said = modelConfigSchema.safeParse(config).data;
  const model = said?.eos_token_id ?? said?.text_config?.eos_token_id ?? [];
  const ids = [own, model].flat().filter((id): id is number => id !== undefined && id >= 0 && id < limit);
  return [...new Set(ids)];
}
