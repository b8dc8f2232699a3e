/**
 * @file A model's chat template: Jinja source from its tokenizer's files, rendered as transformers' `apply_chat_template`
 * does. The language is in `jinja/`; the variables and functions that transformers gives a template are here.
 */
import { z } from 'zod';
import { sha256 } from './hash';
import {
  compile,
  fromJson,
  JinjaError,
  type Rendering,
  type RenderLate,
  type Template,
  textFunction,
  type Value,
} from './jinja/jinja';
import { formatTime } from './strftime';

/** A turn of a conversation; templates may read further keys, such as `tool_calls` or `reasoning_content`. */
export interface ChatMessage {
  /** `system`, `user` and `assistant` mostly; also `tool` and what a template knows besides. */
  role: string;
  /** A text, or a list of parts as some templates take them. */
  content: unknown;
  [key: string]: unknown;
}

/** A template could not be rendered: it refuses the messages, or says something that is not known here. */
export class ChatTemplateError extends Error {
  override readonly name = 'ChatTemplateError';
}

export interface RenderOptions {
  /** Also the start of the answer's turn. */
  generationPrompt: boolean;
  /** JSON schemas of functions, where the template takes them. */
  tools?: readonly unknown[] | null;
  /** Default false: models that think first (Qwen3, SmolLM3) are to answer at once, since the target is the answer. */
  thinking?: boolean;
}

export interface ChatTemplate {
  /** sha-256 of the template's source and the special tokens it may name, hex. */
  readonly hash: string;
  /** Whether a rendering so far asked for the date: it then has `TEMPLATE_DATE` in it. */
  readonly dated: boolean;
  /** Whether it marks by `{% generation %}` what the model says. */
  readonly marksAnswers: boolean;
  /**
   * The conversation as text, special tokens written out.
   * @throws ChatTemplateError
   */
  render(messages: readonly ChatMessage[], options: RenderOptions): string;
  /** Messages that are to be rendered several times. */
  prepare(messages: readonly ChatMessage[]): PreparedMessages;
}

/** Messages as a template reads them. */
export interface PreparedMessages {
  /**
   * The first `count` of them (all where it is not said) as text, and where the template marked what the model says.
   * @throws ChatTemplateError
   */
  render(options: RenderOptions, count?: number): Rendering;
}

/**
 * The "today" of templates that ask for one. Always the same, so that a run can be repeated and resumed: it is the
 * date that Llama 3's own template takes where nobody tells it the time.
 */
export const TEMPLATE_DATE = new Date(2024, 6, 26);

/** What renderings of the same messages differ in. */
const LATE = ['add_generation_prompt', 'enable_thinking'];

/** What transformers passes to a template as `reasoning_content` too. */
const REASONING = ['reasoning_content', 'thinking', 'reasoning'];

/** Makes a template ready to be rendered. One that cannot be parsed says so at its first rendering: the model still serves. */
export async function createChatTemplate(source: string, tokenizerConfig: unknown): Promise<ChatTemplate> {
  const tokens = specialTokens(tokenizerConfig);
  const encoder = new TextEncoder();
  const hash = await sha256(encoder.encode(`${JSON.stringify(tokens)}\n${source}`));
  let program: Template | null = null;
  let dated = false;
  const functions = {
    raise_exception: textFunction('raise_exception', 'message', (message) => {
      throw new ChatTemplateError(message);
    }),
    strftime_now: textFunction('strftime_now', 'format', (format) => {
      dated = true;
      return formatTime(TEMPLATE_DATE, format);
    }),
  };
  const prepare = (messages: readonly ChatMessage[]): PreparedMessages => {
    let values: Value[] | null = null;
    /** Of renderings with the same tools, by the number of messages. */
    const series = new Map<number, RenderLate>();
    let told: RenderOptions['tools'];
    return {
      render: ({ generationPrompt, tools, thinking }, count = messages.length) => {
        try {
          program ??= compile(source, { ...functions, ...tokens }, LATE);
          // A template cannot change what it is given: each message is read once.
          values ??= messages.map((message) => fromJson(asTemplatesRead(message)));
          if (tools !== told) series.clear();
          told = tools;
          let render = series.get(count);
          if (!render) {
            render = program.series({
              messages: values.slice(0, count),
              // As transformers gives them: there, but none.
              tools: tools?.length ? fromJson(tools) : null,
              documents: null,
            });
            series.set(count, render);
          }
          return render({ add_generation_prompt: generationPrompt, enable_thinking: thinking ?? false });
        } catch (error) {
          if (error instanceof JinjaError) throw new ChatTemplateError(error.message, { cause: error });
          throw error;
        }
      },
    };
  };
  return {
    hash,
    get dated() {
      return dated;
    },
    marksAnswers: /\{%[-+]?\s*generation\s*[-+]?%\}/.test(source),
    render: (messages, options) => prepare(messages).render(options).text,
    prepare,
  };
}

/** Without keys that hold nothing, and with the reasoning under every name that templates read it by. */
function asTemplatesRead(message: ChatMessage): Record<string, unknown> {
  const holds = (value: unknown) => value !== null && value !== undefined;
  const named: Record<string, unknown> = Object.values(message).every(holds)
    ? message
    : Object.fromEntries(Object.entries(message).filter(([, value]) => holds(value)));
  const key = REASONING.find((name) => Object.hasOwn(named, name));
  return key === undefined ? named : { thinking: named[key], ...named, reasoning_content: named[key] };
}

const tokenText = z.union([
  z.string(),
  z.looseObject({ content: z.string() }).transform(({ content }) => content),
]);
const NAMED = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token'];
const extraSchema = z.looseObject({ extra_special_tokens: z.record(z.string(), tokenText).catch({}) });

/** The special tokens that templates know by name, as transformers' `special_tokens_map`; one that the model lacks is undefined. */
function specialTokens(tokenizerConfig: unknown): Record<string, Value> {
  const config = z.looseObject({}).safeParse(tokenizerConfig).data ?? {};
  const found = NAMED.map((name) => [name, tokenText.safeParse(config[name]).data] as const);
  const own = Object.entries(config).filter(
    (entry): entry is [string, string] =>
      entry[0].endsWith('_token') && !NAMED.includes(entry[0]) && typeof entry[1] === 'string',
  );
  const extra = Object.entries(extraSchema.safeParse(config).data?.extra_special_tokens ?? {});
  const all = [...found, ...own, ...extra];
  return Object.fromEntries(all.flatMap(([name, text]) => (text === undefined ? [] : [[name, text]])));
}
