/** @file Whether memory grows: many steps of varying lengths on one model, and many models one after the other. */
import * as tf from '@tensorflow/tfjs-core';
import type { PackedBatch } from '../app/engine/engine';
import { createWebGpuEngine, type WebGpuEngine } from '../app/engine/webgpu/webgpuEngine';
import { createRandom } from '../app/formats/random';
import { AdamW } from '../app/training/adamW';
import { promptVariable, timeStep } from './measure';
import type { Meter } from './meter';
import { type BenchModel, llamaLike, randomWeights } from './models';
import { makeBatch, type Workload } from './workload';

/** What lives at one moment. */
export interface Living {
  tensors: number;
  tensorBytes: number;
  /** On the device, whoever made them: the engine, or tfjs with what its pool keeps. */
  buffers: number;
  bufferBytes: number;
}

/** The largest batch: what a run is made ready for. */
const LARGEST: Workload = { batch: 4, length: 14, prompt: 3, labels: 4 };
/** Steps of varying lengths until tfjs's pool knows the few sizes it gets. */
const WARM_STEPS = 5;
const CREATE = { tile: { rows: 4, fours: 1, threads: [8, 8] } } as const;

/** A model that a software adapter steps through in milliseconds. */
export function tinyModel(hidden: number, layers = 2): BenchModel {
  const spec = llamaLike('llama', {
    vocabSize: 96,
    hidden,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    mlpWidth: 2 * hidden,
    contextLength: 64,
    layers,
    theta: 10000,
  });
  return randomWeights({ spec, dtype: 'BF16', biases: 'none' });
}

/**
 * Trains a prompt for `steps` steps on batches of random lengths, after one on the largest batch and a few more.
 * @returns what lived after those first steps, and after each of the others.
 */
export async function soakSteps(
  device: GPUDevice,
  meter: Meter,
  steps: number,
): Promise<{ warm: Living; after: Living[]; planBytes: { warm: number; end: number } }> {
  const { spec, weights } = tinyModel(32);
  const engine = await createWebGpuEngine(spec, weights, device, CREATE);
  const variable = promptVariable(engine, LARGEST);
  const optimizer = new AdamW(variable.shape);
  const random = createRandom(3).next;
  const step = async (batch: PackedBatch) => {
    const { value, grads } = tf.variableGrads(
      () => tf.sum(engine.loss([{ kind: 'prompt', vectors: variable }], batch)) as tf.Scalar,
      [variable],
    );
    const norm = optimizer.apply(variable, grads[variable.name], 1e-3);
    await value.data();
    tf.dispose([value, grads, norm]);
  };
  const after: Living[] = [];
  try {
    await step(makeBatch(spec.vocabSize, LARGEST));
    for (let i = 0; i < WARM_STEPS; i++) await step(raggedBatch(spec.vocabSize, random));
    const warm = living(meter);
    const warmBytes = engine.usage().planBytes;
    for (let i = 0; i < steps; i++) {
      await step(raggedBatch(spec.vocabSize, random));
      after.push(living(meter));
    }
    return { warm, after, planBytes: { warm: warmBytes, end: engine.usage().planBytes } };
  } finally {
    variable.dispose();
    optimizer.dispose();
    engine.dispose();
  }
}

/**
 * Makes an engine, uses all of it and disposes it, `times` times, two models by turns.
 * @returns what lived after each was gone.
 */
export async function soakSwitches(device: GPUDevice, meter: Meter, times: number): Promise<Living[]> {
  const models = [tinyModel(32), tinyModel(40, 3)];
  const after: Living[] = [];
  for (let i = 0; i < times; i++) {
    const { spec, weights } = models[i % models.length];
    const engine = await createWebGpuEngine(spec, weights, device, CREATE);
    await exercise(engine);
    engine.dispose();
    after.push(living(meter));
  }
  return after;
}

/** A step, an evaluation, some generated tokens and neighbours. */
async function exercise(engine: WebGpuEngine): Promise<void> {
  const batch = makeBatch(engine.spec.vocabSize, LARGEST);
  const variable = promptVariable(engine, LARGEST);
  const prompt = { kind: 'prompt', vectors: variable } as const;
  await timeStep(engine, variable, batch);
  await engine.evaluate([prompt], batch);
  const options = { maxTokens: 4, temperature: 0, stopIds: [] };
  for await (const _ of engine.generate(prompt, batch.tokenIds.slice(0, 8), options));
  await engine.nearest(variable as unknown as tf.Tensor2D, 3, 'cosine');
  variable.dispose();
}

/** Up to as many texts as the largest batch, each up to as long, none of them alike. */
function raggedBatch(vocabSize: number, random: () => number): PackedBatch {
  const below = (n: number) => Math.floor(random() * n);
  const texts: PackedBatch['texts'] = [];
  let rows = 0;
  for (let i = 1 + below(LARGEST.batch); i > 0; i--) {
    const length = 2 + below(LARGEST.length - 1);
    texts.push({ start: rows, length, prompt: 0 });
    rows += length;
  }
  const isLabel = new Uint8Array(rows);
  for (const { start, length } of texts) {
    const labels = 1 + below(Math.min(LARGEST.labels, length));
    isLabel.fill(1, start + length - labels, start + length);
  }
  return { tokenIds: Int32Array.from({ length: rows }, () => below(vocabSize)), isLabel, texts };
}

function living(meter: Meter): Living {
  const { numTensors, numBytes } = tf.memory();
  return { tensors: numTensors, tensorBytes: numBytes, buffers: meter.buffers, bufferBytes: meter.bytes };
}
