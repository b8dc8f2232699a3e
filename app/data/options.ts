/** @file The data options nobody has chosen, and checks of those that a person or a saved session brings. */
import { DataError } from './errors';
import type { DataOptions } from './types';

/** Fewer leave no room for a word and its context. */
export const MIN_TOKENS = 4;
export const DEFAULT_MAX_TOKENS = 256;
/** Validation and test together leave at least a tenth to train on. */
const MOST_KEPT = 0.9;

/** Options that a dataset stored by an older version may lack are as nobody would have chosen them then. */
const DEFAULTS: DataOptions = {
  kind: 'inputTarget',
  inputTemplate: '',
  targetTemplate: '',
  turnColumns: [],
  learnedTurns: 'last',
  systemTurn: 'keep',
  joinLabels: false,
  // Where the model has no chat template, this counts for nothing.
  chat: true,
  systemText: '',
  endOfText: true,
  maxTokens: DEFAULT_MAX_TOKENS,
  validationShare: 0.2,
  testShare: 0,
  groupColumn: null,
  splitSeed: 1,
};

/** Options with those that are not given as nobody has chosen them. */
export function completeOptions(given: Partial<DataOptions>): DataOptions {
  return { ...DEFAULTS, ...given };
}

/** @throws DataError naming the option, its range and what was found. */
export function checkOptions(options: DataOptions): void {
  oneOf(options.kind, ['inputTarget', 'plainText', 'conversation'], 'The kind of data');
  oneOf(options.learnedTurns, ['last', 'all'], 'What is learned of a conversation');
  oneOf(options.systemTurn, ['keep', 'replace', 'drop'], 'What becomes of the system turn');
  if (typeof options.chat !== 'boolean' || typeof options.systemText !== 'string') {
    throw new DataError(
      'The data options must say whether texts go through the chat template (chat, systemText).',
    );
  }
  if (!Number.isInteger(options.maxTokens) || options.maxTokens < MIN_TOKENS) {
    throw new DataError(
      `The longest example must be a whole number of tokens from ${MIN_TOKENS}, not ${options.maxTokens}.`,
    );
  }
  checkShare(options.validationShare, 'validation');
  checkShare(options.testShare, 'test');
  if (options.validationShare + options.testShare > MOST_KEPT + 1e-9) {
    throw new DataError(
      `Validation and test share ${percent(options.validationShare + options.testShare)} of the rows; ${percent(MOST_KEPT)} is the most.`,
      { hint: 'Keep more rows to train on.' },
    );
  }
  if (!Number.isSafeInteger(options.splitSeed)) {
    throw new DataError(`The split seed must be a whole number, not ${options.splitSeed}.`);
  }
}

function oneOf(value: string, allowed: readonly string[], what: string): void {
  if (allowed.includes(value)) return;
  throw new DataError(
    `${what} must be ${allowed.slice(0, -1).join(', ')} or ${allowed.at(-1)}, not ${value}.`,
  );
}

function checkShare(share: number, of: string): void {
  if (share >= 0 && share <= MOST_KEPT) return;
  throw new DataError(`The ${of} share must be between 0 and ${MOST_KEPT}, not ${share}.`);
}

function percent(share: number): string {
  return `${Math.round(100 * share)} %`;
}
