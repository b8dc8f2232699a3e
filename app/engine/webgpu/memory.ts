/** @file Every GPU buffer of the engine is made here, so that what is allocated is known and within the device's limits. */
import { type DeviceLimits, NO_LIMITS } from './limits';

/** What all of the engine's buffers may be used for. */
const USAGE = 0x80 | 0x04 | 0x08; // STORAGE | COPY_SRC | COPY_DST
const UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST

/** A buffer, or what a kernel sees of one, is larger than the device allows. */
export class GpuMemoryError extends Error {
  override name = 'GpuMemoryError';
}

/** Where buffers come from: a device, or nowhere. */
type BufferSource = Pick<GPUDevice, 'createBuffer'>;

/** Makes buffers that are only counted. */
const nowhere: BufferSource = { createBuffer: ({ size }) => ({ size, destroy: () => {} }) as GPUBuffer };

/** Buffers by owner: the model's weights, or a plan. */
export class GpuMemory {
  private readonly buffers = new Set<GPUBuffer>();
  /** Bytes of all buffers that live. */
  bytes = 0;

  /** Without a device, or where it is of no account, of any size: for knowing what something would take. */
  static counting(): GpuMemory {
    return new GpuMemory(nowhere, NO_LIMITS);
  }

  /** @param limits of the device */
  constructor(
    private readonly source: BufferSource,
    private readonly limits: Pick<DeviceLimits, 'binding' | 'buffer'>,
  ) {}

  /** A storage buffer of at least `bytes`, for kernels to see as a whole. @throws GpuMemoryError where the device's limits forbid it. */
  storage(label: string, bytes: number): GPUBuffer {
    return this.within(Math.min(this.limits.binding, this.limits.buffer), label, bytes);
  }

  /** As `storage`, for kernels to see part by part. */
  parted(label: string, bytes: number): GPUBuffer {
    return this.within(this.limits.buffer, label, bytes);
  }

  private within(most: number, label: string, bytes: number): GPUBuffer {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    if (size > most) {
      throw new GpuMemoryError(
        `“${label}” takes ${size.toLocaleString('en')} bytes in one piece; this device allows ${most.toLocaleString('en')}.`,
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
