/** @file Of whole conversations exactly the assistant's words and the ends of its turns are learned. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ChatMessage, createChatTemplate } from '../../app/model/chatTemplate';
import { encodeTurns, type LearnedTurn, renderTurns } from '../../app/model/chatTurns';
import { createTokenizer } from '../../app/model/tokenizer';
import { openChatFixture } from './chatFixture';

const read = (path: string) => JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/${path}`, 'utf8'));

interface Masks {
  addedTokens: object[];
  templates: Record<string, string>;
  cases: { template: string; messages: ChatMessage[]; ids: number[]; learned: number[] }[];
}

/** Made by test/fixtures/chat/masks.py. */
const masks: Masks = read('chat/masks.json');
const { tokenizer: json } = read('tokenizers/splitByteLevel.json');
json.added_tokens = masks.addedTokens;
const config = { eos_token: '<|im_end|>' };
const tokenizer = createTokenizer({ tokenizer: json, tokenizerConfig: config, config: {}, vocabSize: 1000 });
const specialTexts = ['<|im_start|>', '<|im_end|>'];

/** Every answer is learned. */
const learn = (messages: readonly ChatMessage[]): LearnedTurn[] =>
  messages.map((message) => ({ ...message, learned: message.role === 'assistant' }));

describe.each(Object.keys(masks.templates))('the marks of the %s template', async (name) => {
  const source = masks.templates[name];
  const cases = masks.cases.filter(({ template }) => template === name);
  const marked = await createChatTemplate(source, config);
  const bare = await createChatTemplate(
    source.replace(/\{%(-?) (?:end)?generation (-?)%\}/g, '{%$1 if true $2%}{%$1 endif $2%}'),
    config,
  );

  it('give the mask of transformers', () => {
    expect(cases).toHaveLength(8);
    for (const { messages, ids, learned } of cases) {
      const encoded = encodeTurns(renderTurns(marked, learn(messages)), tokenizer);
      expect(encoded.ids).toEqual(ids);
      expect(encoded.learned.flatMap((on, i) => (on ? [i] : []))).toEqual(learned);
    }
  });

  it('are found without being there', () => {
    expect(bare.marksAnswers).toBe(false);
    for (const { messages } of cases) {
      for (const options of [{}, { specialTexts }]) {
        expect(renderTurns(bare, learn(messages), options)).toEqual(
          renderTurns(marked, learn(messages), options),
        );
      }
    }
  });
});

describe.each(['smollm2', 'qwen25', 'qwen3', 'llama3', 'llama32', 'gemma', 'zephyr', 'mistral', 'mistralV3'])(
  'of a conversation in the template of %s',
  async (name) => {
    const chat = await openChatFixture(name);
    const ends = [...chat.tokenizer.specialIds].map((id) => chat.tokenizer.tokenText(id));
    const spoken = [
      ['user', 'Where is it?'],
      ['assistant', 'With the courier.'],
      ['user', 'When?'],
      ['assistant', 'It was three days ago'],
    ].map(([role, content]) => ({ role, content }));

    it('all answers are learned, each with the end of its turn', () => {
      const { text, spans, lost } = renderTurns(chat.template, learn(spoken), { specialTexts: ends });
      expect(lost).toEqual([]);
      expect(spans.map(({ turn }) => turn)).toEqual([1, 3]);
      const said = spans.map(({ start, end }) => text.slice(start, end));
      for (const [i, words] of ['With the courier.', 'It was three days ago'].entries()) {
        expect(said[i].startsWith(words, said[i].indexOf(words[0]))).toBe(true);
        expect(ends.some((end) => said[i].endsWith(end))).toBe(true);
      }
    });

    it('the last answer alone is learned where only it is to be', () => {
      const turns = learn(spoken).map((turn, i) => ({ ...turn, learned: i === 3 }));
      const { spans } = renderTurns(chat.template, turns, { specialTexts: ends });
      expect(spans.map(({ turn }) => turn)).toEqual([3]);
    });

    it('begins the answer where a prompt ends', () => {
      const { text, spans } = renderTurns(chat.template, learn(spoken), { specialTexts: ends });
      const prompt = chat.template.render(spoken.slice(0, 3), { generationPrompt: true });
      if (text.startsWith(prompt)) expect(spans[1].start).toBe(prompt.length);
    });
  },
);

describe('a conversation', () => {
  const CHATML = masks.templates.chatml.replace(/\{% (?:end)?generation %\}/g, '');

  it('has its system text in the user’s turn where the template has no system turn', async () => {
    const gemma = await openChatFixture('gemma');
    const turns = learn([
      { role: 'user', content: 'late?' },
      { role: 'assistant', content: 'yes' },
    ]);
    const { text } = renderTurns(gemma.template, turns, { system: 'Be kind.' });
    expect(text).toContain('Be kind.\n\nlate?');
    const own = renderTurns(await createChatTemplate(CHATML, config), turns, { system: 'Be kind.' });
    expect(own.text).toContain('<|im_start|>system\nBe kind.<|im_end|>');
    expect(own.spans.map(({ turn }) => turn)).toEqual([1]);
  });

  it('keeps what an answer thinks, where the template writes it', async () => {
    const qwen = await openChatFixture('qwen3');
    const answer = '<think>\nthree days\n</think>\n\nlate';
    const turns = learn([
      { role: 'user', content: 'late?' },
      { role: 'assistant', content: answer },
    ]);
    const { text, spans } = renderTurns(qwen.template, turns, { specialTexts });
    expect(text.slice(spans[0].start, spans[0].end)).toBe(`${answer}<|im_end|>`);
  });

  it('ends earlier answers as the template ends them there', async () => {
    const source = CHATML.replace(
      "+ '<|im_end|>' }}{{ '\\n' }}",
      "+ ('<|end|>' if loop.last else '<|im_end|>') }}{{ '\\n' }}",
    );
    const changing = await createChatTemplate(source, config);
    const spoken = learn([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'first' },
      { role: 'user', content: 'b' },
      { role: 'assistant', content: 'last' },
    ]);
    const { text, spans } = renderTurns(changing, spoken, { specialTexts: [...specialTexts, '<|end|>'] });
    expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual(['first<|im_end|>', 'last<|end|>']);
  });

  it('that thinks against its prompt is learned from where the two part', async () => {
    const source = `${CHATML.replace("'<|im_start|>assistant\\n' }}{{ m.content", "'<|im_start|>assistant\\n' + ('' if '<think>' in m.content else '<think></think>') }}{{ m.content").replace("{{ '<|im_start|>assistant\\n' }}{% endif %}", "{{ '<|im_start|>assistant\\n<think></think>' }}{% endif %}")}`;
    const thinking = await createChatTemplate(source, config);
    const spoken = learn([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: '<think>why</think>b' },
    ]);
    const { text, spans, lost } = renderTurns(thinking, spoken, { specialTexts });
    expect(lost).toEqual([]);
    expect(text.slice(spans[0].start, spans[0].end)).toBe('why</think>b<|im_end|>');
  });

  it('names the turns whose words the template leaves out', async () => {
    const lossy = await createChatTemplate(
      CHATML.replace('{{ m.content + ', "{{ ('' if not loop.last else m.content) + "),
      config,
    );
    const spoken = learn([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'forgotten' },
      { role: 'user', content: 'b' },
      { role: 'assistant', content: 'kept' },
    ]);
    const { text, spans, lost } = renderTurns(lossy, spoken);
    expect(lost).toEqual([1]);
    expect(spans.map(({ start, end }) => text.slice(start, end))).toEqual(['kept<|im_end|>']);
  });

  it('learns a call of a tool as the template writes it', async () => {
    const source = CHATML.replace(
      'm.content + ',
      "(m.content or '') + (m.tool_calls | tojson if m.tool_calls else '') + ",
    );
    const tools = await createChatTemplate(source, config);
    const call = { role: 'assistant', content: '', tool_calls: [{ name: 'find', arguments: { n: 1 } }] };
    const { text, spans } = renderTurns(tools, learn([{ role: 'user', content: 'a' }, call]));
    expect(text.slice(spans[0].start, spans[0].end)).toBe(
      '[{"name": "find", "arguments": {"n": 1}}]<|im_end|>',
    );
  });
});
