/**
 * @file How texts are cut before pieces are merged, by the name that a GGUF has for it (`tokenizer.ggml.pre`). The patterns are those
 * of the models' own tokenizer.json.
 */

const contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const llama3 = `${contractions}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`;
const qwen2 = llama3.replace('{1,3}', '');
const upper = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const lower = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const words = (after: string) =>
  `[^\\r\\n\\p{L}\\p{N}]?${upper}*${lower}+${after}|[^\\r\\n\\p{L}\\p{N}]?${upper}+${lower}*${after}`;
const rest = ' ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';
const tekken = `${words('')}|\\p{N}|${rest}`;
const gpt4o = `${words(`${contractions}?`)}|\\p{N}{1,3}|${rest}`;

const bytes = (useRegex: boolean) => ({
  type: 'ByteLevel',
  add_prefix_space: false,
  trim_offsets: true,
  use_regex: useRegex,
});
const split = (pattern: string) => ({
  type: 'Split',
  pattern: { Regex: pattern },
  behavior: 'Isolated',
  invert: false,
});
const digits = { type: 'Digits', individual_digits: true };
const sequence = (...parts: object[]) => ({ type: 'Sequence', pretokenizers: parts });

export interface Cutting {
  normalizer: object | null;
  preTokenizer: object;
  /** A piece that is a token stays one, whatever the merges make of it. */
  ignoreMerges: boolean;
  /** A text begins with the first token, where the file does not say. */
  begins: boolean;
}

const plain = { normalizer: null, ignoreMerges: false, begins: false };
const gpt2: Cutting = { ...plain, preTokenizer: bytes(true) };
const byDigits: Cutting = { ...plain, preTokenizer: sequence(digits, bytes(true)) };
const byPattern = (pattern: string): Cutting => ({
  ...plain,
  preTokenizer: sequence(split(pattern), bytes(false)),
});
const likeLlama3: Cutting = { ...byPattern(llama3), ignoreMerges: true, begins: true };
const likeQwen2: Cutting = { ...byPattern(qwen2), normalizer: { type: 'NFC' } };
const deepseekCoder: Cutting = {
  ...plain,
  preTokenizer: sequence(
    ...['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[一-龥ࠀ-一가-퟿]+'].map(split),
    digits,
    bytes(false),
  ),
};

const cuttings = new Map<string, Cutting>([
  ...['default', 'gpt-2', 'phi-2', 'olmo', 'mpt', 'jais', 'roberta-bpe', 'exaone4'].map(
    (name): [string, Cutting] => [name, gpt2],
  ),
  ...['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b'].map(
    (name): [string, Cutting] => [name, byDigits],
  ),
  ...['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'pixtral', 'midm-2.0', 'lfm2'].map(
    (name): [string, Cutting] => [name, likeLlama3],
  ),
  ...['smaug-bpe', 'dbrx'].map((name): [string, Cutting] => [name, byPattern(llama3)]),
  ...['qwen2', 'deepseek-r1-qwen', 'megrez', 'kormo', 'f2llmv2'].map((name): [string, Cutting] => [
    name,
    likeQwen2,
  ]),
  ['stablelm2', byPattern(qwen2)],
  ['tekken', { ...byPattern(tekken), ignoreMerges: true, begins: true }],
  ['gpt-4o', byPattern(gpt4o)],
  ['llama4', { ...byPattern(gpt4o), begins: true }],
  ['deepseek-coder', deepseekCoder],
]);

/** Null for a name that is not known; files of before there were names are cut as GPT-2's. */
export function cuttingOf(name: string | undefined): Cutting | null {
  return cuttings.get(name ?? 'default') ?? null;
}

export const knownCuttings: readonly string[] = [...cuttings.keys()];
