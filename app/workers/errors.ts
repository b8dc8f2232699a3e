/** @file Failures in the form the page can show: typed errors of every layer become a `StudioError`. */

import { DataError } from '../data/errors';
import { BackendError } from '../engine/backend';
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

const layers: [new (...args: never[]) => Error, StudioError['kind']][] = [
  [BackendError, 'device'],
  [ModelError, 'model'],
  [DataError, 'data'],
  [TrainingError, 'training'],
  [PromptError, 'prompt'],
];

/** What was thrown as a `StudioError`; `kind` is used where the error itself does not tell its layer. */
export function toStudioError(thrown: unknown, kind: StudioError['kind']): StudioError {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  const layer = layers.find(([type]) => error instanceof type)?.[1] ?? kind;
  const hint = 'hint' in error && typeof error.hint === 'string' ? error.hint : undefined;
  return { kind: layer, message: error.message, ...(hint && { hint }) };
}
