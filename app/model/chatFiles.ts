/** @file Which chat template a model has, of all the places where one may stand. */
import { z } from 'zod';

/** Where a model's templates may stand; contents, null where there is no such file. */
export interface TemplateFiles {
  /** tokenizer_config.json: `chat_template` is a text, a list of named templates, or an object of them. */
  tokenizerConfig: unknown;
  /** chat_template.jinja, which counts first. */
  template: string | null;
  /** chat_template.json: a processor's template, which a model that also sees has. */
  templateJson?: unknown;
  /** Of the folder additional_chat_templates, by name without `.jinja`. */
  additional?: Readonly<Record<string, string>>;
}

/** What was found: the template of plain conversations, or why there is none though there are templates. */
export interface FoundTemplate {
  source: string | null;
  note: string | null;
}

const namedList = z
  .array(z.looseObject({ name: z.string(), template: z.string() }))
  .transform((list) => new Map(list.map(({ name, template }) => [name, template])));
const namedObject = z.record(z.string(), z.string()).transform((object) => new Map(Object.entries(object)));
const one = z.string().transform((template) => new Map([['default', template]]));
const templateSchema = z.looseObject({
  chat_template: z.union([one, namedList, namedObject]).nullish().catch(null),
});

/** The source of the template that plain conversations use, as transformers chooses it. */
export function findTemplate(files: TemplateFiles): FoundTemplate {
  const own = new Map(Object.entries(files.additional ?? {}));
  if (files.template !== null) own.set('default', files.template);
  const named = own.size > 0 ? own : inConfig(files.tokenizerConfig);
  const source = named?.get('default') ?? null;
  if (source?.trim()) return { source, note: null };
  const names = [...(named?.keys() ?? [])].filter((name) => name !== 'default');
  if (names.length > 0) {
    const list = names.map((name) => `“${name}”`).join(', ');
    return {
      source: null,
      note: `The model has chat templates for ${list} but none for plain conversations, so texts are used as they are.`,
    };
  }
  if (inConfig(files.templateJson)?.size) {
    return {
      source: null,
      note: 'The model’s chat template stands in chat_template.json, which is for its image processor: its tokenizer has none, so texts are used as they are.',
    };
  }
  return { source: null, note: null };
}

function inConfig(config: unknown): ReadonlyMap<string, string> | null {
  return templateSchema.safeParse(config).data?.chat_template ?? null;
}
