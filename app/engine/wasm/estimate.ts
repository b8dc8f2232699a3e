/** @file How much memory training takes on the processor, before there is an engine. */
import type { ModelSpec } from '../spec';
import { shapeCapacity, type TrainingShape } from '../webgpu/plan/estimate';
import { stepBytes, type WasmSaving } from './buffers';

/** Scratch is a small part: what it is for more threads makes no difference to the forecast. */
const THREADS = 2;

/** Bytes that a training step takes beside the weights, with each saving. */
export function estimateOnProcessor(spec: ModelSpec, shape: TrainingShape): Record<WasmSaving, number> {
  const capacity = shapeCapacity(shape, 'prompt');
  const bytes = (saving: WasmSaving) =>
    stepBytes(spec, capacity, { mode: 'train', saving, threads: THREADS });
  return { all: bytes('all'), mlp: bytes('mlp'), layers: bytes('layers') };
}
