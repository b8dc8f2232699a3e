/** @file What a benchmark measures and reports, the same from Node and from a page. */
import type { Engine } from '../app/engine/engine';
import { createReferenceEngine } from '../app/engine/reference/referenceEngine';
import { DEFAULT_TILE, type MatmulTile } from '../app/engine/webgpu/kernels/tile';
import type { KernelTime } from '../app/engine/webgpu/profile';
import { createWebGpuEngine } from '../app/engine/webgpu/webgpuEngine';
import { type AdapterReport, describeAdapter, describeVersions, type Host } from './adapter';
import { type LaneTimes, timeLanes } from './lanes';
import { type StepTimes, timeSteps } from './measure';
import { type Meter, meterDevice } from './meter';
import type { BenchModel } from './models';
import { stepWork, timeProducts } from './products';
import { type SubmitTimes, timeSubmit } from './submit';
import { makeBatch, type Workload } from './workload';

export interface BenchSettings {
  model: string;
  workload: Workload;
  /** Timed steps of the fused engine. */
  steps: number;
  /** Timed steps of plain tfjs, 0 to leave it out. */
  referenceSteps: number;
  /** Where the first step of plain tfjs takes more milliseconds, it alone counts. */
  patience: number;
  /** Timed steps of 30 narrow layers, for the processor's part; 0 to leave it out. */
  submitSteps: number;
  /** Prompts in one step, timed against a step for each; 0 to leave that out. */
  lanes: number;
  /** Time each kernel of one step too, where the device can. */
  profile: boolean;
  /** How products are divided among threads; the default where absent. */
  tile?: MatmulTile;
}

export interface BenchReport {
  model: string;
  workload: Workload;
  date: string;
  adapter: AdapterReport;
  driver: string;
  runtime: string;
  versions: Record<string, string>;
  tile: MatmulTile;
  /** Milliseconds to upload the weights and compile the kernels. */
  createMilliseconds: number;
  /** The fused engine. */
  webgpu: StepTimes;
  /** Plain tfjs: padded batch, autodiff, the same device; null where it was left out. */
  reference: StepTimes | null;
  /** How many steps of it count; where `reference.warmup` is 0, the slow first one alone. */
  referenceSteps: number;
  /** How many times faster than plain tfjs, by medians. */
  ratio: number | null;
  lossDifference: number | null;
  /** Rows of a step, the prompt's counted once. */
  rows: number;
  rowsPerSecond: number;
  textTokensPerSecond: number;
  /** The products with weights of a step, forward and backward. */
  gflop: number;
  gflopPerSecond: number;
  /** The same products with nothing between them. */
  matmul: { milliseconds: number; gflopPerSecond: number; shareReached: number };
  dispatches: number;
  /** Milliseconds until a step is encoded and submitted, median. */
  cpuMilliseconds: number;
  /** The same for 30 layers, whatever the model; null where it was left out. */
  submit: SubmitTimes | null;
  /** In bytes; `device` is all that lived on the device at one time while the engine ran, tfjs's own included. */
  allocated: { weights: number; step: number; device: number; reference: number | null };
  saving: string | null;
  /** Null where that was left out. */
  lanes: LaneTimes | null;
  kernels: KernelTime[] | null;
}

/** What is being done; `of` is 0 where it is not counted. */
export interface Progress {
  text: string;
  done: number;
  of: number;
}

/** The usual patience. */
export const REFERENCE_PATIENCE = 20_000;

/** Runs everything on tfjs's present webgpu device. @throws what the engines throw */
export async function runBench(
  settings: BenchSettings,
  model: BenchModel,
  host: Host,
  onProgress: (progress: Progress) => void,
): Promise<BenchReport> {
  const { workload, tile = DEFAULT_TILE } = settings;
  const { spec, weights } = model;
  const say = (text: string, done = 0, of = 0) => onProgress({ text, done, of });
  const meter = meterDevice(host.device);

  const submit = settings.submitSteps > 0 ? await runSubmit(settings, host.device, say) : null;
  const fused = await runFused(settings, model, host.device, meter, say);
  const work = stepWork(spec, workload);
  say('timing its products alone');
  const stored = weights.shapes.get('embed.tokens')?.dtype ?? 'F32';
  const products = await timeProducts(host.device, work.products, stored, tile);
  const reference = settings.referenceSteps > 0 ? await runReference(settings, model, meter, say) : null;

  const seconds = fused.times.milliseconds.median / 1000;
  const gflop = work.flop / 1e9;
  const gflopPerSecond = gflop / seconds;
  const matmulSpeed = (gflop / products.median) * 1000;
  return {
    model: settings.model,
    workload,
    date: new Date().toISOString(),
    adapter: describeAdapter(host.info),
    driver: host.driver ?? host.info.description,
    runtime: host.runtime,
    versions: describeVersions(host),
    tile,
    createMilliseconds: fused.createMilliseconds,
    webgpu: fused.times,
    reference: reference?.times ?? null,
    referenceSteps: reference?.times.steps ?? 0,
    ratio: reference && reference.times.milliseconds.median / fused.times.milliseconds.median,
    lossDifference: reference && Math.abs(reference.times.loss - fused.times.loss),
    rows: work.rows,
    rowsPerSecond: work.rows / seconds,
    textTokensPerSecond: (workload.batch * workload.length) / seconds,
    gflop,
    gflopPerSecond,
    matmul: {
      milliseconds: products.median,
      gflopPerSecond: matmulSpeed,
      shareReached: gflopPerSecond / matmulSpeed,
    },
    dispatches: fused.usage.dispatches,
    cpuMilliseconds: fused.times.cpuMilliseconds.median,
    submit,
    allocated: {
      weights: fused.usage.weightBytes,
      step: fused.usage.planBytes,
      device: fused.bytes,
      reference: reference?.bytes ?? null,
    },
    saving: fused.usage.saving,
    lanes: fused.lanes,
    kernels: fused.kernels,
  };
}

type Say = (text: string, done?: number, of?: number) => void;

function runSubmit({ submitSteps }: BenchSettings, device: GPUDevice, say: Say): Promise<SubmitTimes> {
  say('compiling a model of 30 layers');
  return timeSubmit(device, submitSteps, (done, of) => say('encoding and submitting 30 layers', done, of));
}

async function runFused(
  { workload, steps, lanes: count, profile, tile }: BenchSettings,
  { spec, weights }: BenchModel,
  device: GPUDevice,
  meter: Meter,
  say: Say,
) {
  say('uploading weights, compiling kernels');
  meter.resetPeak();
  const start = performance.now();
  const engine = await createWebGpuEngine(spec, weights, device, { tile });
  const createMilliseconds = performance.now() - start;
  try {
    const times = await timeSteps(engine, workload, {
      warmup: 1,
      steps,
      onStep: stepWords(say, 'fused engine'),
    });
    const bytes = meter.peakBytes;
    const lanes =
      count > 0 ? await timeLanes(engine, workload, count, steps, stepWords(say, `${count} prompts`)) : null;
    let kernels: KernelTime[] | null = null;
    if (profile && device.features.has('timestamp-query')) {
      say('timing its kernels one by one');
      const vectors = engine.embed(new Int32Array(workload.prompt));
      kernels = await engine.profile([{ kind: 'prompt', vectors }], makeBatch(spec.vocabSize, workload));
      vectors.dispose();
    }
    return { times, createMilliseconds, bytes, lanes, kernels, usage: engine.usage() };
  } finally {
    engine.dispose();
  }
}

async function runReference(
  { workload, referenceSteps, patience }: BenchSettings,
  { spec, weights }: BenchModel,
  meter: Meter,
  say: Say,
) {
  say('uploading weights for plain tfjs');
  meter.resetPeak();
  const engine: Engine = await createReferenceEngine(spec, weights);
  try {
    say('plain tfjs, first step');
    const times = await timeSteps(engine, workload, {
      warmup: 1,
      steps: referenceSteps,
      patience,
      onStep: stepWords(say, 'plain tfjs'),
    });
    return { times, bytes: meter.peakBytes };
  } finally {
    engine.dispose();
  }
}

function stepWords(say: Say, name: string) {
  return (done: number, of: number, milliseconds: number) =>
    say(`${name}, step ${done} of ${of}: ${milliseconds.toFixed(1)} ms`, done, of);
}
