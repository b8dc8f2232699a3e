/** @file Conversations as the model sees them: tokens, which of them are learned, what is cut, and what the page is told. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Dataset, prepareDataset } from '../../app/data/dataset';
import { openData } from '../../app/data/open';
import { inputTokens } from '../../app/data/pack';
import { readRows } from '../../app/data/rows';
import type { DataOptions } from '../../app/data/types';
import { type ChatMessage, type ChatTemplate, createChatTemplate } from '../../app/model/chatTemplate';
import { createTokenizer, type Tokenizer } from '../../app/model/tokenizer';
import { formOfData } from '../../app/workers/inputForm';
import { openChatFixture } from './chatFixture';

const readJson = (path: string) =>
  JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/${path}`, 'utf8'));
const turn = (role: string, content: string) => ({ role, content });

interface Model {
  tokenizer: Tokenizer;
  chatTemplate: ChatTemplate | null;
}

async function prepare(
  conversations: readonly object[],
  { tokenizer, chatTemplate }: Model,
  changes: Partial<DataOptions> = {},
): Promise<Dataset> {
  const text = conversations.map((record) => JSON.stringify(record)).join('\n');
  const { train } = await openData([{ name: 'chats.jsonl', bytes: new TextEncoder().encode(text) }]);
  const request = { table: train, validationTable: null };
  const { options } = readRows({ ...request, options: null });
  const chosen = { ...options, validationShare: 0, ...changes };
  return prepareDataset({ ...request, options: chosen, tokenizer, chatTemplate });
}

const all = (tokenizer: Tokenizer, ids: Iterable<number>) =>
  tokenizer.decode([...ids], { specialTokens: true });
/** Learned stretches in brackets. */
function marked(tokenizer: Tokenizer, { tokenIds, isLabel }: Dataset['training'][number]): string {
  let text = '';
  for (let start = 0, end = 0; start < tokenIds.length; start = end) {
    while (end < tokenIds.length && isLabel[end] === isLabel[start]) end++;
    const part = all(tokenizer, tokenIds.subarray(start, end));
    text += isLabel[start] ? `[${part}]` : part;
  }
  return text;
}

describe('the learned tokens', async () => {
  // Made by test/fixtures/chat/masks.py with transformers' return_assistant_tokens_mask.
  const masks: {
    addedTokens: object[];
    templates: Record<string, string>;
    cases: { template: string; messages: ChatMessage[]; ids: number[]; learned: number[] }[];
  } = readJson('chat/masks.json');
  const { tokenizer: json } = readJson('tokenizers/splitByteLevel.json');
  json.added_tokens = masks.addedTokens;
  const config = { eos_token: '<|im_end|>' };
  const tokenizer = createTokenizer({
    tokenizer: json,
    tokenizerConfig: config,
    config: {},
    vocabSize: 1000,
  });

  it.each(Object.keys(masks.templates))(
    'of all answers are those of transformers’ mask: %s',
    async (name) => {
      const chatTemplate = await createChatTemplate(masks.templates[name], config);
      const cases = masks.cases.filter(({ template }) => template === name);
      const conversations = cases.map(({ messages }) => ({ messages }));
      const { training } = await prepare(
        conversations,
        { tokenizer, chatTemplate },
        { learnedTurns: 'all', maxTokens: 1000 },
      );
      expect(training).toHaveLength(cases.length);
      cases.forEach(({ ids, learned }, i) => {
        // What follows the last answer's end is left out.
        const length = (learned.at(-1) ?? -1) + 1;
        expect([...training[i].tokenIds]).toEqual(ids.slice(0, length));
        expect([...training[i].isLabel].flatMap((label, at) => (label ? [at] : []))).toEqual(learned);
      });
    },
  );

  it.each(['smollm2', 'qwen25', 'qwen3', 'llama3', 'gemma', 'zephyr', 'mistral'])(
    'of the last answer follow the text that the model is asked with: %s',
    async (name) => {
      const chat = await openChatFixture(name);
      const model = { tokenizer: chat.tokenizer, chatTemplate: chat.template };
      const said = [
        turn('user', 'Where is it?'),
        turn('assistant', 'With the courier.'),
        turn('user', 'When?'),
      ];
      const { training, chatFormat } = await prepare(
        [
          { messages: [...said, turn('assistant', 'It was three days ago')] },
          { messages: [turn('user', 'x'), turn('assistant', 'y')] },
        ],
        model,
      );
      const encode = (text: string) => chat.tokenizer.encode(text, { specialTokens: false });
      const asked = chat.template.render(said, { generationPrompt: true }) + (chatFormat?.cue ?? '');
      const input = inputTokens(training[0]);
      expect([...input]).toEqual(encode(asked));
      // As one text, an answer has the tokens that the template's whole text has.
      const whole = chat.template.render([...said, turn('assistant', 'It was three days ago')], {
        generationPrompt: false,
      });
      expect(encode(whole).slice(0, training[0].tokenIds.length)).toEqual([...training[0].tokenIds]);
      expect(training[0].tokenIds.at(-1)).toBe(chatFormat?.end.at(-1));
    },
  );
});

describe('a conversation', async () => {
  const { tokenizer, template } = await openChatFixture('qwen25');
  const model = { tokenizer, chatTemplate: template };
  const long = {
    messages: [
      turn('system', 'Be brief.'),
      turn('user', 'One?'),
      turn('assistant', '1'),
      turn('user', 'Two?'),
      turn('assistant', '2'),
    ],
  };

  it('is written by the template, of all answers every one with its end', async () => {
    const { training } = await prepare([long], model, { learnedTurns: 'all' });
    expect(marked(tokenizer, training[0])).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nOne?<|im_end|>\n<|im_start|>assistant\n[1<|im_end|>]\n' +
        '<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n[2<|im_end|>]',
    );
  });

  it('has no ends to learn where none are asked for', async () => {
    const { training } = await prepare([long], model, { learnedTurns: 'all', endOfText: false });
    expect(marked(tokenizer, training[0])).toMatch(/assistant\n\[1\]<\|im_end\|>\n.*assistant\n\[2\]$/s);
  });

  it('is written in a plain layout for a model without a template, and where the template is switched off', async () => {
    for (const [chatTemplate, chat] of [
      [null, true],
      [template, false],
    ] as const) {
      const { training, report, written } = await prepare(
        [long],
        { tokenizer, chatTemplate },
        { learnedTurns: 'all', chat },
      );
      const end = all(tokenizer, [tokenizer.endOfTextId ?? -1]);
      expect(marked(tokenizer, training[0])).toBe(
        `System: Be brief.\n\nUser: One?\n\nAssistant:[ 1${end}]\n\nUser: Two?\n\nAssistant:[ 2${end}]`,
      );
      expect(report.notes.join()).toContain('plain layout');
      expect(written.inputTemplate).toBe('System: Be brief.\n\nUser: {input}\n\nAssistant:');
    }
  });

  it('too long loses its oldest exchanges, then the start of the question, and keeps its answer', async () => {
    const whole = await prepare([long], model);
    const { length } = whole.training[0].tokenIds;
    const shorter = await prepare([long], model, { maxTokens: length - 1 });
    expect(marked(tokenizer, shorter.training[0])).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nTwo?<|im_end|>\n<|im_start|>assistant\n[2<|im_end|>]',
    );
    expect(shorter.training[0].cut).toBe(length - shorter.training[0].tokenIds.length);
    expect(shorter.report.notes.join()).toContain('lost their oldest turns');
    const wordy = { messages: [turn('user', `${'word '.repeat(200)}end?`), turn('assistant', 'yes')] };
    const cut = await prepare([wordy], model, { maxTokens: 120 });
    expect(cut.training[0].tokenIds.length).toBeLessThanOrEqual(120);
    expect(marked(tokenizer, cut.training[0])).toMatch(
      /word end\?<\|im_end\|>\n<\|im_start\|>assistant\n\[yes<\|im_end\|>\]$/,
    );
  });

  it('asks as a chat in the playground, with the system turn that all conversations share', async () => {
    const { chatFormat } = await prepare([long, { messages: long.messages.slice(0, 3) }], model);
    expect(chatFormat?.systemText).toBe('Be brief.');
    const mixed = await prepare([long, { messages: long.messages.slice(1) }], model);
    expect(mixed.chatFormat?.systemText).toBe('');
    expect(formOfData({ dataset: mixed }).fill('Hi {there}')).toBe('Hi {there}');
  });

  it('of two classes has their tokens, as they end an example', async () => {
    const answers = Array.from({ length: 8 }, (_, i) => ({
      messages: [turn('user', `Is ${i} even?`), turn('assistant', i % 2 ? 'no' : 'yes')],
    }));
    for (const chatTemplate of [template, null]) {
      const { classes, classTokens, training, trainingExamples } = await prepare(answers, {
        tokenizer,
        chatTemplate,
      });
      expect(classes).toEqual(['no', 'yes']);
      training.forEach((example, i) => {
        const at = classes?.indexOf(trainingExamples[i].target) ?? -1;
        expect(example.tokenIds.slice(inputTokens(example).length)).toEqual(classTokens[at]);
      });
    }
  });

  it('that a template refuses is left out and said; where all are, the plain layout serves', async () => {
    const strict = await createChatTemplate(
      "{% for m in messages %}{% if m.role == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}{{ '<' + m.role + '>' + m.content + '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
      { eos_token: '<|im_end|>' },
    );
    const withTool = { messages: [turn('user', 'a'), turn('tool', 'b'), turn('assistant', 'c')] };
    const strictly = { tokenizer, chatTemplate: strict };
    const { report, training } = await prepare(
      [long, { messages: long.messages.slice(1) }, withTool],
      strictly,
    );
    expect(training).toHaveLength(2);
    const check = report.checks.find(({ text }) => text.includes('no tools here'));
    expect(check).toMatchObject({
      kind: 'conversations',
      rows: [3],
      text: expect.stringMatching(/^1 row is left out/),
    });
    const plain = await prepare([withTool], strictly);
    expect(plain.report.notes.join()).toMatch(/no tools here.*plain layout/);
    expect(plain.report.options.chat).toBe(false);
    expect(marked(tokenizer, plain.training[0])).toMatch(/^User: a\n\nTool: b\n\nAssistant:\[ c/);
  });

  it('whose system turn and tools leave no room is left out and said', async () => {
    const wordy = {
      messages: [turn('system', 'word '.repeat(200)), turn('user', 'a'), turn('assistant', 'b')],
    };
    const { report, training } = await prepare(
      [long, long, wordy].map((each, i) => ({ ...each, id: i })),
      model,
      { maxTokens: 150 },
    );
    expect(training).toHaveLength(1);
    expect(report.checks.map(({ text }) => text).join()).toMatch(
      /1 row is left out: What stands before the answer and cannot be cut .* more than 150 tokens/,
    );
  });

  it('with tools tells whether the model has a place for them', async () => {
    const tools = [
      {
        type: 'function',
        function: {
          name: 'weather',
          description: 'Tells it',
          parameters: { type: 'object', properties: {} },
        },
      },
    ];
    const record = { messages: [turn('user', 'Oslo?'), turn('assistant', 'Cold.')], tools };
    const qwen = await prepare([record], model, { maxTokens: 2000 });
    expect(marked(tokenizer, qwen.training[0])).toContain('"weather"');
    const zephyr = await openChatFixture('zephyr');
    const other = await prepare(
      [record],
      { tokenizer: zephyr.tokenizer, chatTemplate: zephyr.template },
      { maxTokens: 2000 },
    );
    expect(other.report.notes.join()).toMatch(/no place for tools.*left out of 1 row/);
  });

  it('shows its turns in the preview', async () => {
    const { report } = await prepare([long], model);
    expect(report.preview[0].turns?.map(({ role, learned }) => [role, learned])).toEqual([
      ['system', false],
      ['user', false],
      ['assistant', false],
      ['user', false],
      ['assistant', true],
    ]);
    expect(report.conversationColumns).toEqual(['messages']);
  });

  it('opens whatever its system turn takes, as far as the model’s context allows', async () => {
    const wordy = (i: number) => ({
      messages: [turn('system', 'word '.repeat(200)), turn('user', `a${i}`), turn('assistant', 'b')],
    });
    const text = [1, 2, 3].map((i) => JSON.stringify(wordy(i))).join('\n');
    const { train } = await openData([{ name: 'chats.jsonl', bytes: new TextEncoder().encode(text) }]);
    const open = (longest: number) =>
      prepareDataset({ table: train, validationTable: null, options: null, longest, ...model });
    const { report } = await open(4000);
    expect(report.options.maxTokens).toBeGreaterThan(600);
    expect(report.training + report.validation).toBe(3);
    await expect(open(300)).rejects.toThrow(/No example is left to train on/);
  });

  it('has a hash that follows what is learned and how it is written', async () => {
    const hash = async (...args: Parameters<typeof prepare>) => (await prepare(...args)).report.hash;
    const hashes = [
      await hash([long], model),
      await hash([long], model, { learnedTurns: 'all' }),
      await hash([long], model, { systemTurn: 'drop' }),
      await hash([long], { tokenizer, chatTemplate: null }),
    ];
    expect(new Set(hashes).size).toBe(4);
  });
});
