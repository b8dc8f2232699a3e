/** @file Templates render as jinja2 renders them for transformers, and fail where it fails. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ChatMessage, ChatTemplateError, createChatTemplate } from '../../app/model/chatTemplate';
import { compile, JinjaError } from '../../app/model/jinja/jinja';

interface Sweep {
  messages: ChatMessage[];
  tools: unknown[];
  /** A template and what it renders; null where Python refuses it. */
  cases: [string, string | null][];
}

/** Made by test/fixtures/chat/sweep.py. */
const { messages, tools, cases }: Sweep = JSON.parse(
  readFileSync(`${import.meta.dirname}/../fixtures/chat/sweep.json`, 'utf8'),
);
const config = { bos_token: '<s>', eos_token: '</s>' };

async function rendered(source: string): Promise<string | null> {
  const template = await createChatTemplate(source, config);
  try {
    return template.render(messages, { generationPrompt: true, tools });
  } catch (error) {
    if (error instanceof ChatTemplateError) return null;
    throw error;
  }
}

describe('thousands of snippets', () => {
  it('render as in Python', async () => {
    expect(cases.length).toBeGreaterThan(4000);
    const wrong: unknown[] = [];
    for (const [source, want] of cases) {
      const got = await rendered(source);
      if (got !== want) wrong.push({ source, want, got });
    }
    expect(wrong).toEqual([]);
  });

  it('leave the messages as they were: those prepared once render like fresh ones', async () => {
    const attempt = (render: () => unknown) => {
      try {
        return render();
      } catch (error) {
        if (error instanceof ChatTemplateError) return null;
        throw error;
      }
    };
    // Also where renderings of the same messages differ in what is asked for at their end.
    const asked = [true, false].map((generationPrompt) => ({
      generationPrompt,
      thinking: !generationPrompt,
      tools,
    }));
    for (const [source] of cases) {
      const template = await createChatTemplate(source, config);
      const prepared = template.prepare(messages);
      for (const count of [messages.length, 1]) {
        for (const options of asked) {
          const fresh = attempt(() => template.prepare(messages.slice(0, count)).render(options));
          expect(attempt(() => prepared.render(options, count))).toEqual(fresh);
        }
      }
    }
  });
});

it('keys of a dict are told apart by their types', () => {
  const source = "{% set d = {1: 'whole', '1': 'text', x: 'odd', none: 'none', (1,): 'pair'} %}";
  // Texts that look like how other keys are remembered.
  for (const x of ['\0n1', '\0none', 'n1', 's1', '\0s\0n1', '']) {
    const read = "{{ [d[1], d['1'], d[x], d[none], d[(1,)], d[true], d|length] }}";
    expect(compile(source + read).render({ x }).text).toBe(
      "['whole', 'text', 'odd', 'none', 'pair', 'whole', 5]",
    );
  }
});

describe('a template that would never end', () => {
  const bounds = { steps: 20_000, characters: 10_000, calls: 20 };

  it.each([
    [
      'loops within loops',
      '{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}',
      'takes too long',
    ],
    ['a macro that calls itself', '{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}', 'too deeply'],
    [
      'a text that doubles',
      "{% set ns = namespace(x='ab') %}{% for i in range(99) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
      'more than',
    ],
    [
      'a text written again and again',
      "{% for i in range(999) %}{{ 'abcdefghijklmn' }}{% endfor %}",
      'writes too much',
    ],
    ['an endless range', '{% for i in range(10 ** 9) %}{% endfor %}', 'Range too big'],
    ['a number without end', '{{ 9 ** 9999999 }}', 'too large'],
    ['brackets without end', `{{ ${'('.repeat(5000)}1${')'.repeat(5000)} }}`, 'too deeply'],
    ['something that holds itself', '{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}', 'too deeply'],
  ])('ends in words: %s', (_, source, words) => {
    const render = () => compile(source).render({}, bounds);
    expect(render).toThrow(JinjaError);
    expect(render).toThrow(words);
  });

  it('strips and divides long texts in no time', () => {
    const long = `a${' '.repeat(300_000)}b`;
    const source =
      '{{ (x|trim|length) ~ x.rstrip("b").strip()|length ~ (x.splitlines()|length) ~ (x|striptags|length) }}';
    expect(compile(source).render({ x: long }).text).toBe(`300002${1}${1}3`);
  });
});

it('names what it does not know', () => {
  for (const [source, words] of [
    ['{% include "other" %}', '“include” needs another template'],
    ['{% nope %}', 'The tag “nope” is not known'],
    ['{{ 1|nope }}', 'The filter “nope” is not known'],
    ['{{ 1 is nope }}', 'The test “nope” is not known'],
    ['{{ "a"|wordwrap }}', 'The filter “wordwrap” is not known here'],
    ['{% autoescape true %}{% endautoescape %}', '“autoescape” is known here only as false'],
  ]) {
    expect(() => compile(source).render({})).toThrow(words);
  }
});
