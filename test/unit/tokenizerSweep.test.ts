/** @file Every part of a tokenizer.json, with every option, does what the `tokenizers` library does with awkward texts. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { toLetters } from '../../app/model/tokenizer/bytes';
import { createDecoder } from '../../app/model/tokenizer/decoders';
import { createNormalizer } from '../../app/model/tokenizer/normalizers';
import { partOf } from '../../app/model/tokenizer/parts';
import { createPipeline } from '../../app/model/tokenizer/pipeline';
import { placeByPrefix } from '../../app/model/tokenizer/places';
import { createPreTokenizer } from '../../app/model/tokenizer/preTokenizers';
import { compilePattern, literalPattern } from '../../app/model/tokenizer/regex';
import { matcher } from '../../app/model/tokenizer/regexMatcher';
import { parsePattern } from '../../app/model/tokenizer/regexSyntax';
import { sections } from '../../app/model/tokenizer/split';

interface PartCase<Out> {
  part: object;
  out: Out[];
}

interface Parts {
  texts: string[];
  tokens: string[][];
  normalizers: PartCase<string>[];
  preTokenizers: PartCase<string[]>[];
  decoders: PartCase<string>[];
}

interface Whole {
  texts: string[];
  models: object[];
  tokenizers: {
    name: string;
    model: number;
    parts: object;
    /** Ids and the text they decode to. */
    cases: [number[], string][];
    /** Ids of the third text without special tokens. */
    bare: number[];
  }[];
}

/** Lengths of runs of code points: out, in, out, and so on. */
type Runs = number[];

interface Classes {
  unassigned: Runs;
  classes: Record<string, Runs>;
}

const read = <T>(name: string): T =>
  JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/tokenizerSweep/${name}.json`, 'utf8'));

/** Made by test/fixtures/tokenizerSweep/make.py. */
const parts = read<Parts>('parts');
const whole = read<Whole>('whole');
const classes = read<Classes>('classes');

const named = <Out>(cases: PartCase<Out>[]) =>
  cases.map((each) => [JSON.stringify(each.part), each] as const);
/** Texts beside what became of them, for messages. */
const beside = <Out>(texts: readonly unknown[], out: readonly Out[]) =>
  texts.map((text, i) => [JSON.stringify(text), out[i]]);

it('has hundreds of parts', () => {
  expect(parts.normalizers.length).toBeGreaterThan(45);
  expect(parts.preTokenizers.length).toBeGreaterThan(200);
  expect(parts.decoders.length).toBeGreaterThan(17);
  expect(whole.tokenizers.length).toBeGreaterThan(65);
});

describe('a normalizer', () => {
  it.each(named(parts.normalizers))('%s', (_, { part, out }) => {
    const normalize = createNormalizer(partOf('normalizer', part));
    expect(beside(parts.texts, parts.texts.map(normalize))).toEqual(beside(parts.texts, out));
  });
});

describe('a pre-tokenizer', () => {
  it.each(named(parts.preTokenizers))('%s', (_, { part, out }) => {
    const { divide, letters } = createPreTokenizer(partOf('pre-tokenizer', part));
    const pieces = parts.texts.map((text) => {
      if (text === '') return [];
      const divided = divide([{ text, first: true }]).map((piece) => piece.text);
      return letters ? divided.map(toLetters) : divided;
    });
    expect(beside(parts.texts, pieces)).toEqual(beside(parts.texts, out));
  });
});

describe('a decoder', () => {
  it.each(named(parts.decoders))('%s', (_, { part, out }) => {
    const decode = createDecoder(partOf('decoder', part));
    const texts = parts.tokens.map((tokens) => decode(tokens).join(''));
    expect(beside(parts.tokens, texts)).toEqual(beside(parts.tokens, out));
  });
});

describe('a tokenizer', () => {
  it.each(whole.tokenizers.map((each) => [each.name, each] as const))(
    '%s',
    (_, { model, parts, cases, bare }) => {
      const json = { ...parts, model: whole.models[model] };
      const pipeline = createPipeline(json, [], Number.POSITIVE_INFINITY);
      const made = whole.texts.map((text, i) => {
        const [ids] = cases[i];
        const tokens = ids.map((id) => pipeline.tokens.get(id) ?? `no token ${id}`);
        return [pipeline.encode(text, true), pipeline.decode(tokens)];
      });
      expect(beside(whole.texts, made)).toEqual(beside(whole.texts, cases));
      expect(pipeline.encode(whole.texts[2], false)).toEqual(bare);
    },
  );

  it('finds places in a text where encoding the text up to them would', () => {
    for (const { name, model, parts } of whole.tokenizers) {
      const plain = { ...parts, model: whole.models[model] };
      // An added token with every flag, beside those that there are.
      const none = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: false };
      const flags = (['single_word', 'lstrip', 'rstrip', 'normalized'] as const).map((flag) => ({
        ...none,
        content: `<${flag}>`,
        [flag]: true,
      }));
      for (const more of [[], flags.slice(1), flags]) {
        const pipeline = createPipeline(plain, more, Number.POSITIVE_INFINITY);
        const between = ['<lstrip> ', ' <rstrip>  ', '<single_word>', '<normalized>', ' ', ''];
        const text = whole.texts
          .slice(0, 6)
          .map((each, i) => each.slice(0, 24) + between[i])
          .join('');
        const places = Array.from({ length: Math.ceil(text.length / 2) + 1 }, (_, i) => 2 * i);
        const encode = (part: string) => pipeline.encode(part, false);
        expect(pipeline.encodeWithPlaces(text, places), name).toEqual(placeByPrefix(encode, text, places));
      }
    }
  });
});

describe('a class of characters', () => {
  const assigned: number[] = [];
  let code = 0;
  classes.unassigned.forEach((length, i) => {
    for (const end = code + length; code < end; code++) if (i % 2 === 0) assigned.push(code);
  });

  it.each(Object.entries(classes.classes))('%s', (source, runs) => {
    const find = compilePattern(`\\A${source}\\z`);
    const isIn = runs.flatMap((length, i) => Array<boolean>(length).fill(i % 2 === 1));
    const wrong = assigned.filter((each, i) => (find(String.fromCodePoint(each), 0) !== null) !== isIn[i]);
    expect(wrong.map((each) => each.toString(16))).toEqual([]);
  });
});

describe('a pattern that is matched step by step', () => {
  const regexes = parts.preTokenizers.flatMap(({ part, out }) => {
    const { pattern, behavior } = part as { pattern?: { Regex?: string }; behavior?: string };
    return pattern?.Regex !== undefined && behavior === 'Isolated' && !('invert' in part && part.invert)
      ? [[pattern.Regex, out] as const]
      : [];
  });

  it.each(regexes)('%s', (source, out) => {
    const find = matcher(parsePattern(source));
    const pieces = parts.texts.map((text) =>
      text === ''
        ? []
        : sections(text, find).flatMap(({ start, end }) => (end > start ? [text.slice(start, end)] : [])),
    );
    expect(beside(parts.texts, pieces)).toEqual(beside(parts.texts, out));
  });

  it('ends where JavaScript’s own would not', () => {
    const text = `${'a'.repeat(5000)}!`;
    for (const source of ['(a+)+b', '(a|a)*b', '(?:a|ab|aba)*c', 'a*a*a*a*b', '(a?){50}a{50}b']) {
      expect(() => compilePattern(source)(text, 0)).toThrow('takes too long');
    }
    expect(compilePattern('(?:\\p{L}\\p{M}*)+')('ab cd', 0)).toEqual([0, 2]);
    expect(literalPattern('b')('ab', 0)).toEqual([1, 2]);
  });
});
