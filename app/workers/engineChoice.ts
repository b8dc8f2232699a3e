/**
 * @file Which engine computes: the fused one wherever WebGPU is, once it has proved itself on this device; else the
 * reference, which runs everywhere.
 */
import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import * as tf from '@tensorflow/tfjs-core';
import type { Engine } from '../engine/engine';
import { createReferenceEngine } from '../engine/reference/referenceEngine';
import type { ModelSpec, ModelWeights } from '../engine/spec';
import { checkAgainstReference } from '../engine/webgpu/selfCheck';
import { createWebGpuEngine } from '../engine/webgpu/webgpuEngine';
import type { EngineReport } from './protocol';

/** Drivers exist that compute wrong numbers without an error (tensorflow/tfjs#8590): each device is tried once. */
const proved = new WeakMap<GPUDevice, EngineReport>();

/** An engine on tfjs's present backend, and why it is not the fused one where it could be. */
export async function createEngine(
  spec: ModelSpec,
  weights: ModelWeights,
): Promise<{ engine: Engine; report: EngineReport }> {
  const reference = (report: EngineReport) => ({ engine: createReferenceEngine(spec, weights), report });
  if (tf.getBackend() !== 'webgpu') return reference({ name: 'reference', problem: null });
  const { device } = tf.backend() as unknown as WebGPUBackend;
  const known = proved.get(device);
  if (known?.problem) return reference(known);
  const engine = await createWebGpuEngine(spec, weights, device);
  const report = known ?? (await prove(engine, spec, weights));
  proved.set(device, report);
  if (!report.problem) return { engine, report };
  engine.dispose();
  return reference(report);
}

/** Compares the engine with the reference in plain JavaScript, which no driver can lead astray. */
async function prove(engine: Engine, spec: ModelSpec, weights: ModelWeights): Promise<EngineReport> {
  const reference = await onCpu(() => createReferenceEngine(spec, weights));
  const { ok, report } = await checkAgainstReference(engine, reference, 'cpu');
  reference.dispose();
  if (ok) return { name: 'webgpu', problem: null };
  return {
    name: 'reference',
    problem: {
      message:
        'This graphics driver computes wrong numbers with the fast engine, so the slower, simpler one is used.',
      details: report,
    },
  };
}

/** Makes something of plain JavaScript's; the GPU is tfjs's backend again afterwards, whatever happens. */
async function onCpu<T>(make: () => T): Promise<T> {
  await tf.setBackend('cpu');
  try {
    return make();
  } finally {
    await tf.setBackend('webgpu');
  }
}
