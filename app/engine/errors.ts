/** @file What can go wrong in an engine that the layers above can answer. */

/** The memory for a step could not be had. A smaller batch or a shorter prompt may do. */
export class EngineMemoryError extends Error {
  override name = 'EngineMemoryError';
}

/** The device refused work of the engine: what was computed since is of no worth. */
export class EngineFaultError extends Error {
  override name = 'EngineFaultError';
}

/** The fast engine cannot be had on this device, though nothing is wrong with the model. `message` is for the person. */
export class EngineUnusableError extends Error {
  override name = 'EngineUnusableError';
}
