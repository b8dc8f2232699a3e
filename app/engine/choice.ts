/**
 * @file Which engine computes: the fused one wherever WebGPU is, once it has proved itself on this device; else the
 * processor's; and where that has no kernels either, or not for WebGPU's sake, the reference, which runs everywhere.
 * Each is loaded when it is needed.
 */
import { isLost, presentDevice, presentProcessor } from './backend';
import type { Engine } from './engine';
import { EngineUnusableError } from './errors';
import type { Problem } from './onGpu';
import type { ModelSpec, WeightFormat, WeightStream } from './spec';

/** What computes loss and gradient. */
export interface EngineReport {
  name: 'reference' | 'webgpu' | 'wasm';
  /** Why the fused engine is not used though WebGPU is there: for the person, and in numbers to copy. */
  problem: Problem | null;
}

/** Parameters of a model that the processor trains in minutes rather than days. */
export const MOST_ON_PROCESSOR = 150e6;

export interface EngineChoice {
  format?: WeightFormat;
  /**
   * Makes the processor tfjs's backend, for the reason that is given to the person. Absent where something else is on the GPU that must
   * stay there: the reference then runs on the GPU too.
   */
  toProcessor?: (reason: string) => Promise<void>;
}

/**
 * An engine on tfjs's present backend, and why it is not the fused one where it could be. Weights are taken from the
 * stream once, when the engine is chosen. What goes wrong with the fused engine before that is answered by the reference.
 * @throws EngineMemoryError where the GPU has no room for the weights; and what was thrown, where the device is lost
 */
export async function createEngine(
  spec: ModelSpec,
  weights: WeightStream,
  { format = 'stored', toProcessor }: EngineChoice = {},
): Promise<{ engine: Engine; report: EngineReport }> {
  const fallen = async ({ message, details }: Problem) => {
    const instead = toProcessor ? 'the processor' : 'the slower, simpler one';
    const problem = { message: `${message}, so ${instead} is used.`, details };
    if (!toProcessor) return onReference(spec, weights, problem);
    await toProcessor(problem.message);
    const { engine, report } = await onProcessor(spec, weights);
    return { engine, report: { ...report, problem } };
  };
  const device = presentDevice();
  if (!device) return onProcessor(spec, weights);
  try {
    const { createOnGpu } = await import('./onGpu');
    const made = await createOnGpu(spec, weights, device, format);
    if ('problem' in made) return fallen(made.problem);
    return { engine: made.engine, report: { name: 'webgpu', problem: null } };
  } catch (error) {
    // What the stream throws is not the device's fault, and half of it is gone.
    if (!(error instanceof EngineUnusableError) || (await isLost(device))) throw error;
    return fallen({
      message: 'The fast engine does not run on this graphics driver',
      details: error.message,
    });
  }
}

/** The processor's engine, or the reference where there is only plain JavaScript. */
async function onProcessor(
  spec: ModelSpec,
  weights: WeightStream,
): Promise<{ engine: Engine; report: EngineReport }> {
  const processor = presentProcessor();
  if (!processor) return onReference(spec, weights, null);
  const { createWasmEngine } = await import('./wasm/wasmEngine');
  const engine = await createWasmEngine(spec, weights, processor);
  return { engine, report: { name: 'wasm', problem: null } };
}

async function onReference(
  spec: ModelSpec,
  weights: WeightStream,
  problem: Problem | null,
): Promise<{ engine: Engine; report: EngineReport }> {
  const { createReferenceEngine } = await import('./reference/referenceEngine');
  return { engine: await createReferenceEngine(spec, weights), report: { name: 'reference', problem } };
}
