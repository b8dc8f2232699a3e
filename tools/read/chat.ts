/** @file `read chat`: a file of `[{name, template, messages, config}]`, rendered with the start of the answer. */
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { findTemplate } from '../../app/model/chatFiles';
import { type ChatMessage, ChatTemplateError, createChatTemplate } from '../../app/model/chatTemplate';
import { ModelError } from '../../app/model/errors';
import { parseJsonFile } from '../../app/model/json';
import type { ReadError, Reading } from './reader';

const caseSchema = z.looseObject({
  name: z.string().catch(''),
  template: z.unknown(),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown() })),
  config: z.looseObject({}).nullish(),
  tools: z.array(z.unknown()).nullish().catch(null),
});

interface ReadCase {
  name: string;
  rendered: string | null;
  error: ReadError | null;
}

export async function readChat(path: string): Promise<Reading> {
  try {
    const content = parseJsonFile(await readFile(path), path);
    const list = z.array(z.unknown()).safeParse(content);
    if (!list.success) {
      return failed(path, 'A list of {name, template, messages, config} was expected.', null);
    }
    const cases: ReadCase[] = [];
    for (const each of list.data) cases.push(await readCase(each));
    return { path, cases, error: null };
  } catch (error) {
    if (error instanceof ModelError) return failed(path, error.message, error.hint);
    if (error instanceof Error && 'code' in error) {
      return failed(path, `The file could not be opened (${error.code}).`, 'Check its name.');
    }
    throw error;
  }
}

function failed(path: string, message: string, hint: string | null): Reading {
  return { path, cases: [], error: { message, hint } };
}

async function readCase(content: unknown): Promise<ReadCase> {
  const parsed = caseSchema.safeParse(content);
  if (!parsed.success) {
    const message = 'A case needs a template and a list of messages, each with a role.';
    return { name: '', rendered: null, error: { message, hint: null } };
  }
  const { name, template, messages, config, tools } = parsed.data;
  const { source, note } = findTemplate({ tokenizerConfig: { chat_template: template }, template: null });
  if (source === null) {
    return { name, rendered: null, error: { message: note ?? 'There is no template.', hint: null } };
  }
  try {
    const chat = await createChatTemplate(source, config ?? {});
    const rendered = chat.render(messages as ChatMessage[], { generationPrompt: true, tools });
    return { name, rendered, error: null };
  } catch (error) {
    if (!(error instanceof ChatTemplateError)) throw error;
    const message = `The chat template could not be used: ${error.message}`;
    return { name, rendered: null, error: { message, hint: 'Texts are used as they are, without it.' } };
  }
}
