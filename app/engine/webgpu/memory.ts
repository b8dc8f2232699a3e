/** @file Every GPU buffer of the engine is made here, so that what is allocated is known. */

/** What all of the engine's buffers may be used for. */
const USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST
const UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST

/** A buffer is larger than the device allows. */
export class GpuMemoryError extends Error {
  override name = 'GpuMemoryError';
}

/** Where buffers come from: a device, or `NOWHERE`. */
export interface BufferSource {
  readonly limits: { readonly maxBufferSize: number };
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer;
}

/** Buffers that are only counted, of any size: for knowing what something would take without a device. */
export const NOWHERE: BufferSource = {
  limits: { maxBufferSize: Number.POSITIVE_INFINITY },
  createBuffer: ({ size }) => ({ size, destroy: () => {} }) as GPUBuffer,
};

/** Buffers by owner: the model's weights, or a plan. */
export class GpuMemory {
  private readonly buffers = new Set<GPUBuffer>();
  /** Bytes of all buffers that live. */
  bytes = 0;

  constructor(private readonly source: BufferSource) {}

  /** A storage buffer of at least `bytes`. @throws GpuMemoryError where the device's limits forbid it. */
  storage(label: string, bytes: number): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const { maxBufferSize } = this.source.limits;
    if (size > maxBufferSize) {
      throw new GpuMemoryError(
        `“${label}” needs a buffer of ${size} bytes; this device allows ${maxBufferSize}. Choose a smaller model or a smaller batch.`,
      );
    }
    return this.make(label, size, USAGE);
  }

  uniform(label: string, bytes: number): GPUBuffer {
    return this.make(label, Math.ceil(bytes / 16) * 16, UNIFORM);
  }

  private make(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.source.createBuffer({ label, size, usage });
    this.buffers.add(buffer);
    this.bytes += size;
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    if (!this.buffers.delete(buffer)) return;
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  destroyAll(): void {
    for (const buffer of [...this.buffers]) this.destroy(buffer);
  }
}
