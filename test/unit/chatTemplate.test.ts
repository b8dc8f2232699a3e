/** @file Chats become the tokens that transformers makes of them, with the templates of real models. */
import { describe, expect, it } from 'vitest';
import { createChatFormat } from '../../app/data/chat';
import { DataError } from '../../app/data/errors';
import { findTemplate } from '../../app/model/chatFiles';
import {
  type ChatMessage,
  ChatTemplateError,
  createChatTemplate,
  TEMPLATE_DATE,
} from '../../app/model/chatTemplate';
import { formatTime } from '../../app/model/strftime';
import { openChatFixture } from './chatFixture';

const template = (source: string, config: object = {}) => createChatTemplate(source, config);
const hello: ChatMessage[] = [{ role: 'user', content: 'Hello' }];
const CHATML =
  "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/** The tokenizer of the ChatML fixtures, for templates made up here. */
const chatml = await openChatFixture('qwen25');

describe.each(['smollm2', 'qwen25', 'qwen3', 'llama3', 'llama32', 'gemma', 'zephyr', 'mistral', 'mistralV3'])(
  'the template of %s',
  async (name) => {
    const { tokenizer, template, takesSystem, cases } = await openChatFixture(name);

    it.each(cases.map((each) => [each.system, each.input, each] as const))(
      'with the system text %j and the input %j gives the tokens of apply_chat_template',
      (_system, _input, { system, input, target, prompt, whole }) => {
        const format = createChatFormat(template, tokenizer, system);
        const { ids, cut } = format.encodeInput(input);
        expect(ids).toEqual(prompt);
        expect(cut).toBe(0);
        const all = [...ids, ...format.encodeAnswer(target), ...format.end];
        // Mistral's template moves the system text to the last turn: the conversation then has it no more.
        if (name === 'mistralV3' && system) expect(whole.slice(0, prompt.length)).not.toEqual(prompt);
        else expect(all).toEqual(whole.slice(0, all.length));
        const rest = whole.slice(all.length);
        expect(tokenizer.decode(rest).trim()).toBe('');
        expect(rest.some((id) => tokenizer.specialIds.has(id))).toBe(false);
      },
    );

    it('ends an answer with the token that ends the turn', () => {
      const { end } = createChatFormat(template, tokenizer, '');
      expect(end).toHaveLength(1);
      expect(cases[0].whole).toContain(end[0]);
      expect(tokenizer.specialIds.has(end[0])).toBe(true);
    });

    it('says so where it has no place for a system text', () => {
      const notes = createChatFormat(template, tokenizer, 'Be kind.').notes.join();
      if (takesSystem) expect(notes).not.toContain('system');
      else expect(notes).toContain('has no system turn');
    });
  },
);

describe('a chat format', () => {
  const { tokenizer } = chatml;

  it('takes white space around input and target away', async () => {
    const format = createChatFormat(chatml.template, tokenizer, '');
    expect(format.encodeInput(' late \n')).toEqual(format.encodeInput('late'));
    expect(format.encodeAnswer('\tgood\n')).toEqual(format.encodeAnswer('good'));
  });

  it.each([
    'late and later, '.repeat(40),
    '😀東京'.repeat(60),
    `${'東京'.repeat(50)}${'the courier '.repeat(50)}`,
  ])('cuts the start of an input too long, and nothing of the template: %#', (input) => {
    const format = createChatFormat(chatml.template, tokenizer, 'Be brief.');
    const whole = format.encodeInput(input);
    for (const limit of [
      format.frameLength,
      format.frameLength + 1,
      format.frameLength + 23,
      whole.ids.length - 1,
    ]) {
      const { ids, cut } = format.encodeInput(input, limit);
      expect(ids.length).toBeLessThanOrEqual(limit);
      expect(ids.length).toBeGreaterThan(limit - 8);
      expect(cut).toBe(whole.ids.length - ids.length);
      const text = tokenizer.decode(ids, { specialTokens: true });
      const [, kept] = text.match(/<\|im_start\|>user\n(.*)<\|im_end\|>\n<\|im_start\|>assistant\n$/s) ?? [];
      expect(text.startsWith('<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n')).toBe(true);
      expect(input.trim().endsWith(kept)).toBe(true);
      expect(text).not.toContain('\uFFFD');
    }
    expect(format.encodeInput(input, whole.ids.length)).toEqual(whole);
  });

  it('begins the answer’s turn itself where the template forgets to, and says so', async () => {
    const silent = await template(CHATML.replace(/{% if.*/s, ''));
    const format = createChatFormat(silent, tokenizer, '');
    const usual = createChatFormat(await template(CHATML), tokenizer, '');
    expect(format.encodeInput('late').ids).toEqual(usual.encodeInput('late').ids);
    expect(format.encodeAnswer('good')).toEqual(usual.encodeAnswer('good'));
    expect(format.notes.join()).toContain('does not begin the answer’s turn');
    expect(usual.notes).toEqual([]);
  });

  it('ends an answer with the end-of-text token where the template has no end', async () => {
    const endless = await template(
      '{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}assistant: ',
    );
    expect(createChatFormat(endless, tokenizer, '').end).toEqual([tokenizer.endOfTextId]);
    expect(createChatFormat(endless, { ...tokenizer, endOfTextId: null }, '').end).toEqual([]);
  });

  it('names a thinking block that the template leaves open', async () => {
    const thinking = await template(CHATML.replace('assistant\n', 'assistant\n<think>\n'));
    expect(createChatFormat(thinking, tokenizer, '').notes.join()).toContain('thinking block');
  });

  it('names the date that the template writes', async () => {
    const { template, tokenizer } = await openChatFixture('llama32');
    const format = createChatFormat(template, tokenizer, '');
    expect(format.notes.join()).toContain('26 July 2024');
    expect(tokenizer.decode(format.encodeInput('late').ids)).toContain('Today Date: 26 Jul 2024');
  });

  it.each([
    ['that refuses', "{{ raise_exception('Only for tools') }}", /Only for tools/],
    ['that leaves out what is said', '{{ messages | length }}', /leaves out/],
    ['that cannot be read', '{% for m in %}', /could not be used/],
  ])('is refused for a template %s', async (_, source, message) => {
    const bad = await template(source);
    expect(() => createChatFormat(bad, tokenizer, '')).toThrow(DataError);
    expect(() => createChatFormat(bad, tokenizer, '')).toThrow(message);
  });
});

describe('a chat template', () => {
  it('is found in tokenizer_config.json, as a text or by its name, and first of all in its own file', () => {
    const find = (config: unknown, template: string | null, rest = {}) =>
      findTemplate({ tokenizerConfig: config, template, ...rest });
    const source = (...files: Parameters<typeof find>) => find(...files).source;
    expect(source({ chat_template: 'a' }, null)).toBe('a');
    expect(source({ chat_template: 'a' }, 'b')).toBe('b');
    expect(source(null, 'b')).toBe('b');
    const list = ['tool_use', 'default'].map((name) => ({ name, template: `for ${name}` }));
    expect(source({ chat_template: list }, null)).toBe('for default');
    expect(source({ chat_template: { default: 'c', rag: 'd' } }, null)).toBe('c');
    expect(source(null, 'b', { additional: { rag: 'd' } })).toBe('b');
    for (const none of [{}, { chat_template: null }, { chat_template: '' }, { chat_template: 3 }, null]) {
      expect(find(none, null)).toEqual({ source: null, note: null });
      expect(find(none, ' \n')).toEqual({ source: null, note: null });
    }
  });

  it('that plain conversations cannot use is named', () => {
    const list = [{ name: 'rag', template: 'x' }];
    expect(findTemplate({ tokenizerConfig: { chat_template: list }, template: null })).toMatchObject({
      source: null,
      note: expect.stringContaining('“rag”'),
    });
    const templateJson = { chat_template: 'x' };
    expect(findTemplate({ tokenizerConfig: {}, template: null, templateJson }).note).toContain(
      'chat_template.json',
    );
  });

  it('has the special tokens by name, and tools and documents that are none', async () => {
    const config = { bos_token: { content: '<s>' }, eos_token: '</s>', pad_token: null };
    const source = `{{ bos_token }}|{{ eos_token }}|{{ pad_token is defined }}|{{ tools is none }}|{{ documents is none }}
`;
    const made = await template(source, config);
    expect(made.render(hello, { generationPrompt: false })).toBe('<s>|</s>|False|True|True');
  });

  it('throws an error of its own, whatever went wrong', async () => {
    for (const source of ["{{ raise_exception('no') }}", '{{ 1 + x }}', '{% what %}']) {
      const made = await template(source);
      expect(() => made.render(hello, { generationPrompt: true })).toThrow(ChatTemplateError);
    }
  });

  it('has a hash that follows its source and the tokens it may write', async () => {
    const hashes = await Promise.all([
      template('a'),
      template('a', { chat_template: 'other' }),
      template('b'),
      template('a', { eos_token: '</s>' }),
    ]);
    expect(hashes[0].hash).toMatch(/^[0-9a-f]{64}$/);
    expect(hashes[1].hash).toBe(hashes[0].hash);
    expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(3);
  });

  it('reads dates in English', () => {
    expect(formatTime(TEMPLATE_DATE, '%d %B %Y, %A %a %b %-m %y %H:%M:%S %I %p %% %Q')).toBe(
      '26 July 2024, Friday Fri Jul 7 24 00:00:00 12 AM % %Q',
    );
  });
});
