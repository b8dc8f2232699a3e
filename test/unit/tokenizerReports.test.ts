/** @file Tokenizers and templates of kinds that were reported to be read wrongly somewhere, as Python reads them. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readBeside } from '../../app/model/besideTokenizer';
import { type ChatMessage, createChatTemplate } from '../../app/model/chatTemplate';
import { ModelError } from '../../app/model/errors';
import { createTokenizer } from '../../app/model/tokenizer';

const read = (path: string) => JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/${path}`, 'utf8'));
const limitless = { config: {}, vocabSize: Number.POSITIVE_INFINITY };

interface Report {
  name: string;
  tokenizer: object;
  /** Text, ids, and what they decode to. */
  cases: [string, number[], string][];
}

interface Configs {
  tokenizer: object;
  texts: string[];
  cases: {
    name: string;
    config: object;
    files: Record<string, object>;
    ids: number[][];
    eos: number | null;
  }[];
}

interface Rendered {
  name: string;
  template: string;
  messages: ChatMessage[];
  config: object;
  want: string;
}

/** Made by test/fixtures/tokenizerReports/make.py. */
const reports: Report[] = read('tokenizerReports/tokenizers.json');
const configs: Configs = read('tokenizerReports/configs.json');
const templates: Rendered[] = read('chat/reports.json');

describe('a tokenizer with the trait', () => {
  it.each(reports.map((each) => [each.name, each] as const))('%s', (_, { tokenizer: json, cases }) => {
    const tokenizer = createTokenizer({ ...limitless, tokenizer: json, tokenizerConfig: null });
    const made = cases.map(([text, ids]) => [
      text,
      tokenizer.encode(text),
      tokenizer.decode(ids, { specialTokens: true }),
    ]);
    expect(made).toEqual(cases);
  });
});

describe('the files beside tokenizer.json', () => {
  it.each(configs.cases.map((each) => [each.name, each] as const))(
    '%s',
    async (_, { config, files, ids, eos }) => {
      const open = async (name: string) => new TextEncoder().encode(JSON.stringify(files[name]));
      const beside = await readBeside(open, Object.keys(files), config);
      const tokenizer = createTokenizer({
        ...limitless,
        ...beside,
        tokenizer: configs.tokenizer,
        tokenizerConfig: config,
      });
      expect(configs.texts.map((text) => [text, tokenizer.encode(text)])).toEqual(
        configs.texts.map((text, i) => [text, ids[i]]),
      );
      expect(tokenizer.endOfTextId).toBe(eos);
    },
  );

  it('are asked for only where they can matter', async () => {
    const asked = async (names: string[] | null, config: object) => {
      const found: string[] = [];
      await readBeside(
        async (name) => {
          found.push(name);
          return null;
        },
        names,
        config,
      );
      return found;
    };
    expect(await asked(null, { eos_token: '</s>' })).toEqual([]);
    expect(await asked(null, {})).toEqual(['special_tokens_map.json']);
    const names = ['special_tokens_map.json', 'added_tokens.json', 'chat_template.json'];
    expect(await asked(names, { eos_token: '</s>' })).toEqual(names);
    expect(await asked(names, { added_tokens_decoder: {} })).toEqual(['chat_template.json']);
  });

  it('are passed over where they cannot be read', async () => {
    const open = async () => new TextEncoder().encode('<html>');
    const beside = await readBeside(open, ['special_tokens_map.json'], {});
    expect(beside.specialTokensMap).toBeNull();
  });
});

it.each(templates.map((each) => [each.name, each] as const))(
  'the template %j renders',
  async (_, { template, messages, config, want }) => {
    const chat = await createChatTemplate(template, config);
    expect(chat.render(messages, { generationPrompt: true })).toBe(want);
  },
);

describe('a tokenizer.json that cannot be', () => {
  const model = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'] };
  const split = (Regex: string, behavior = 'Isolated') => ({
    type: 'Split',
    pattern: { Regex },
    behavior,
    invert: false,
  });
  const deep = Array.from({ length: 3000 }).reduce<object>(
    (inner) => ({ type: 'Sequence', normalizers: [inner] }),
    { type: 'NFC' },
  );

  it.each([
    [
      'an id beyond all',
      { model: { ...model, vocab: { a: 0, b: 1, ab: 1e9 } } },
      '“ab” has the id 1000000000',
    ],
    ['a negative id', { model: { ...model, vocab: { a: -1, b: 1, ab: 2 } } }, '“a” has the id -1'],
    ['half an id', { model: { ...model, vocab: { a: 0.5, b: 1, ab: 2 } } }, '“a” has the id 0.5'],
    ['a word for an id', { model: { ...model, vocab: { a: 'x', b: 1, ab: 2 } } }, '“a” has the id "x"'],
    ['one id twice', { model: { ...model, vocab: { a: 0, b: 0, ab: 2 } } }, '“a” and “b” have one id, 0'],
    [
      'an added id twice',
      {
        model,
        added_tokens: [
          { id: 3, content: 'x' },
          { id: 3, content: 'y' },
        ],
      },
      '“x” and “y” have one id, 3',
    ],
    [
      'an added token without id',
      { model, added_tokens: [{ content: 'x' }] },
      'added_tokens.0.id should be a whole number',
    ],
    ['a merge of nothing known', { model: { ...model, merges: ['a c'] } }, 'needs the token “c”'],
    ['a merge of three', { model: { ...model, merges: ['a b c'] } }, 'merge 1 is no pair'],
    ['no merges', { model: { ...model, merges: null } }, 'needs a list as its “merges”'],
    ['dropout', { model: { ...model, dropout: 0.1 } }, 'the model “BPE” with dropout'],
    [
      'a behavior of its own',
      { model, pre_tokenizer: split('a', 'Scattered') },
      'the pre-tokenizer “Split” with behavior “Scattered” cannot be used here',
    ],
    [
      'a pre-tokenizer of its own',
      { model, pre_tokenizer: { type: 'Oracle' } },
      'the pre-tokenizer “Oracle” cannot be used here',
    ],
    [
      'a normalizer of its own',
      { model, normalizer: { type: 'Oracle' } },
      'the normalizer “Oracle” cannot be used here',
    ],
    [
      'a decoder of its own',
      { model, decoder: { type: 'Oracle' } },
      'the decoder “Oracle” cannot be used here',
    ],
    [
      'a post-processor of its own',
      { model, post_processor: { type: 'Oracle' } },
      'the post-processor “Oracle” cannot be used here',
    ],
    [
      'a pattern with recursion',
      { model, pre_tokenizer: split('(?R)') },
      'in its pattern “(?R)” the group “(?R” is not known',
    ],
    [
      'a property that nobody knows',
      { model, pre_tokenizer: split('\\p{Oracle}') },
      'the property “Oracle” is not known',
    ],
    [
      'a template without ids',
      {
        model,
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: 'toString' } }],
          special_tokens: {},
        },
      },
      'has no ids for “toString”',
    ],
    [
      'a table that is cut short',
      { model, normalizer: { type: 'Precompiled', precompiled_charsmap: '////fw==' } },
      'is cut short',
    ],
    [
      'an unknown token beyond the vocabulary',
      { model: { type: 'Unigram', unk_id: 9, vocab: [['a', 0]] } },
      'the unknown token is not in the vocabulary',
    ],
    ['parts within parts without end', { model, normalizer: deep }, 'nested too deeply'],
  ])('is refused in words: %s', (_, json, words) => {
    const create = () => createTokenizer({ ...limitless, tokenizer: json, tokenizerConfig: null });
    expect(create).toThrow(ModelError);
    expect(create).toThrow(words);
  });

  it.each([
    [
      'patterns that try for ever',
      { model, pre_tokenizer: split('(a+)+b') },
      'matching takes too long on a text',
    ],
    [
      'replacements that grow',
      {
        model,
        normalizer: {
          type: 'Sequence',
          normalizers: Array(9).fill({ type: 'Replace', pattern: { String: 'a' }, content: 'a'.repeat(999) }),
        },
      },
      'longer without end',
    ],
    [
      'a character that is nowhere',
      { model: { type: 'Unigram', unk_id: null, vocab: [['b', 0]] } },
      'the vocabulary lacks',
    ],
  ])('ends a text in words: %s', (_, json, words) => {
    const tokenizer = createTokenizer({ ...limitless, tokenizer: json, tokenizerConfig: null });
    expect(() => tokenizer.encode('a'.repeat(3000))).toThrow(ModelError);
    expect(() => tokenizer.encode('a'.repeat(3000))).toThrow(words);
  });
});
