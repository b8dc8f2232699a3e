/** @file Choosing what a browser trains on: its GPU where it may, else WebAssembly, else plain JavaScript. */
import {
  BackendError,
  requestDevice,
  startCpu,
  startWasm,
  startWebGpu,
  type WasmPaths,
} from '../engine/backend';
import { isSoftware } from '../engine/webgpu/adapter';
import type { Backend, DeviceReport } from './protocol';

/** More threads than this gain nothing on matrices of this size. */
const MOST_THREADS = 8;

/** Starts the best backend there is, or the one that is forced. @throws BackendError when the forced one cannot be had. */
export async function startBrowserDevice(wasmPaths: WasmPaths, force?: Backend): Promise<DeviceReport> {
  if (force === 'webgpu') return startGpu();
  if (force === 'wasm') return startAssembly(wasmPaths, 'The page was opened with ?backend=wasm.');
  if (force === 'cpu') return startScript('The page was opened with ?backend=cpu.');
  let reason: string;
  try {
    return await startGpu();
  } catch (error) {
    reason = messageOf(error);
  }
  try {
    return await startAssembly(wasmPaths, reason);
  } catch (error) {
    return startScript(`${reason} WebAssembly did not start either: ${messageOf(error)}`);
  }
}

async function startGpu(): Promise<DeviceReport> {
  if (!navigator.gpu) {
    throw new BackendError(
      isSecureContext
        ? 'This browser does not offer WebGPU to this page.'
        : 'Browsers offer WebGPU only to pages that come over https, or from localhost.',
    );
  }
  const { device, info } = await requestDevice(navigator.gpu);
  await startWebGpu(device, info).catch((error) => {
    device.destroy();
    throw new BackendError(`The graphics device did not start: ${messageOf(error)}`);
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

async function startAssembly(paths: WasmPaths, reason: string): Promise<DeviceReport> {
  const wanted = Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
  const threads = await startWasm(paths, wanted);
  return { backend: 'wasm', name: 'CPU', software: false, threads, reason, largestBuffer: null };
}

async function startScript(reason: string): Promise<DeviceReport> {
  await startCpu();
  return { backend: 'cpu', name: 'CPU', software: false, threads: 1, reason, largestBuffer: null };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
