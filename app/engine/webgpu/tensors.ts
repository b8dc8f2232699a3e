/** @file tfjs tensors and the engine's buffers on one device: inputs read where tfjs has them, results in memory that tfjs owns. */

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';

/**
 * tfjs's WebGPU backend where it is the present one and runs on `device`.
 * @throws Error where it is not: tensors of another backend cannot be shared.
 */
export function sharedBackend(device: GPUDevice): WebGPUBackend {
  const backend = tf.backend() as unknown as WebGPUBackend;
  if (tf.getBackend() !== 'webgpu' || backend.device !== device) {
    throw new Error(
      `The WebGPU engine shares its device with tfjs, whose backend is “${tf.getBackend()}” now: start tfjs on the engine's device first.`,
    );
  }
  return backend;
}

/** Submits what tfjs has recorded, so that work submitted afterwards comes after it. */
export function flush(backend: WebGPUBackend): void {
  backend.ensureCommandEncoderReady();
  backend.endComputePassEncoder();
  backend.submitQueue();
}

/** The buffer of a tensor, uploaded if need be: flush before it is used. It is the tensor's, not the caller's. */
export function tensorBuffer(backend: WebGPUBackend, tensor: tf.Tensor): GPUBuffer {
  // Brings the data of a tensor that was made on another backend.
  const data = backend.tensorMap.get(tensor.dataId);
  backend.uploadToGPU(tensor.dataId);
  return data.resource as GPUBuffer;
}

/** A tensor whose buffer is to be written, in the present scope; tfjs's pool owns the buffer. */
export function emptyTensor<T extends tf.Tensor>(
  backend: WebGPUBackend,
  shape: number[],
  dtype: 'float32' | 'int32' = 'float32',
): { tensor: T; buffer: GPUBuffer } {
  const info = backend.makeTensorInfo(shape, dtype);
  backend.uploadToGPU(info.dataId);
  const tensor = tf.engine().makeTensorFromTensorInfo(info) as T;
  return { tensor, buffer: backend.tensorMap.get(info.dataId).resource as GPUBuffer };
}
