/** @file Every submit of the engine, in error scopes: what the device refuses is known by its text, and nothing waits for it. */
import { reportTrouble } from '../backend';
import { EngineFaultError, EngineMemoryError } from '../errors';

/** A scope for each kind of error; the innermost is the last. */
const FILTERS: readonly GPUErrorFilter[] = ['validation', 'internal', 'out-of-memory'];

/**
 * Records and submits commands, all that `record` does on the device with them. Resolves when the device has accepted them, which
 * is before it has run them; whoever does not wait must look at it later.
 * @param what for the person: “a training step”
 * @throws what `record` throws
 * @returns rejects with EngineFaultError in the device's words, or EngineMemoryError, of which the device's watchers are told too
 */
export function submitCommands(
  device: GPUDevice,
  what: string,
  record: (encoder: GPUCommandEncoder) => void,
): Promise<void> {
  for (const filter of FILTERS) device.pushErrorScope(filter);
  let accepted: Promise<void>;
  try {
    const encoder = device.createCommandEncoder({ label: what });
    record(encoder);
    device.queue.submit([encoder.finish()]);
  } finally {
    accepted = outcome(
      device,
      what,
      FILTERS.map(() => device.popErrorScope()),
    );
    accepted.catch(() => undefined);
  }
  return accepted;
}

async function outcome(
  device: GPUDevice,
  what: string,
  scopes: readonly Promise<GPUError | null>[],
): Promise<void> {
  // A lost device closes no scope; its loss is told by itself.
  const errors = await Promise.all(scopes.map((scope) => scope.catch(() => null)));
  const [memory, internal, validation] = errors;
  if (memory) {
    reportTrouble(device, { kind: 'outOfMemory', message: memory.message });
    throw new EngineMemoryError(`The graphics memory ran out during ${what}: ${memory.message}`);
  }
  const error = internal ?? validation;
  if (error) throw new EngineFaultError(`The graphics device refused ${what}: ${error.message}`);
}
