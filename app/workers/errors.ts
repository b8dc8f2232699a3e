/** @file Failures in the form the page can show: typed errors of every layer become a `StudioError`. */

import { DataError } from '../data/errors';
import { BackendError } from '../engine/backend';
import { EngineMemoryError } from '../engine/errors';
import { unforeseen } from '../formats/words';
import { ModelError } from '../model/errors';
import { PromptError } from '../prompt/errors';
import { TrainingError } from '../training/errors';
import type { StudioError } from './protocol';

/** An error of the worker's own: something was asked for at a moment when it cannot be done. */
export class StudioRequestError extends Error {
  override name = 'StudioRequestError';

  constructor(
    message: string,
    readonly hint?: string,
  ) {
    super(message);
  }
}

/** Work was cut short because the GPU device went away under it, or is replaced because its memory ran out. */
export class DeviceLostError extends Error {
  override name = 'DeviceLostError';
  readonly hint: string;

  constructor(
    message = 'The graphics device was lost while this was being worked on.',
    readonly kind: 'lost' | 'outOfMemory' = 'lost',
  ) {
    super(message);
    this.hint =
      kind === 'lost'
        ? 'Try again once the page says that the device is back.'
        : 'Use shorter texts, fewer virtual tokens, a smaller batch or a smaller model.';
  }
}

const layers: [new (...args: never[]) => Error, StudioError['kind']][] = [
  [BackendError, 'device'],
  [DeviceLostError, 'device'],
  [EngineMemoryError, 'device'],
  [ModelError, 'model'],
  [DataError, 'data'],
  [TrainingError, 'training'],
  [PromptError, 'prompt'],
];

/** Whether an error was thrown on purpose, with words: by a layer, or by the worker itself. */
export function isWorded(error: unknown): boolean {
  return error instanceof StudioRequestError || layers.some(([type]) => error instanceof type);
}

/** What was thrown as a `StudioError`; `kind` is used where the error itself does not tell its layer. */
export function toStudioError(thrown: unknown, kind: StudioError['kind']): StudioError {
  const error = isWorded(thrown) || isSentence(thrown) ? (thrown as Error) : inWords(thrown, kind);
  const layer = layers.find(([type]) => error instanceof type)?.[1] ?? kind;
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  // A refusal is answered with a token: none was sent, or one of somebody who may not.
  const refused =
    error instanceof ModelError && (error.kind === 'unauthorized' || error.kind === 'forbidden');
  return { kind: layer, message: error.message, ...(hint && { hint }), ...(refused && { remedy: 'token' }) };
}

/** Our own plain errors are sentences; those of libraries and of the language are notes for programmers. */
function isSentence(thrown: unknown): boolean {
  if (!(thrown instanceof Error) || thrown.name !== 'Error') return false;
  return (
    /^[“A-Z]/.test(thrown.message) &&
    /[.:”]/.test(thrown.message) &&
    !/^(Error|Argument) |\btf\./.test(thrown.message)
  );
}

const unread: Partial<Record<StudioError['kind'], string>> = {
  model: 'The model',
  data: 'The dataset',
  prompt: 'The prompt',
};

/** What nobody foresaw, in words; what it was stands in the browser's console. */
function inWords(thrown: unknown, kind: StudioError['kind']): Error {
  console.error(thrown);
  const what = unread[kind];
  if (what !== undefined) return unforeseen(what, thrown);
  return new StudioRequestError(
    'Something went wrong that this page was not made for.',
    'What you have open is as it was: try again. If it stays so, please report it with what the browser’s console says.',
  );
}
