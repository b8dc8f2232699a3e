/**
 * @file A step's products with the frozen weights: how much arithmetic they are, and how fast this adapter computes them
 * when nothing else is done.
 */

import { layoutStep } from '../app/engine/layout';
import type { ModelSpec, StoredType } from '../app/engine/spec';
import { Recorder } from '../app/engine/webgpu/dispatches';
import { matmul } from '../app/engine/webgpu/kernels/matmul';
import type { MatmulTile } from '../app/engine/webgpu/kernels/tile';
import { COUNT_BYTES, countValues, NO_COUNTS } from '../app/engine/webgpu/kernels/wgsl';
import { limitsOf } from '../app/engine/webgpu/limits';
import { GpuMemory } from '../app/engine/webgpu/memory';
import { Pipelines } from '../app/engine/webgpu/pipelines';
import { storedBytes } from '../app/engine/weightStream';
import { type Spread, spread } from './measure';
import { makeBatch, type Workload } from './workload';

/** `rows` × `inner` times `inner` × `outer`, `times` a step. NT is a forward product, NN a backward one. */
export interface Product {
  form: 'NT' | 'NN';
  rows: number;
  inner: number;
  outer: number;
  times: number;
}

export interface StepWork {
  /** Rows that a step computes: the prompt's once, of texts those up to the last label. */
  rows: number;
  products: Product[];
  /** Multiplications and additions of all products. */
  flop: number;
}

/** The arithmetic of a step as the fused engine does it; an engine that pads or repeats the prompt does more. */
export function stepWork(spec: ModelSpec, workload: Workload): StepWork {
  const shape = { kind: 'prompt', length: workload.prompt } as const;
  const { counts } = layoutStep([shape], makeBatch(spec.vocabSize, workload));
  const { hidden, heads, kvHeads, headDim, mlpWidth, gatedMlp, vocabSize } = spec;
  const layers = spec.layers.length;
  const rows = counts.activeEnd;
  const products: Product[] = [];
  // Out of the first layer, a gradient is wanted for the prompt's rows alone.
  const linear = (out: number, width: number, at: number, times: number, prompt = 0) => {
    products.push({ form: 'NT', rows: at, inner: width, outer: out, times: times + prompt });
    products.push({ form: 'NN', rows: at, inner: out, outer: width, times });
    if (prompt > 0) {
      products.push({ form: 'NN', rows: counts.promptEnd, inner: out, outer: width, times: prompt });
    }
  };
  linear((heads + 2 * kvHeads) * headDim, hidden, rows, layers - 1, 1);
  // The last layer goes on, and the head is applied, only where a label is predicted.
  for (const [at, times] of [
    [rows, layers - 1],
    [counts.slots, 1],
  ]) {
    linear(hidden, heads * headDim, at, times);
    linear(mlpWidth * (gatedMlp ? 2 : 1), hidden, at, times);
    linear(hidden, mlpWidth, at, times);
  }
  linear(vocabSize, hidden, counts.slots, 1);
  const real = products.filter(({ times }) => times > 0);
  const flop = real.reduce((sum, { rows, inner, outer, times }) => sum + 2 * rows * inner * outer * times, 0);
  return { rows, products: real, flop };
}

/**
 * Milliseconds of a step's products alone, by the engine's own kernel: as many as in a step, one after the other in one
 * submit. Layers share a weight here, so caches serve this measure at least as well as a step.
 */
export async function timeProducts(
  device: GPUDevice,
  products: readonly Product[],
  weight: StoredType,
  tile: MatmulTile,
  runs = 3,
): Promise<Spread> {
  const limits = limitsOf(device);
  const memory = new GpuMemory(device, limits);
  const pipelines = Pipelines.of(device);
  try {
    const most = (size: (product: Product) => number) => Math.max(...products.map(size));
    const x = memory.storage('x', 4 * most(({ rows, inner }) => rows * inner));
    const y = memory.storage('y', 4 * most(({ rows, outer }) => rows * outer));
    const weightBytes = most(({ form, inner, outer }) =>
      storedBytes({ dtype: weight, shape: form === 'NT' ? [outer, inner] : [inner, outer] }),
    );
    const w = memory.storage('w', weightBytes);
    const made = products.map(({ form, rows, inner, outer, times }) => {
      const { kernel, groups } = matmul(
        { form, inner, outer, weight, bias: null, add: null, domain: 'active' },
        tile,
      );
      const counts = memory.uniform('counts', COUNT_BYTES);
      device.queue.writeBuffer(counts, 0, countValues({ activeEnd: rows }));
      return { kernel, counts, groups: groups(rows), times };
    });
    await pipelines.prepare(made.map(({ kernel }) => kernel));
    const recorder = new Recorder(pipelines, limits.groups);
    for (const { kernel, counts, groups, times } of made) {
      for (let i = 0; i < times; i++) recorder.add(kernel, [counts, x, w, y], () => groups);
    }
    const list = recorder.take();
    const times: number[] = [];
    for (let run = 0; run <= runs; run++) {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      list.encode(pass, NO_COUNTS);
      pass.end();
      const commands = encoder.finish();
      await device.queue.onSubmittedWorkDone();
      const start = performance.now();
      device.queue.submit([commands]);
      await device.queue.onSubmittedWorkDone();
      // The first run also pays for what the driver does late.
      if (run > 0) times.push(performance.now() - start);
    }
    return spread(times);
  } finally {
    memory.destroyAll();
  }
}
