/**
 * @file A model's chat template: Jinja source from its tokenizer's files, rendered as transformers' `apply_chat_template`
 * does. The language is `@huggingface/jinja`'s (blocks trimmed, as there); the variables and functions are given here.
 */
import { Environment, Interpreter, parse, tokenize } from '@huggingface/jinja';
import { z } from 'zod';
import { sha256 } from './hash';
import { formatTime } from './strftime';

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A template could not be rendered: it refuses the messages, or says something that this Jinja does not know. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

export interface ChatTemplate {
  /** sha-256 of the template's source and the special tokens it may name, hex. */
  readonly hash: string;
  /** Whether a rendering so far asked for the date: it then has `TEMPLATE_DATE` in it. */
  readonly dated: boolean;
  /**
   * The conversation as text, special tokens written out; with `generationPrompt` also the start of the answer's turn.
   * @throws ChatTemplateError
   */
  render(messages: readonly ChatMessage[], options: { generationPrompt: boolean }): string;
}

/**
 * The "today" of templates that ask for one. Always the same, so that a run can be repeated and resumed: it is the
 * date that Llama 3's own template takes where nobody tells it the time.
 */
export const TEMPLATE_DATE = new Date(2024, 6, 26);

const namedTemplates = z.array(z.looseObject({ name: z.string(), template: z.string() }));
const templateSchema = z.looseObject({
  chat_template: z.union([z.string(), namedTemplates]).nullish().catch(null),
});

/**
 * The source of the template that plain conversations use, or null where the model has none.
 * @param tokenizerConfig Content of tokenizer_config.json, whose `chat_template` is a string or a list of named ones.
 * @param templateFile Content of chat_template.jinja, which counts first.
 */
export function findChatTemplate(tokenizerConfig: unknown, templateFile: string | null): string | null {
  if (templateFile?.trim()) return templateFile;
  const found = templateSchema.safeParse(tokenizerConfig).data?.chat_template;
  if (typeof found === 'string') return found.trim() ? found : null;
  return found?.find(({ name }) => name === 'default')?.template ?? null;
}

/** Makes a template ready to be rendered. One that cannot be parsed says so at its first rendering: the model still serves. */
export async function createChatTemplate(source: string, tokenizerConfig: unknown): Promise<ChatTemplate> {
  const tokens = specialTokens(tokenizerConfig);
  const encoder = new TextEncoder();
  const hash = await sha256(encoder.encode(`${JSON.stringify(tokens)}\n${source}`));
  let program: ReturnType<typeof parse> | null = null;
  let dated = false;
  const functions = {
    raise_exception: (message: unknown) => {
      throw new ChatTemplateError(String(message));
    },
    strftime_now: (format: unknown) => {
      dated = true;
      return formatTime(TEMPLATE_DATE, String(format));
    },
    range,
  };
  return {
    hash,
    get dated() {
      return dated;
    },
    render(messages, { generationPrompt }) {
      try {
        program ??= parse(tokenize(source, { trim_blocks: true, lstrip_blocks: true }));
        const environment = new Environment();
        const variables = {
          ...constants,
          ...functions,
          ...tokens,
          messages: messages.map(({ role, content }) => ({ role, content })),
          add_generation_prompt: generationPrompt,
          // As transformers gives them: there, but none.
          tools: null,
          documents: null,
          // Models that think first (Qwen3, SmolLM3) are to answer at once: the target is the answer.
          enable_thinking: false,
        };
        for (const [name, value] of Object.entries(variables)) environment.set(name, value);
        return String(new Interpreter(environment).run(program).value);
      } catch (error) {
        if (error instanceof ChatTemplateError) throw error;
        throw new ChatTemplateError(error instanceof Error ? error.message : String(error), { cause: error });
      }
    },
  };
}

const constants = { true: true, True: true, false: false, False: false, none: null, None: null };

function range(start: number, stop?: number, step = 1): number[] {
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  return Array.from({ length: Math.max(0, Math.ceil((to - from) / step)) }, (_, i) => from + i * step);
}

const tokenText = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
]);

/** The named special tokens of transformers' `special_tokens_map`; one that the model lacks is undefined. */
function specialTokens(tokenizerConfig: unknown): Record<string, string> {
  const names = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
  const config = z.looseObject({}).safeParse(tokenizerConfig).data ?? {};
  const found = names.map((name) => [name, tokenText.safeParse(config[name]).data] as const);
  return Object.fromEntries(found.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
}
