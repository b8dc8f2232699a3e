/** @file What to type to ask the model about a row: the text without what its template puts around it, which the playground adds by itself. */
import type { Turn } from '../workers/protocol';

/** `{name}` places of a template, and braces that stand for themselves. */
const PIECES = /\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+/g;

/**
 * @param input as the row's template has filled it
 * @param template that the playground fills; one of several columns it leaves out, so that all of the input is typed
 */
export function askedText(
  { input, turns }: { input: string; turns?: readonly Turn[] },
  template: string,
): string {
  // Of a conversation what the user says last: what is typed is a turn of the user.
  const said = turns?.findLast(({ role }) => role === 'user')?.text;
  return (said ?? cellOf(input, template)).trimEnd();
}

/** The cell that a template of one column was filled with; the input itself where that cannot be told. */
function cellOf(input: string, template: string): string {
  const pieces = [...template.matchAll(PIECES)].map(([piece]) => piece);
  const isPlace = (piece: string) => piece.length > 2 && piece.startsWith('{');
  const places = pieces.filter(isPlace);
  if (new Set(places.map((place) => place.slice(1, -1).trim().toLowerCase())).size !== 1) return input;
  const words = pieces.map((piece) =>
    isPlace(piece) ? null : piece === '{{' ? '{' : piece === '}}' ? '}' : piece,
  );
  const length = words.reduce((sum, word) => sum + (word?.length ?? 0), 0);
  const cell = (input.length - length) / places.length;
  if (!Number.isInteger(cell) || cell < 0) return input;
  const start = words.slice(0, words.indexOf(null)).join('').length;
  const text = input.slice(start, start + cell);
  return words.map((word) => word ?? text).join('') === input ? text : input;
}
