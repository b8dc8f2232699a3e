/** @file Runs single kernels of the WebGPU engine, and makes random tiny models of any family. */

import { expect } from 'vitest';
import { startWebGpu } from '../../app/engine/backend';
import type { Counts } from '../../app/engine/layout';
import { isQuantised, quantiseMatrix } from '../../app/engine/quantised';
import type { HostTensor, ModelSpec, StoredType } from '../../app/engine/spec';
import { Recorder } from '../../app/engine/webgpu/dispatches';
import type { MatmulTile } from '../../app/engine/webgpu/kernels/tile';
import { countValues, type Kernel, NO_COUNTS } from '../../app/engine/webgpu/kernels/wgsl';
import { foldGroups, type Groups } from '../../app/engine/webgpu/limits';
import { Pipelines } from '../../app/engine/webgpu/pipelines';
import { widened } from '../../app/engine/weightStream';
import { createRandom } from '../../app/formats/random';
import { openNodeDevice } from '../../tools/node/backend';

/** Short kernels: a software adapter compiles them much faster than the default's. */
export const SMALL_TILE: MatmulTile = { rows: 4, fours: 1, threads: [8, 8] };

/** What outputs hold before a kernel runs: a value that it does not write shows. */
export const POISON = -12345.5;

export interface Gpu {
  device: GPUDevice;
  adapter: GPUAdapter;
  pipelines: Pipelines;
}

/** A device that tfjs runs on too; where there is none, `missing` says why, for the title of what is skipped. */
export async function openTestGpu(): Promise<{ gpu: Gpu; missing: string }> {
  try {
    const opened = await openNodeDevice();
    await startWebGpu(opened.device, opened.adapter.info);
    return { gpu: { ...opened, pipelines: Pipelines.of(opened.device) }, missing: '' };
  } catch (error) {
    const reason = error instanceof Error ? error.message : error;
    return { gpu: null as never, missing: `: skipped, no WebGPU adapter on this machine (${reason})` };
  }
}

export type Resource =
  | { uniform: Uint32Array }
  | { input: ArrayBufferView }
  /** Read back after the run; `initial`, or poison. */
  | { output: number; initial?: Float32Array };

export function countsResource(counts: Partial<Counts>): Resource {
  return { uniform: countValues(counts) };
}

/**
 * Runs a kernel and returns its outputs in order. It runs once as the device allows, and once with its grid folded as
 * often as its workgroups can be: that must change no bit of what it writes.
 */
export async function runKernel(
  gpu: Gpu,
  kernel: Kernel,
  resources: readonly Resource[],
  groups: Groups,
): Promise<Float32Array[]> {
  const { maxComputeWorkgroupsPerDimension } = gpu.device.limits;
  const outputs = await runOnce(gpu, kernel, resources, groups, maxComputeWorkgroupsPerDimension);
  const least = leastLimit(kernel, groups);
  if (least < Math.max(...groups)) {
    expect(await runOnce(gpu, kernel, resources, groups, least), `${kernel.label}, folded`).toEqual(outputs);
  }
  return outputs;
}

/** The lowest limit of workgroups along a dimension that a kernel can be folded to. */
export function leastLimit(kernel: Kernel, groups: Groups): number {
  for (let limit = 1; limit < Math.max(...groups); limit++) {
    try {
      foldGroups(groups, kernel.grid, limit);
      return limit;
    } catch {
      // Too low: the next.
    }
  }
  return Math.max(...groups);
}

async function runOnce(
  { device, pipelines }: Gpu,
  kernel: Kernel,
  resources: readonly Resource[],
  groups: Groups,
  mostGroups: number,
): Promise<Float32Array[]> {
  device.pushErrorScope('validation');
  const buffers = resources.map((resource) => {
    const data =
      'uniform' in resource
        ? resource.uniform
        : 'input' in resource
          ? resource.input
          : (resource.initial ?? new Float32Array(resource.output).fill(POISON));
    const usage =
      'uniform' in resource ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
    const buffer = device.createBuffer({
      size: Math.max(16, Math.ceil(data.byteLength / 16) * 16),
      usage: usage | GPUBufferUsage.COPY_DST,
    });
    const bytes = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    device.queue.writeBuffer(buffer, 0, bytes);
    return buffer;
  });
  const recorder = new Recorder(pipelines, mostGroups);
  recorder.add(kernel, buffers, () => groups);
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  recorder.take().encode(pass, NO_COUNTS);
  pass.end();
  const outputs = resources.flatMap((resource, i) => {
    if (!('output' in resource)) return [];
    const bytes = resource.output * 4;
    const staging = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    encoder.copyBufferToBuffer(buffers[i], 0, staging, 0, bytes);
    return [staging];
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error) throw new Error(`${kernel.label}: ${error.message}`);
  const results = await Promise.all(
    outputs.map(async (staging) => {
      await staging.mapAsync(GPUMapMode.READ);
      const values = new Float32Array(staging.getMappedRange().slice(0));
      staging.destroy();
      return values;
    }),
  );
  for (const buffer of buffers) buffer.destroy();
  return results;
}

/** Seeded numbers: about normal, with the given spread. */
export class Random {
  private readonly next: () => number;

  constructor(seed: number) {
    this.next = createRandom(seed).next;
  }

  floats(count: number, spread = 1): Float32Array {
    return Float32Array.from({ length: count }, () => {
      const sum = this.next() + this.next() + this.next() + this.next() - 2;
      return sum * 1.73 * spread;
    });
  }

  below(n: number): number {
    return Math.floor(this.next() * n);
  }
}

/** Values as a type stores them, in rows of `width` where it is one of codes, and what they then are as f32. */
export function store(
  values: Float32Array,
  dtype: StoredType,
  width = 1,
): { data: Uint8Array; values: Float32Array } {
  if (isQuantised(dtype)) {
    const made = quantiseMatrix(dtype, values, width);
    return { data: made.data, values: widened(made) };
  }
  if (dtype === 'F32') {
    return { data: new Uint8Array(values.slice().buffer), values };
  }
  const bits = Uint16Array.from(values, (value) => (dtype === 'BF16' ? bf16Bits(value) : f16Bits(value)));
  const kept = Float32Array.from(bits, (one) => (dtype === 'BF16' ? bf16Value(one) : f16Value(one)));
  return { data: new Uint8Array(bits.buffer), values: kept };
}

function bf16Bits(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] >>> 16;
}

function bf16Value(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0];
}

/** Normal half floats, cut off; smaller ones become 0. */
function f16Bits(value: number): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer)[0];
  const exponent = ((bits >>> 23) & 0xff) - 127 + 15;
  const sign = (bits >>> 16) & 0x8000;
  if (exponent <= 0) return sign;
  return sign | (exponent << 10) | ((bits >>> 13) & 0x3ff);
}

function f16Value(bits: number): number {
  const exponent = (bits >> 10) & 0x1f;
  const magnitude = exponent === 0 ? 0 : (1 + (bits & 0x3ff) / 1024) * 2 ** (exponent - 15);
  return bits & 0x8000 ? -magnitude : magnitude;
}

export interface TinyModel {
  spec: ModelSpec;
  weights: Map<string, HostTensor>;
  parameters: number;
}

/** A random model; what `change` does not say is a small Llama. */
export function tinyModel(
  seed: number,
  change: Partial<ModelSpec> & { dtype?: StoredType; biases?: boolean } = {},
): TinyModel {
  const { dtype = 'F32', biases = false, ...rest } = change;
  const spec: ModelSpec = {
    modelType: 'tiny',
    vocabSize: 61,
    hidden: 24,
    heads: 4,
    kvHeads: 2,
    headDim: 8,
    mlpWidth: 28,
    contextLength: 64,
    layers: [
      { window: null, rope: 0 },
      { window: null, rope: 0 },
    ],
    embedScale: 1,
    learnedPositionOffset: null,
    ropes: [{ dims: 8, inverseFrequencies: [1, 0.1, 0.01, 0.001] }],
    norm: { kind: 'rms', epsilon: 1e-5, weightOffset: 0 },
    queryKeyNorm: null,
    postNorms: false,
    parallelResidual: false,
    attentionScale: 8 ** -0.5,
    attentionSoftcap: null,
    logitSoftcap: null,
    activation: 'silu',
    gatedMlp: true,
    tiedHead: true,
    ...rest,
  };
  const random = new Random(seed);
  const weights = new Map<string, HostTensor>();
  let parameters = 0;
  const add = (name: string, shape: number[], spread: number, centre = 0) => {
    const count = shape.reduce((product, n) => product * n, 1);
    const values = random.floats(count, spread).map((value) => value + centre);
    // Codes are for what is multiplied by, and for tables of tokens.
    const plain = shape.length === 1 || name === 'embed.positions';
    const type = plain && isQuantised(dtype) ? 'F32' : dtype;
    weights.set(name, { dtype: type, shape, data: store(values, type, shape.at(-1)).data });
    parameters += count;
  };
  const linear = (name: string, out: number, width: number) => {
    add(`${name}.weight`, [out, width], 1.2 / Math.sqrt(width));
    if (biases) add(`${name}.bias`, [out], 0.3);
  };
  const norm = (name: string, width: number, offset: 0 | 1 = spec.norm.weightOffset) => {
    add(`${name}.weight`, [width], 0.2, 1 - offset);
    if (spec.norm.kind === 'layer') add(`${name}.bias`, [width], 0.2);
  };
  const { hidden, heads, kvHeads, headDim, mlpWidth } = spec;
  add('embed.tokens', [spec.vocabSize, hidden], 0.7);
  if (spec.learnedPositionOffset !== null) {
    add('embed.positions', [spec.contextLength + spec.learnedPositionOffset, hidden], 0.5);
  }
  spec.layers.forEach((_, i) => {
    norm(`layers.${i}.attention.norm`, hidden);
    linear(`layers.${i}.attention.qkv`, (heads + 2 * kvHeads) * headDim, hidden);
    if (spec.queryKeyNorm) {
      const { weightOffset } = spec.queryKeyNorm;
      add(`layers.${i}.attention.queryNorm.weight`, [headDim], 0.2, 1 - weightOffset);
      add(`layers.${i}.attention.keyNorm.weight`, [headDim], 0.2, 1 - weightOffset);
    }
    linear(`layers.${i}.attention.out`, hidden, heads * headDim);
    norm(`layers.${i}.mlp.norm`, hidden);
    linear(`layers.${i}.mlp.in`, spec.gatedMlp ? 2 * mlpWidth : mlpWidth, hidden);
    linear(`layers.${i}.mlp.out`, hidden, mlpWidth);
    if (spec.postNorms) {
      norm(`layers.${i}.attention.postNorm`, hidden);
      norm(`layers.${i}.mlp.postNorm`, hidden);
    }
  });
  norm('final.norm', hidden);
  if (!spec.tiedHead) linear('head', spec.vocabSize, hidden);
  return { spec, weights, parameters };
}

/**
 * ‖found − want‖ / ‖magnitude‖; infinite where the lengths differ.
 * @param magnitude What the error is measured against: the outputs, or for sums of few terms, which may cancel to next
 *   to nothing, the sums of their terms' magnitudes.
 */
export function relativeError(
  found: ArrayLike<number>,
  want: ArrayLike<number>,
  magnitude: ArrayLike<number> = want,
): number {
  if (found.length !== want.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < want.length; i++) {
    difference += (found[i] - want[i]) ** 2;
    size += magnitude[i] ** 2;
  }
  return Math.sqrt(difference / Math.max(size, 1e-30));
}

/** Elements before `from` and after `to` must be as they were. */
export function expectUntouched(values: Float32Array, from: number, to: number): void {
  expect([...values.slice(0, from), ...values.slice(to)].every((value) => value === POISON)).toBe(true);
}

export function sumOf(count: number, at: (i: number) => number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum += at(i);
  return sum;
}
