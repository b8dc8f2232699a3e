/** @file Tokenizers and templates that the chat tests share: test/fixtures/chat, made by transformers. */
import { readFileSync } from 'node:fs';
import { findTemplate } from '../../app/model/chatFiles';
import { type ChatTemplate, createChatTemplate } from '../../app/model/chatTemplate';
import { createTokenizer, type Tokenizer } from '../../app/model/tokenizer';

interface ChatFile {
  /** File of test/fixtures/tokenizers. */
  tokenizer: string;
  addedTokens: object[];
  config: { chat_template: string; eos_token: string };
  takesSystem: boolean;
  cases: { system: string; input: string; target: string; prompt: number[]; whole: number[] }[];
}

export interface ChatFixture extends Omit<ChatFile, 'tokenizer'> {
  tokenizer: Tokenizer;
  template: ChatTemplate;
}

const read = (path: string) => JSON.parse(readFileSync(`${import.meta.dirname}/../fixtures/${path}`, 'utf8'));

export async function openChatFixture(name: string): Promise<ChatFixture> {
  const file: ChatFile = read(`chat/${name}.json`);
  const { tokenizer } = read(`tokenizers/${file.tokenizer}.json`);
  tokenizer.added_tokens = file.addedTokens;
  const { source } = findTemplate({ tokenizerConfig: file.config, template: null });
  if (source === null) throw new Error(`${name}.json has no template`);
  return {
    ...file,
    tokenizer: createTokenizer({ tokenizer, tokenizerConfig: file.config, config: {}, vocabSize: 1000 }),
    template: await createChatTemplate(source, file.config),
  };
}
