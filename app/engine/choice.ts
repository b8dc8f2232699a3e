/**
 * @file Which engine computes: the fused one wherever WebGPU is, once it has proved itself on this device; else the
 * processor's; and where that has no kernels either, or not for WebGPU's sake, the reference, which runs everywhere.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { presentProcessor } from './backend';
import type { Engine } from './engine';
import { proofModel } from './proofModel';
import { createReferenceEngine } from './reference/referenceEngine';
import type { ModelSpec, WeightFormat, WeightStream } from './spec';
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
  problem: { message: string; details: string } | null;
}

/**
 * Drivers exist that compute wrong numbers without an error (tensorflow/tfjs#8590): each adapter is tried once with
 * every kind of model, a kind being all that a small model has of a large one. Nothing outlives the page: browser,
 * driver and this program may all be others at the next visit.
 */
const proved = new Map<string, EngineReport>();

/** How products are divided among threads on each adapter that was ever used here. */
const tiles = browserTileStore();

/**
 * An engine on tfjs's present backend, and why it is not the fused one where it could be. Weights are taken from the
 * stream once, when the engine is chosen.
 */
export async function createEngine(
  spec: ModelSpec,
  weights: WeightStream,
  format: WeightFormat = 'stored',
): Promise<{ engine: Engine; report: EngineReport }> {
  const reference = async (report: EngineReport) => ({
    engine: await createReferenceEngine(spec, weights),
    report,
  });
  if (tf.getBackend() !== 'webgpu') return onProcessor(spec, weights);
  const { device } = tf.backend() as unknown as WebGPUBackend;
  const options = { format, tile: await rememberedTile(device, tiles) };
  const report = await prove(spec, weights, device, options);
  if (report.problem) return reference(report);
  return { engine: await createWebGpuEngine(spec, weights, device, options), report };
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

/** What is known of the adapter with models of this kind; tried where nothing is known yet. */
async function prove(
  spec: ModelSpec,
  { shapes }: WeightStream,
  device: GPUDevice,
  options: Options,
): Promise<EngineReport> {
  const small = proofModel(spec, shapes);
  const types = [...small.weights].map(([name, { dtype }]) => `${name} ${dtype}`);
  const { vendor, architecture, device: model, description } = device.adapterInfo;
  const adapter = [vendor, architecture, model, description];
  const kind = JSON.stringify([adapter, options, { ...small.spec, modelType: null }, types]);
  const report = proved.get(kind) ?? (await compare(small, device, options));
  proved.set(kind, report);
  return report;
}

/** Compares the engine with the reference in plain JavaScript, which no driver can lead astray. */
async function compare(
  { spec, weights }: ReturnType<typeof proofModel>,
  device: GPUDevice,
  options: Options,
): Promise<EngineReport> {
  const meant = options.format === 'int8' ? roundedToInt8(weights) : weights;
  const reference = await onCpu(() => createReferenceEngine(spec, streamOf(meant)));
  try {
    const engine = await createWebGpuEngine(spec, streamOf(weights), device, options);
    const { ok, report } = await checkAgainstReference(engine, reference, 'cpu');
    engine.dispose();
    return ok ? { name: 'webgpu', problem: null } : problem(report);
  } catch (error) {
    // A shader that the driver does not compile is as good as wrong numbers.
    return problem(`It failed: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    reference.dispose();
  }
}

function problem(details: string): EngineReport {
  const message =
    'This graphics driver computes wrong numbers with the fast engine, so the slower, simpler one is used.';
  return { name: 'reference', problem: { message, details } };
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
