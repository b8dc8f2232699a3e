/** @file The methods' names and words. The page lists them; what they compute stands in the files beside this one. */
import type { SoftPrompt } from '../../engine/engine';

export interface MethodName {
  /** As the page, errors and files call it. */
  label: string;
  /** What a run of it makes. */
  kind: SoftPrompt['kind'];
  /** What is trained, in a sentence. */
  means: string;
}

/** Adding a method: a line here, a line in `index.ts`, and its file. */
export const METHODS = {
  prompt: {
    label: 'prompt tuning',
    kind: 'prompt',
    means: 'The vectors themselves.',
  },
  residual: {
    label: 'residual prompt tuning',
    kind: 'prompt',
    means: 'The vectors and a small network that shifts them, which is dissolved into them at the end.',
  },
  mixture: {
    label: 'mixture of words',
    kind: 'prompt',
    means: 'How much of each of some real tokens every vector is made of.',
  },
  encoder: {
    label: 'P-tuning',
    kind: 'prompt',
    means: 'A small network that makes the vectors, which is dissolved into them at the end.',
  },
  prefix: {
    label: 'prefix tuning',
    kind: 'prefix',
    means: 'Keys and values in every layer, from those of the words it starts from.',
  },
  projectedPrefix: {
    label: 'projected prefix tuning',
    kind: 'prefix',
    means: 'A small network that makes the keys and values of every layer, dissolved into them at the end.',
  },
} as const satisfies Record<string, MethodName>;

export type MethodId = keyof typeof METHODS;
