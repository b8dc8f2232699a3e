/** @file A pattern as a tree, between what is written and what matches. */

/** A pattern says something that is not known here, or nothing at all. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

export type Pattern =
  /** One character, by a class of JavaScript's (flag `v`). */
  | { kind: 'class'; source: string; fold: boolean }
  | { kind: 'sequence'; parts: Pattern[] }
  | { kind: 'choice'; options: Pattern[] }
  | { kind: 'repeat'; of: Pattern; least: number; most: number; mode: 'greedy' | 'lazy' | 'possessive' }
  | { kind: 'look'; of: Pattern; behind: boolean; negated: boolean }
  | { kind: 'atomic'; of: Pattern }
  | { kind: 'capture'; of: Pattern; index: number }
  | { kind: 'reference'; index: number }
  | { kind: 'edge'; at: 'textStart' | 'textEnd' | 'lastLine' | 'lineStart' | 'lineEnd' | 'word' | 'noWord' };
