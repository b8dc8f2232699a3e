/** @file A model's weights on the GPU: as they are stored (f32, or 16-bit floats two to a u32), or matrices as 8-bit integers. */
import type { ModelSpec, WeightFormat, WeightSink, WeightStream, WeightType } from '../spec';
import { storedBytes } from '../weightStream';
import { becomesInt8, Int8Writer, int8Bytes, type MatrixType } from './int8';
import type { GpuMemory } from './memory';

/** Bytes handed to the queue before it is waited for: without, the GPU's process would hold a model that comes from disk twice. */
const QUEUED_BYTES = 32 * 2 ** 20;

/** Rows of a matrix that fit one binding. */
export interface MatrixPart {
  firstRow: number;
  rows: number;
  binding: GPUBufferBinding;
}

export interface GpuTensor {
  dtype: WeightType;
  shape: number[];
  binding: GPUBufferBinding;
}

export interface GpuMatrix extends Omit<GpuTensor, 'dtype'> {
  dtype: MatrixType;
}

export interface GpuLinear {
  weight: GpuMatrix;
  bias: GpuTensor | null;
  out: number;
  in: number;
}

export interface GpuNorm {
  weight: GpuTensor;
  bias: GpuTensor | null;
}

export interface GpuLayer {
  attentionNorm: GpuNorm;
  qkv: GpuLinear;
  queryNorm: GpuNorm | null;
  keyNorm: GpuNorm | null;
  out: GpuLinear;
  attentionPostNorm: GpuNorm | null;
  mlpNorm: GpuNorm;
  mlpIn: GpuLinear;
  mlpOut: GpuLinear;
  mlpPostNorm: GpuNorm | null;
}

export interface GpuWeights {
  embedding: GpuMatrix;
  positions: GpuTensor | null;
  layers: GpuLayer[];
  finalNorm: GpuNorm;
  head: GpuLinear;
  /** Bytes of all weights on the GPU. */
  bytes: number;
}

/**
 * Uploads every weight without widening it, as its bytes come: the host never has them all. As `int8`, matrices are
 * quantised on the way.
 * @throws Error naming a canonical tensor that is missing, and what the stream throws.
 */
export async function uploadWeights(
  spec: ModelSpec,
  weights: WeightStream,
  device: GPUDevice,
  memory: GpuMemory,
  format: WeightFormat = 'stored',
): Promise<GpuWeights> {
  const buffers = new Map<string, GPUBuffer>();
  const allocated = allocateWeights(spec, weights, memory, buffers, format);
  const writers = new Map<string, Int8Writer>();
  if (format === 'int8') {
    for (const [name, weight] of weights.shapes) {
      const buffer = buffers.get(name);
      if (!buffer || !becomesInt8(name, weight)) continue;
      const write = (at: number, words: Uint32Array<ArrayBuffer>) =>
        device.queue.writeBuffer(buffer, at * 4, words);
      writers.set(name, new Int8Writer(weight.shape, weight.dtype, write));
    }
  }
  await weights.deliver(queueSink(device, buffers, writers));
  return allocated;
}

/** Buffers for every weight that the specification asks for, into `buffers` by canonical name. */
function allocateWeights(
  spec: ModelSpec,
  { shapes }: WeightStream,
  memory: GpuMemory,
  buffers: Map<string, GPUBuffer>,
  format: WeightFormat,
): GpuWeights {
  const before = memory.bytes;
  const find = (name: string) => {
    const weight = shapes.get(name);
    if (!weight) throw new Error(`The model's weights lack “${name}”.`);
    return weight;
  };
  const allocate = (name: string, bytes: number) => {
    const buffer = memory.storage(name, bytes);
    buffers.set(name, buffer);
    return { buffer };
  };
  const read = (name: string): GpuTensor => {
    const weight = find(name);
    return { ...weight, binding: allocate(name, storedBytes(weight)) };
  };
  const matrix = (name: string): GpuMatrix => {
    const weight = find(name);
    if (format === 'stored' || !becomesInt8(name, weight)) return read(name);
    return { dtype: 'INT8', shape: weight.shape, binding: allocate(name, int8Bytes(weight.shape)) };
  };
  const optional = (name: string): GpuTensor | null => (shapes.has(name) ? read(name) : null);
  const linear = (name: string): GpuLinear => {
    const weight = matrix(`${name}.weight`);
    return { weight, bias: optional(`${name}.bias`), out: weight.shape[0], in: weight.shape[1] };
  };
  const norm = (name: string): GpuNorm => ({
    weight: read(`${name}.weight`),
    bias: optional(`${name}.bias`),
  });
  const optionalNorm = (name: string): GpuNorm | null => (shapes.has(`${name}.weight`) ? norm(name) : null);

  const embedding = matrix('embed.tokens');
  const layers = spec.layers.map(
    (_, i): GpuLayer => ({
      attentionNorm: norm(`layers.${i}.attention.norm`),
      qkv: linear(`layers.${i}.attention.qkv`),
      queryNorm: optionalNorm(`layers.${i}.attention.queryNorm`),
      keyNorm: optionalNorm(`layers.${i}.attention.keyNorm`),
      out: linear(`layers.${i}.attention.out`),
      attentionPostNorm: optionalNorm(`layers.${i}.attention.postNorm`),
      mlpNorm: norm(`layers.${i}.mlp.norm`),
      mlpIn: linear(`layers.${i}.mlp.in`),
      mlpOut: linear(`layers.${i}.mlp.out`),
      mlpPostNorm: optionalNorm(`layers.${i}.mlp.postNorm`),
    }),
  );
  const result = {
    embedding,
    positions: optional('embed.positions'),
    layers,
    finalNorm: norm('final.norm'),
    head: spec.tiedHead
      ? {
          weight: embedding,
          bias: optional('head.bias'),
          out: embedding.shape[0],
          in: embedding.shape[1],
        }
      : linear('head'),
  };
  return { ...result, bytes: memory.bytes - before };
}

/** Writes what comes into the buffers, and lets the queue catch up now and then. Weights without a buffer are passed over. */
function queueSink(
  device: GPUDevice,
  buffers: ReadonlyMap<string, GPUBuffer>,
  writers: ReadonlyMap<string, Int8Writer>,
): WeightSink {
  let queued = 0;
  return async (name, offset, bytes) => {
    const buffer = buffers.get(name);
    if (!buffer) return;
    const writer = writers.get(name);
    if (writer) writer.push(offset, bytes);
    else write(device, buffer, offset, bytes as Uint8Array<ArrayBuffer>);
    queued += bytes.byteLength;
    if (queued < QUEUED_BYTES) return;
    queued = 0;
    await device.queue.onSubmittedWorkDone();
  };
}

/** `writeBuffer` takes multiples of 4 bytes; an odd number of 16-bit floats leaves 2 at a weight's end. */
function write(device: GPUDevice, buffer: GPUBuffer, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
  const whole = bytes.byteLength & ~3;
  if (whole > 0) device.queue.writeBuffer(buffer, offset, bytes, 0, whole);
  if (whole < bytes.byteLength) {
    const rest = new Uint8Array(4);
    rest.set(bytes.subarray(whole));
    device.queue.writeBuffer(buffer, offset + whole, rest);
  }
}

/** Bytes of an element as stored. */
export function elementBytes(dtype: WeightType): number {
  return dtype === 'F32' ? 4 : 2;
}

function rowBytesOf({ dtype, shape: [, width] }: GpuMatrix): number {
  return dtype === 'INT8' ? int8Bytes([1, width]) : width * elementBytes(dtype);
}

/**
 * A matrix in parts of whole rows that each fit a binding of `bindingLimit` bytes. Every part but the last has a
 * multiple of `alignment` rows, so every offset is aligned, whatever the width.
 */
export function matrixParts(tensor: GpuMatrix, bindingLimit: number, alignment: number): MatrixPart[] {
  const [rows] = tensor.shape;
  const rowBytes = rowBytesOf(tensor);
  const { buffer } = tensor.binding;
  if (rows * rowBytes <= bindingLimit) {
    return [{ firstRow: 0, rows, binding: tensor.binding }];
  }
  const most = Math.floor(bindingLimit / rowBytes / alignment) * alignment;
  const parts: MatrixPart[] = [];
  for (let firstRow = 0; firstRow < rows; firstRow += most) {
    const here = Math.min(most, rows - firstRow);
    const size = Math.ceil((here * rowBytes) / 4) * 4;
    parts.push({ firstRow, rows: here, binding: { buffer, offset: firstRow * rowBytes, size } });
  }
  return parts;
}
