/** @file Tokenizers of every kind agree with the `tokenizers` library on awkward text. */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ModelError } from '../../app/model/errors';
import { createTextStream, createTokenizer } from '../../app/model/tokenizer';

interface Fixture {
  tokenizer: { added_tokens: { id: number; content: string }[]; model: { vocab: object } };
  cases: { text: string; ids: number[]; bareIds: number[]; decoded: string }[];
}

function fixture(name: string): Fixture {
  return JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/tokenizers/${name}.json`, 'utf8'));
}

function open(name: string, eos: unknown = '<|end|>', config: unknown = {}) {
  const { tokenizer } = fixture(name);
  return createTokenizer({ tokenizer, tokenizerConfig: { eos_token: eos }, config, vocabSize: 1000 });
}

/** Made by test/fixtures/tokenizers/make.py. */
const kinds = readdirSync(`${import.meta.dirname}/../fixtures/tokenizers`)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length));

it('has a fixture of every kind', () => {
  expect(kinds).toHaveLength(10);
});

describe.each(kinds)('the %s tokenizer', (name) => {
  const { cases } = fixture(name);
  const tokenizer = open(name, null);

  it.each(cases.map((each) => [each.text, each] as const))(
    'encodes %j as the library does',
    (text, expected) => {
      expect(tokenizer.encode(text)).toEqual(expected.ids);
      expect(tokenizer.encode(text, { specialTokens: false })).toEqual(expected.bareIds);
    },
  );

  it.each(cases.map((each) => [each.text, each] as const))(
    'decodes %j as the library does',
    (_, expected) => {
      expect(tokenizer.decode(expected.bareIds)).toBe(expected.decoded);
    },
  );

  it('encodes alike whatever came before, at the start of a text and after an added token', () => {
    const [{ content: token } = { content: '' }] = fixture(name).tokenizer.added_tokens;
    const texts = ['Hello there', ' Hello there', 'it’s 12.5 %', ''].flatMap((text) => [
      text,
      token + text,
      text + token + text,
    ]);
    const used = open(name, null);
    for (let round = 0; round < 2; round++) {
      for (const text of texts) expect(used.encode(text)).toEqual(open(name, null).encode(text));
    }
  });

  it('streams the same text that it decodes at once', () => {
    for (const { bareIds, decoded } of cases) {
      const stream = createTextStream(tokenizer);
      expect(bareIds.map((id) => stream.push(id)).join('') + stream.end()).toBe(decoded);
    }
  });
});

it('encodes long texts alike when they come again', () => {
  const used = open('byteLevel');
  // Three of these are more than is remembered of texts, and each of the last is by itself.
  const texts = [50_000, 50_001, 50_002, 150_000, 3].map((length) => 'The end. '.repeat(length / 9 + 1));
  const first = texts.map((text) => used.encode(text));
  expect(first.map((ids) => used.decode(ids))).toEqual(texts);
  expect(texts.map((text) => used.encode(text))).toEqual(first);
});

it('words end at what Unicode calls white space, not JavaScript', () => {
  const tokenizer = open('byteLevel');
  const words = (text: string) => tokenizer.encode(text).map((id) => tokenizer.tokenText(id));
  expect(words("\u0085's")).toEqual(['<0xC2>', '<0x85>', "'s"]);
  expect(words('  \uFEFF')).toEqual([' ', ' ', '<0xEF>', '<0xBB>', '<0xBF>']);
});

describe('token text', () => {
  it('joins to the text where every character is whole, and names lone bytes', () => {
    const tokenizer = open('byteLevel');
    const text = (part: string) => tokenizer.encode(part).map((id) => tokenizer.tokenText(id));
    expect(text('the parcel is late, \n').join('')).toBe('the parcel is late, \n');
    expect(text('タ')).toEqual(['<0xE3>', '<0x82>', '<0xBF>']);
  });

  it('shows the space of a sentence-piece token, and the letter of a byte token', () => {
    const tokenizer = open('byteFallback');
    const id = (token: string) =>
      (fixture('byteFallback').tokenizer.model.vocab as Record<string, number>)[token];
    expect(tokenizer.tokenText(id('▁'))).toBe(' ');
    expect(tokenizer.tokenText(id('<0x0A>'))).toBe('\n');
    expect(tokenizer.tokenText(id('<0xE3>'))).toBe('<0xE3>');
  });

  it('names an id that no token has', () => {
    expect(open('byteLevel').tokenText(999)).toBe('<id 999>');
  });
});

describe('a tokenizer', () => {
  it('knows where texts end from both configurations', () => {
    expect(open('byteLevel', { content: '<|end|>' }, { eos_token_id: [0, 7] })).toMatchObject({
      endOfTextId: 0,
      stopIds: [0, 7],
    });
    expect(open('byteLevel', null, { eos_token_id: 7 }).endOfTextId).toBe(7);
    expect(open('byteLevel', null, { text_config: { eos_token_id: [7, 8] } }).stopIds).toEqual([7, 8]);
    expect(open('byteLevel', null).endOfTextId).toBeNull();
  });

  it('leaves special tokens out of decoded text unless asked', () => {
    const tokenizer = open('byteLevel');
    const ids = [...tokenizer.encode('late'), 0];
    expect(tokenizer.decode(ids)).toBe('late');
    expect(tokenizer.decode(ids, { specialTokens: true })).toBe('late<|end|>');
  });

  it('skips ids beyond its vocabulary and decodes nothing to nothing', () => {
    expect(open('byteLevel').decode([999])).toBe('');
    expect(open('byteLevel').decode([])).toBe('');
  });

  it('never encodes to an added token that the model has no row for', () => {
    const { tokenizer } = fixture('byteLevel');
    tokenizer.added_tokens.push({ id: 5000, content: '<image>' });
    const limited = createTokenizer({ tokenizer, tokenizerConfig: null, config: {}, vocabSize: 420 });
    expect(Math.max(...limited.encode('an <image> here'))).toBeLessThan(420);
  });

  it('keeps the space of an answer that continues a text', () => {
    const tokenizer = open('byteFallback');
    const before = tokenizer.encode('the parcel');
    const all = tokenizer.encode('the parcel is');
    const stream = createTextStream(tokenizer, before);
    const added = all.slice(before.length).map((id) => stream.push(id));
    expect(added.join('') + stream.end()).toBe(' is');
  });

  it.each([
    ['no model', {}, /tokenizer\.json: model/],
    [
      'another kind of model',
      { model: { type: 'Oracle', vocab: {} } },
      /tokenizer\.json: the model “Oracle” is not one/,
    ],
    [
      'an added token without an id',
      { model: { vocab: {} }, added_tokens: [{ content: 'x' }] },
      /added_tokens\.0\.id/,
    ],
  ])('refuses a tokenizer.json with %s', (_, json, message) => {
    const create = () => createTokenizer({ tokenizer: json, tokenizerConfig: {}, config: {}, vocabSize: 10 });
    expect(create).toThrow(ModelError);
    expect(create).toThrow(message);
  });

  it('refuses a vocabulary larger than the model has', () => {
    const { tokenizer } = fixture('byteLevel');
    const create = () => createTokenizer({ tokenizer, tokenizerConfig: {}, config: {}, vocabSize: 100 });
    expect(create).toThrow("tokenizer.json has token ids up to 419; the model's vocabulary ends at 99.");
  });
});
