/**
 * @file What everything runs on: a GPU device that tfjs shares, or the processor, where tfjs's cpu backend holds what is
 * prompt-sized and the engine computes in WebAssembly. Callers bring what differs between a browser and Node.
 */

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import { quotedSaying } from '../formats/readable';
import './fewKernels';
import type { Processor } from './wasm/pool';
import { type AdapterNames, adapterNames, askAdapter, nameDevice } from './webgpu/adapter';

export type BackendName = 'webgpu' | 'wasm' | 'cpu';

export class BackendError extends Error {
  override name = 'BackendError';
}

/** Work may break on a lost device some milliseconds before the loss is told. */
const GRACE = 1000;

/** What engines compute with where they compute in WebAssembly. */
let processor: Processor | null = null;

/** Makes plain JavaScript what all is computed with: slow, always there. */
export async function startCpu(): Promise<void> {
  await import('./everyKernel');
  await setBackend('cpu');
  processor = null;
}

/** Makes the processor's kernels what engines compute with; tfjs's own part is plain JavaScript. */
export async function startProcessor(found: Processor): Promise<void> {
  await setBackend('cpu');
  processor = found;
}

/** The processor that engines compute with; null on a GPU, and where there is nothing but plain JavaScript. */
export function presentProcessor(): Processor | null {
  return tf.getBackend() === 'cpu' ? processor : null;
}

/**
 * Asks the adapter for a device with all that it offers of what the engines use.
 * @throws BackendError where there is no adapter, or it gives no device; its message is for the person.
 */
export async function requestDevice(
  gpu: GPU,
): Promise<{ device: GPUDevice; adapter: GPUAdapter; info: AdapterNames }> {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' }).catch((error) => {
    throw new BackendError(`This browser's WebGPU did not start${quotedSaying(error)}.`);
  });
  if (!adapter) {
    throw new BackendError('This browser knows WebGPU but found no graphics adapter that it may use.');
  }
  const features: GPUFeatureName[] = ['shader-f16', 'subgroups', 'timestamp-query'];
  const limits = [
    'maxBufferSize',
    'maxStorageBufferBindingSize',
    'maxStorageBuffersPerShaderStage',
    'maxComputeWorkgroupStorageSize',
    'maxComputeInvocationsPerWorkgroup',
    'maxComputeWorkgroupSizeX',
    'maxComputeWorkgroupsPerDimension',
  ] as const;
  const info = await askAdapter(adapter);
  const known = limits.filter((limit) => adapter.limits[limit] !== undefined);
  const device = await adapter
    .requestDevice({
      requiredFeatures: features.filter((feature) => adapter.features.has(feature)),
      requiredLimits: Object.fromEntries(known.map((limit) => [limit, adapter.limits[limit]])),
    })
    .catch((error) => {
      throw new BackendError(`The graphics adapter gave this page no device${quotedSaying(error)}.`);
    });
  nameDevice(device, info);
  return { device, adapter, info };
}

/**
 * Makes tfjs run on a device of ours. The name stays `webgpu`, tfjs keys its kernels by it. They are loaded here: where no GPU is to be
 * had nobody waits for them.
 */
export async function startWebGpu(
  device: GPUDevice,
  info: AdapterNames | null = adapterNames(device),
): Promise<void> {
  const [{ WebGPUBackend }] = await Promise.all([
    import('@tensorflow/tfjs-backend-webgpu'),
    import('./everyKernel'),
  ]);
  if (tf.findBackendFactory('webgpu')) tf.removeBackend('webgpu');
  tf.registerBackend('webgpu', () => new WebGPUBackend(device, info as GPUAdapterInfo), 3);
  await setBackend('webgpu');
}

/** The device that tfjs runs on; null where that is not WebGPU. */
export function presentDevice(): GPUDevice | null {
  return tf.getBackend() === 'webgpu' ? (tf.backend() as unknown as WebGPUBackend).device : null;
}

/** What can befall a device; `message` has the browser's words and may be empty. */
export interface DeviceTrouble {
  kind: 'lost' | 'outOfMemory';
  message: string;
}

const watchers = new WeakMap<GPUDevice, Set<(trouble: DeviceTrouble) => void>>();

/** Tells the device's watchers of trouble that was caught elsewhere. */
export function reportTrouble(device: GPUDevice, trouble: DeviceTrouble): void {
  for (const tell of watchers.get(device) ?? []) tell(trouble);
}

/**
 * Tells when the device is lost, or when an allocation on it failed: what was computed since is of
 * no worth, and more than one such message may come.
 */
export function watchDevice(device: GPUDevice, tell: (trouble: DeviceTrouble) => void): void {
  const present = watchers.get(device) ?? new Set();
  watchers.set(device, present.add(tell));
  device.addEventListener('uncapturederror', ({ error }) => {
    if (error instanceof GPUOutOfMemoryError) tell({ kind: 'outOfMemory', message: error.message });
  });
  void device.lost.then(({ message }) => {
    // A GPU process that dies for want of memory takes the device along.
    tell({ kind: /out of memory/i.test(message) ? 'outOfMemory' : 'lost', message });
  });
}

/** Whether the device is lost; asked where work on it has just broken. */
export async function isLost(device: GPUDevice): Promise<boolean> {
  const patience = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), GRACE));
  return Promise.race([device.lost.then(() => true), patience]);
}

export async function setBackend(name: BackendName): Promise<void> {
  if (!(await tf.setBackend(name))) throw new BackendError(`The ${name} backend could not be started.`);
  await tf.ready();
}
