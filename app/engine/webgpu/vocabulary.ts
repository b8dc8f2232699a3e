/** @file Questions to the embedding table: rows of tokens, and the rows nearest to vectors. */

import type { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu';
import type * as tf from '@tensorflow/tfjs-core';
import type { Metric, Neighbour } from '../engine';
import type { Faults } from '../faults';
import { Recorder } from './dispatches';
import { type MatrixPart, matrixParts } from './gpuWeights';
import { type Matmul, matmul } from './kernels/matmul';
import { tableSquaresKernel, topKKernel } from './kernels/nearest';
import { elementGroups, lookupKernel } from './kernels/rows';
import { countValues, type Kernel, NO_COUNTS } from './kernels/wgsl';
import { type Groups, rowChunks } from './limits';
import { GpuMemory } from './memory';
import { logitBytesOf, type PlanSource } from './plan/source';
import { Readback } from './steps';
import { submitCommands } from './submit';
import { emptyTensor, flush, tensorBuffer } from './tensors';

/** Vectors that are compared with the table at a time. */
const VECTORS = 32;

export class Vocabulary {
  private readonly parts: MatrixPart[];
  private readonly memory: GpuMemory;
  /** Squared lengths of the table's rows, made when first asked for. */
  private squares: GPUBuffer | null = null;

  /** What the device refuses of a lookup, which nobody waits for, goes to `faults`. */
  constructor(
    private readonly source: PlanSource,
    private readonly faults: Pick<Faults, 'watch'>,
  ) {
    const { weights, device, limits } = source;
    this.parts = matrixParts(weights.embedding, limits);
    this.memory = new GpuMemory(device, limits);
  }

  /** All that questions dispatch, for compiling. */
  kernels(): Kernel[] {
    const metrics = ['cosine', 'euclidean'] as const;
    return this.parts.flatMap((part) => [
      this.lookup(part),
      this.products(part).kernel,
      this.lengths(),
      ...metrics.map((metric) => this.best(metric)),
    ]);
  }

  /** Embeddings `[n, hidden]`, in tfjs's present scope. @throws RangeError on a token outside the vocabulary. */
  embed(backend: WebGPUBackend, tokenIds: Int32Array): tf.Tensor2D {
    const { spec, limits } = this.source;
    for (const id of tokenIds) {
      if (id < 0 || id >= spec.vocabSize) {
        throw new RangeError(`Token ${id} is outside the vocabulary of ${spec.vocabSize}.`);
      }
    }
    const { tensor, buffer } = emptyTensor<tf.Tensor2D>(backend, [tokenIds.length, spec.hidden]);
    if (tokenIds.length === 0) return tensor;
    const rowBytes = spec.hidden * 4;
    const chunks = rowChunks(tokenIds.length, limits.binding / rowBytes);
    const accepted = this.submit('a lookup of tokens', backend, (memory, recorder, encoder) => {
      const out = memory.storage('embeddings', chunks[0].size * rowBytes);
      for (const { start, size: rows } of chunks) {
        const size = this.upload(memory, Uint32Array.of(rows, 0, 0, 0), true);
        const idBuffer = this.upload(memory, Uint32Array.from(tokenIds.subarray(start, start + rows)));
        for (const part of this.parts) {
          recorder.add(this.lookup(part), [size, idBuffer, part.binding, out], () =>
            elementGroups(spec.hidden, rows),
          );
        }
        encode(encoder, recorder);
        encoder.copyBufferToBuffer(out, 0, buffer, start * rowBytes, rows * rowBytes);
      }
    });
    this.faults.watch(accepted);
    return tensor;
  }

  /** The k nearest rows to each vector, nearest first. */
  async nearest(
    backend: WebGPUBackend,
    vectors: tf.Tensor2D,
    k: number,
    metric: Metric,
  ): Promise<Neighbour[][]> {
    const { spec, device } = this.source;
    const count = vectors.shape[0];
    const most = Math.min(k, spec.vocabSize);
    if (count === 0 || most === 0) return Array.from({ length: count }, () => []);
    const from = tensorBuffer(backend, vectors);
    const fitting = Math.floor(logitBytesOf(this.source) / (spec.vocabSize * 4));
    const chunks = rowChunks(count, Math.min(VECTORS, fitting));
    const values = new Readback(device, count * most * 4);
    const ids = new Readback(device, count * most * 4);
    const ask = () =>
      this.submit('a search for nearest tokens', backend, (memory, recorder, encoder) => {
        const squares = this.tableSquares(recorder);
        const [{ size: chunk }] = chunks;
        const own = memory.storage('vectors', chunk * spec.hidden * 4);
        const products = memory.storage('products', chunk * spec.vocabSize * 4);
        const chunkValues = memory.storage('values', chunk * most * 4);
        const chunkIds = memory.storage('ids', chunk * most * 4);
        for (const { start, size: rows } of chunks) {
          const countBuffer = this.upload(memory, countValues({ slots: rows }), true);
          const size = this.upload(memory, Uint32Array.of(rows, most, 0, 0), true);
          const rowBytes = spec.hidden * 4;
          encoder.copyBufferToBuffer(from, start * rowBytes, own, 0, rows * rowBytes);
          for (const part of this.parts) {
            const { kernel, groups } = this.products(part);
            recorder.add(kernel, [countBuffer, own, part.binding, products], () => groups(rows));
          }
          recorder.add(
            this.best(metric),
            [size, own, squares, products, chunkValues, chunkIds],
            (): Groups => [rows, 1, 1],
          );
          encode(encoder, recorder);
          const at = start * most * 4;
          encoder.copyBufferToBuffer(chunkValues, 0, values.buffer, at, rows * most * 4);
          encoder.copyBufferToBuffer(chunkIds, 0, ids.buffer, at, rows * most * 4);
        }
      });
    const [valueBytes, idBytes] = await this.answered(ask, [values, ids]);
    const nearness = new Float32Array(valueBytes);
    const tokens = new Uint32Array(idBytes);
    return Array.from({ length: count }, (_, row) =>
      Array.from({ length: most }, (_, i) => ({
        tokenId: tokens[row * most + i],
        value: nearness[row * most + i],
      })),
    );
  }

  /** What a question's submit copies out. The table's squares may not be there where it fails. */
  private async answered(ask: () => Promise<void>, readbacks: readonly Readback[]): Promise<ArrayBuffer[]> {
    try {
      const accepted = ask();
      return await Promise.all(readbacks.map((readback) => readback.read(accepted)));
    } catch (error) {
      if (this.squares) this.memory.destroy(this.squares);
      this.squares = null;
      throw error;
    }
  }

  private tableSquares(recorder: Recorder): GPUBuffer {
    if (this.squares) return this.squares;
    const squares = this.memory.storage('table squares', this.source.spec.vocabSize * 4);
    this.squares = squares;
    for (const part of this.parts) {
      const size = this.upload(this.memory, Uint32Array.of(part.rows, part.firstRow, 0, 0), true);
      recorder.add(this.lengths(), [size, part.binding, squares], (): Groups => [part.rows, 1, 1]);
    }
    return squares;
  }

  private lookup(part: MatrixPart): Kernel {
    const { spec, weights } = this.source;
    return lookupKernel({
      hidden: spec.hidden,
      scale: spec.embedScale,
      table: weights.embedding.dtype,
      firstToken: part.firstRow,
      tokens: part.rows,
    });
  }

  /** Products of vectors with a part of the table. */
  private products(part: MatrixPart): Matmul {
    const { spec, weights, tile } = this.source;
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
    return matmul(shape, tile);
  }

  private lengths(): Kernel {
    const { spec, weights } = this.source;
    return tableSquaresKernel(spec.hidden, weights.embedding.dtype, spec.embedScale);
  }

  private best(metric: Metric): Kernel {
    const { vocabSize: vocab, hidden, embedScale: scale } = this.source.spec;
    return topKKernel({ vocab, hidden, scale, metric });
  }

  private upload(memory: GpuMemory, values: Uint32Array<ArrayBuffer>, uniform = false): GPUBuffer {
    const buffer = uniform
      ? memory.uniform('uniform', values.byteLength)
      : memory.storage('table', values.byteLength);
    this.source.device.queue.writeBuffer(buffer, 0, values);
    return buffer;
  }

  /** Records and submits after what tfjs has recorded, and lets go of the buffers, which live until the GPU is done with them. */
  private submit(
    what: string,
    backend: WebGPUBackend,
    record: (memory: GpuMemory, recorder: Recorder, encoder: GPUCommandEncoder) => void,
  ): Promise<void> {
    const { device, pipelines, limits } = this.source;
    const memory = new GpuMemory(device, limits);
    try {
      return submitCommands(device, what, (encoder) => {
        flush(backend);
        record(memory, new Recorder(pipelines, limits.groups), encoder);
      });
    } finally {
      memory.destroyAll();
    }
  }

  get bytes(): number {
    return this.memory.bytes;
  }

  dispose(): void {
    this.memory.destroyAll();
    this.squares = null;
  }
}

/** What was recorded so far, as one pass. */
function encode(encoder: GPUCommandEncoder, recorder: Recorder): void {
  const pass = encoder.beginComputePass();
  recorder.take().encode(pass, NO_COUNTS);
  pass.end();
}
