/**
 * @file Which engine computes: the fused one wherever WebGPU is, once it has proved itself on this device; else the
 * processor's; and where that has no kernels either, or not for WebGPU's sake, the reference, which runs everywhere.
 */
import * as tf from '@tensorflow/tfjs-core';
import { presentDevice, presentProcessor } from './backend';
import type { Engine } from './engine';
import { EngineUnusableError } from './errors';
import { proofModel } from './proofModel';
import { createReferenceEngine } from './reference/referenceEngine';
import type { ModelSpec, WeightFormat, WeightStream } from './spec';
import { adapterNames } from './webgpu/adapter';
import { roundedToInt8 } from './webgpu/int8';
import { checkAgainstReference } from './webgpu/selfCheck';
import { browserTileStore } from './webgpu/tileStore';
import { rememberedTile } from './webgpu/tune';
import { createWebGpuEngine, type WebGpuEngineOptions } from './webgpu/webgpuEngine';
import { streamOf } from './weightStream';

/** What computes loss and gradient. */
export interface EngineReport {
  name: 'reference' | 'webgpu' | 'wasm';
  /** Why the fused engine is not used though WebGPU is there: for the person, and in numbers to copy. */
  problem: Problem | null;
}

/** What is wrong with the fused engine on an adapter. */
interface Problem {
  message: string;
  details: string;
}

/**
 * Drivers exist that compute wrong numbers without an error (tensorflow/tfjs#8590): each adapter is tried once with
 * every kind of model, a kind being all that a small model has of a large one. Only what was compared is remembered: an adapter that
 * broke may do better next time. Nothing outlives the page: browser, driver and this program may all be others at the next visit.
 */
const proved = new Map<string, Problem | null>();

/** How products are divided among threads on each adapter that was ever used here. */
const tiles = browserTileStore();

/** Parameters of a model that the processor trains in minutes rather than days. */
export const MOST_ON_PROCESSOR = 150e6;

/** Work may break on a lost device some milliseconds before the loss is told. */
const GRACE = 1000;

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
  const reference = async (report: EngineReport) => ({
    engine: await createReferenceEngine(spec, weights),
    report,
  });
  const fallen = async ({ message, details }: Problem) => {
    const instead = toProcessor ? 'the processor' : 'the slower, simpler one';
    const problem = { message: `${message}, so ${instead} is used.`, details };
    if (!toProcessor) return reference({ name: 'reference', problem });
    await toProcessor(problem.message);
    const { engine, report } = await onProcessor(spec, weights);
    return { engine, report: { ...report, problem } };
  };
  const device = presentDevice();
  if (!device) return onProcessor(spec, weights);
  try {
    const options = { format, tile: await rememberedTile(device, tiles) };
    const wrong = await prove(spec, weights, device, options);
    if (wrong) return fallen(wrong);
    const engine = await createWebGpuEngine(spec, weights, device, options);
    return { engine, report: { name: 'webgpu', problem: null } };
  } catch (error) {
    // What the stream throws is not the device's fault, and half of it is gone.
    if (!(error instanceof EngineUnusableError) || (await isLost(device))) throw error;
    return fallen({
      message: 'The fast engine does not run on this graphics driver',
      details: error.message,
    });
  }
}

/** Whether the device is lost; asked where work on it has just broken. */
async function isLost(device: GPUDevice): Promise<boolean> {
  const patience = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), GRACE));
  return Promise.race([device.lost.then(() => true), patience]);
}

/** The processor's engine, or the reference where there is only plain JavaScript. */
async function onProcessor(
  spec: ModelSpec,
  weights: WeightStream,
): Promise<{ engine: Engine; report: EngineReport }> {
  const processor = presentProcessor();
  if (!processor) {
    const engine = await createReferenceEngine(spec, weights);
    return { engine, report: { name: 'reference', problem: null } };
  }
  const { createWasmEngine } = await import('./wasm/wasmEngine');
  const engine = await createWasmEngine(spec, weights, processor);
  return { engine, report: { name: 'wasm', problem: null } };
}

type Options = Required<Pick<WebGpuEngineOptions, 'format' | 'tile'>>;

/**
 * What is wrong with the adapter with models of this kind, if anything; tried where nothing is known yet.
 * @throws EngineUnusableError where the trial broke, and what broke it where the device is lost
 */
async function prove(
  spec: ModelSpec,
  { shapes }: WeightStream,
  device: GPUDevice,
  options: Options,
): Promise<Problem | null> {
  const small = proofModel(spec, shapes);
  const types = [...small.weights].map(([name, { dtype }]) => `${name} ${dtype}`);
  const kind = JSON.stringify([adapterNames(device), options, { ...small.spec, modelType: null }, types]);
  const known = proved.get(kind);
  if (known !== undefined) return known;
  const found = await compare(small, device, options);
  proved.set(kind, found);
  return found;
}

/** Compares the engine with the reference in plain JavaScript, which no driver can lead astray. @throws as `prove` */
async function compare(
  { spec, weights }: ReturnType<typeof proofModel>,
  device: GPUDevice,
  options: Options,
): Promise<Problem | null> {
  const meant = options.format === 'int8' ? roundedToInt8(weights) : weights;
  const reference = await onCpu(() => createReferenceEngine(spec, streamOf(meant)));
  let engine: Engine | null = null;
  try {
    engine = await createWebGpuEngine(spec, streamOf(weights), device, { ...options, compile: 'training' });
    const { ok, report } = await checkAgainstReference(engine, reference, 'cpu');
    if (ok) return null;
    // Whatever a device gave that is lost by now says nothing about its driver.
    if (await isLost(device)) throw new Error('The graphics device was lost while it was tried out.');
    const message = 'This graphics driver computes wrong numbers with the fast engine';
    return { message, details: report };
  } catch (error) {
    if (error instanceof EngineUnusableError || (await isLost(device))) throw error;
    const why = error instanceof Error ? error.message : String(error);
    throw new EngineUnusableError(`The engine broke when it was tried out: ${why}`, { cause: error });
  } finally {
    engine?.dispose();
    reference.dispose();
  }
}

/** Makes something of plain JavaScript's; the GPU is tfjs's backend again afterwards, whatever happens. */
async function onCpu<T>(make: () => Promise<T>): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return await make();
  } finally {
    await tf.setBackend('webgpu');
  }
}
