/**
 * @file The fused engine on a GPU, once it has proved itself there against the reference. A subject of its own because it is loaded
 * only where there is a GPU: the kernels of both engines are much for whoever has none.
 */
import * as tf from '@tensorflow/tfjs-core';
import { quotedSaying } from '../formats/readable';
import { isLost } from './backend';
import type { Engine } from './engine';
import { EngineUnusableError } from './errors';
import { proofModel } from './proofModel';
import { createReferenceEngine } from './reference/referenceEngine';
import type { ModelSpec, WeightFormat, WeightStream } from './spec';
import { adapterNames } from './webgpu/adapter';
import { roundedToInt8 } from './webgpu/quantising';
import { checkAgainstReference } from './webgpu/selfCheck';
import { browserTileStore } from './webgpu/tileStore';
import { rememberedTile } from './webgpu/tune';
import { createWebGpuEngine, type WebGpuEngineOptions } from './webgpu/webgpuEngine';
import { streamOf } from './weightStream';

/** What is wrong with the fused engine on an adapter. */
export interface Problem {
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

/**
 * The engine, or what is wrong with the adapter; the stream is untouched then.
 * @throws EngineUnusableError where it does not run on this driver, EngineMemoryError where the GPU has no room for the weights
 */
export async function createOnGpu(
  spec: ModelSpec,
  weights: WeightStream,
  device: GPUDevice,
  format: WeightFormat,
): Promise<{ engine: Engine } | { problem: Problem }> {
  const options = { format, tile: await rememberedTile(device, tiles) };
  const problem = await prove(spec, weights, device, options);
  return problem ? { problem } : { engine: await createWebGpuEngine(spec, weights, device, options) };
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
    const said = quotedSaying(error);
    throw new EngineUnusableError(`The engine broke when it was tried out${said}.`, { cause: error });
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
