/** @file Choosing what a browser trains on: its GPU where it may, else the processor's kernels, else plain JavaScript. */
import { BackendError, requestDevice, startCpu, startProcessor, startWebGpu } from '../engine/backend';
import { isSoftware } from '../engine/webgpu/adapter';
import { quotedSaying } from '../formats/readable';
import { browserProcessor } from './processor';
import type { Backend, DeviceReport } from './protocol';

/** Starts the best backend there is, or the one that is forced. @throws BackendError when the forced one cannot be had. */
export async function startBrowserDevice(force?: Backend): Promise<DeviceReport> {
  if (force === 'webgpu') return startGpu(true);
  if (force === 'wasm') return startOnProcessor('The page was opened with ?backend=wasm.');
  if (force === 'cpu') return startScript('The page was opened with ?backend=cpu.');
  try {
    return await startGpu(false);
  } catch (error) {
    return startOnProcessor(reasonOf(error, 'The graphics device could not be used'));
  }
}

/** The processor's kernels, or plain JavaScript where it cannot run them. */
async function startOnProcessor(reason: string): Promise<DeviceReport> {
  try {
    return await startAssembly(reason);
  } catch (error) {
    return startScript(`${reason} ${reasonOf(error, 'The kernels for the processor did not start')}`);
  }
}

/** @param software Whether an adapter without a graphics card will do: the processor itself computes faster than that. */
async function startGpu(software: boolean): Promise<DeviceReport> {
  if (!navigator.gpu) {
    throw new BackendError(
      isSecureContext
        ? 'This browser does not offer WebGPU to this page.'
        : 'Browsers offer WebGPU only to pages that come over https, or from localhost.',
    );
  }
  const { device, info } = await requestDevice(navigator.gpu);
  if (isSoftware(info) && !software) {
    device.destroy();
    throw new BackendError('This browser offers WebGPU without a graphics card behind it.');
  }
  await startWebGpu(device, info).catch((error) => {
    device.destroy();
    const none = 'The graphics device did not start';
    throw new BackendError(
      error instanceof BackendError ? `${none}. ${error.message}` : `${none}${quotedSaying(error)}.`,
    );
  });
  const name = info.description || info.device || [info.vendor, info.architecture].filter(Boolean).join(' ');
  return {
    backend: 'webgpu',
    name: name || 'GPU',
    software: isSoftware(info),
    threads: 0,
    reason: null,
    largestBuffer: device.limits.maxBufferSize,
  };
}

async function startAssembly(reason: string): Promise<DeviceReport> {
  const processor = await browserProcessor();
  await startProcessor(processor);
  const { threads, simd } = processor;
  return { backend: 'wasm', name: 'CPU', software: false, threads, simd, reason, largestBuffer: null };
}

async function startScript(reason: string): Promise<DeviceReport> {
  await startCpu();
  const name = 'CPU';
  return { backend: 'cpu', name, software: false, threads: 1, simd: 'none', reason, largestBuffer: null };
}

/** Our own words for what went wrong, or those that are given, with what the browser says. */
function reasonOf(error: unknown, otherwise: string): string {
  return error instanceof BackendError ? error.message : `${otherwise}${quotedSaying(error)}.`;
}
