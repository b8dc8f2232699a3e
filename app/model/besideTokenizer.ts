/** @file The files that older models, or models that also see, have beside tokenizer.json and tokenizer_config.json. */
import { parseJsonFile } from './json';

/** Contents; null where there is no such file, or none that can be read: none of them is needed. */
export interface BesideTokenizer {
  /** special_tokens_map.json */
  specialTokensMap: unknown;
  /** added_tokens.json */
  addedTokens: unknown;
  /** chat_template.json */
  templateJson: unknown;
  /** Of the folder additional_chat_templates, by name without `.jinja`. */
  additional: Record<string, string>;
}

const ADDITIONAL = /(?:^|\/)additional_chat_templates\/([^/]+)\.jinja$/;

/**
 * Reads those of them that count. Of a folder whose files are not known, only what the configuration cannot do without is
 * asked for: a file that is not there costs a request, and the browser complains of it.
 * @param open Reads a file whole; null where there is none.
 * @param names All that the folder holds, where that is known.
 */
export async function readBeside(
  open: (name: string) => Promise<Uint8Array | null>,
  names: readonly string[] | null,
  tokenizerConfig: unknown,
): Promise<BesideTokenizer> {
  const config = (tokenizerConfig ?? {}) as Record<string, unknown>;
  // A configuration that lists its tokens says everything.
  const lists = typeof config.added_tokens_decoder === 'object' && config.added_tokens_decoder !== null;
  const json = async (name: string, needed: boolean) => {
    if (!(names ? names.includes(name) : needed)) return null;
    const bytes = await open(name);
    try {
      return bytes && parseJsonFile(bytes, name);
    } catch {
      return null;
    }
  };
  const additional: Record<string, string> = {};
  for (const name of names ?? []) {
    const [, template] = ADDITIONAL.exec(name) ?? [];
    const bytes = template === undefined ? null : await open(name);
    if (bytes) additional[template] = new TextDecoder().decode(bytes);
  }
  return {
    specialTokensMap: lists ? null : await json('special_tokens_map.json', config.eos_token === undefined),
    addedTokens: lists ? null : await json('added_tokens.json', false),
    templateJson: await json('chat_template.json', false),
    additional,
  };
}
