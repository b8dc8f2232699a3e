/** @file Whatever was thrown, as a `StudioError` the page can show. */
import type { StudioError } from '../workers/protocol';

/** The worker rejects with plain `StudioError`s; anything else is a fault of ours, which the console tells in full. */
export function toStudioError(thrown: unknown, kind: StudioError['kind']): StudioError {
  if (isStudioError(thrown)) return thrown;
  console.error(thrown);
  if (thrown instanceof DOMException && thrown.name === 'DataCloneError') {
    const message = 'This could not be handed to the trainer.';
    return { kind, message, hint: 'A file that was changed or moved meanwhile has to be chosen again.' };
  }
  return {
    kind,
    message: 'The page met an error that it did not expect.',
    hint: 'Try once more. If it stays so, reload the page: what has been saved is kept.',
  };
}

function isStudioError(thrown: unknown): thrown is StudioError {
  return (
    typeof thrown === 'object' &&
    thrown !== null &&
    !(thrown instanceof Error) &&
    'message' in thrown &&
    typeof thrown.message === 'string' &&
    'kind' in thrown
  );
}
