/**
 * @file `npm run golden -- FOLDER… [--engine reference|webgpu|wasm] [--backend cpu|wasm|webgpu] [--threads N] [--simd plain|relaxed]`:
 * compares an engine with PyTorch's numbers, one JSON line a case; exits 1 if any case is not ok. Backends are tfjs's and for the
 * reference; threads and SIMD level are for the wasm engine.
 */
import { parseArgs } from 'node:util';
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type { BackendName } from '../../app/engine/backend';
import type { Engine } from '../../app/engine/engine';
import { createReferenceEngine } from '../../app/engine/reference/referenceEngine';
import type { ModelSpec, ModelWeights } from '../../app/engine/spec';
import { createWasmEngine } from '../../app/engine/wasm/wasmEngine';
import { createWebGpuEngine } from '../../app/engine/webgpu/webgpuEngine';
import { streamOf } from '../../app/engine/weightStream';
import { startNodeBackend } from '../node/backend';
import { nodeProcessor } from '../node/processor';
import { findCases, runCase } from './case';

type CreateEngine = (spec: ModelSpec, weights: ModelWeights) => Engine | Promise<Engine>;

const engines: Record<'reference' | 'webgpu' | 'wasm', CreateEngine> = {
  reference: (spec, weights) => createReferenceEngine(spec, streamOf(weights)),
  webgpu: (spec, weights) =>
    createWebGpuEngine(spec, streamOf(weights), (tf.backend() as unknown as WebGPUBackend).device),
  wasm: async (spec, weights) =>
    createWasmEngine(
      spec,
      streamOf(weights),
      await nodeProcessor({
        threads: values.threads ? Number(values.threads) : undefined,
        simd: values.simd as 'plain' | 'relaxed' | undefined,
      }),
    ),
};
const backends: readonly string[] = ['cpu', 'wasm', 'webgpu'] satisfies BackendName[];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    engine: { type: 'string', default: 'reference' },
    backend: { type: 'string' },
    threads: { type: 'string' },
    simd: { type: 'string' },
  },
});
process.exitCode = await main();

async function main(): Promise<number> {
  const engine = values.engine as keyof typeof engines;
  const backend = values.backend ?? (engine === 'webgpu' ? 'webgpu' : 'cpu');
  const usage = `usage: npm run golden -- FOLDER… [--engine ${Object.keys(engines).join('|')}] [--backend ${backends.join('|')}] [--threads N] [--simd plain|relaxed]`;
  if (
    !(engine in engines) ||
    !backends.includes(backend) ||
    positionals.length === 0 ||
    (engine === 'webgpu' && backend !== 'webgpu') ||
    (engine === 'wasm' && backend !== 'cpu') ||
    !(Number(values.threads ?? 1) >= 1) ||
    !['plain', 'relaxed'].includes(values.simd ?? 'plain')
  ) {
    console.error(usage);
    return 2;
  }
  await startNodeBackend(backend as BackendName);
  let allOk = true;
  for (const golden of positionals.flatMap(findCases)) {
    const shared = { case: golden.name, engine, backend };
    try {
      const result = await runCase(golden, ({ spec, weights }) => engines[engine](spec, weights));
      console.log(JSON.stringify({ ...shared, ...result }));
      allOk &&= result.ok;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      console.log(JSON.stringify({ ...shared, ok: false, error: message }));
      allOk = false;
    }
  }
  return allOk ? 0 : 1;
}
