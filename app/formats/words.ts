/** @file Errors of schemas, libraries and the language itself in words for a person. */
import type { z } from 'zod';
import { FormatError } from './errors';
import { quoted, readable } from './readable';

/**
 * What nobody foresaw, in words: the one way for an error of a language or a library to reach a person.
 * @param what what was being read, for the beginning of a sentence
 */
export function unforeseen(what: string, cause: unknown): FormatError {
  const again = 'Take it again from where it came from; if it stays so, please report the file.';
  const name = cause instanceof Error || cause instanceof DOMException ? cause.name : '';
  const text = cause instanceof Error ? cause.message : String(cause);
  if (/NotReadable|NotFound|NotAllowed|SecurityError/.test(name)) {
    const message = `${what} could not be read: it may have been moved, changed or locked since it was chosen.`;
    return new FormatError('unforeseen', message, 'Choose it again.', { cause });
  }
  if (/call stack|recursion/i.test(text)) {
    return new FormatError('unforeseen', `${what} is nested too deeply to be read.`, again, { cause });
  }
  if (name === 'RangeError' || /allocation|out of memory|QuotaExceeded/i.test(`${name} ${text}`)) {
    const message = `${what} asks for more memory than there is.`;
    return new FormatError('unforeseen', message, `It may be damaged. ${again}`, { cause });
  }
  return new FormatError(
    'unforeseen',
    `${what} could not be read: something in it is not as it should be.`,
    again,
    {
      cause,
    },
  );
}

/** Whether an error, or what caused it, came through `unforeseen`: a gap in the checks before it. */
export function isUnforeseen(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof FormatError && at.kind === 'unforeseen') return true;
  }
  return false;
}

/**
 * What a value lacks of its schema: “hidden_size should be a whole number, and is “abc””.
 * @param value what was parsed
 */
export function schemaFault(error: z.core.$ZodError, value: unknown): string {
  let [issue] = error.issues;
  const path = [...issue.path];
  while (issue.code === 'invalid_union' && issue.errors.length > 0) {
    // Of several possibilities the one that went furthest is the one that was meant.
    const furthest = issue.errors.map(([first]) => first).sort((a, b) => b.path.length - a.path.length)[0];
    if (!furthest) break;
    issue = furthest;
    path.push(...furthest.path);
  }
  const where = path.length > 0 ? readable(path.map(String).join('.'), 120) : 'its content';
  const found = valueAt(value, path);
  const wanted = expectation(issue);
  return found === undefined
    ? `${where} is missing; it should be ${wanted}`
    : `${where} should be ${wanted}, and is ${shown(found)}`;
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}

const typeWords = new Map<string, string>([
  ['int', 'a whole number'],
  ['number', 'a number'],
  ['string', 'text'],
  ['boolean', 'true or false'],
  ['array', 'a list'],
  ['tuple', 'a list'],
  ['object', 'an object'],
  ['record', 'an object'],
  ['null', 'null'],
]);

function expectation(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return typeWords.get(issue.expected) ?? 'something else';
    case 'too_small': {
      const least = issue.inclusive === false ? `more than ${issue.minimum}` : `at least ${issue.minimum}`;
      return `${least}${unit(issue.origin)}`;
    }
    case 'too_big': {
      const most = issue.inclusive === false ? `less than ${issue.maximum}` : `at most ${issue.maximum}`;
      return `${most}${unit(issue.origin)}`;
    }
    case 'invalid_value':
      return issue.values.length === 1
        ? shown(issue.values[0])
        : `one of ${issue.values.map(shown).join(', ')}`;
    case 'invalid_format':
      return issue.format === 'base64' ? 'base64' : 'of another form';
    default:
      return 'something else';
  }
}

function unit(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function shown(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  return typeof value === 'object' && value !== null ? 'an object' : String(value);
}
