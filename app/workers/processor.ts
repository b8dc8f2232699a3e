/** @file The processor in a browser: the kernels that it can run, and as many threads as the page may have. */
import { BackendError } from '../engine/backend';
import plainUrl from '../engine/wasm/built/plain.wasm?url';
import plainSharedUrl from '../engine/wasm/built/plain-shared.wasm?url';
import relaxedUrl from '../engine/wasm/built/relaxed.wasm?url';
import relaxedSharedUrl from '../engine/wasm/built/relaxed-shared.wasm?url';
import type { Processor, Thread, ThreadStart } from '../engine/wasm/pool';
import { hasRelaxedSimd, hasSimd } from '../engine/wasm/simd';

/** More than this gain nothing on matrices of this size. */
const MOST_THREADS = 16;

const urls = {
  plain: { alone: plainUrl, shared: plainSharedUrl },
  relaxed: { alone: relaxedUrl, shared: relaxedSharedUrl },
};

/** @throws BackendError where WebAssembly has no SIMD, or the kernels do not come */
export async function browserProcessor(threads = usualThreads()): Promise<Processor> {
  if (!hasSimd()) {
    throw new BackendError('This browser computes one number at a time in WebAssembly (it has no SIMD).');
  }
  const simd = hasRelaxedSimd() ? 'relaxed' : 'plain';
  const url = new URL(urls[simd][threads > 1 ? 'shared' : 'alone'], import.meta.url);
  const response = await fetch(url);
  if (!response.ok) throw new BackendError(`The server answered ${response.status} for ${url.pathname}.`);
  const module = await WebAssembly.compile(await response.arrayBuffer());
  return { module, simd, threads, spawn: threads > 1 ? spawn : null };
}

/** All cores but one that the page needs, of two both; memory is shared only on pages isolated from other origins. */
function usualThreads(): number {
  if (!globalThis.crossOriginIsolated) return 1;
  const cores = navigator.hardwareConcurrency || 1;
  return Math.max(1, Math.min(cores > 2 ? cores - 1 : cores, MOST_THREADS));
}

function spawn(start: ThreadStart, ended: () => void): Thread {
  const worker = new Worker(new URL('./thread.worker.ts', import.meta.url), { type: 'module' });
  worker.addEventListener('error', ended);
  const started = new Promise<void>((resolve) => {
    worker.addEventListener('message', () => resolve(), { once: true });
    worker.addEventListener('error', () => resolve(), { once: true });
  });
  worker.postMessage(start);
  return { terminate: () => worker.terminate(), started };
}
