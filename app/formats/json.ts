/** @file JSON out of a file's bytes, with errors that name the file and the place. */
import { FormatError } from './errors';
import { quoted } from './readable';
import { foreignContent } from './recognise';

/** Deeper than any file that a person has; what walks through a value one call a level must not run out of stack. */
const DEEPEST = 200;

/**
 * The value a JSON file in UTF-8 holds; a byte-order mark is allowed, and NaN and Infinity, as Python writes them, are null.
 * @param onNote told of what is no JSON and was read all the same
 * @throws FormatError `otherFormat` where something else came instead, `malformed` where it is not UTF-8, not JSON, or
 * nested without end.
 */
export function parseJsonFile(bytes: Uint8Array, file: string, onNote?: (note: string) => void): unknown {
  const foreign = foreignContent(bytes, file, 'JSON', ['json']);
  if (foreign) throw foreign;
  const text = decode(bytes, file);
  const { deepest, open } = outline(text);
  if (deepest > DEEPEST) {
    throw malformed(`${file} is nested ${deepest} levels deep; at most ${DEEPEST} are read.`);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    const plain = withoutPythonNumbers(text);
    if (plain === null) throw fault(text, file, open, cause);
    const value = parsePlain(plain, file, open, cause);
    onNote?.(`${file} has NaN or Infinity, which JSON does not know: they count as not given.`);
    return value;
  }
}

/** The name of a key that an object at the top of a JSON text has twice, or null. A parser keeps the last in silence. */
export function repeatedKey(text: string): string | null {
  const seen = new Set<string>();
  let repeated: string | null = null;
  outline(text, (key) => {
    if (seen.has(key)) repeated ??= key;
    seen.add(key);
  });
  return repeated;
}

function decode(bytes: Uint8Array, file: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw malformed(`${file} is not text in UTF-8, as JSON is.`, cause);
  }
}

function parsePlain(text: string, file: string, open: boolean, before: unknown): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw fault(text, file, open, before);
  }
}

/** With null for numbers that JSON has no word for, or null where the text has none of them. */
function withoutPythonNumbers(text: string): string | null {
  if (!/NaN|Infinity/.test(text)) return null;
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const end = quote < 0 ? text.length : quote;
    pieces.push(text.slice(at, end).replace(/-?\b(?:NaN|Infinity)\b/g, 'null'));
    at = quote < 0 ? end : stringEnd(text, quote);
    pieces.push(text.slice(end, at));
  }
  return pieces.join('');
}

/** The place after a string that begins at a quotation mark; beyond the text's end where it has none. */
function stringEnd(text: string, quote: number): number {
  let at = quote + 1;
  for (; at < text.length && text.charCodeAt(at) !== 0x22; at++) if (text.charCodeAt(at) === 0x5c) at++;
  return at + 1;
}

function fault(text: string, file: string, open: boolean, cause: unknown): FormatError {
  if (open) return malformed(`${file} is not valid JSON: it ends before its last bracket.`, cause);
  const said = cause instanceof Error ? cause.message : '';
  // Browsers tell the place in different words, and some not at all.
  const position = /position (\d+)/.exec(said)?.[1];
  if (position === undefined) return malformed(`${file} is not valid JSON.`, cause);
  const before = text.slice(0, Number(position)).split('\n');
  const column = before[before.length - 1].length + 1;
  const found = text.slice(Number(position), Number(position) + 20);
  return malformed(
    `${file} is not valid JSON: line ${before.length}, column ${column} has ${quoted(found)}.`,
    cause,
  );
}

function malformed(message: string, cause?: unknown): FormatError {
  return new FormatError('malformed', message, 'Download or copy the file again.', { cause });
}

/**
 * How deep a text's brackets go, and whether some are open at its end; tells of keys of the outermost object, if asked.
 * One pass, without a stack.
 */
function outline(text: string, onKey?: (key: string) => void): { deepest: number; open: boolean } {
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      const start = at;
      at = stringEnd(text, at) - 1;
      if (at >= text.length) return { deepest, open: true };
      if (onKey && depth === 1 && isKey(text, at + 1)) onKey(unescaped(text.slice(start, at + 1)));
    } else if (code === 0x7b || code === 0x5b) {
      deepest = Math.max(deepest, ++depth);
    } else if (code === 0x7d || code === 0x5d) depth--;
  }
  return { deepest, open: depth > 0 };
}

function isKey(text: string, after: number): boolean {
  for (let at = after; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code === 0x3a;
  }
  return false;
}

function unescaped(literal: string): string {
  try {
    return String(JSON.parse(literal));
  } catch {
    return literal;
  }
}
