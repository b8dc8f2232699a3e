/** @file Tokens that a model expects around a text: the `post_processor` of a tokenizer.json. */
import { malformed, type Part } from './parts';

/** Ids of a text with what belongs before and after it. */
export type Surround = (ids: number[]) => number[];

export function createPostProcessor(part: Part): Surround {
  switch (part.type) {
    case 'ByteLevel':
      // It moves offsets, which nobody asks for here.
      return (ids) => ids;
    case 'BertProcessing':
    case 'RobertaProcessing': {
      const [start, end] = [tokenId(part, 'cls'), tokenId(part, 'sep')];
      return (ids) => [start, ...ids, end];
    }
    case 'TemplateProcessing':
      return template(part);
    case 'Sequence': {
      const all = part.parts('processors');
      const adding = all.filter(({ type }) => type !== 'ByteLevel');
      if (adding.length > 1) throw part.refused('with several parts that add tokens');
      return all.map(createPostProcessor).reduce(
        (first, next) => (ids) => next(first(ids)),
        (ids) => ids,
      );
    }
  }
  throw part.refused();
}

/** `[text, id]`. */
function tokenId(part: Part, key: string): number {
  const [text, id] = part.list(key);
  if (typeof text !== 'string' || !isId(id)) throw part.wrong(key, 'a token and its id');
  return id;
}

function isId(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

const MOST_TOKENS = 1000;

function template(part: Part): Surround {
  const known = part.raw('special_tokens');
  if (typeof known !== 'object' || known === null) throw part.wrong('special_tokens', 'an object');
  const before: number[] = [];
  const after: number[] = [];
  let texts = 0;
  for (const piece of part.list('single')) {
    const { SpecialToken: special, Sequence: sequence } = (piece ?? {}) as Record<string, { id?: unknown }>;
    if (sequence) {
      if (sequence.id !== 'A')
        throw malformed('the post-processor “TemplateProcessing” names a second text for one');
      texts++;
    } else {
      const name = String(special?.id);
      const entry = Object.hasOwn(known, name) ? (known as Record<string, { ids?: unknown }>)[name] : null;
      const ids = entry?.ids;
      if (!Array.isArray(ids) || !ids.every(isId) || ids.length > MOST_TOKENS) {
        throw malformed(`the post-processor “TemplateProcessing” has no ids for “${name.slice(0, 60)}”`);
      }
      (texts === 0 ? before : after).push(...ids);
    }
  }
  if (texts > 1) throw part.refused('that writes the text twice');
  return texts === 0 ? () => before : (ids) => [...before, ...ids, ...after];
}
