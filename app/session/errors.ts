/** @file Whatever was thrown, as a `StudioError` the page can show. */
import type { StudioError } from '../workers/protocol';

/** The worker rejects with plain `StudioError`s; anything else is a fault of ours, shown with its own words. */
export function toStudioError(thrown: unknown, kind: StudioError['kind']): StudioError {
  if (isStudioError(thrown)) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { kind, message };
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
