/** @file Runs the benchmark beside the page, which stays alive; the page cancels by ending this worker. */
import { requestDevice, startWebGpu } from '../../app/engine/backend';
import { isSoftware } from '../../app/engine/webgpu/adapter';
import { streamOf } from '../../app/engine/weightStream';
import { loadNetwork } from '../../app/model/load';
import { openUrl } from '../../app/model/urlSource';
import { type BenchModel, randomModel } from '../models';
import { type BenchReport, type Progress, REFERENCE_PATIENCE, runBench } from '../report';
import { chooseTile } from '../tile';
import { workloadProblem } from '../workload';
import type { RunMessage, RunRequest } from './messages';

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

async function run({ settings, baseUrl }: RunRequest): Promise<BenchReport> {
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
