/**
 * @file What the files beside tokenizer.json say of tokens: which are added to it, and which one ends a text. As transformers
 * reads them: special_tokens_map.json and added_tokens.json count where tokenizer_config.json lists no `added_tokens_decoder`.
 */
import { z } from 'zod';
import { type AddedToken, addedTokenSchema } from './tokenizer/addedTokens';

/** Contents of files; null or absent where there is none. */
export interface TokenizerConfigFiles {
  /** tokenizer_config.json */
  tokenizerConfig: unknown;
  /** special_tokens_map.json */
  specialTokensMap?: unknown;
  /** added_tokens.json: ids by token. */
  addedTokens?: unknown;
}

export interface TokenizerConfig {
  /** Tokens to be added to those of tokenizer.json, in the order in which they get ids. */
  added: Omit<AddedToken, 'id'>[];
  /** Text of the token that ends a text. */
  endToken: string | null;
}

const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const flags = z.looseObject({ content: z.string() });
const named = z.union([z.string(), flags]);
type Named = z.infer<typeof named>;

const configSchema = z.looseObject({
  added_tokens_decoder: z.record(z.string(), z.unknown()).nullish().catch(null),
});

/** tokenizer_config.json with what special_tokens_map.json says in its place. */
export function mergedConfig(files: TokenizerConfigFiles): Record<string, unknown> {
  const config = configSchema.safeParse(files.tokenizerConfig ?? {}).data ?? {};
  const older = z.looseObject({}).safeParse(files.specialTokensMap ?? {}).data ?? {};
  return config.added_tokens_decoder ? config : { ...config, ...older };
}

export function readTokenizerConfig(files: TokenizerConfigFiles): TokenizerConfig {
  const said = mergedConfig(files);
  const lists = configSchema.safeParse(said).data?.added_tokens_decoder ?? null;
  const special = [...specialTokens(said)];
  const isSpecial = new Set(special.map(contentOf));
  const added = [
    ...(lists === null ? fromIds(files.addedTokens, isSpecial) : fromDecoder(lists)),
    ...special.map((token) => withFlags(token, true)),
  ];
  const end = named.safeParse(said.eos_token).data;
  return { added, endToken: end === undefined ? null : contentOf(end) };
}

function contentOf(token: Named): string {
  return typeof token === 'string' ? token : token.content;
}

/** Tokens with a name of their own, and those without. */
function* specialTokens(config: Record<string, unknown>): Iterable<Named> {
  const names = Object.keys(config).filter(
    (name) => name.endsWith('_token') && typeof config[name] === 'string',
  );
  for (const name of new Set([...NAMED, ...names])) {
    const token = named.safeParse(config[name]).data;
    if (token !== undefined) yield token;
  }
  for (const key of ['extra_special_tokens', 'additional_special_tokens']) {
    const list = config[key];
    const tokens = typeof list === 'object' && list !== null ? Object.values(list) : [];
    for (const each of tokens) {
      const token = named.safeParse(each).data;
      if (token !== undefined) yield token;
    }
  }
}

/** `added_tokens_decoder`: tokens by their ids. */
function fromDecoder(tokens: Record<string, unknown>): Omit<AddedToken, 'id'>[] {
  return Object.entries(tokens)
    .sort(([a], [b]) => Number(a) - Number(b))
    .flatMap(([, token]) => {
      const parsed = flags.safeParse(token);
      return parsed.success ? [withFlags(parsed.data, false)] : [];
    });
}

/** `added_tokens.json`: ids by token. */
function fromIds(content: unknown, isSpecial: ReadonlySet<string>): Omit<AddedToken, 'id'>[] {
  const ids = z.record(z.string(), z.number()).safeParse(content).data ?? {};
  return Object.entries(ids)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => withFlags(token, isSpecial.has(token)));
}

function withFlags(token: Named, special: boolean): Omit<AddedToken, 'id'> {
  const fields = typeof token === 'string' ? { content: token } : token;
  const own = typeof fields.special === 'boolean' ? fields.special : undefined;
  return addedTokenSchema.parse({
    single_word: flag(fields, 'single_word'),
    lstrip: flag(fields, 'lstrip'),
    rstrip: flag(fields, 'rstrip'),
    normalized: flag(fields, 'normalized'),
    content: fields.content,
    special: special || own,
    id: 0,
  });
}

function flag(fields: Record<string, unknown>, key: string): boolean | undefined {
  const value = fields[key];
  return typeof value === 'boolean' ? value : undefined;
}
