/**
 * @file As much of tfjs's cpu backend as training on the processor takes: the operations of `training`, `inspect` and the engine in
 * WebAssembly on tensors of the prompt's size, and the gradients of what follows the engine's loss. All of tfjs is four times
 * as much to load before the page can do anything; `everyKernel.ts` brings it to the engines that ask for it, and `methodKernels.ts`
 * what methods other than prompt tuning take. An operation that is new to those folders fails in `engineFewKernels.test.ts`, by the kernel's name, until it stands here too.
 */
import '@tensorflow/tfjs-backend-cpu/dist/base.js';
import { absConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Abs.js';
import { addConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Add.js';
import { castConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Cast.js';
import { concatConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Concat.js';
import { expandDimsConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/ExpandDims.js';
import { identityConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Identity.js';
import { meanConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Mean.js';
import { minimumConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Minimum.js';
import { multiplyConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Multiply.js';
import { packConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Pack.js';
import { powConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Pow.js';
import { realDivConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/RealDiv.js';
import { reshapeConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Reshape.js';
import { sliceConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Slice.js';
import { sqrtConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sqrt.js';
import { squareConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Square.js';
import { subConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sub.js';
import { sumConfig } from '@tensorflow/tfjs-backend-cpu/dist/kernels/Sum.js';
import * as tf from '@tensorflow/tfjs-core';
import { multiplyGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Multiply_grad.js';
import { reshapeGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Reshape_grad.js';
import { sumGradConfig } from '@tensorflow/tfjs-core/dist/gradients/Sum_grad.js';

const kernels = [
  absConfig,
  addConfig,
  castConfig,
  concatConfig,
  expandDimsConfig,
  identityConfig,
  meanConfig,
  minimumConfig,
  multiplyConfig,
  packConfig,
  powConfig,
  realDivConfig,
  reshapeConfig,
  sliceConfig,
  sqrtConfig,
  squareConfig,
  subConfig,
  sumConfig,
];

for (const kernel of kernels) tf.registerKernel(kernel);
for (const gradient of [multiplyGradConfig, reshapeGradConfig, sumGradConfig]) tf.registerGradient(gradient);

/** Takes the backend's kernels back, so that all can be registered: tfjs warns of each that it is given twice. */
export function forgetFewKernels(): void {
  for (const { kernelName, backendName } of tf.getKernelsForBackend('cpu')) {
    tf.unregisterKernel(kernelName, backendName);
  }
}
