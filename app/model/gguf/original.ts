/**
 * @file Which model of the Hub a GGUF file was converted from, where its metadata says so. Converters write what the original was itself
 * trained from under `general.base_model` too: that counts only where it has this model's own name.
 * https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import { readable } from '../../formats/readable';
import type { Metadata } from './metadata';

/** Letters of a name. */
const MOST_SHOWN = 80;

const sources = [
  'general.source.huggingface.repository',
  'general.source.repo_url',
  'general.source.url',
  'general.repo_url',
] as const;

/** Its name on the Hub, `owner/name`; null where the file does not say. */
export function originalOf(metadata: Metadata): string | null {
  const text = (name: string) => textOf(metadata, name);
  for (const source of sources) {
    const found = hubName(text(source));
    if (found) return found;
  }
  const base = hubName(text('general.base_model.0.repo_url'));
  if (!base) return null;
  const own = plain(text('general.name'));
  const names = [base.slice(base.indexOf('/') + 1), text('general.base_model.0.name')].map(plain);
  return own === '' || names.includes(own) ? base : null;
}

/** What the file calls its model, with who made it: “Gemma 3 270m (google)”; null where it has no name. */
export function calledIn(metadata: Metadata): string | null {
  const [name, organization] = ['general.name', 'general.organization'].map((key) =>
    readable(textOf(metadata, key).trim(), MOST_SHOWN),
  );
  if (name === '') return null;
  return organization === '' ? name : `${name} (${organization})`;
}

function textOf(metadata: Metadata, name: string): string {
  const value = metadata.raw(name);
  return typeof value === 'string' ? value : '';
}

/** `owner/name` out of itself or of an address of the Hub; null for a collection of such files, which is no original. */
function hubName(text: string): string | null {
  const [, found] =
    /^(?:https?:\/\/(?:www\.)?(?:huggingface\.co|hf\.co)\/)?([\w-][\w.-]*\/[\w-][\w.-]*?)(?:\.git)?\/?$/.exec(
      text.trim(),
    ) ?? [];
  return found === undefined || /gguf$/i.test(found) ? null : found;
}

/** A name without what differs between its spellings. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '');
}
