/** @file The processor's part of a step: a model of 30 layers so narrow that the GPU has next to nothing to do. */
import { createWebGpuEngine } from '../app/engine/webgpu/webgpuEngine';
import { type Spread, timeSteps } from './measure';
import { llamaLike, randomWeights } from './models';
import type { Workload } from './workload';

export interface SubmitTimes {
  layers: number;
  dispatches: number;
  steps: number;
  /** From the call for loss and gradient until all is encoded and submitted. */
  milliseconds: Spread;
}

const LAYERS = 30;
const WORKLOAD: Workload = { batch: 4, length: 16, prompt: 8, labels: 2 };

/** Times `steps` steps, each awaited before the next, so that nothing of the one before is in the way. */
export async function timeSubmit(
  device: GPUDevice,
  steps: number,
  onStep?: (done: number, of: number) => void,
): Promise<SubmitTimes> {
  const spec = llamaLike('llama', {
    vocabSize: 64,
    hidden: 32,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    mlpWidth: 64,
    contextLength: 64,
    layers: LAYERS,
    theta: 10000,
  });
  const { weights } = randomWeights({ spec, dtype: 'BF16', biases: 'none' });
  // Small tiles: a software adapter compiles them faster, and their products are as quick at this size.
  const tile = { rows: 4, fours: 1, threads: [8, 8] } as const;
  const engine = await createWebGpuEngine(spec, weights, device, { tile });
  try {
    // JavaScript engines take some calls to compile what is called often.
    const warmup = 10;
    const { cpuMilliseconds } = await timeSteps(engine, WORKLOAD, { warmup, steps, onStep });
    const { dispatches } = engine.usage();
    return { layers: LAYERS, dispatches, steps, milliseconds: cpuMilliseconds };
  } finally {
    engine.dispose();
  }
}
