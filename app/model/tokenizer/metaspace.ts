/** @file `Metaspace`, which a tokenizer.json has as pre-tokenizer and as decoder. */
import type { Part } from './parts';

export interface Metaspace {
  /** Stands for a space. */
  replacement: string;
  /** Whether a text without a space before it is given one. */
  scheme: 'always' | 'first' | 'never';
  /** Each space begins a piece. */
  split: boolean;
}

export function metaspaceOf(part: Part): Metaspace {
  const replacement = part.text('replacement');
  if (Array.from(replacement).length !== 1) throw part.wrong('replacement', 'one character');
  const scheme = part.choice('prepend_scheme', ['always', 'first', 'never'], 'always');
  const older = part.has('add_prefix_space') && !part.flag('add_prefix_space', true);
  return { replacement, scheme: older ? 'never' : scheme, split: part.flag('split', true) };
}
