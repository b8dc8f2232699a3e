/** @file Questions to the embedding table: rows of tokens, and the rows nearest to vectors. */

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import type { Metric, Neighbour } from '../engine';
import type { Counts } from '../layout';
import { COUNT_FIELDS } from '../layout';
import { Recorder } from './dispatches';
import { type MatrixPart, matrixParts } from './gpuWeights';
import { matmul } from './kernels/matmul';
import { tableSquaresKernel, topKKernel } from './kernels/nearest';
import { elementGroups, lookupKernel } from './kernels/rows';
import { COUNT_BYTES } from './kernels/wgsl';
import { GpuMemory } from './memory';
import type { PlanSource } from './plan/plan';
import { Readback } from './steps';
import { emptyTensor, flush, tensorBuffer } from './tensors';

/** Rows of one dispatch: under the limit of 65,535 workgroups along a dimension. */
const LOOKUP_ROWS = 32768;
/** Vectors that are compared with the table at a time. */
const VECTORS = 32;

const noCounts: Counts = {
  activeStart: 0,
  activeEnd: 0,
  prefixEnd: 0,
  promptEnd: 0,
  slots: 0,
  jobs: 0,
  labels: 0,
  sequences: 0,
  promptSequences: 0,
  longestText: 0,
  longestPrompt: 0,
};

export class Vocabulary {
  private readonly parts: MatrixPart[];
  private readonly memory: GpuMemory;
  /** Squared lengths of the table's rows, made when first asked for. */
  private squares: GPUBuffer | null = null;

  constructor(private readonly source: PlanSource) {
    const { weights, device, bindingLimit } = source;
    this.parts = matrixParts(weights.embedding, bindingLimit, device.limits.minStorageBufferOffsetAlignment);
    this.memory = new GpuMemory(device);
  }

  /** Embeddings `[n, hidden]`, in tfjs's present scope. @throws RangeError on a token outside the vocabulary. */
  embed(backend: WebGPUBackend, tokenIds: Int32Array): tf.Tensor2D {
    const { spec, weights } = this.source;
    for (const id of tokenIds) {
      if (id < 0 || id >= spec.vocabSize) {
        throw new RangeError(`Token ${id} is outside the vocabulary of ${spec.vocabSize}.`);
      }
    }
    const { tensor, buffer } = emptyTensor<tf.Tensor2D>(backend, [tokenIds.length, spec.hidden]);
    if (tokenIds.length === 0) return tensor;
    flush(backend);
    const rowBytes = spec.hidden * 4;
    this.submit((memory, recorder, encoder) => {
      const chunk = Math.min(LOOKUP_ROWS, tokenIds.length);
      const out = memory.storage('embeddings', chunk * rowBytes);
      for (let start = 0; start < tokenIds.length; start += chunk) {
        const ids = Uint32Array.from(tokenIds.subarray(start, start + chunk));
        const size = this.upload(memory, Uint32Array.of(ids.length, 0, 0, 0), true);
        const idBuffer = this.upload(memory, ids);
        for (const part of this.parts) {
          recorder.add(
            lookupKernel({
              hidden: spec.hidden,
              scale: spec.embedScale,
              table: weights.embedding.dtype,
              firstToken: part.firstRow,
              tokens: part.rows,
            }),
            [size, idBuffer, part.binding, out],
            () => elementGroups(spec.hidden, ids.length),
          );
        }
        encode(encoder, recorder);
        encoder.copyBufferToBuffer(out, 0, buffer, start * rowBytes, ids.length * rowBytes);
      }
    });
    return tensor;
  }

  /** The k nearest rows to each vector, nearest first. */
  async nearest(
    backend: WebGPUBackend,
    vectors: tf.Tensor2D,
    k: number,
    metric: Metric,
  ): Promise<Neighbour[][]> {
    const { spec, weights, device, logitBytes, tile } = this.source;
    const count = vectors.shape[0];
    const most = Math.min(k, spec.vocabSize);
    if (count === 0 || most === 0) return Array.from({ length: count }, () => []);
    const from = tensorBuffer(backend, vectors);
    flush(backend);
    const chunk = Math.max(1, Math.min(VECTORS, count, Math.floor(logitBytes / (spec.vocabSize * 4))));
    const values = new Readback(device, count * most * 4);
    const ids = new Readback(device, count * most * 4);
    this.submit((memory, recorder, encoder) => {
      const squares = this.tableSquares(recorder);
      const own = memory.storage('vectors', chunk * spec.hidden * 4);
      const products = memory.storage('products', chunk * spec.vocabSize * 4);
      const chunkValues = memory.storage('values', chunk * most * 4);
      const chunkIds = memory.storage('ids', chunk * most * 4);
      for (let start = 0; start < count; start += chunk) {
        const rows = Math.min(chunk, count - start);
        const counts = { ...noCounts, slots: rows };
        const countBuffer = this.upload(memory, countValues(counts), true);
        const size = this.upload(memory, Uint32Array.of(rows, most, 0, 0), true);
        const rowBytes = spec.hidden * 4;
        encoder.copyBufferToBuffer(from, start * rowBytes, own, 0, rows * rowBytes);
        for (const part of this.parts) {
          const shape = {
            form: 'NT',
            inner: spec.hidden,
            outer: part.rows,
            weight: weights.embedding.dtype,
            bias: null,
            add: null,
            domain: 'slots',
            yStride: spec.vocabSize,
            yOffset: part.firstRow,
          } as const;
          const { kernel, groups } = matmul(shape, tile);
          recorder.add(kernel, [countBuffer, own, part.binding, products], () => groups(rows));
        }
        recorder.add(
          topKKernel({ vocab: spec.vocabSize, hidden: spec.hidden, scale: spec.embedScale, metric }),
          [size, own, squares, products, chunkValues, chunkIds],
          () => [rows, 1, 1],
        );
        encode(encoder, recorder);
        const at = start * most * 4;
        encoder.copyBufferToBuffer(chunkValues, 0, values.buffer, at, rows * most * 4);
        encoder.copyBufferToBuffer(chunkIds, 0, ids.buffer, at, rows * most * 4);
      }
    });
    const [valueBytes, idBytes] = await Promise.all([values.read(), ids.read()]);
    const nearness = new Float32Array(valueBytes);
    const tokens = new Uint32Array(idBytes);
    return Array.from({ length: count }, (_, row) =>
      Array.from({ length: most }, (_, i) => ({
        tokenId: tokens[row * most + i],
        value: nearness[row * most + i],
      })),
    );
  }

  private tableSquares(recorder: Recorder): GPUBuffer {
    if (this.squares) return this.squares;
    const { spec, weights } = this.source;
    this.squares = this.memory.storage('table squares', spec.vocabSize * 4);
    for (const part of this.parts) {
      const size = this.upload(this.memory, Uint32Array.of(part.rows, part.firstRow, 0, 0), true);
      recorder.add(
        tableSquaresKernel(spec.hidden, weights.embedding.dtype, spec.embedScale),
        [size, part.binding, this.squares],
        () => [Math.min(part.rows, 32768), Math.ceil(part.rows / 32768), 1],
      );
    }
    return this.squares;
  }

  private upload(memory: GpuMemory, values: Uint32Array<ArrayBuffer>, uniform = false): GPUBuffer {
    const buffer = uniform
      ? memory.uniform('uniform', values.byteLength)
      : memory.storage('table', values.byteLength);
    this.source.device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  }

  /** Records, submits, and lets go of the buffers, which live until the GPU is done with them. */
  private submit(record: (memory: GpuMemory, recorder: Recorder, encoder: GPUCommandEncoder) => void): void {
    const { device, pipelines } = this.source;
    const memory = new GpuMemory(device);
    const encoder = device.createCommandEncoder();
    record(memory, new Recorder(pipelines), encoder);
    device.queue.submit([encoder.finish()]);
    memory.destroyAll();
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  dispose(): void {
    this.memory.destroyAll();
    this.squares = null;
  }
}

function countValues(counts: Counts): Uint32Array<ArrayBuffer> {
  const values = new Uint32Array(COUNT_BYTES / 4);
  values.set(COUNT_FIELDS.map((field) => counts[field]));
  return values;
}

/** What was recorded so far, as one pass. */
function encode(encoder: GPUCommandEncoder, recorder: Recorder): void {
  const pass = encoder.beginComputePass();
  recorder.take().encode(pass, noCounts);
  pass.end();
}
