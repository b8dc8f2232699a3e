/** @file AdamW's kernel over tensors of tfjs: new tensors out of old ones, nothing read back. */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import type { AdamWScalars, AdamWTensors } from '../engine';
import type { Faults } from '../faults';
import { adamWGroups, adamWKernel, SCALAR_FIELDS } from './adamWKernel';
import { Recorder } from './dispatches';
import { NO_COUNTS } from './kernels/wgsl';
import type { GpuMemory } from './memory';
import type { PlanSource } from './plan/source';
import { submitCommands } from './submit';
import { emptyTensor, flush, tensorBuffer } from './tensors';

export class AdamWUpdater {
  private readonly uniform: GPUBuffer;

  /** The uniform lives in `memory`; what the device refuses goes to `faults`. */
  constructor(
    private readonly source: Pick<PlanSource, 'device' | 'pipelines' | 'limits'>,
    memory: GpuMemory,
    private readonly faults: Pick<Faults, 'watch'>,
  ) {
    this.uniform = memory.uniform('AdamW', SCALAR_FIELDS.length * 4);
  }

  /** One update, as `AdamWUpdate` describes it. @throws RangeError where the tensors differ in size. */
  update(
    backend: WebGPUBackend,
    { parameter, firstMoment, secondMoment }: AdamWTensors,
    gradient: tf.Tensor,
    scalars: AdamWScalars,
  ): AdamWTensors & { norm: tf.Scalar } {
    const inputs = [gradient, parameter, firstMoment, secondMoment];
    const { size, shape } = parameter;
    if (size === 0 || inputs.some((tensor) => tensor.size !== size)) {
      const sizes = inputs.map((tensor) => `[${tensor.shape}]`).join(', ');
      throw new RangeError(`AdamW needs gradient, parameter and moments of one shape, not ${sizes}.`);
    }
    const { each, groups } = adamWGroups(size);
    const after = [0, 1, 2].map(() => emptyTensor(backend, shape));
    const norm = emptyTensor<tf.Scalar>(backend, []);
    const before = inputs.map((tensor) => tensorBuffer(backend, tensor));
    const { device, pipelines, limits } = this.source;
    const recorder = new Recorder(pipelines, limits.groups);
    recorder.add(
      adamWKernel,
      [this.uniform, ...before, ...after.map(({ buffer }) => buffer), norm.buffer],
      () => groups,
    );
    const accepted = submitCommands(device, 'an update of the prompt', (encoder) => {
      flush(backend);
      device.queue.writeBuffer(this.uniform, 0, scalarBytes(size, each, scalars));
      const pass = encoder.beginComputePass();
      recorder.take().encode(pass, NO_COUNTS);
      pass.end();
    });
    this.faults.watch(accepted);
    const [newParameter, newFirst, newSecond] = after.map(({ tensor }) => tensor);
    return { parameter: newParameter, firstMoment: newFirst, secondMoment: newSecond, norm: norm.tensor };
  }
}

function scalarBytes(count: number, each: number, scalars: AdamWScalars): ArrayBuffer {
  const { beta1, beta2, clipNorm, stepSize, rootCorrection, decay, epsilon } = scalars;
  // What is left of a beta near 1 is worked out here: f32 would lose digits of it.
  const rest = { restOfBeta1: 1 - beta1, restOfBeta2: 1 - beta2 };
  const values = { count, each, clipNorm, stepSize, rootCorrection, decay, epsilon, beta2, ...rest };
  const bytes = new ArrayBuffer(SCALAR_FIELDS.length * 4);
  const view = new DataView(bytes);
  SCALAR_FIELDS.forEach((field, i) => {
    if (i < 2) view.setUint32(i * 4, values[field], true);
    else view.setFloat32(i * 4, values[field], true);
  });
  return bytes;
}
