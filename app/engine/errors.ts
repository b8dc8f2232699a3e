/** @file What can go wrong in an engine that the layers above can answer. */

/** The memory for a step could not be had. A smaller batch or a shorter prompt may do. */
export class EngineMemoryError extends Error {
  override name = 'EngineMemoryError';
}
