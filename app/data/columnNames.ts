/** @file Column names people use for an example's two sides, commonest first. */

const INPUT_NAMES = [
  'input',
  'inputs',
  'text',
  'question',
  'prompt',
  'sentence',
  'review',
  'instruction',
  'query',
  'message',
  'utterance',
  'source',
  'src',
  'content',
  'document',
  'article',
  'body',
  'passage',
  'premise',
  'sentence1',
  'text1',
  'comment',
  'tweet',
  'post',
  'email',
  'request',
  'dialogue',
  'context',
  'original',
  'english',
  'casual',
];

const TARGET_NAMES = [
  'target',
  'targets',
  'label',
  'labels',
  'labeltext',
  'answer',
  'answers',
  'completion',
  'output',
  'outputs',
  'response',
  'summary',
  'category',
  'class',
  'sentiment',
  'intent',
  'reply',
  'translation',
  'headline',
  'topic',
  'highlights',
  'tgt',
  'expected',
  'expectedoutput',
  'emotion',
  'chosen',
  'result',
  'formal',
];

/** Pairs that belong together in the input, in the order in which they are read. */
export const COMPANIONS: readonly (readonly [string, string])[] = [
  ['instruction', 'input'],
  ['context', 'question'],
  ['passage', 'question'],
  ['premise', 'hypothesis'],
  ['sentence1', 'sentence2'],
  ['text1', 'text2'],
  ['question1', 'question2'],
];

/** Lower case, letters and digits only: "Label Text" and "label_text" are the same name. */
export function normalName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

export function isKnownColumnName(name: string): boolean {
  const normal = normalName(name);
  return INPUT_NAMES.includes(normal) || TARGET_NAMES.includes(normal);
}

export function inputRank(name: string): number {
  return rank(INPUT_NAMES, name);
}

export function targetRank(name: string): number {
  return rank(TARGET_NAMES, name);
}

/** Place in the list, Infinity when it is not there. */
function rank(names: readonly string[], name: string): number {
  const at = names.indexOf(normalName(name));
  return at < 0 ? Number.POSITIVE_INFINITY : at;
}
