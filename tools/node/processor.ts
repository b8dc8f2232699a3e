/** @file The processor in Node: kernels from the files, threads from worker_threads. */
import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { startProcessor } from '../../app/engine/backend';
import type { Processor, SimdLevel, ThreadStart } from '../../app/engine/wasm/pool';
import { hasRelaxedSimd } from '../../app/engine/wasm/simd';
import { buildKernels } from '../wasm/build.mjs';

/** All a thread does. A path and not a module: Node takes no TypeScript here. */
const serve = `
const { parentPort, workerData: { module, memory, control, thread } } = require('node:worker_threads');
const { exports } = new WebAssembly.Instance(module, { env: { memory } });
parentPort.postMessage('started');
exports.serve(control, thread);
`;

export interface NodeProcessorOptions {
  /** By default as many as there are. */
  threads?: number;
  /** By default the best there is; `relaxed` asks Node for it, which before version 22 knows it only as an experiment. */
  simd?: Exclude<SimdLevel, 'none'>;
  patience?: number;
}

/** Builds the kernels where that is needed. @throws Error where relaxed SIMD is asked for and not there */
export async function nodeProcessor(options: NodeProcessorOptions = {}): Promise<Processor> {
  await buildKernels();
  if (options.simd === 'relaxed') setFlagsFromString('--experimental-wasm-relaxed-simd');
  const relaxed = hasRelaxedSimd();
  if (options.simd === 'relaxed' && !relaxed) throw new Error('This Node has no relaxed SIMD.');
  const simd = options.simd ?? (relaxed ? 'relaxed' : 'plain');
  const threads = options.threads ?? availableParallelism();
  const name = `${simd}${threads > 1 ? '-shared' : ''}.wasm`;
  // Seen from this file, and from a bundle's.
  const files = ['../../', '../'].map((up) => new URL(`${up}app/engine/wasm/built/${name}`, import.meta.url));
  const file = files.find((one) => existsSync(one)) ?? files[0];
  return {
    module: new WebAssembly.Module(readFileSync(file)),
    simd,
    threads,
    spawn: threads > 1 ? spawn : null,
    patience: options.patience,
  };
}

/** Makes it what engines compute with. */
export async function startNodeProcessor(options?: NodeProcessorOptions): Promise<Processor> {
  const processor = await nodeProcessor(options);
  await startProcessor(processor);
  return processor;
}

function spawn(start: ThreadStart, ended: () => void) {
  const worker = new Worker(serve, { eval: true, workerData: start });
  // A process may end while its threads wait for work.
  worker.unref();
  worker.once('error', ended);
  worker.once('exit', ended);
  const started = new Promise<void>((resolve) => {
    for (const event of ['message', 'error', 'exit']) worker.once(event, () => resolve());
  });
  return { terminate: () => void worker.terminate(), started };
}
