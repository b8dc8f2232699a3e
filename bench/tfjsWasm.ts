/**
 * @file tfjs's own WebAssembly backend: what the reference engine is timed and tested on, and what no page trains on.
 */
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { setBackend } from '../app/engine/backend';

/** Where tfjs finds its wasm files: a folder, or a URL for each. */
export type WasmPaths = Parameters<typeof setWasmPaths>[0];

/** Makes it tfjs's backend. @returns the number of threads: more than one only where memory can be shared */
export async function startTfjsWasm(paths: WasmPaths, threads?: number): Promise<number> {
  setWasmPaths(paths);
  if (threads !== undefined) setThreadsCount(threads);
  await setBackend('wasm');
  const multithreaded = await tf.env().getAsync('WASM_HAS_MULTITHREAD_SUPPORT');
  return multithreaded ? getThreadsCount() : 1;
}
