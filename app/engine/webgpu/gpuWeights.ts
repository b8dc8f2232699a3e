/** @file A model's weights on the GPU as they are stored: f32, or 16-bit floats two to a u32. */
import type { HostTensor, ModelSpec, ModelWeights, WeightType } from '../spec';
import type { GpuMemory } from './memory';

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

export interface GpuLinear {
  weight: GpuTensor;
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
  embedding: GpuTensor;
  positions: GpuTensor | null;
  layers: GpuLayer[];
  finalNorm: GpuNorm;
  head: GpuLinear;
  /** Bytes of all weights on the GPU. */
  bytes: number;
}

/** Uploads every weight without widening it. @throws Error naming a canonical tensor that is missing. */
export function uploadWeights(
  spec: ModelSpec,
  weights: ModelWeights,
  device: GPUDevice,
  memory: GpuMemory,
): GpuWeights {
  const before = memory.bytes;
  const read = (name: string): GpuTensor => {
    const tensor = weights.get(name);
    if (!tensor) throw new Error(`The model's weights lack “${name}”.`);
    const buffer = memory.storage(name, tensor.data.byteLength);
    write(device, buffer, tensor);
    return { dtype: tensor.dtype, shape: tensor.shape, binding: { buffer } };
  };
  const optional = (name: string): GpuTensor | null => (weights.has(name) ? read(name) : null);
  const linear = (name: string): GpuLinear => {
    const weight = read(`${name}.weight`);
    return { weight, bias: optional(`${name}.bias`), out: weight.shape[0], in: weight.shape[1] };
  };
  const norm = (name: string): GpuNorm => ({
    weight: read(`${name}.weight`),
    bias: optional(`${name}.bias`),
  });
  const optionalNorm = (name: string): GpuNorm | null => (weights.has(`${name}.weight`) ? norm(name) : null);

  const embedding = read('embed.tokens');
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

/** `writeBuffer` takes multiples of 4 bytes; an odd number of 16-bit floats leaves 2. */
function write(device: GPUDevice, buffer: GPUBuffer, { data }: HostTensor): void {
  const whole = data.byteLength & ~3;
  const bytes = data as Uint8Array<ArrayBuffer>;
  device.queue.writeBuffer(buffer, 0, bytes, 0, whole);
  if (whole < data.byteLength) {
    const rest = new Uint8Array(4);
    rest.set(data.subarray(whole));
    device.queue.writeBuffer(buffer, whole, rest);
  }
}

/** Bytes of an element as stored. */
export function elementBytes(dtype: WeightType): number {
  return dtype === 'F32' ? 4 : 2;
}

/**
 * A matrix in parts of whole rows that each fit a binding of `bindingLimit` bytes. Every part but the last has a
 * multiple of `alignment` rows, so every offset is aligned, whatever the width.
 */
export function matrixParts(tensor: GpuTensor, bindingLimit: number, alignment: number): MatrixPart[] {
  const [rows, width] = tensor.shape;
  const rowBytes = width * elementBytes(tensor.dtype);
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
