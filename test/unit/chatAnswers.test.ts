/** @file What a chat model is asked in the playground, where its answers end, and what a prompt file says of it. */
import { describe, expect, it } from 'vitest';
import type { SoftPrompt } from '../../app/engine/engine';
import { openChat } from '../../app/model/chat';
import { createChatTemplate } from '../../app/model/chatTemplate';
import { inputCode } from '../../app/prompt/chatUsage';
import { modelCard } from '../../app/prompt/modelCard';
import type { ActiveModel } from '../../app/workers/modelSlot';
import { generateAnswers } from '../../app/workers/playground';
import type { GenerateRequest, StudioEvent } from '../../app/workers/protocol';
import { openChatFixture } from './chatFixture';
import { sampleArtefact } from './promptSamples';

const qwen = await openChatFixture('qwen25');
const gemma = await openChatFixture('gemma');
const DEFAULT_SYSTEM = 'You are Qwen, created by Alibaba Cloud. You are a helpful assistant.';

/** What the engine is given for each column, as text. */
async function asked(
  { tokenizer, template }: Pick<typeof qwen, 'tokenizer' | 'template'>,
  systemText: string | null,
  chat = true,
): Promise<string[]> {
  const texts: string[] = [];
  const engine = {
    async *generate(_prompt: SoftPrompt | null, ids: Int32Array) {
      texts.push(tokenizer.decode([...ids], { specialTokens: true }));
      yield tokenizer.encode('good', { specialTokens: false })[0];
    },
  };
  const request: GenerateRequest = {
    input: 'late',
    hardPrompt: 'Say good or bad.',
    columns: ['without', 'hard', 'with'],
    sampling: { maxTokens: 4, temperature: 0 },
  };
  await generateAnswers({
    model: { engine, tokenizer, chat: chat ? template : null } as unknown as ActiveModel,
    request,
    requestId: 1,
    form: { fill: (input) => `Review: ${input}\n`, systemText },
    prompt: { kind: 'prompt' } as SoftPrompt,
    signal: new AbortController().signal,
    emit: (_event: StudioEvent) => undefined,
  });
  return texts;
}

describe('the playground', () => {
  const turns = (system: string) =>
    `<|im_start|>system\n${system}<|im_end|>\n<|im_start|>user\nReview: late<|im_end|>\n<|im_start|>assistant\n`;

  it('asks in the chat template; an instruction is the system text', async () => {
    expect(await asked(qwen, '')).toEqual([DEFAULT_SYSTEM, 'Say good or bad.', DEFAULT_SYSTEM].map(turns));
  });

  it('keeps the system text of the training, the instruction after it', async () => {
    expect(await asked(qwen, 'Judge.')).toEqual(
      ['Judge.', 'Judge.\n\nSay good or bad.', 'Judge.'].map(turns),
    );
  });

  it('puts the instruction before the input where there is no system turn', async () => {
    const [without, hard] = await asked(gemma, '');
    expect(without).toContain('Review: late');
    expect(hard).toMatch(/Say good or bad.*Review: late/s);
  });

  it('asks in the text as it stands where the prompt was trained so, or the template is none or cannot be used', async () => {
    const plain = ['Review: late\n', 'Say good or bad.\nReview: late\n', 'Review: late\n'];
    expect(await asked(qwen, null)).toEqual(plain);
    expect(await asked(qwen, '', false)).toEqual(plain);
    const template = await createChatTemplate("{{ raise_exception('no') }}", {});
    expect(await asked({ ...qwen, template }, '')).toEqual(plain);
  });
});

describe('answers end', () => {
  it('with the turn, with what generation_config.json names, and with the text', async () => {
    const { tokenizer, config } = await openChatFixture('llama32');
    const [turn] = tokenizer.encode('<|eot_id|>', { specialTokens: false });
    expect(tokenizer.stopIds).not.toContain(turn);
    const files = { tokenizerConfig: config, template: null, generationConfig: { eos_token_id: [3, 7000] } };
    const opened = await openChat(files, tokenizer);
    expect([...opened.tokenizer.stopIds].sort()).toEqual([...tokenizer.stopIds, turn, 3].sort());
    expect(opened.chat).not.toBeNull();
    expect(opened.tokenizer.endOfTextId).toBe(tokenizer.endOfTextId);
  });

  it('as before for a model without a template, or with one that cannot be used', async () => {
    for (const template of [null, "{{ raise_exception('no') }}"]) {
      const files = { tokenizerConfig: {}, template, generationConfig: null };
      const opened = await openChat(files, qwen.tokenizer);
      expect(opened.tokenizer.stopIds).toEqual(qwen.tokenizer.stopIds);
      expect(opened.chat === null).toBe(template === null);
    }
  });
});

describe('the prompt file’s README', () => {
  const card = (words: Record<string, string>) => {
    const artefact = sampleArtefact();
    artefact.card = { ...artefact.card, ...words };
    return modelCard(artefact);
  };

  it('uses the chat template when the prompt was trained so, and only then', () => {
    const chat = card({ chat: 'true' });
    expect(chat).toContain('{"role": "user", "content": text.strip()}');
    expect(chat).toContain('tokenizer.apply_chat_template(');
    expect(chat).toContain("through the model's chat template");
    for (const plain of [card({}), card({ chat: 'false' })]) {
      expect(plain).toContain('inputs = tokenizer(text, return_tensors="pt")');
      expect(plain).not.toContain('chat template');
    }
  });

  it('says the system text where it stood in training', () => {
    const systemText = 'Say "good" or\n```bad```.';
    const literal = '"Say \\"good\\" or\\n\\u0060\\u0060\\u0060bad\\u0060\\u0060\\u0060."';
    expect(inputCode({ chat: 'true', systemText, systemPlace: 'system turn' })).toContain(
      `{"role": "system", "content": ${literal}}`,
    );
    const before = inputCode({ chat: 'true', systemText, systemPlace: 'user turn' });
    expect(before).toContain(`"content": ${literal} + "\\n\\n" + text.strip()}`);
    expect(before).not.toContain('"role": "system"');
  });

  it('tells the template the day of the training, and what it leaves out', () => {
    expect(card({ chat: 'true', templateDate: '2024-07-26' })).toContain('return cls(2024, 7, 26)');
    expect(card({ chat: 'true', answerCue: '<|im_start|>assistant\n' })).toContain(
      '`<|im_start|>assistant↵`',
    );
  });
});
