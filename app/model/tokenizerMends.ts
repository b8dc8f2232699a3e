/** @file What `@huggingface/tokenizers` lacks or does otherwise than the original library, mended in the tokenizer.json it is given. */

type Part = Record<string, unknown>;

/** A tokenizer.json in terms that the library understands as the original does. */
export function mendTokenizer<T extends { normalizer: unknown; pre_tokenizer: unknown }>(json: T): T {
  return {
    ...json,
    normalizer: mendNormalizer(json.normalizer),
    pre_tokenizer: mendPreTokenizer(json.pre_tokenizer),
  };
}

function mendPreTokenizer(part: unknown): unknown {
  if (!isPart(part)) return part;
  if (part.type === 'Sequence' && Array.isArray(part.pretokenizers)) {
    return { ...part, pretokenizers: part.pretokenizers.map(mendPreTokenizer) };
  }
  // JavaScript's \s has U+FEFF and lacks U+0085; Unicode's property is what the original goes by.
  if (part.type === 'WhitespaceSplit') return split('\\p{White_Space}+', 'Removed');
  // With a space to be added before the text, splitting cannot come first.
  if (part.type === 'ByteLevel' && part.use_regex !== false && part.add_prefix_space === false) {
    return { type: 'Sequence', pretokenizers: [split(gpt2Words, 'Isolated'), { ...part, use_regex: false }] };
  }
  return part;
}

/** How GPT-2 divides text, without \s. */
const gpt2Words = [
  "'s|'t|'re|'ve|'m|'ll|'d",
  ' ?\\p{L}+| ?\\p{N}+| ?[^\\p{White_Space}\\p{L}\\p{N}]+',
  '\\p{White_Space}+(?!\\P{White_Space})|\\p{White_Space}+',
].join('|');

function split(regex: string, behavior: 'Removed' | 'Isolated'): Part {
  return { type: 'Split', pattern: { Regex: regex }, behavior, invert: false };
}

function isPart(value: unknown): value is Part {
  return typeof value === 'object' && value !== null;
}

function mendNormalizer(normalizer: unknown): unknown {
  if (!isPart(normalizer)) return normalizer;
  if (normalizer.type === 'Sequence' && Array.isArray(normalizer.normalizers)) {
    return { ...normalizer, normalizers: normalizer.normalizers.map(mendNormalizer) };
  }
  if (normalizer.type !== 'Nmt') return normalizer;
  // SentencePiece's clean-up for translation: control characters go, odd spaces become plain ones.
  const replace = (characters: string, content: string) => ({
    type: 'Replace',
    pattern: { Regex: `[${characters}]` },
    content,
  });
  return {
    type: 'Sequence',
    normalizers: [
      replace('\\u0001-\\u0008\\u000B\\u000E-\\u001F\\u007F\\u008F\\u009F', ''),
      replace('\\u0009\\u000A\\u000C\\u000D\\u1680\\u200B-\\u200F\\u2028\\u2029\\u2581\\uFEFF\\uFFFD', ' '),
    ],
  };
}
