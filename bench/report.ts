/** @file What a benchmark reports, the same from Node and from a page. */
import * as tf from '@tensorflow/tfjs-core';
import { createReferenceEngine } from '../app/engine/reference/referenceEngine';
import type { ModelSpec, ModelWeights } from '../app/engine/spec';
import { DEFAULT_TILE, type MatmulTile } from '../app/engine/webgpu/kernels/matmul';
import { layoutStep } from '../app/engine/webgpu/layout';
import { createWebGpuEngine } from '../app/engine/webgpu/webgpuEngine';
import { makeBatch, type StepTimes, timeSteps, type Workload } from './measure';

export interface BenchSettings {
  model: string;
  workload: Workload;
  /** Timed steps of the fused engine. */
  steps: number;
  /** Timed steps of plain tfjs, 0 to leave it out. */
  referenceSteps: number;
  /** Time each kernel of one step too. */
  profile: boolean;
  /** How products are divided among threads; the default where absent. */
  tile?: MatmulTile;
}

export interface BenchReport {
  model: string;
  workload: Workload;
  date: string;
  adapter: { vendor: string; architecture: string; device: string; description: string };
  runtime: string;
  tfjs: string;
  tile: MatmulTile;
  /** Milliseconds to upload the weights and compile the kernels. */
  createMs: number;
  webgpu: StepTimes;
  /** Plain tfjs: padded batch, autodiff, the same device. */
  reference: StepTimes | null;
  /** How many times faster than plain tfjs, by medians. */
  ratio: number | null;
  lossDifference: number | null;
  rows: number;
  rowsPerSecond: number;
  textTokensPerSecond: number;
  /** Products with weights only, forward and backward. */
  gflop: number;
  gflopPerSecond: number;
  dispatches: number;
  weightBytes: number;
  planBytes: number;
  kernels: { label: string; milliseconds: number; dispatches: number }[] | null;
}

/** Runs both engines on tfjs's present webgpu device. `say` is told what is going on. */
export async function runBench(
  settings: BenchSettings,
  { spec, weights }: { spec: ModelSpec; weights: ModelWeights },
  { device, info, runtime }: { device: GPUDevice; info: GPUAdapterInfo; runtime: string },
  say: (line: string) => void,
): Promise<BenchReport> {
  const { workload } = settings;
  say('compiling');
  const start = performance.now();
  const engine = await createWebGpuEngine(spec, weights, device, { tile: settings.tile });
  const createMs = performance.now() - start;
  say(`compiled in ${createMs.toFixed(0)} ms; timing the fused engine`);
  let webgpu: StepTimes;
  let usage: ReturnType<typeof engine.usage>;
  let kernels: BenchReport['kernels'] = null;
  try {
    webgpu = await timeSteps(engine, workload, { warmup: 1, steps: settings.steps });
    usage = engine.usage();
    say(`${webgpu.median.toFixed(1)} ms a step`);
    if (settings.profile) {
      const vectors = engine.embed(new Int32Array(workload.prompt));
      kernels = await engine.profile([{ kind: 'prompt', vectors }], makeBatch(spec, workload));
      vectors.dispose();
    }
  } finally {
    engine.dispose();
  }
  let reference: StepTimes | null = null;
  if (settings.referenceSteps > 0) {
    say('timing plain tfjs');
    const plain = createReferenceEngine(spec, weights);
    try {
      reference = await timeSteps(plain, workload, { warmup: 1, steps: settings.referenceSteps });
      say(`${reference.median.toFixed(1)} ms a step`);
    } finally {
      plain.dispose();
    }
  }
  const work = stepWork(spec, workload);
  const seconds = webgpu.median / 1000;
  return {
    model: settings.model,
    workload,
    date: new Date().toISOString(),
    adapter: {
      vendor: info.vendor,
      architecture: info.architecture,
      device: info.device,
      description: info.description,
    },
    runtime,
    tfjs: tf.version_core,
    tile: settings.tile ?? DEFAULT_TILE,
    createMs,
    webgpu,
    reference,
    ratio: reference ? reference.median / webgpu.median : null,
    lossDifference: reference ? Math.abs(reference.loss - webgpu.loss) : null,
    rows: work.rows,
    rowsPerSecond: work.rows / seconds,
    textTokensPerSecond: (workload.batch * workload.length) / seconds,
    gflop: work.flop / 1e9,
    gflopPerSecond: work.flop / 1e9 / seconds,
    dispatches: usage.dispatches,
    weightBytes: usage.weightBytes,
    planBytes: usage.planBytes,
    kernels,
  };
}

/** Rows of a step and the arithmetic of its products with weights, as the fused engine does them. */
export function stepWork(spec: ModelSpec, workload: Workload): { rows: number; flop: number } {
  const { counts } = layoutStep([{ kind: 'prompt', length: workload.prompt }], makeBatch(spec, workload));
  const rows = counts.activeEnd;
  const { hidden, heads, kvHeads, headDim, mlpWidth, gatedMlp, vocabSize, layers } = spec;
  const qkv = (heads + 2 * kvHeads) * headDim * hidden;
  const rest = hidden * heads * headDim + hidden * mlpWidth * (gatedMlp ? 3 : 2);
  // Forward and backward alike: the last layer's and the head's products only at the slots,
  // the first layer's queries, keys and values backward only for the prompt.
  const forward = layers.length * rows * qkv + ((layers.length - 1) * rows + counts.slots) * rest;
  const backward = forward - (rows - counts.promptEnd) * qkv;
  return { rows, flop: 2 * (forward + backward + 2 * counts.slots * vocabSize * hidden) };
}
