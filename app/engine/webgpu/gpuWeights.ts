/** @file A model's weights on the GPU: as they are stored (f32, 16-bit floats two to a u32, codes of 8 or 4 bits), or matrices of floats as 8-bit codes. */
import { quotedSaying } from '../../formats/readable';
import { EngineMemoryError } from '../errors';
import { isQuantised } from '../quantised';
import type { ModelSpec, StoredType, WeightFormat, WeightSink, WeightStream, WeightType } from '../spec';
import { storedBytes, storedRowBytes } from '../weightStream';
import { type DeviceLimits, rowChunks } from './limits';
import { type GpuMemory, GpuMemoryError } from './memory';
import { becomesInt8, INT8, QuantisingWriter } from './quantising';

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
  dtype: StoredType;
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

/** Buffers of a model's weights, and how they are filled. */
export interface AllocatedWeights {
  weights: GpuWeights;
  /** Uploads every weight without widening it, as its bytes come: the host never has them all. @throws what the stream throws */
  fill(): Promise<void>;
}

/**
 * Buffers for every weight; as `int8`, matrices are quantised on their way there.
 * @throws Error naming a canonical tensor that is missing; EngineMemoryError where the device has not the memory, or allows no such buffers
 */
export async function allocateWeights(
  spec: ModelSpec,
  stream: WeightStream,
  device: GPUDevice,
  memory: GpuMemory,
  format: WeightFormat = 'stored',
): Promise<AllocatedWeights> {
  const buffers = new Map<string, GPUBuffer>();
  device.pushErrorScope('validation');
  device.pushErrorScope('out-of-memory');
  let weights: GpuWeights | null = null;
  let problem: unknown = null;
  try {
    weights = makeBuffers(spec, stream, memory, buffers, format);
  } catch (error) {
    problem = error;
  }
  const [short, refused] = await Promise.all([device.popErrorScope(), device.popErrorScope()]);
  if (problem && !(problem instanceof GpuMemoryError)) throw problem;
  const cause = problem ?? short ?? refused;
  if (!weights || cause) {
    const { message } = cause as { message: string };
    const why = problem ? `: ${message}` : `${quotedSaying(message)}.`;
    const shrinks =
      format === 'stored' && [...stream.shapes].some(([name, weight]) => becomesInt8(name, weight));
    const advice = shrinks ? 'Choose 8-bit weights, or a smaller model.' : 'Choose a smaller model.';
    throw new EngineMemoryError(`The graphics device has no room for the model's weights${why} ${advice}`, {
      cause,
    });
  }
  const fill = () => stream.deliver(queueSink(device, buffers, quantisers(stream, device, buffers, format)));
  return { weights, fill };
}

function quantisers(
  { shapes }: WeightStream,
  { queue }: GPUDevice,
  buffers: ReadonlyMap<string, GPUBuffer>,
  format: WeightFormat,
): Map<string, QuantisingWriter> {
  const writers = new Map<string, QuantisingWriter>();
  if (format !== 'int8') return writers;
  for (const [name, weight] of shapes) {
    const buffer = buffers.get(name);
    if (!buffer || !becomesInt8(name, weight)) continue;
    const write = (at: number, bytes: Uint8Array<ArrayBuffer>) => queue.writeBuffer(buffer, at, bytes);
    writers.set(name, new QuantisingWriter(weight.shape[1], weight.dtype as WeightType, write));
  }
  return writers;
}

/** Buffers for every weight that the specification asks for, into `buffers` by canonical name. */
function makeBuffers(
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
  // The embedding table and the head may be larger than a binding: their kernels see them in parts.
  const allocate = (name: string, bytes: number) => {
    const inParts = name === 'embed.tokens' || name === 'head.weight';
    const buffer = inParts ? memory.parted(name, bytes) : memory.storage(name, bytes);
    buffers.set(name, buffer);
    return { buffer };
  };
  const read = (name: string): GpuTensor => {
    const { dtype, shape } = find(name);
    if (isQuantised(dtype)) throw new Error(`“${name}” is stored as ${dtype}; numbers were expected.`);
    return { dtype, shape, binding: allocate(name, storedBytes({ dtype, shape })) };
  };
  const matrix = (name: string): GpuMatrix => {
    const weight = find(name);
    const dtype = format === 'int8' && becomesInt8(name, weight) ? INT8 : weight.dtype;
    const { shape } = weight;
    return { dtype, shape, binding: allocate(name, storedBytes({ dtype, shape })) };
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
  writers: ReadonlyMap<string, QuantisingWriter>,
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

/**
 * A matrix in parts of whole rows that each fit a binding. Every part but the last has a multiple of `alignment` rows, so every
 * offset is aligned, whatever the width.
 * @throws GpuMemoryError where so many rows are too large
 */
export function matrixParts(
  tensor: GpuMatrix,
  { binding, alignment }: Pick<DeviceLimits, 'binding' | 'alignment'>,
): MatrixPart[] {
  const [rows] = tensor.shape;
  const rowBytes = storedRowBytes(tensor.dtype, tensor.shape[1]);
  const { buffer } = tensor.binding;
  if (rows * rowBytes <= binding) return [{ firstRow: 0, rows, binding: tensor.binding }];
  return rowChunks(rows, binding / rowBytes, alignment).map(({ start, size }) => {
    const bytes = Math.ceil((size * rowBytes) / 4) * 4;
    if (bytes > binding) {
      throw new GpuMemoryError(
        `${alignment} rows of a matrix take ${bytes.toLocaleString('en')} bytes; this device allows ${binding.toLocaleString('en')} in one piece. Choose a smaller model.`,
      );
    }
    return { firstRow: start, rows: size, binding: { buffer, offset: start * rowBytes, size: bytes } };
  });
}
