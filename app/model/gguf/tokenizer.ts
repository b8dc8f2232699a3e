/**
 * @file The tokenizer of a GGUF file as tokenizer.json and tokenizer_config.json would have it. Of two kinds: pieces of bytes with merges
 * (`gpt2`), and SentencePiece's (`llama`), whose merges follow from the order of its vocabulary.
 */
import { readable } from '../../formats/readable';
import { ModelError } from '../errors';
import { mergesOf } from './merges';
import type { Metadata } from './metadata';
import { type Cutting, cuttingOf } from './preTokenizers';

/** `tokenizer.ggml.token_type`. */
const CONTROL = 3;
const USER_DEFINED = 4;

export interface GgufTokenizer {
  /** Content of tokenizer.json. */
  tokenizer: object;
  /** Content of tokenizer_config.json. */
  tokenizerConfig: Record<string, unknown>;
}

interface Vocabulary {
  tokens: readonly string[];
  types: Float64Array | undefined;
}

/** @throws ModelError `unsupported`, by name, for a kind that is not known; `malformed` where parts are missing */
export function tokenizerOf(metadata: Metadata, architecture: string): GgufTokenizer {
  const kind = metadata.text('tokenizer.ggml.model');
  if (kind === undefined) throw metadata.lacks('tokenizer.ggml.model');
  const tokens = metadata.texts('tokenizer.ggml.tokens');
  if (!tokens) throw metadata.lacks('tokenizer.ggml.tokens');
  const vocabulary = { tokens, types: metadata.numbers('tokenizer.ggml.token_type') };
  if (kind === 'gpt2') return byteLevel(metadata, vocabulary);
  if (kind === 'llama') return sentencePiece(metadata, vocabulary, architecture.startsWith('gemma'));
  throw new ModelError(
    'unsupported',
    `${metadata.shown} has a tokenizer of the kind “${readable(kind, 80)}”; of GGUF files gpt2 and llama are read.`,
    'Choose this model as safetensors.',
  );
}

function byteLevel(metadata: Metadata, vocabulary: Vocabulary): GgufTokenizer {
  const pre = metadata.text('tokenizer.ggml.pre');
  const cutting = cuttingOf(pre);
  if (!cutting) {
    throw new ModelError(
      'unsupported',
      `${metadata.shown} cuts texts in the way that llama.cpp calls “${readable(pre ?? '', 80)}”, which is not known here: its words would become other tokens.`,
      'Choose this model as safetensors.',
    );
  }
  const merges = metadata.texts('tokenizer.ggml.merges');
  if (!merges) throw metadata.lacks('tokenizer.ggml.merges');
  return {
    tokenizer: {
      ...around(metadata, vocabulary, cutting.begins),
      normalizer: cutting.normalizer,
      pre_tokenizer: cutting.preTokenizer,
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: model(vocabulary.tokens, { merges, ignore_merges: cutting.ignoreMerges }),
    },
    tokenizerConfig: config(metadata, vocabulary),
  };
}

/** @param gemma its space tokens are written with spaces, its merges follow the order of its tokens, not their scores */
function sentencePiece(metadata: Metadata, given: Vocabulary, gemma: boolean): GgufTokenizer {
  const tokens = gemma
    ? given.tokens.map((token) => (/^ {2,}$/.test(token) ? token.replaceAll(' ', '▁') : token))
    : given.tokens;
  const scores = metadata.numbers('tokenizer.ggml.scores');
  if (!gemma && scores?.length !== tokens.length) throw metadata.lacks('tokenizer.ggml.scores');
  const prefix = metadata.flag('tokenizer.ggml.add_space_prefix') ?? !gemma;
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
  const decoders = [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ];
  const vocabulary = { tokens, types: given.types };
  return {
    tokenizer: {
      ...around(metadata, vocabulary, true),
      normalizer: prefix
        ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, replace] }
        : replace,
      pre_tokenizer: null,
      decoder: { type: 'Sequence', decoders },
      model: model(tokens, {
        merges: mergesOf(tokens, gemma || !scores ? Float64Array.from(tokens, (_, id) => -id) : scores),
        unk_token: tokens[metadata.number('tokenizer.ggml.unknown_token_id') ?? 0] ?? null,
        fuse_unk: true,
        byte_fallback: true,
      }),
    },
    tokenizerConfig: config(metadata, vocabulary),
  };
}

function model(tokens: readonly string[], more: Record<string, unknown>): object {
  return {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
    ...more,
  };
}

/** Added tokens, and those that stand around every text. */
function around(metadata: Metadata, { tokens, types }: Vocabulary, begins: Cutting['begins']): object {
  const added = [...(types ?? [])].flatMap((type, id) => {
    if ((type !== CONTROL && type !== USER_DEFINED) || !tokens[id]) return [];
    // Gemma's spaces, which are merged like other pieces.
    if (/^▁{2,}$/.test(tokens[id])) return [];
    const flags = { single_word: false, lstrip: false, rstrip: false, normalized: false };
    return [{ id, content: tokens[id], ...flags, special: type === CONTROL }];
  });
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    post_processor: template(metadata, tokens, begins),
  };
}

/** What is put before and after a text; null where nothing is. */
function template(metadata: Metadata, tokens: readonly string[], begins: boolean): object | null {
  const wanted: [flag: string, key: string, otherwise: boolean][] = [
    ['add_bos_token', 'bos_token_id', begins],
    ['add_eos_token', 'eos_token_id', false],
  ];
  const [first, last] = wanted.map(([flag, key, otherwise]) => {
    const id = metadata.number(`tokenizer.ggml.${key}`);
    const adds = metadata.flag(`tokenizer.ggml.${flag}`) ?? otherwise;
    return adds && id !== undefined && tokens[id] !== undefined ? { id, content: tokens[id] } : null;
  });
  if (!first && !last) return null;
  const piece = (token: typeof first) => (token ? [{ SpecialToken: { id: token.content, type_id: 0 } }] : []);
  const used = [first, last].flatMap((token) => (token ? [token] : []));
  const single = [...piece(first), { Sequence: { id: 'A', type_id: 0 } }, ...piece(last)];
  return {
    type: 'TemplateProcessing',
    single,
    pair: [...single, { Sequence: { id: 'B', type_id: 1 } }],
    special_tokens: Object.fromEntries(
      used.map(({ id, content }) => [content, { id: content, ids: [id], tokens: [content] }]),
    ),
  };
}

function config(metadata: Metadata, { tokens }: Vocabulary): Record<string, unknown> {
  const named: [name: string, key: string][] = [
    ['bos_token', 'bos_token_id'],
    ['eos_token', 'eos_token_id'],
    ['unk_token', 'unknown_token_id'],
    ['pad_token', 'padding_token_id'],
  ];
  const found = named.flatMap(([name, key]) => {
    const token = tokens[metadata.number(`tokenizer.ggml.${key}`) ?? -1];
    return token ? [[name, token]] : [];
  });
  return { ...Object.fromEntries(found), chat_template: metadata.text('tokenizer.chat_template') ?? null };
}
