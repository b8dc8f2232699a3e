/** @file Runs the benchmark beside the page, which stays alive; the page cancels by ending this worker. */

import plainUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm.wasm?url';
import simdUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import threadedUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-threaded-simd.wasm?url';
import { version_core } from '@tensorflow/tfjs-core';
import { requestDevice, startWebGpu } from '../../app/engine/backend';
import { isSoftware } from '../../app/engine/webgpu/adapter';
import { streamOf } from '../../app/engine/weightStream';
import { loadNetwork } from '../../app/model/load';
import { openUrl } from '../../app/model/urlSource';
import { browserProcessor } from '../../app/workers/processor';
import { type BenchModel, randomModel } from '../models';
import { type ProcessorReport, runProcessorBench } from '../processorReport';
import { type BenchReport, type Progress, REFERENCE_PATIENCE, runBench } from '../report';
import { startTfjsWasm } from '../tfjsWasm';
import { chooseTile } from '../tile';
import { workloadProblem } from '../workload';
import type { RunMessage, RunRequest } from './messages';

/** tfjs's wasm threads are workers made from a blob: relative addresses would mean nothing to them. */
const absolute = (url: string) => new URL(url, import.meta.url).href;
const wasmPaths = {
  'tfjs-backend-wasm.wasm': absolute(plainUrl),
  'tfjs-backend-wasm-simd.wasm': absolute(simdUrl),
  'tfjs-backend-wasm-threaded-simd.wasm': absolute(threadedUrl),
};

self.addEventListener('message', ({ data }: MessageEvent<RunRequest>) => {
  run(data)
    .then((report) => say({ type: 'report', report }))
    .catch((error) =>
      say({ type: 'failed', message: error instanceof Error ? error.message : String(error) }),
    );
});

function say(message: RunMessage): void {
  self.postMessage(message);
}

async function run(request: RunRequest): Promise<BenchReport | ProcessorReport> {
  return request.settings.engine === 'wasm' ? onProcessor(request) : onGpu(request);
}

async function onProcessor({ settings, baseUrl }: RunRequest): Promise<ProcessorReport> {
  const { model: name, workload, threads } = settings;
  const model = name === 'embedded' ? await embeddedModel(baseUrl) : randomModel(name);
  const problem = workloadProblem(workload, model.spec.contextLength);
  if (problem) throw new Error(problem);
  return runProcessorBench(
    { ...settings, referenceSteps: settings.reference ? 3 : 0, patience: REFERENCE_PATIENCE },
    model,
    {
      processor: await browserProcessor(threads ?? undefined),
      runtime: navigator.userAgent,
      versions: { tfjs: version_core },
      startTfjsWasm: () => startTfjsWasm(wasmPaths),
    },
    (progress) => say({ type: 'progress', progress }),
  );
}

async function onGpu({ settings, baseUrl }: RunRequest): Promise<BenchReport> {
  const { model: name, workload, steps } = settings;
  const tell = (progress: Progress) => say({ type: 'progress', progress });
  if (!navigator.gpu) {
    throw new Error('This browser offers no WebGPU to this page, so there is nothing to measure.');
  }
  const { device, adapter } = await requestDevice(navigator.gpu);
  try {
    await startWebGpu(device, adapter.info);
    const model = name === 'embedded' ? await embeddedModel(baseUrl) : randomModel(name);
    const problem = workloadProblem(workload, model.spec.contextLength);
    if (problem) throw new Error(problem);
    const tile = await chooseTile(device, adapter.info, false, tell);
    return await runBench(
      {
        model: name,
        workload,
        steps,
        lanes: settings.lanes,
        referenceSteps: settings.reference ? 3 : 0,
        // What it tells is a processor's time beside a GPU; without one it would be minutes for nothing.
        submitSteps: isSoftware(adapter.info) ? 0 : 20,
        patience: REFERENCE_PATIENCE,
        profile: true,
        tile,
      },
      model,
      { device, info: adapter.info, runtime: navigator.userAgent, driver: null, versions: {} },
      tell,
    );
  } finally {
    device.destroy();
  }
}

async function embeddedModel(baseUrl: string): Promise<BenchModel> {
  const url = new URL('models/studio-2.6m/', baseUrl).href;
  const { source } = await openUrl(url, 'studio-2.6m', null);
  const { spec, weights } = await loadNetwork(source);
  return { spec, weights: streamOf(weights) };
}
