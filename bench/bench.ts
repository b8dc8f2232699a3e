/** @file `npm run bench`: times an engine against plain tfjs, and against PEFT where asked, on one machine. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { streamOf } from '../app/engine/weightStream';
import { loadNetwork } from '../app/model/load';
import { folderSource } from '../tools/golden/folderSource';
import { type BenchModel, randomModel } from './models';
import { openNodeHost, openProcessorHost } from './nodeHost';
import { type BenchOptions, OptionError, parseOptions, USAGE } from './options';
import { checkPeer, comparePeer, PeerError, runPeer } from './peer';
import { type ProcessorReport, runProcessorBench } from './processorReport';
import { type BenchReport, type Progress, REFERENCE_PATIENCE, runBench } from './report';
import { narrate } from './terminal';
import { chooseTile } from './tile';
import { workloadProblem } from './workload';

const embeddedFolder = join(import.meta.dirname, '../public/models/studio-2.6m');

try {
  await main(parseOptions(process.argv.slice(2)));
} catch (error) {
  if (error instanceof OptionError) {
    console.error(`${error.message}\n\n${USAGE}`);
    process.exitCode = 2;
  } else if (error instanceof PeerError) {
    console.error(error.message);
    process.exitCode = 1;
  } else throw error;
}

async function main(options: BenchOptions): Promise<void> {
  const { model: name, workload, steps } = options;
  const embedded = name === 'embedded';
  const model = embedded ? await embeddedModel() : randomModel(name);
  const problem = workloadProblem(workload, model.spec.contextLength);
  if (problem) throw new OptionError(problem);
  if (options.peer) await checkPeer(options.python);

  const narrator = narrate();
  const measure = options.engine === 'wasm' ? onProcessor : onGpu;
  const report = await measure(options, model, narrator.say).finally(narrator.end);
  let text = report as object;
  if (options.peer) {
    const { python, peerDtype: dtype } = options;
    const folder = embedded ? embeddedFolder : null;
    const peer = await runPeer({ python, folder, spec: model.spec, workload, steps, dtype });
    text = { ...report, ...comparePeer(report, peer, embedded) };
  }
  const json = `${JSON.stringify(text, null, 2)}\n`;
  if (options.json === '-') process.stdout.write(json);
  else {
    mkdirSync(dirname(options.json), { recursive: true });
    writeFileSync(options.json, json);
  }
}

async function onGpu(
  options: BenchOptions,
  model: BenchModel,
  say: (progress: Progress) => void,
): Promise<BenchReport> {
  const host = await openNodeHost();
  const settings = {
    ...options,
    patience: options.patient ? Number.POSITIVE_INFINITY : REFERENCE_PATIENCE,
    tile: await chooseTile(host.device, host.info, options.tune, say),
  };
  // PEFT may be about to use the same GPU.
  return runBench(settings, model, host, say).finally(() => host.device.destroy());
}

async function onProcessor(
  options: BenchOptions,
  model: BenchModel,
  say: (progress: Progress) => void,
): Promise<ProcessorReport> {
  // Only there is a browser driven, and only from the sources a page is built.
  if (options.place === 'chromium') return (await import('./chromium')).runInChromium(options, say);
  const { threads, simd, patient } = options;
  const host = await openProcessorHost({ threads: threads ?? undefined, simd: simd ?? undefined });
  const patience = patient ? Number.POSITIVE_INFINITY : REFERENCE_PATIENCE;
  return runProcessorBench({ ...options, patience }, model, host, say);
}

async function embeddedModel(): Promise<BenchModel> {
  const { spec, weights } = await loadNetwork(folderSource(embeddedFolder));
  return { spec, weights: streamOf(weights) };
}
